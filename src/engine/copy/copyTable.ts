import { type Column, rowCondition, type SourceTable } from '../catalog/tables.js';
import { type CopyResult, relayCopy } from '../postgres/copyRelay.js';
import type { Lsn } from '../postgres/lsn.js';
import { ident, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { Checkpoint } from '../run/checkpoint.js';
import { requireNotRewritten } from './rewritten.js';

/** The name under which a table's checkpoint stands: other rows of it are other work. */
export const tableItem = (table: SourceTable): string =>
  table.where === undefined ? qualified(table) : `${qualified(table)} WHERE ${table.where}`;

/** How the rows get into the target table. */
export type CopyMode =
  /** The project made the table: emptied in the same transaction, so that rows can be written frozen. */
  | 'own'
  /** The table was there before: nothing in it is touched, rows are added. */
  | 'foreign';

/**
 * The two COPY statements of a table, `in` for use in a transaction. Generated columns are left out; identity columns keep their values, COPY always
 * does. A table of an extension is read under the extension's own condition and joins what CREATE EXTENSION put there.
 */
export function copyStatements(table: SourceTable, mode: CopyMode): { out: string; in: string } {
  const columns = table.columns.filter((c: Column) => !c.generated);
  const list = columns.length > 0 ? ` (${columns.map((c) => ident(c.name)).join(', ')})` : '';
  const condition = rowCondition(table);
  const from =
    condition === ''
      ? `${qualified(table)}${list}`
      : `(SELECT ${columns.map((c) => ident(c.name)).join(', ')} FROM ONLY ${qualified(table)} ${condition})`;
  const own = mode === 'own' && table.extensionCondition === undefined;
  const name = qualified(table.target);
  return {
    out: `COPY ${from} TO STDOUT`,
    in: `${own ? `TRUNCATE ONLY ${name}; ` : ''}COPY ${name}${list} FROM STDIN${own ? ' WITH (FREEZE)' : ''}`,
  };
}

/** True for a table that has rows but nothing to copy in them: COPY cannot name "no column". */
export function onlyGenerated(table: SourceTable): boolean {
  return table.columns.length > 0 && table.columns.every((c) => c.generated);
}

/** The rows of a table whose changes are followed. */
export interface FollowedCopy {
  /** Position of the snapshot that the source session reads, where it is not that of the run. */
  readonly lsn?: Lsn;
}

/** Copies one table with its checkpoint in the same target transaction. Rejects with a Fault; see relayCopy. */
export async function copyTable(
  source: Session,
  target: Session,
  table: SourceTable,
  mode: CopyMode,
  checkpoint: Checkpoint,
  item: string,
  onBytes: (bytes: number) => void,
  followed?: FollowedCopy,
): Promise<CopyResult> {
  const result = onlyGenerated(table)
    ? await copyRowCount(source, target, table)
    : await copyRows(source, target, table, mode, onBytes);
  if (followed) await requireNotRewritten(source, [table]);
  const work = { ...result, ...(followed?.lsn !== undefined && { lsn: followed.lsn }) };
  await target.script(`${checkpoint.record('table', item, work)}; COMMIT`);
  checkpoint.remember('table', item, work);
  return result;
}

async function copyRows(
  source: Session,
  target: Session,
  table: SourceTable,
  mode: CopyMode,
  onBytes: (bytes: number) => void,
): Promise<CopyResult> {
  const sql = copyStatements(table, mode);
  return relayCopy(
    source,
    target,
    sql.out,
    `BEGIN; ${sql.in}`,
    `table ${table.schema}.${table.name}`,
    onBytes,
  );
}

/** Every value is computed by the server: as many rows of defaults as the source has. */
async function copyRowCount(source: Session, target: Session, table: SourceTable): Promise<CopyResult> {
  const { rows } = await source.query<{ n: string }>(
    `SELECT count(*) AS n FROM ONLY ${qualified(table)} ${rowCondition(table)}`,
  );
  const count = Number(rows[0]?.n ?? 0);
  await target.script(
    `BEGIN; DO $flexferry$ BEGIN FOR i IN 1..${count} LOOP INSERT INTO ${qualified(table.target)} DEFAULT VALUES; END LOOP; END $flexferry$`,
  );
  return { rows: count, bytes: 0 };
}
