import { displayRelation } from '../../ddl/identifier.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { RelationName } from '../../protocol/model.js';
import { actingTables } from '../catalog/actingTables.js';
import { canSetReplicaRole } from '../catalog/replicationFacts.js';
import type { SourceTable } from '../catalog/tables.js';
import type { Session } from '../postgres/session.js';

/** What keeps changes of the target from being applied to the source afterwards; empty where nothing does. */
export interface WayBackFacts {
  readonly refusals: readonly { readonly message: string; readonly fix: string }[];
}

/** Looks at both sides again: between the start and the cutover there may be weeks. `tables` by their names on the source. */
export async function wayBackFacts(
  source: Session,
  target: Session,
  tables: readonly SourceTable[],
): Promise<WayBackFacts> {
  const refusals: { message: string; fix: string }[] = [];
  const { rows } = await target.query<{ level: string; free: number; may: boolean }>(
    `SELECT pg_catalog.current_setting('wal_level') AS level,
       pg_catalog.current_setting('max_replication_slots')::int
         - (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS free,
       r.rolsuper OR r.rolreplication AS may
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  const { level = '', free = 0, may = false } = rows[0] ?? {};
  if (level !== 'logical')
    refusals.push({ message: `The target has wal_level ${level}.`, fix: errorCodes.FF830.help });
  if (free <= 0)
    refusals.push({ message: 'The target has no replication slot left.', fix: errorCodes.FF831.help });
  if (!may)
    refusals.push({
      message: `The user ${target.spec.user} of the target may not replicate.`,
      fix: errorCodes.FF832.help,
    });
  const locked = await unwritable(source, tables);
  const [first] = locked;
  if (first)
    refusals.push({
      message: `The user ${source.spec.user} may not write ${displayRelation(first)}${locked.length > 1 ? ` and ${locked.length - 1} more` : ''} on the source.`,
      fix: errorCodes.FF833.help,
    });
  const replicaRole = await canSetReplicaRole(source);
  const oids = tables.map(({ oid }) => oid);
  const acting = await actingTables(source, oids, replicaRole);
  const [one] = acting;
  if (one)
    refusals.push({
      message: `The ${one.what} on ${displayRelation(one)}${acting.length > 1 ? ` and ${acting.length - 1} more` : ''} of the source would act again.`,
      fix: errorCodes.FF895.help,
    });
  return { refusals };
}

async function unwritable(source: Session, tables: readonly SourceTable[]): Promise<RelationName[]> {
  const { rows } = await source.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY ($1::oid[])
       AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
       AND pg_catalog.has_table_privilege(c.oid, 'DELETE') AND pg_catalog.has_table_privilege(c.oid, 'TRUNCATE')) ORDER BY 1, 2`,
    [tables.map(({ oid }) => oid)],
  );
  return rows;
}
