import { randomUUID } from 'node:crypto';
import type { BaseSource } from '../baseCopy.js';
import { type LoggedColumn, loggedColumns } from '../catalog/columnDrift.js';
import { chosenSchemas } from '../catalog/filter.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import { databaseIdentity } from '../catalog/server.js';
import { listSourceTables, type SourceTable } from '../catalog/tables.js';
import { tableItem } from '../copy/copyTable.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import { formatLsn, type Lsn } from '../postgres/lsn.js';
import {
  createSlot,
  dropSlot,
  identifySystem,
  type SystemIdentity,
} from '../postgres/replicationConnection.js';
import type { Session } from '../postgres/session.js';
import { exportSnapshot, importSnapshot } from '../postgres/snapshot.js';
import { hasDdlTrigger } from '../replication/ddlTrigger.js';
import { isDecodable, mostSlots } from '../replication/decodableSlot.js';
import { type EnsuredPublications, ensurePublications, filteredTables } from '../replication/publications.js';
import { notedIdentities } from '../replication/replicaIdentity.js';
import { readSlot } from '../replication/slotHealth.js';
import { Checkpoint, type RunRow } from '../run/checkpoint.js';
import type { LaterSnapshot } from '../run/context.js';
import { createFollow, type FollowRow, notePublications, noteSlot, readFollow } from '../run/followState.js';
import { slotNameOf } from '../run/slotName.js';
import { quietDdl, tellOfDdl } from './ddlTriggers.js';
import { makeFull } from './fullIdentities.js';

/** Connections of the apply. Each keeps its own position, so the number is fixed once changes are followed. */
export const lanesOf = (job: DatabaseJob): number => Math.max(1, Math.min(2, job.options.jobs));

export interface OnlineSource extends BaseSource, Followable {}

/** What the following needs to know of the source. */
export interface Followable {
  readonly row: FollowRow;
  /** Oids of tables whose row filter the source applies itself. */
  readonly filtered: ReadonlySet<string>;
  /** Columns of the tables as of the snapshot, by oid. */
  readonly columns?: ReadonlyMap<string, readonly LoggedColumn[]>;
  /** Oids of tables of which only inserts and truncations come. */
  readonly insertOnly: ReadonlySet<string>;
  /** The source tells of its DDL. */
  readonly noticesDdl?: boolean;
}

/**
 * Makes the source ready to be followed and takes the snapshot of the base copy: publications for exactly the tables of
 * the project, then the slot, whose snapshot it is. What was copied under the slot's snapshot or an earlier one stays;
 * a later snapshot, of a temporary slot, has its own position, and changes of the tables that are copied under it
 * count from there.
 */
export async function openOnlineSource(
  job: DatabaseJob,
  run: RunRow,
  source: Session,
  target: Session,
): Promise<OnlineSource> {
  const checkpoint = await Checkpoint.load(target, run);
  let row = await readFollow(target, run.source);
  if (row === undefined) {
    const slot = slotNameOf(run.source, await databaseIdentity(target));
    const made = {
      source: run.source,
      slot,
      publications: [],
      lanes: lanesOf(job),
      ownsSlot: true,
      wayBack: false,
    };
    await createFollow(target, made);
    row = { ...made, state: 'copying' };
  }
  const tables = await followedTables(job, source);
  if (isCuttingOver(row)) {
    // The source may be fenced, and nothing of it changes any more.
    const filtered = await filteredTables(source, row.slot);
    return {
      session: source,
      snapshot: await exportSnapshot(source),
      row,
      filtered,
      insertOnly: new Set(),
      noticesDdl: await hasDdlTrigger(source, row.slot),
      identities: notedIdentities(row),
      isCuttingOver: true,
    };
  }
  await quietDdl(source);
  if (job.online?.identityFull === true) await makeFull(source, target, run.source, tables, job.signal);
  const published = await ensurePublications(source, row.slot, tables, { signal: job.signal });
  const copied = (t: SourceTable): boolean => checkpoint.has('table', tableItem(t));
  if (row.startLsn !== undefined) requireUnbroken(published, tables.filter(copied));
  const { publications, filtered, insertOnly } = published;
  await notePublications(target, run.source, publications);
  const noticesDdl = await tellOfDdl(job, row.slot, source);
  const isComplete = row.startLsn !== undefined && tables.every(copied);
  const at = isComplete
    ? { snapshot: await exportSnapshot(source) }
    : await slotSnapshot(job, row, source, target);
  const noted = (await readFollow(target, run.source)) ?? row;
  const columns = await loggedColumns(
    source,
    tables.map((table) => table.oid),
  );
  const later = (): Promise<LaterSnapshot> => laterSnapshot(job, row.slot);
  const identities = notedIdentities(noted);
  const followed = { row: noted, identities, filtered, insertOnly, columns, noticesDdl };
  return { session: source, ...followed, ...at, laterSnapshot: later };
}

