import { setTimeout as sleep } from 'node:timers/promises';
import { errorCodes } from '../../protocol/errorCodes.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import { databaseIdentity } from '../catalog/server.js';
import type { SourceTable } from '../catalog/tables.js';
import { fencedLsn } from '../cutover/fencedLsn.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import { retryable } from '../errors/mapError.js';
import { formatLsn } from '../postgres/lsn.js';
import {
  createSlot,
  dropSlot,
  identifySystem,
  type SystemIdentity,
} from '../postgres/replicationConnection.js';
import type { Session } from '../postgres/session.js';
import { isDecodable, mostSlots } from '../replication/decodableSlot.js';
import { dropLeftSlot } from '../replication/leftSlot.js';
import { dropPublications, ensurePublications } from '../replication/publications.js';
import { notedIdentities } from '../replication/replicaIdentity.js';
import { readSlot, slotIsLost } from '../replication/slotHealth.js';
import { createRun, forgetSource, readRuns } from '../run/checkpoint.js';
import { isRunAtWork } from '../run/claim.js';
import { tableKey } from '../run/databaseTracker.js';
import { createFollow, notePublications, noteSlot, noteUndo, readFollow } from '../run/followState.js';
import { slotNameOf } from '../run/slotName.js';
import { removeFollowed } from './cleanUpFollow.js';
import type { CutoverCompanion, CutoverParts } from './cutoverParts.js';
import { makeFull } from './fullIdentities.js';
import { lanesOf } from './onlineSource.js';
import { namesBack } from './wayBackNames.js';
import { wayBackParts } from './wayBackRow.js';

/** How long the old source may be away when the way back is to begin; milliseconds. */
const beginWithinMs = 10_000;
const pauseMs = 500;
/** Sessions that were opened longer ago are not relied on. */
const freshMs = 60_000;

/** Both ends of a way back, in the words of the migration. Each session may write. */
export interface WayBackEnds {
  /** Keeps the state of the way back: schema flexferry of the old source. */
  readonly source: Session;
  readonly target: Session;
  /** Identities. */
  readonly ids: { readonly source: string; readonly target: string };
}

interface OpenEnds {
  readonly ends: WayBackEnds;
  close(): Promise<void>;
}

