import { chunks } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { type BaseCopy, verifyBase } from '../baseCopy.js';
import type { SourceTable } from '../catalog/tables.js';
import { withColumnsOf, withNamesOfNow } from '../catalog/tablesNow.js';
import { requireNotRewritten } from '../copy/rewritten.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import { withSession } from '../migrateDatabase.js';
import { formatLsn, type Lsn, laterLsn, parseLsn } from '../postgres/lsn.js';
import { qualified } from '../postgres/quote.js';
import { createSlot } from '../postgres/replicationConnection.js';
import type { Session } from '../postgres/session.js';
import { importSnapshot } from '../postgres/snapshot.js';
import { type FollowRow, readLanes } from '../run/followState.js';
import { refreshAgain } from '../schema/refresh.js';
import { addDeferred, finishDeferred } from '../schema/runDeferred.js';
import { setSequences } from '../schema/sequences.js';
import { compareBehind } from './compareBehind.js';
import { temporarySlot } from './onlineSource.js';

/** Where following ends by itself. */
export interface EndPoint {
  readonly lsn: Lsn;
  /** Sees the source exactly as of `lsn`, so that both sides can be compared whatever is written behind it. */
  readonly held?: HeldSnapshot;
}

/** A session in a transaction that sees what was committed before `lsn`, and exports its snapshot. */
export interface HeldSnapshot {
  readonly session: Session;
  readonly snapshot: string;
  readonly lsn: Lsn;
}

/** @throws Fault FF892 */
export async function endPoint(job: DatabaseJob): Promise<EndPoint | undefined> {
  const text = job.online?.endpos;
  if (text === undefined) return undefined;
  if (text === 'current') {
    const held = await heldSnapshot(job);
    return { lsn: held.lsn, held };
  }
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new Fault('FF892', 'The position where following is to end cannot be read.');
  return { lsn };
}

/** Says so where the target is newer than the position already: nothing is taken back to an older one. */
export async function tellPassed(
  { tracker }: DatabaseJob,
  { context: { checkpoint } }: BaseCopy,
  { source, startLsn = 0n }: FollowRow,
  target: Session,
  { lsn }: EndPoint,
): Promise<void> {
  const snapshot = checkpoint.items('table').reduce((at, [, work]) => laterLsn(at, work.lsn ?? 0n), startLsn);
  const applied = (await readLanes(target, source)).reduce(laterLsn, 0n);
  if (lsn >= laterLsn(snapshot, applied)) return;
  const already =
    lsn < snapshot
      ? `the snapshot of the base copy, taken at ${formatLsn(snapshot)}`
      : `what a former run applied, up to ${formatLsn(applied)}`;
  tracker.finding({
    code: 'FF898',
    severity: 'warning',
    message: `The end position ${formatLsn(lsn)} lies before ${already}: the target is newer than was asked for.`,
    fix: errorCodes.FF898.help,
  });
}

/** The consistent point of a temporary slot, with a session that sees what was committed before it. */
async function heldSnapshot(job: DatabaseJob): Promise<HeldSnapshot> {
  const { sessions, signal } = job;
  const sender = await sessions.openReplication('position');
  try {
    const name = temporarySlot('flexferry_end', job.run);
    const made = await createSlot(sender, { name, temporary: true, signal });
    const session = await sessions.open('source', 'compare');
    await importSnapshot(session, made.snapshot);
    const { rows } = await session.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
    return { session, snapshot: rows[0]?.id ?? '', lsn: made.consistentPoint };
  } finally {
    await sessions.close(sender);
  }
}

/** So often a snapshot is taken anew under which a table is found empty that was truncated since. */
const mostSnapshots = 5;

/**
 * A table that is truncated looks empty under an older snapshot: then it takes a newer one. What is locked stays as it
 * is until it has been compared.
 */
async function readableSnapshot(
  job: DatabaseJob,
  tables: readonly SourceTable[],
  first: HeldSnapshot | undefined,
): Promise<HeldSnapshot> {
  for (let attempt = 1, held = first; ; attempt++, held = undefined) {
    held ??= await heldSnapshot(job);
    try {
      await lockForReading(held.session, tables);
      await requireNotRewritten(held.session, tables);
      return held;
    } catch (error) {
      await job.sessions.close(held.session);
      if (!(error instanceof Fault) || error.code !== 'FF878' || attempt === mostSnapshots) throw error;
    }
  }
}

/** Tables of one command. */
const lockedAtOnce = 500;

/** Those that are still there: one that was dropped is told when it is compared. */
async function lockForReading(session: Session, tables: readonly SourceTable[]): Promise<void> {
  await session.script("SET LOCAL lock_timeout = '60s'");
  const { rows } = await session.query<{ oid: string }>(
    `SELECT oid::text FROM pg_class WHERE oid = ANY ($1::oid[]) AND pg_catalog.pg_relation_filenode(oid) IS NOT NULL`,
    [tables.map((table) => table.oid)],
  );
  const there = new Set(rows.map((row) => row.oid));
  for (const some of chunks(
    tables.filter((table) => there.has(table.oid)),
    lockedAtOnce,
  )) {
    const names = some.map((table) => `ONLY ${qualified(table.readAs ?? table)}`).join(', ');
    await session.script(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
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
    const listed = await withSession(job, 'source', 'names', (now) => withNamesOfNow(now, work.tables));
    const held = await readableSnapshot(job, listed, point?.held);
    const at = { ...context, snapshot: held.snapshot };
    const asOfThen = { ...work, tables: await withColumnsOf(held.session, listed) };
    const touched: ReadonlySet<string> =
      held === point?.held
        ? new Set()
        : await compareBehind(job, { ...base, context: at, work: asOfThen }, held, target);
    const others = asOfThen.tables.filter((table) => !touched.has(table.oid));
    await verifyBase(at, { ...work, tables: others }, held.session, target);
    await sessions.close(held.session);
    await finishDeferred(context, target, deferred);
  } finally {
    await sessions.close(target);
  }
}
