import type { OnlineParams } from '../../protocol/engine.js';
import {
  isFollowed,
  type TableReplicationFacts,
  tableReplicationFacts,
} from '../catalog/replicaIdentities.js';
import {
  canSetReplicaRole,
  type ReplicationFacts,
  readReplicationFacts,
} from '../catalog/replicationFacts.js';
import type { SourceTable } from '../catalog/tables.js';
import { Fault } from '../errors/fault.js';
import { ident } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { enumerate, type Finding, finding, nameOf } from './finding.js';
import { parameterFix, replicationFix } from './onlineAdvice.js';
import { noticedDdl } from './onlineDdl.js';
import { notFollowed, slotFindings } from './onlineFindings.js';
import { decideIdentities, type IdentityDecision } from './onlineIdentities.js';
import { assessWayBack } from './onlineWayBack.js';

export type OnlineChoice = Pick<OnlineParams, 'identityFull' | 'wayBack' | 'skipCopy' | 'ddlTrigger'> & {
  /** The slot of this migration, if it may be there already: then none has to be free. */
  readonly slot?: string;
};

export interface OnlineAssessed extends IdentityDecision {
  /** The target lets triggers and foreign keys be silent while changes are applied. */
  readonly replicaRole: boolean;
  /** The same of the source, for the way back; only where that is wanted. */
  readonly sourceReplicaRole?: boolean;
  /** The tables whose changes are followed. */
  readonly followed: readonly SourceTable[];
  /** By oid: how each of these is told apart, and how often its rows were updated and deleted so far. */
  readonly tableFacts: ReadonlyMap<string, TableReplicationFacts>;
  readonly source: ReplicationFacts;
}

/**
 * What an online migration needs beyond {@link assessSource} and {@link assessTarget}. Changes nothing. `tables` are all
 * that the project takes. Throws the Fault that forbids the start.
 */
export async function assessOnline(
  source: Session,
  target: Session,
  tables: readonly SourceTable[],
  choice: OnlineChoice = {},
): Promise<OnlineAssessed> {
  const facts = await readReplicationFacts(source);
  const followed = tables.filter(isFollowed);
  const tableFacts = await tableReplicationFacts(
    source,
    followed.map((table) => table.oid),
  );
  const known = [...tableFacts.values()];
  requireLog(facts);
  requireReplication(facts);
  const slotExists = choice.skipCopy !== undefined || facts.slotNames.includes(choice.slot ?? '');
  if (!slotExists) requireRoom(facts);
  // With a slot and publications of the user's own it was the user who decided what is in them.
  if (choice.skipCopy === undefined) requirePublishing(facts, known, source.spec.database);
  const identities =
    choice.skipCopy === undefined
      ? decideIdentities(known, {
          identityFull: choice.identityFull === true,
          ...(facts.statisticsSince !== undefined && { statisticsSince: facts.statisticsSince }),
        })
      : { withoutIdentity: [], insertOnly: [], madeFull: [], findings: [] };
  const wayBack = choice.wayBack === true ? await assessWayBack(source, target, followed) : undefined;
  const replicaRole = await canSetReplicaRole(target);
  return {
    ...identities,
    findings: [
      ...identities.findings,
      ...notFollowed(facts, tables),
      ...(choice.ddlTrigger === true && choice.skipCopy === undefined ? await noticedDdl(source, facts) : []),
      ...(slotExists ? [] : slotFindings(facts)),
      ...(replicaRole ? [] : [withoutReplicaRole()]),
    ],
    replicaRole,
    ...(wayBack && { sourceReplicaRole: wayBack.replicaRole }),
    followed,
    tableFacts,
    source: facts,
  };
}

function requireLog({ inRecovery, walLevel, platform }: ReplicationFacts): void {
  if (inRecovery) throw new Fault('FF822', 'The source is a standby.');
  if (walLevel !== 'logical')
    throw new Fault('FF804', `The source has wal_level = ${walLevel}.`, {
      fix: parameterFix(platform, 'wal_level', 'logical'),
    });
}

function requireReplication({ user, platform }: ReplicationFacts): void {
  if (user.mayReplicate) return;
  throw new Fault('FF805', `The user ${user.name} may not replicate from the source.`, {
    fix: `Run as an administrator of the source: ${replicationFix(platform, user.name)}`,
  });
}

function requireRoom({ slots, senders, platform }: ReplicationFacts): void {
  if (slots.used >= slots.max)
    throw new Fault('FF820', `All ${slots.max} replication slots of the source are taken.`, {
      fix: `${parameterFix(platform, 'max_replication_slots', slots.max + 4)} Or drop a slot that nobody uses: SELECT slot_name FROM pg_replication_slots WHERE NOT active.`,
    });
  if (senders.used >= senders.max)
    throw new Fault('FF821', `All ${senders.max} replication connections of the source are in use.`, {
      fix: `${parameterFix(platform, 'max_wal_senders', Math.max(senders.max + 4, slots.max))} Or end one that nobody needs: SELECT pid, application_name FROM pg_stat_replication.`,
    });
}

function requirePublishing(
  { user }: ReplicationFacts,
  tables: readonly TableReplicationFacts[],
  database: string,
): void {
  if (!user.mayCreate)
    throw new Fault('FF823', `The user ${user.name} may not create publications on the source.`, {
      fix: `Run as the owner of the database: GRANT CREATE ON DATABASE ${ident(database)} TO ${ident(user.name)};`,
    });
  const foreign = tables.filter((table) => !table.owned);
  if (foreign.length === 0) return;
  throw new Fault('FF823', `The user ${user.name} does not own ${enumerate(foreign.map(nameOf))}.`, {
    object: `table ${nameOf(foreign[0] ?? { schema: '', name: '' })}`,
  });
}

function withoutReplicaRole(): Finding {
  return finding(
    'FF839',
    'note',
    'The user of the target may not set session_replication_role.',
    'session_replication_role',
  );
}
