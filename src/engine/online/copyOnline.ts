import { analyzeBase, type BaseCopy, copyBase } from '../baseCopy.js';
import { canSetReplicaRole } from '../catalog/replicationFacts.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Session } from '../postgres/session.js';
import type { RunRow } from '../run/checkpoint.js';
import { lockTarget } from '../run/claim.js';
import { readFollow } from '../run/followState.js';
import type { FollowedDatabase } from './followDatabase.js';
import { type Followable, openOnlineSource } from './onlineSource.js';

/** A base copy with all that it takes to follow it. */
export interface CopiedOnline {
  readonly base: BaseCopy;
  readonly online: Followable;
  readonly replicaRole: boolean;
  /** Holds the lock of the run; who follows closes it. */
  readonly target: Session;
}

/** Copies what is not copied yet; closes `source`. `before`: what is there already. */
export async function copyOnline(
  job: DatabaseJob,
  run: RunRow,
  source: Session,
  target: Session,
  before?: BaseCopy,
): Promise<CopiedOnline> {
  const replicaRole = await canSetReplicaRole(target);
  const online = await openOnlineSource(job, run, source, target);
  const base = await copyBase(job, run, online, target, { replicaRole });
  await job.sessions.close(source);
  await analyzeBase(base, before);
  return { base, online, replicaRole, target };
}

/**
 * Copies tables that came to be while the others are followed on, and ends that: all are to be followed together from
 * there. The source keeps what it sends meanwhile, and sends it once more, then to the new tables alone.
 */
export async function copyAddedTables(
  job: DatabaseJob,
  run: RunRow,
  { followed, base }: { readonly followed: FollowedDatabase; readonly base: BaseCopy },
): Promise<CopiedOnline> {
  const { sessions, tracker } = job;
  followed.follower.hold();
  await followed.enter('copying');
  tracker.again('dump', 'preData', 'copy', 'indexes', 'constraints', 'postData', 'analyze');
  const target = await sessions.open('target', 'added tables');
  const copied = await copyOnline(job, run, await sessions.open('source', 'snapshot'), target, base);
  followed.follower.stop();
  await followed.end();
  tracker.end('follow');
  tracker.again('follow');
  // It went with the session of the one that has ended.
  if (!job.sharesLock) await lockTarget(target, job.signal);
  const row = await readFollow(target, run.source);
  return { ...copied, online: { ...copied.online, ...(row && { row }) } };
}
