import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { listColumns, type SourceTable } from './tables.js';

/** A table that has another name on the source than when it was listed. */
export interface RenamedTable {
  readonly table: SourceTable;
  readonly now: RelationName;
}

/** What DDL made of the names of tables since they were listed. */
export interface MovedTables {
  /** Those that are not there any more. */
  readonly gone: readonly SourceTable[];
  /** Those with another name, or in another schema. */
  readonly renamed: readonly RenamedTable[];
}

/** A cheap look, to be taken often. */
export async function movedTables(source: Session, listed: readonly SourceTable[]): Promise<MovedTables> {
  const { rows } = await source.query<RelationName & { oid: string }>(
    `SELECT c.oid::text, n.nspname AS schema, c.relname AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])`,
    [listed.map(({ oid }) => oid)],
  );
  const names = new Map(rows.map(({ oid, schema, name }) => [oid, { schema, name }]));
  const gone: SourceTable[] = [];
  const renamed: RenamedTable[] = [];
  for (const table of listed) {
    const now = names.get(table.oid);
    if (now === undefined) gone.push(table);
    else if (now.schema !== table.schema || now.name !== table.name) renamed.push({ table, now });
  }
  return { gone, renamed };
}

/** Tables with the names that they have now, under which they are read. Those that are gone stay as they were. */
export async function withNamesOfNow(
  source: Session,
  listed: readonly SourceTable[],
): Promise<readonly SourceTable[]> {
  return named(listed, await movedTables(source, listed));
}

/** Those that are still there, with the names and columns that they have now. */
export async function tablesOfNow(
  source: Session,
  listed: readonly SourceTable[],
): Promise<readonly SourceTable[]> {
  const moved = await movedTables(source, listed);
  const gone = new Set(moved.gone);
  return withColumnsOf(
    source,
    named(listed, moved).filter((table) => !gone.has(table)),
  );
}

function named(listed: readonly SourceTable[], { renamed }: MovedTables): readonly SourceTable[] {
  const names = new Map(renamed.map(({ table, now }) => [table, now]));
  return listed.map((table) => {
    const readAs = names.get(table);
    return readAs ? { ...table, readAs } : table;
  });
}

/** Tables with the columns that they have for this session: DDL may have changed them since they were listed. */
export async function withColumnsOf(
  source: Session,
  listed: readonly SourceTable[],
): Promise<readonly SourceTable[]> {
  const columns = await listColumns(
    source,
    listed.map(({ oid }) => oid),
  );
  return listed.map((table) => ({ ...table, columns: columns.get(table.oid) ?? table.columns }));
}