async function openEnds(job: DatabaseJob, purpose: string): Promise<OpenEnds> {
  const sessions = job.sessions.reversed();
  const opened: Session[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((session) => sessions.close(session)));
  };
  const open = async (side: 'source' | 'target'): Promise<Session> => {
    const session = await sessions.open(side, purpose);
    opened.push(session);
    // Nobody waits for ever, and what is written down outlives a crash.
    await session.script(`SET lock_timeout = '30s'; SET synchronous_commit = on`);
    return session;
  };
  try {
    const [source, target] = await Promise.all([open('target'), open('source')]);
    const ids = { source: await databaseIdentity(source), target: await databaseIdentity(target) };
    return { ends: { source, target, ids }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function withWayBackEnds<T>(
  job: DatabaseJob,
  purpose: string,
  use: (ends: WayBackEnds) => Promise<T>,
): Promise<T> {
  const { ends, close } = await openEnds(job, purpose);
  try {
    return await use(ends);
  } finally {
    await close();
  }
}

/** Sessions that the gate has opened, for the hand-over: applications wait while others are made. */
interface Kept extends OpenEnds {
  readonly identity: SystemIdentity;
  readonly at: number;
}

/**
 * What makes the way back possible, beside a cutover: everything but its first position is made with the gate, so that
 * it costs no downtime. The slot then keeps what the migration itself still writes, too; the position taken with the
 * hand-over leaves that out.
 */
export function wayBackCompanion(parts: () => CutoverParts): CutoverCompanion {
  const { job } = parts();
  let kept: Kept | undefined;
  const letGo = async (): Promise<void> => {
    const open = kept;
    kept = undefined;
    await open?.close();
  };
  return {
    prepare: async () => {
      await letGo();
      const open = await openEnds(job, 'way back');
      try {
        kept = { ...open, identity: await prepare(parts(), open.ends), at: Date.now() };
      } finally {
        if (kept === undefined) await open.close();
      }
    },
    undo: async () => {
      await letGo();
      await removeWayBack(job);
    },
    handOver: async () => {
      try {
        return await beginOrDoWithout(parts(), kept);
      } finally {
        await letGo();
      }
    },
  };
}

/** @returns who the target is. */
async function prepare(parts: CutoverParts, ends: WayBackEnds): Promise<SystemIdentity> {
  const { job, tables } = parts;
  const { source, target, ids } = ends;
  const slot = slotNameOf(ids.target, ids.source);
  await ensureRow(job, ends, slot);
  const names = await namesBack(parts, source, target);
  await noteUndo(source, ids.target, wayBackParts.names, names);
  const onTarget = (some: readonly SourceTable[]): { oid: string }[] => {
    const keys = new Set(some.map(tableKey));
    return names.tables.filter((table) => keys.has(tableKey(table))).map(({ oid }) => ({ oid }));
  };
  const madeFull = new Set(notedIdentities(await readFollow(target, ids.source)).map(({ oid }) => oid));
  const without = onTarget(tables.filter(({ oid }) => madeFull.has(oid)));
  await makeFull(target, source, ids.target, without, job.signal);
  const published = onTarget(tables.filter(isFollowed));
  const { publications } = await ensurePublications(target, slot, published, { signal: job.signal });
  await notePublications(source, ids.target, publications);
  return ensureSlot(job, target, slot);
}

/** Known to the old source before anything is made on the target, so that the clean-up finds it. */
async function ensureRow(job: DatabaseJob, ends: WayBackEnds, slot: string): Promise<void> {
  const { source, ids } = ends;
  if (await isRunAtWork(source))
    throw new Fault('FF208', `Another migration is running into the database ${source.spec.database}.`);
  const row = await readFollow(source, ids.target);
  // One that has begun is of an earlier migration into a database of this name.
  if (row?.wayBack && row.startLsn !== undefined) await remove(job, ends);
  else if (row?.wayBack) return;
  if ((await readRuns(source)).some((run) => run.source === ids.target))
    throw new Fault('FF893', `The source keeps a migration of the database ${job.target.database} itself.`);
  await source.query('BEGIN');
  try {
    await createRun(source, { run: job.run, source: ids.target, renames: '[]', preexisting: [] });
    await createFollow(source, {
      source: ids.target,
      slot,
      publications: [],
      lanes: lanesOf(job),
      ownsSlot: true,
      wayBack: true,
    });
    await source.query('COMMIT');
  } catch (error) {
    if (!source.closed) await source.query('ROLLBACK');
    throw error;
  }
}

/** One that an earlier cutover left is as good as long as it has its log: where it begins is said later. */
async function ensureSlot(job: DatabaseJob, target: Session, slot: string): Promise<SystemIdentity> {
  const sessions = job.sessions.reversed();
  const sender = await sessions.openReplication('slot');
  try {
    const state = await readSlot(sender, slot);
    const identity = await identifySystem(sender);
    if (state && !slotIsLost(state)) return identity;
    if (state) await dropSlot(sender, slot);
    for (let attempt = 1; ; attempt++) {
      await createSlot(sender, { name: slot, failover: true, signal: job.signal });
      if (await isDecodable(target, slot, job.signal)) return identity;
      await dropSlot(sender, slot);
      if (attempt === mostSlots) throw new Fault('FF808', `slot "${slot}" cannot be read`);
    }
  } finally {
    await sessions.close(sender);
  }
}

/**
 * The hand-over does not fail for want of a way back: applications are waiting. Where the old source is away for long
 * they get the target without one, which is told and known to a later run.
 */
async function beginOrDoWithout(parts: CutoverParts, kept: Kept | undefined): Promise<string> {
  const { job, target, context } = parts;
  let ready = isFresh(kept) ? kept : undefined;
  for (const end = Date.now() + beginWithinMs; ; await sleep(pauseMs, undefined, { signal: job.signal })) {
    try {
      if (ready) return await begin(job, ready.ends, ready.identity);
      return await withWayBackEnds(job, 'way back', (ends) => begin(job, ends));
    } catch (error) {
      ready = undefined;
      job.signal.throwIfAborted();
      if (!(error instanceof Fault) || !retryable(error.code)) throw error;
      if (Date.now() < end) continue;
      const { source } = context.checkpoint.run;
      await noteUndo(target, source, wayBackParts.without, error.toData());
      const slot = slotNameOf(await databaseIdentity(target), source);
      await dropLeftSlot(target, slot, 'end');
      await dropPublications(target, slot);
      const message = `There is no way back, because the source was away at the hand-over: ${error.message}`;
      job.tracker.finding({
        code: 'FF894',
        severity: 'error',
        object: 'way back',
        message,
        fix: errorCodes.FF894.help,
      });
      return message;
    }
  }
}

/** What stood idle for long, as while a cutover holds, may have been cut without a sign. */
const isFresh = (kept: Kept | undefined): boolean =>
  kept !== undefined &&
  Date.now() - kept.at < freshMs &&
  !kept.ends.source.closed &&
  !kept.ends.target.closed;

/** From here on changes of the target count. Nothing of the migration is applied any more, and nobody else writes yet. */
async function begin(job: DatabaseJob, ends: WayBackEnds, known?: SystemIdentity): Promise<string> {
  const { source, target, ids } = ends;
  const row = await readFollow(source, ids.target);
  if (row === undefined) throw new Fault('FF900', 'the source does not know of the way back');
  let { startLsn } = row;
  if (startLsn === undefined) {
    const [identity, position] = await Promise.all([known ?? identityOf(job), fencedLsn(target, job.signal)]);
    await noteSlot(source, ids.target, { ...identity, startLsn: position });
    startLsn = position;
  }
  return `The way back begins at ${formatLsn(startLsn)} of the target.`;
}

async function identityOf(job: DatabaseJob): Promise<SystemIdentity> {
  const sessions = job.sessions.reversed();
  const sender = await sessions.openReplication('identify');
  return identifySystem(sender).finally(() => sessions.close(sender));
}

/** Slot and publications on the target, then what the old source keeps of it. None there is fine. */
export function removeWayBack(job: DatabaseJob): Promise<void> {
  return withWayBackEnds(job, 'end', (ends) => remove(job, ends));
}

async function remove(job: DatabaseJob, { source, target, ids }: WayBackEnds): Promise<void> {
  const row = await readFollow(source, ids.target);
  if (!row?.wayBack) return;
  const tell = (line: string): void => job.tracker.log('info', `removed: ${line}`);
  const end = { side: 'target', session: target, identity: ids.target } as const;
  await removeFollowed(end, row, tell, job.signal, 'keep');
  await forgetSource(source, ids.target);
}
