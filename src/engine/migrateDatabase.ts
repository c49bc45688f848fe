import { errorCodes } from '../protocol/errorCodes.js';
import { analyzeBase, copyBase, leaveOwners, verifyBase } from './baseCopy.js';
import { claimTarget, ensureRun } from './claimDatabase.js';
import type { DatabaseJob } from './databaseJob.js';
import { editedSince } from './planDatabase.js';
import type { Session } from './postgres/session.js';
import { exportSnapshot } from './postgres/snapshot.js';
import { dropRun } from './run/checkpoint.js';
import { lockTarget } from './run/claim.js';
import { setSequences } from './schema/sequences.js';

/**
 * Moves one database offline: dump → pre-data → copy ∥ indexes → constraints → post-data → sequences → analyze →
 * verify, all reading one snapshot of the source. Returns once everything was tried; what failed stands in the tracker.
 * Rejects when the run as a whole cannot go on: then the checkpoints in the target let a next run continue.
 */
export async function migrateDatabase(job: DatabaseJob): Promise<void> {
  const { sessions, tracker } = job;
  tracker.state = 'running';
  const source = await sessions.open('source', 'snapshot');
  const target = await claimTarget(job, source);
  const snapshot = await exportSnapshot(source);
  const run = await ensureRun(job, source, target);
  const base = await copyBase(job, run, { session: source, snapshot }, target);
  const { context, planned, work } = base;
  const { filter, tables, sequences, saved } = planned;
  await withSession(job, 'source', 'sequences', (fresh) =>
    setSequences(context, fresh, target, { filter, tables, targets: sequences }),
  );
  await analyzeBase(base);
  await verifyBase(context, work, source, target);
  await leaveOwners(context, target);
  if (saved && (await editedSince(job, saved))) tracker.finding(editedMeanwhile);

  tracker.state = tracker.hasProblems() ? 'failed' : 'done';
  await Promise.all([sessions.close(source), sessions.close(target)]);
}

/** Removes the checkpoints: the last thing of all, because from then on nothing can be resumed. */
export async function forgetRun(job: DatabaseJob): Promise<void> {
  const target = await job.sessions.open('target', 'control');
  try {
    // It is fenced where applications went back.
    await target.script('SET default_transaction_read_only = off');
    await lockTarget(target, job.signal);
    await dropRun(target);
  } finally {
    await job.sessions.close(target);
  }
}

export const editedMeanwhile = {
  code: 'FF424',
  severity: 'warning',
  object: 'saved DDL',
  message: 'The DDL was edited and saved while it was running.',
  fix: errorCodes.FF424.help,
} as const;

export async function withSession<T>(
  job: DatabaseJob,
  side: 'source' | 'target',
  purpose: string,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await job.sessions.open(side, purpose);
  try {
    return await use(session);
  } finally {
    await job.sessions.close(session);
  }
}
