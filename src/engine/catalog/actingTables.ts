import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';

/** A table where something would act on changes that are applied to it. */
export interface ActingTable extends RelationName {
  /** In the words of DDL: `trigger t`, `rule r`, `foreign key k`. */
  readonly what: string;
}

/**
 * What of these tables acts on changes although it has acted on them elsewhere already. With session_replication_role =
 * replica only triggers and rules that were set to act then, or always; without it foreign keys, too, since cascades
 * would take rows whose own change is still to come. One entry a trigger, rule or key.
 * https://www.postgresql.org/docs/current/sql-altertable.html (ENABLE REPLICA | ALWAYS TRIGGER)
 */
export async function actingTables(
  session: Session,
  oids: readonly string[],
  replicaRole: boolean,
): Promise<ActingTable[]> {
  const firing = replicaRole ? `('A', 'R')` : `('A', 'O')`;
  const keys = replicaRole
    ? ''
    : `UNION ALL SELECT k.conrelid, 'foreign key ' || k.conname FROM pg_catalog.pg_constraint k
         WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[])`;
  const { rows } = await session.query<ActingTable>(
    `SELECT n.nspname AS schema, c.relname AS name, a.what
     FROM (SELECT t.tgrelid AS oid, 'trigger ' || t.tgname AS what FROM pg_catalog.pg_trigger t
             WHERE NOT t.tgisinternal AND t.tgenabled IN ${firing} AND t.tgrelid = ANY ($1::oid[])
           UNION ALL SELECT r.ev_class, 'rule ' || r.rulename FROM pg_catalog.pg_rewrite r
             WHERE r.ev_type <> '1' AND r.ev_enabled IN ${firing} AND r.ev_class = ANY ($1::oid[])
           ${keys}) a
     JOIN pg_catalog.pg_class c ON c.oid = a.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     ORDER BY 1, 2, 3`,
    [oids],
  );
  return rows;
}
