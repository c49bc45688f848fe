import { displayName, displayRelation } from '../../ddl/identifier.js';
import type { SourceTable } from '../catalog/tables.js';
import type { Session } from '../postgres/session.js';

interface Row {
  /** Its oid: names differ between source and target. */
  readonly table: string;
  readonly schema: string;
  readonly name: string;
  readonly constraint: string;
}

/** NOT ENFORCED ones (18) are never valid and nobody means them to be. */
async function notValid(session: Session): Promise<Row[]> {
  const enforced = session.versionNum >= 180000 ? 'AND k.conenforced' : '';
  const { rows } = await session.query<Row>(
    `SELECT k.conrelid::text AS table, n.nspname AS schema, c.relname AS name, k.conname AS constraint
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT k.convalidated ${enforced} ORDER BY 2, 3, 4`,
  );
  return rows;
}

/** Constraints of these tables that are valid on the source, but not on the target: `constraint c on s.t`. */
export async function notValidOnTarget(
  source: Session,
  target: Session,
  tables: readonly SourceTable[],
): Promise<string[]> {
  const key = (schema: string, name: string, constraint: string): string =>
    JSON.stringify([schema, name, constraint]);
  const byOid = new Map(tables.map((table) => [table.oid, table.target]));
  const meant = new Set(
    (await notValid(source)).flatMap((row) => {
      const name = byOid.get(row.table);
      return name ? [key(name.schema, name.name, row.constraint)] : [];
    }),
  );
  const ours = new Set(tables.map((table) => key(table.target.schema, table.target.name, '')));
  return (await notValid(target))
    .filter((row) => ours.has(key(row.schema, row.name, '')))
    .filter((row) => !meant.has(key(row.schema, row.name, row.constraint)))
    .map((row) => `constraint ${displayName(row.constraint)} on ${displayRelation(row)}`);
}
