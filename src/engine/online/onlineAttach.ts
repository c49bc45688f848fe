import type { OnlineParams } from '../../protocol/engine.js';
import { type BaseCopy, prepare } from '../baseCopy.js';
import { chosenSchemas } from '../catalog/filter.js';
import { existingTables, listSourceTables } from '../catalog/tables.js';
import { tableItem } from '../copy/copyTable.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import { connectReplication, identifySystem } from '../postgres/replicationConnection.js';
import type { Session } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import { readSlot } from '../replication/slotHealth.js';
import type { RunRow } from '../run/checkpoint.js';
import { tableKey } from '../run/databaseTracker.js';
import { createFollow, type FollowRow, notePublications, noteSlot, readFollow } from '../run/followState.js';
import { nothingDeferred } from '../schema/deferred.js';
import { planPostData } from '../schema/postData.js';
import type { Followable } from './onlineSource.js';

type Given = NonNullable<OnlineParams['skipCopy']>;

/**
 * Instead of a base copy: the tables are on the target already, as of the slot that is there, and the publications say
 * which they are. Nothing of it is made or dropped by us.
 * @throws Fault FF800, FF807
 */
export async function attachBase(
  job: DatabaseJob,
  run: RunRow,
  source: Session,
  target: Session,
  given: Given,
): Promise<{ online: Followable; base: BaseCopy }> {
  const { tracker, mapping, database } = job;
  for (const phase of ['dump', 'preData', 'copy', 'indexes', 'constraints', 'postData', 'analyze'] as const)
    tracker.leaveOut(phase);
  await noteGiven(job, run, source, target, given);
  const row = await readFollow(target, run.source);
  if (row?.startLsn === undefined) throw new Fault('FF800', `the slot "${given.slot}" is not there`);
  const filter = await chosenSchemas(source, database, mapping);
  const published = await publishedTables(source, given.publications);
  const all = (await listSourceTables(source, filter, mapping)).filter((table) => published.has(table.oid));
  const presentKeys = await existingTables(target);
  const present = all.filter((table) => presentKeys.has(tableKey(table.target)));
  for (const table of all) {
    tracker.addTable(table, table.bytes, table.rowsEstimated);
    tracker.setTable(table, 'done');
  }
  const context = await prepare(
    job,
    run,
    { session: source, snapshot: await exportSnapshot(source) },
    target,
  );
  for (const table of all)
    context.checkpoint.remember('table', tableItem(table), { rows: 0, bytes: 0, lsn: row.startLsn });
  return {
    online: { row, filtered: new Set(all.map((table) => table.oid)), insertOnly: new Set() },
    base: {
      context,
      planned: { filter, tables: all, sequences: new Map() },
      work: { postData: planPostData([], all), tables: all, present, presentKeys },
      refreshes: [],
      deferred: nothingDeferred,
    },
  };
}

/**
 * Before anything is written down: what was misspelt would stay in the target and be in the way of the right name.
 * @throws Fault FF210, FF800, FF807
 */
export async function requireGiven(
  source: Session,
  { slot, publications }: Given,
  known: FollowRow | undefined,
): Promise<void> {
  if (known !== undefined && known.slot !== slot)
    throw new Fault('FF210', `The slot ${known.slot} is being followed into this database already.`);
  const state = await readSlot(source, slot);
  const { database } = source.spec;
  if (state === undefined && known?.startLsn !== undefined)
    throw new Fault('FF800', `The replication slot "${slot}" is not there any more.`);
  const why =
    state === undefined
      ? 'is not there'
      : state.plugin !== 'pgoutput'
        ? `is one of ${state.plugin}`
        : state.database !== database
          ? `is one of the database ${state.database}`
          : undefined;
  if (why !== undefined)
    throw new Fault('FF800', `The replication slot "${slot}" ${why}.`, {
      fix: `Name a slot of pgoutput in the database ${database}: SELECT slot_name, plugin, database FROM pg_replication_slots.`,
    });
  await publishedTables(source, publications);
}

async function noteGiven(
  job: DatabaseJob,
  run: RunRow,
  source: Session,
  target: Session,
  { slot, publications }: Given,
): Promise<void> {
  const known = await readFollow(target, run.source);
  if (known?.ownsSlot === false) await notePublications(target, run.source, publications);
  if (known?.startLsn !== undefined) return;
  const state = await readSlot(source, slot);
  if (state?.confirmedLsn === undefined) throw new Fault('FF800', `slot "${slot}" is not there`);
  if (known === undefined)
    await createFollow(target, {
      source: run.source,
      slot,
      publications,
      lanes: Math.max(1, Math.min(2, job.options.jobs)),
      ownsSlot: false,
      wayBack: false,
    });
  const sender = await connectReplication(job.source, 'identify', { signal: job.signal });
  const identity = await identifySystem(sender).finally(() => sender.close());
  await noteSlot(target, run.source, { ...identity, startLsn: state.confirmedLsn });
}

/** Oids of the tables that come in the stream of publications. @throws Fault FF807 */
async function publishedTables(source: Session, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await source.query<{ oid: string | null }>(
    `SELECT c.oid::text FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = ANY ($1::text[])`,
    [[...names]],
  );
  const { rows: found } = await source.query<{ pubname: string }>(
    'SELECT pubname FROM pg_publication WHERE pubname = ANY ($1::text[])',
    [[...names]],
  );
  const missing = names.filter((name) => !found.some((row) => row.pubname === name));
  if (missing.length > 0)
    throw new Fault('FF807', `publication "${missing.join('", "')}" is missing`, {
      fix: 'Name publications of the source database: SELECT pubname FROM pg_publication.',
    });
  return new Set(rows.flatMap((row) => row.oid ?? []));
}
