import { tmpdir } from 'node:os';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { BaseCopy } from '../baseCopy.js';
import { canSetReplicaRole } from '../catalog/replicationFacts.js';
import type { SourceTable } from '../catalog/tables.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Session } from '../postgres/session.js';
import { Applier } from '../replication/apply/applier.js';
import { FollowedTables } from '../replication/apply/followedTables.js';
import { Lane } from '../replication/apply/lane.js';
import { filteredTables } from '../replication/publications.js';
import { followSource, type SourceChanges } from '../replication/sourceChanges.js';
import { type FollowRow, readFollow, readLanes } from '../run/followState.js';
import { verifyWithin } from '../verification/verify.js';
import type { HeldSnapshot } from './onlineEnd.js';
import { tablesToFollow } from './tablesToFollow.js';

/**
 * The source was written to behind the position where the following ended, and can only be seen as of now. So the tables
 * that were touched since are compared inside of a transaction of the target that applies what came, and is rolled back:
 * nobody else ever sees it.
 * @returns oids of the tables that are dealt with; the others are the same at both positions.
 */
export async function compareBehind(
  job: DatabaseJob,
  base: BaseCopy,
  held: HeldSnapshot,
  target: Session,
): Promise<ReadonlySet<string>> {
  const { source } = base.context.checkpoint.run;
  const row = await readFollow(target, source);
  const [reached = 0n] = await readLanes(target, source);
  const touched = new Set<string>();
  if (row?.systemId === undefined || row.timeline === undefined || reached >= held.lsn) return touched;
  const known = { systemId: row.systemId, timeline: row.timeline, appliedThrough: reached };
  const changes = await followSource({
    spec: job.source,
    slot: row.slot,
    publications: row.publications,
    known,
    temporaryFolder: tmpdir(),
    signal: job.signal,
  });
  const session = await job.sessions.open('target', 'compare');
  try {
    const tables = await applyWithin(session, { base, row, changes, held, touched });
    const stopped = new Set(tables.stopped.map(({ oid }) => String(oid)));
    const all = base.work.tables.filter((table) => touched.has(table.oid));
    for (const table of all) if (stopped.has(table.oid)) tellTouched(job, table);
    await verifyWithin(
      base.context,
      all.filter((table) => !stopped.has(table.oid)),
      held.session,
      session,
    );
    return touched;
  } finally {
    await changes.stop();
    // Rolls back.
    await job.sessions.close(session);
  }
}

interface Within {
  readonly base: BaseCopy;
  readonly row: FollowRow;
  readonly changes: SourceChanges;
  readonly held: HeldSnapshot;
  readonly touched: Set<string>;
}

/** Everything up to the snapshot goes into one transaction, whatever transactions it came in. */
async function applyWithin(session: Session, within: Within): Promise<FollowedTables> {
  const { base, row, changes, held, touched } = within;
  const { source } = base.context.checkpoint.run;
  const { encoding } = changes;
  const filtered = row.ownsSlot
    ? await filteredTables(held.session, row.slot)
    : new Set(base.work.tables.map((table) => table.oid));
  const tables = await FollowedTables.load(session, source, {
    tables: await tablesToFollow(held.session, { base, filtered }),
    lanes: 1,
    drift: () => Promise.resolve({}),
  });
  const options = { source, number: 0, encoding, tables, onFailure: 'table' } as const;
  const { lane } = await Lane.over(session, options, await canSetReplicaRole(session));
  const applier = new Applier([lane], tables, session, { source, encoding }, [0n], () => {});
  let isOpen = false;
  for await (const events of changes) {
    for (const event of events) {
      if (event.kind === 'progress' && event.lsn >= held.lsn) return settled(applier);
      if (event.kind === 'begin') {
        if (event.commitLsn >= held.lsn) return settled(applier);
        if (!isOpen) applier.begin(event);
        isOpen = true;
      } else if (event.kind !== 'commit' && event.kind !== 'progress' && event.kind !== 'message') {
        const relations = event.kind === 'truncate' ? event.relations : [event.relation];
        for (const relation of relations) {
          touched.add(String(relation.oid));
          if (applier.needs(relation)) await applier.prepare(relation);
        }
        applier.add(event);
        if (applier.isFull) await applier.flush();
      }
    }
  }
  return settled(applier);

  async function settled(one: Applier): Promise<FollowedTables> {
    await one.flush();
    await one.settle();
    return tables;
  }
}

function tellTouched(job: DatabaseJob, { schema, name }: SourceTable): void {
  const object = `table ${schema}.${name}`;
  job.tracker.finding({
    code: 'FF891',
    severity: 'warning',
    object,
    message: `${object} was written to behind the position where the following ended: not compared.`,
    fix: errorCodes.FF891.help,
  });
}