/** What was copied and left the publications for a while lacks the changes of that time. Throws FF855. */
function requireUnbroken(published: EnsuredPublications, copied: readonly SourceTable[]): void {
  const lost = copied.find(({ oid }) => published.added.has(oid) || published.altered.has(oid));
  if (lost === undefined) return;
  const message = `The table ${lost.schema}.${lost.name} was not in the publication for a while, or in another way.`;
  throw new Fault('FF855', message, { object: `table ${lost.schema}.${lost.name}` });
}

export const isCuttingOver = ({ state }: FollowRow): boolean => state !== 'copying' && state !== 'following';

async function followedTables(job: DatabaseJob, source: Session): Promise<SourceTable[]> {
  const filter = await chosenSchemas(source, job.database, job.mapping);
  return (await listSourceTables(source, filter, job.mapping)).filter(isFollowed);
}

/** Puts the session into the snapshot of the slot, or of a temporary one, and exports it from there. */
async function slotSnapshot(
  job: DatabaseJob,
  row: FollowRow,
  source: Session,
  target: Session,
): Promise<{ snapshot: string; snapshotLsn: Lsn }> {
  const isFirst = row.startLsn === undefined;
  for (let attempt = 1; ; attempt++) {
    const made = await intoSnapshot(job, row, source, isFirst);
    // A temporary slot is for its snapshot alone.
    if (isFirst && !(await canBeRead(job, row.slot))) {
      const message = `slot "${row.slot}" cannot be read`;
      if (attempt === mostSlots) throw new Fault('FF808', message);
      job.tracker.log('info', `${message}: tables were written anew while it was made; it is made again`);
      await source.script('ROLLBACK');
      continue;
    }
    if (isFirst) await noteSlot(target, row.source, made);
    job.tracker.log('info', `snapshot at ${formatLsn(made.startLsn)} of the source`);
    const { rows } = await source.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
    return { snapshot: rows[0]?.id ?? '', snapshotLsn: made.startLsn };
  }
}

async function intoSnapshot(
  job: DatabaseJob,
  { slot }: FollowRow,
  source: Session,
  isFirst: boolean,
): Promise<SystemIdentity & { readonly startLsn: Lsn }> {
  const sender = await job.sessions.openReplication('slot');
  try {
    // Made by a run that was killed before it could say so, or unreadable: nothing was copied under it.
    if (isFirst && (await readSlot(sender, slot)) !== undefined) await dropSlot(sender, slot);
    // Before the slot is made: any further command would end its snapshot.
    const identity = await identifySystem(sender);
    const made = await createSlot(sender, {
      name: isFirst ? slot : temporarySlot(slot, job.run),
      temporary: !isFirst,
      failover: isFirst,
      signal: job.signal,
    });
    await importSnapshot(source, made.snapshot);
    return { ...identity, startLsn: made.consistentPoint };
  } finally {
    await job.sessions.close(sender);
  }
}

async function canBeRead(job: DatabaseJob, slot: string): Promise<boolean> {
  const session = await job.sessions.open('source', 'slot');
  try {
    return await isDecodable(session, slot, job.signal);
  } finally {
    await job.sessions.close(session);
  }
}

/** As of now, for tables that cannot be copied under the snapshot of the run. */
async function laterSnapshot(job: DatabaseJob, slot: string): Promise<LaterSnapshot> {
  const sender = await job.sessions.openReplication('slot');
  try {
    const name = temporarySlot(slot, randomUUID());
    const made = await createSlot(sender, { name, temporary: true, signal: job.signal });
    const release = (): Promise<void> => job.sessions.close(sender);
    return { snapshot: made.snapshot, lsn: made.consistentPoint, release };
  } catch (error) {
    await job.sessions.close(sender);
    throw error;
  }
}

export const temporarySlot = (slot: string, run: string): string => `${slot}_${run.slice(0, 8)}`;
