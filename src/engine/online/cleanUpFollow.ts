import { setTimeout as sleep } from 'node:timers/promises';
import { formatRelation } from '../../protocol/mapping.js';
import { maintenanceDatabase } from '../assessDatabase.js';
import { leaveRoles } from '../catalog/roles.js';
import { databaseIdentity } from '../catalog/server.js';
import { type FenceRecord, fenceStands, liftFence, liftSql } from '../cutover/fence.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { dropDdlTrigger } from '../replication/ddlTrigger.js';
import { dropLeftSlot } from '../replication/leftSlot.js';
import { dropPublications } from '../replication/publications.js';
import { notedIdentities, restoreIdentities } from '../replication/replicaIdentity.js';
import { forgetSource } from '../run/checkpoint.js';
import { endOrphans, isRunAtWork, lockTarget } from '../run/claim.js';
import { type FollowRow, isHandedOver, readFollow, undoOf } from '../run/followState.js';
import { slotNameOf } from '../run/slotName.js';
import { requestFollow } from './followControl.js';
import type { FollowSpecs } from './followPlace.js';

export interface CleanUpOptions {
  readonly signal?: AbortSignal;
  /** A run that is at work is cancelled first. */
  readonly cancel?: boolean;
  /** Each removed thing as it goes: also what goes before a step that fails. */
  onRemoved?(line: string): void;
}

/** One end of what is cleaned up. */
interface End {
  readonly side: 'source' | 'target';
  readonly session: Session;
  readonly identity: string;
}

/** How long a run may take to end after it was cancelled; milliseconds. */
const cancelLimit = 60_000;
/** A run writes once a second what it does: one that has done so lately is no dead one whose lock lingers. Milliseconds. */
const lately = 5_000;
const pause = 250;

/**
 * Removes what an online migration left on both servers, whatever of it is there: fence, slot, event triggers,
 * publications and replica identities on the source, those of the way back on the target, and last all checkpoints,
 * which know of the rest. May be interrupted and repeated. Only what is surely of this migration is touched.
 * @returns one line for each thing that was removed.
 * @throws Fault FF862 while a run is at work, FF865 if it does not end; FF801, FF823, FF838.
 */
export async function cleanUpFollow(
  specs: FollowSpecs,
  options: CleanUpOptions = {},
): Promise<readonly string[]> {
  const { signal = new AbortController().signal, cancel = false } = options;
  const removed: string[] = [];
  const tell = (line: string): void => {
    removed.push(line);
    options.onRemoved?.(line);
  };
  const opened: Session[] = [];
  const stop = (): void => {
    for (const session of opened) session.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const source = await openEnd(specs, 'source', opened, signal);
    const target = await openEnd(specs, 'target', opened, signal);
    if (target.exists) await claim(specs, { source, target }, cancel, signal);
    await removeForth(source, target, tell, signal);
    await removeBack(source, target, tell, signal);
    if (target.exists) await forget(target, source.identity, tell);
    return removed;
  } catch (error) {
    if (signal.aborted) throw new Fault('FF509', 'It was interrupted; call it again to remove the rest.');
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(opened.map((session) => session.close()));
  }
}

/** Of a target that does not exist the server is asked who it is, or would be. */
async function openEnd(
  specs: FollowSpecs,
  side: End['side'],
  opened: Session[],
  signal: AbortSignal,
): Promise<End & { exists: boolean }> {
  const spec = specs[side];
  const open = async (database: string): Promise<Session> => {
    const session = await connect({ ...spec, database }, 'cleanup', { signal, side });
    opened.push(session);
    signal.throwIfAborted();
    // The fence of a cutover makes sessions of the source read-only.
    await session.script(
      "SET default_transaction_read_only = off; SET lock_timeout = '30s'; SET lc_monetary = 'C'",
    );
    return session;
  };
  try {
    const session = await open(spec.database);
    return { side, session, identity: await databaseIdentity(session), exists: true };
  } catch (error) {
    if (side === 'source' || !(error instanceof Fault) || error.code !== 'FF103') throw error;
    const session = await open(maintenanceDatabase);
    const server = (await databaseIdentity(session)).slice(0, -maintenanceDatabase.length);
    return { side, session, identity: `${server}${spec.database}`, exists: false };
  }
}

/** Takes the target as a run does, so that none begins meanwhile; ends what a killed one left busy there. */
async function claim(
  specs: FollowSpecs,
  { source, target }: { source: End; target: End },
  cancel: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { session } = target;
  if (cancel && (await isRunAtWork(session))) {
    await requestFollow(specs, { command: 'cancel' }, signal);
    for (const end = Date.now() + cancelLimit; await isRunAtWork(session); await sleep(pause)) {
      signal.throwIfAborted();
      if (Date.now() > end)
        throw new Fault('FF865', `A run into the database ${specs.target.database} does not end.`);
    }
  }
  const atWork = new Fault('FF862', `A run is at work on the database ${specs.target.database}.`);
  if ((await isRunAtWork(session)) && (await saidLately(session, source.identity))) throw atWork;
  await lockTarget(session, signal).catch((error: unknown) => {
    throw error instanceof Fault && error.code === 'FF208' ? atWork : error;
  });
  await endOrphans(session, 'cleanup');
}

