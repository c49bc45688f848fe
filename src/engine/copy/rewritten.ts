import type { SourceTable } from '../catalog/tables.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';

/**
 * TRUNCATE and some forms of ALTER TABLE write a table anew, and whoever reads it afterwards under an older snapshot
 * finds it empty. Where changes are followed from that snapshot on, those before the TRUNCATE would meet no rows. Asked in
 * the transaction that has read the tables, whose locks keep it from happening after; the catalog as of the snapshot
 * says what was, the function what is. https://www.postgresql.org/docs/current/mvcc-caveats.html
 * @throws Fault FF878 for the first of them.
 */
export async function requireNotRewritten(source: Session, tables: readonly SourceTable[]): Promise<void> {
  const { rows } = await source.query<{ oid: string }>(
    `SELECT oid::text FROM pg_class WHERE oid = ANY ($1::oid[])
     AND relfilenode <> pg_catalog.pg_relation_filenode(oid)`,
    [tables.map((table) => table.oid)],
  );
  const [row] = rows;
  if (row === undefined) return;
  const { schema, name } = tables.find((table) => table.oid === row.oid) ?? { schema: '', name: row.oid };
  throw new Fault('FF878', `table ${schema}.${name} was written anew (TRUNCATE) while it was to be copied`, {
    object: `table ${schema}.${name}`,
  });
}
