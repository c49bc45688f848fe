import { databaseIdentity, targetState } from './catalog/server.js';
import type { DatabaseJob } from './databaseJob.js';
import { removeFollowed } from './online/cleanUpFollow.js';
import type { Session } from './postgres/session.js';
import { ensureDatabase } from './projectGlobals.js';
import { createRun, type RunRow, readRuns, renamesText } from './run/checkpoint.js';
import { endOrphans, lockTarget, undoRun } from './run/claim.js';
import { forgetFollow, readFollow } from './run/followState.js';

/** Connects to the target database, creates it if need be, locks it and clears what a killed run left busy. */
export async function claimTarget(job: DatabaseJob, source: Session): Promise<Session> {
  const target = await ensureDatabase(job);
  if (!job.sharesLock) await lockTarget(target, job.signal);
  await endOrphans(target, job.sessions.purposePrefix);
  const own = await databaseIdentity(source);
  if (job.restart || !job.online) await stopFollowing(job, own, source, target);
  if (job.restart) {
    const runs = (await readRuns(target)).map((run) => run.source);
    // One may stand on what the other made: the first takes back all, last first. What it makes itself stays.
    const undone = job.isFirstOfTarget ? runs : runs.filter((of) => of === own);
    if (undone.length > 0) await undoRun(target, undone);
  }
  return target;
}

/** What an online run has left on the source goes, with its fence, when it is begun anew or goes on offline. */
async function stopFollowing(
  job: DatabaseJob,
  identity: string,
  source: Session,
  target: Session,
): Promise<void> {
  const row = await readFollow(target, identity);
  if (row === undefined) return;
  await source.script('SET default_transaction_read_only = off');
  const tell = (line: string): void => job.tracker.log('info', `removed: ${line}`);
  await removeFollowed({ side: 'source', session: source, identity }, row, tell, job.signal);
  await forgetFollow(target, identity);
}

/** The row of this source in the target, by which a later run finds what is done; made if it is the first. */
export async function ensureRun(job: DatabaseJob, source: Session, target: Session): Promise<RunRow> {
  const identity = await databaseIdentity(source);
  const found = (await readRuns(target)).find((run) => run.source === identity);
  if (found) {
    job.tracker.log('info', `resuming run ${found.run}`);
    return found;
  }
  const state = await targetState(target);
  const extensions = [...state.installedExtensions].map((name) => `extension ${name}`);
  const row = {
    run: job.run,
    source: identity,
    renames: renamesText(job.database),
    preexisting: [...state.objects, ...extensions],
  };
  await createRun(target, row);
  return row;
}