async function saidLately(target: Session, source: string): Promise<boolean> {
  const row = await readFollow(target, source);
  const { rows } = await target.query<{ now: string }>(
    `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint::text AS now`,
  );
  return row?.saidAt !== undefined && Number(rows[0]?.now ?? 0) - row.saidAt < lately;
}

type Tell = (line: string) => void;

/** On the source. Where the target has forgotten about it, what carries the name of this migration and is not in use. */
async function removeForth(
  source: End,
  target: End & { exists: boolean },
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const row = target.exists ? await readFollow(target.session, source.identity) : undefined;
  if (row !== undefined) return removeFollowed(source, row, tell, signal);
  await removeSlot(source, slotNameOf(source.identity, target.identity), 'leave', tell);
}

/** The state of the way back is kept by the old source; what is followed is the target. */
async function removeBack(
  source: End,
  target: End & { exists: boolean },
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const row = await readFollow(source.session, target.identity);
  if (row?.wayBack) {
    await lockTarget(source.session, signal);
    // A database that has a slot cannot have been dropped.
    if (target.exists) await removeFollowed(target, row, tell, signal);
    await forget(source, target.identity, tell);
  } else if (target.exists)
    await removeSlot(target, slotNameOf(target.identity, source.identity), 'leave', tell);
}

/** What was made on the server whose changes are followed, and what was changed there. */
export async function removeFollowed(
  end: End,
  row: FollowRow,
  tell: Tell,
  signal: AbortSignal,
  fence: 'lift' | 'keep' = 'lift',
): Promise<void> {
  const standing = undoOf(row, 'fence') as FenceRecord | null | undefined;
  if (standing && fence === 'lift') await removeFence(end, standing, isHandedOver(row), tell, signal);
  if (row.ownsSlot) await removeSlot(end, row.slot, 'end', tell);
  // Only now: tables that are published for updates would refuse them without an identity.
  const restored = await restoreIdentities(end.session, notedIdentities(row), { signal });
  for (const table of restored) tell(`${end.side}: REPLICA IDENTITY FULL of ${formatRelation(table)}`);
}

/**
 * First of all: applications may be waiting to write. One that nobody finds any more is not put back over what is now.
 * After the hand-over it stays, because who still writes to the old source would lose what he writes.
 */
async function removeFence(
  end: End,
  fence: FenceRecord,
  handedOver: boolean,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  if (!(await fenceStands(end.session, fence))) return;
  if (handedOver) {
    tell(`${end.side}: stays read-only, since it was handed over. To write to it again: ${liftSql(fence)}`);
    return;
  }
  await liftFence(end.session, fence, { signal });
  tell(`${end.side}: fence of the database ${fence.database} (default_transaction_read_only)`);
}

async function removeSlot(end: End, slot: string, inUse: 'end' | 'leave', tell: Tell): Promise<void> {
  if (await dropLeftSlot(end.session, slot, inUse)) tell(`${end.side}: replication slot ${slot}`);
  else if (inUse === 'leave' && (await isThere(end.session, slot))) return;
  for (const made of await dropDdlTrigger(end.session, slot)) tell(`${end.side}: ${made}`);
  for (const name of await dropPublications(end.session, slot)) tell(`${end.side}: publication ${name}`);
}

async function isThere(session: Session, slot: string): Promise<boolean> {
  const { rowCount } = await session.query(
    'SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  return rowCount > 0;
}

/** Last of all: from here on nobody knows any more what else there was. */
async function forget(end: End, followed: string, tell: Tell): Promise<void> {
  for (const role of await joinedRoles(end.session, followed)) {
    await leaveRoles(end.session, [role]);
    tell(`${end.side}: membership in the role ${role}`);
  }
  const words = { schema: 'checkpoints, schema flexferry', rows: 'checkpoints of this migration' };
  const gone = await forgetSource(end.session, followed);
  if (gone !== 'nothing') tell(`${end.side}: ${words[gone]}`);
}

/** Those that a run joined for its time. */
async function joinedRoles(session: Session, source: string): Promise<string[]> {
  const { rows } = await session.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('flexferry.work') IS NOT NULL AS there`,
  );
  if (!rows[0]?.there) return [];
  const found = await session.query<{ item: string }>(
    `SELECT item FROM flexferry.work WHERE kind = 'role' AND source = $1
       AND EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = item) ORDER BY 1`,
    [source],
  );
  return found.rows.map((row) => row.item);
}
