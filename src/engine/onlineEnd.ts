import { tmpdir } from 'node:os';
import { errorCodes } from '../protocol/errorCodes.js';
import { type BaseCopy, verifyBase } from './baseCopy.js';
import type { SourceTable } from './catalog/tables.js';
import type { DatabaseJob } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { withSession } from './migrateDatabase.js';
import { temporarySlot } from './onlineSource.js';
import { type Lsn, parseLsn } from './postgres/lsn.js';
import { createSlot } from './postgres/replicationConnection.js';
import type { Session } from './postgres/session.js';
import { importSnapshot } from './postgres/snapshot.js';
import { followSource } from './replication/sourceChanges.js';
import { readFollow, readLanes } from './run/followState.js';
import { refreshAgain } from './schema/refresh.js';
import { addDeferred, finishDeferred } from './schema/runDeferred.js';
import { setSequences } from './schema/sequences.js';

/** Where following ends by itself. */
export interface EndPoint {
  readonly lsn: Lsn;
  /** Sees the source exactly as of `lsn`, so that both sides can be compared whatever is written behind it. */
  readonly held?: HeldSnapshot;
}

interface HeldSnapshot {
  readonly session: Session;
  readonly snapshot: string;
}

/** @throws Fault FF892 */
export async function endPoint(job: DatabaseJob): Promise<EndPoint | undefined> {
  const text = job.online?.endpos;
  if (text === undefined) return undefined;
  if (text === 'current') return heldSnapshot(job);
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new Fault('FF892', 'The position where following is to end cannot be read.');
  return { lsn };
}

/** The consistent point of a temporary slot, with a session that sees what was committed before it. */
async function heldSnapshot(job: DatabaseJob): Promise<Required<EndPoint>> {
  const { sessions, signal } = job;
  const sender = await sessions.openReplication('position');
  try {
    const name = temporarySlot('flexferry_end', job.run);
    const made = await createSlot(sender, { name, temporary: true, signal });
    const session = await sessions.open('source', 'compare');
    await importSnapshot(session, made.snapshot);
    const { rows } = await session.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
    return { lsn: made.consistentPoint, held: { session, snapshot: rows[0]?.id ?? '' } };
  } finally {
    await sessions.close(sender);
  }
}

/** Everything up to the position is applied: sequences, what was kept back, and the comparison with the source. */
export async function finishAtEnd(
  job: DatabaseJob,
  base: BaseCopy,
  point: EndPoint | undefined,
): Promise<void> {
  const { planned, work, context, deferred, refreshes } = base;
  const { filter, tables, sequences } = planned;
  const { sessions, tracker } = job;
  tracker.leaveOut('cutover');
  const target = await sessions.open('target', 'sequences');
  try {
    await withSession(job, 'source', 'sequences', (fresh) =>
      setSequences(context, fresh, target, { filter, tables, targets: sequences }),
    );
    await addDeferred(context, target, deferred);
    await refreshAgain(context, target, refreshes);
    const { held, touched } = point?.held
      ? { held: point.held, touched: new Set<string>() }
      : await behind(job, base, target);
    const compared = work.tables.filter((table) => !touched.has(table.oid));
    for (const table of work.tables) if (touched.has(table.oid)) tellTouched(job, table);
    await verifyBase(
      { ...context, snapshot: held.snapshot },
      { ...work, tables: compared },
      held.session,
      target,
    );
    await sessions.close(held.session);
    await finishDeferred(context, target, deferred);
  } finally {
    await sessions.close(target);
  }
}

/** A snapshot of now, and the tables that were written to between the end of the following and that snapshot. */
async function behind(
  job: DatabaseJob,
  { context }: BaseCopy,
  target: Session,
): Promise<{ held: HeldSnapshot; touched: ReadonlySet<string> }> {
  const { source } = context.checkpoint.run;
  const { lsn, held } = await heldSnapshot(job);
  const row = await readFollow(target, source);
  const [reached = 0n] = await readLanes(target, source);
  const touched = new Set<string>();
  if (row?.systemId === undefined || row.timeline === undefined || reached >= lsn) return { held, touched };
  const changes = await followSource({
    spec: job.source,
    slot: row.slot,
    publications: row.publications,
    known: { systemId: row.systemId, timeline: row.timeline, appliedThrough: reached },
    temporaryFolder: tmpdir(),
    signal: job.signal,
  });
  for await (const events of changes) {
    for (const event of events) {
      if (event.kind === 'begin' && event.commitLsn >= lsn) return { held, touched };
      if (event.kind === 'progress' && event.lsn >= lsn) return { held, touched };
      if (event.kind === 'truncate') for (const { oid } of event.relations) touched.add(String(oid));
      else if ('relation' in event) touched.add(String(event.relation.oid));
    }
  }
  return { held, touched };
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
