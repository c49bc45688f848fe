import { displayRelation } from '../../ddl/identifier.js';
import { actingTables } from '../catalog/actingTables.js';
import { canSetReplicaRole, readReplicationFacts } from '../catalog/replicationFacts.js';
import type { SourceTable } from '../catalog/tables.js';
import { Fault } from '../errors/fault.js';
import { ident, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { enumerate, nameOf } from './finding.js';
import { parameterFix, replicationFix } from './onlineAdvice.js';

/** What the way back needs of both sides. Throws FF830…FF833, FF895. `replicaRole`: of the source. */
export async function assessWayBack(
  source: Session,
  target: Session,
  followed: readonly SourceTable[],
): Promise<{ replicaRole: boolean }> {
  const { walLevel, slots, senders, user, platform } = await readReplicationFacts(target);
  if (walLevel !== 'logical')
    throw new Fault('FF830', `The target has wal_level = ${walLevel}, which rules out a way back.`, {
      fix: `${parameterFix(platform, 'wal_level', 'logical')} Or do without the way back.`,
    });
  const scarce = [
    ...(slots.used >= slots.max ? ['max_replication_slots'] : []),
    ...(senders.used >= senders.max ? ['max_wal_senders'] : []),
  ];
  if (scarce.length > 0)
    throw new Fault('FF831', `The target has no room for the way back: ${scarce.join(' and ')}.`);
  if (!user.mayReplicate)
    throw new Fault('FF832', `The user ${user.name} may not replicate from the target.`, {
      fix: `Run on the target: ${replicationFix(platform, user.name)}`,
    });
  await requireWriting(source, followed);
  const replicaRole = await canSetReplicaRole(source);
  const oids = followed.map(({ oid }) => oid);
  const acting = await actingTables(source, oids, replicaRole);
  const [first] = acting;
  if (first === undefined) return { replicaRole };
  const names = acting.map((one) => `${one.what} on ${displayRelation(one)}`);
  throw new Fault('FF895', `On the way back this would act again on the source: ${enumerate(names)}.`, {
    object: `table ${nameOf(first)}`,
    ...(!replicaRole && {
      fix: `Run as a superuser of the source, from PostgreSQL 15 on: GRANT SET ON PARAMETER session_replication_role TO ${ident(source.spec.user)}; or connect to it as a superuser, or do without the way back.`,
    }),
  });
}

async function requireWriting(source: Session, followed: readonly SourceTable[]): Promise<void> {
  const { rows } = await source.query<{ may: boolean; user: string }>(
    `SELECT current_user::text AS user, has_database_privilege(current_database(), 'CREATE') AS may`,
  );
  const user = rows[0]?.user ?? source.spec.user;
  if (rows[0]?.may !== true)
    throw new Fault('FF833', `The user ${user} may not create the schema of the checkpoints on the source.`, {
      fix: `Run on the source: GRANT CREATE ON DATABASE ${ident(source.spec.database)} TO ${ident(user)};`,
    });
  const { rows: refused } = await source.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM unnest($1::oid[]) AS wanted(oid)
     JOIN pg_class c ON c.oid = wanted.oid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
       AND has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'TRUNCATE'))
     ORDER BY 1, 2`,
    [followed.map((table) => table.oid)],
  );
  const [first] = refused;
  if (first === undefined) return;
  throw new Fault('FF833', `The user ${user} may not write to ${enumerate(refused.map(nameOf))}.`, {
    object: `table ${nameOf(first)}`,
    fix: `Run on the source, for each of them: GRANT INSERT, UPDATE, DELETE, TRUNCATE ON ${qualified(first)} TO ${ident(user)};`,
  });
}
