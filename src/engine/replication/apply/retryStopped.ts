import { Fault } from '../../errors/fault.js';
import { lsnFromServer } from '../../postgres/lsn.js';
import type { PipelineStep } from '../../postgres/pipeline.js';
import type { Session } from '../../postgres/session.js';
import { changeFault, lacksValues } from './applyFaults.js';
import { type ApplyTable, projectChange } from './applyTable.js';
import { goOnStep, stopStep } from './followedRows.js';
import type { FollowedTable, FollowedTables } from './followedTables.js';
import type { Lane } from './lane.js';
import { LaneBatch, type LaneChange } from './laneBatch.js';
import { changeOf, type StoredParked, type TableChange, takenStep, waitingQuery } from './parkedChanges.js';

export interface RetryPlace {
  /** Identity of the source. */
  readonly source: string;
  readonly tables: FollowedTables;
  /** For looks at the catalog, and at what waits. */
  readonly control: Session;
  /** Of the table; nothing is open in it. */
  readonly lane: Lane;
}

/** Why a stopped table cannot go on. */
interface Refusal {
  readonly fault: Fault;
  readonly ddl?: string;
}

/** So long others wait for a table that is taken up; milliseconds. */
const turnMs = 1_000;

/** Leaves out the first change that waits for a stopped table. */
export async function skipFirst(
  { source, control, lane }: RetryPlace,
  followed: FollowedTable,
): Promise<void> {
  const { rows } = await control.query<StoredParked>(waitingQuery(source, followed.oid, '0', 1));
  const [first] = rows;
  if (first === undefined) return;
  await lane.work(new LaneBatch(), { extra: [takenStep(source, followed.oid, '0', first.position)] });
  await lane.commit(undefined);
  if (followed.stopped) followed.stopped.waiting -= 1;
}

/**
 * Applies what waits for a stopped table, in pieces of bounded size but never a part of a transaction alone, until the
 * table goes on, is stopped again, or others have waited long enough: true, then, as there is more.
 */
export async function takeUp(place: RetryPlace, followed: FollowedTable): Promise<boolean> {
  const { source, tables, control, lane } = place;
  const until = Date.now() + turnMs;
  tables.forget(followed.oid);
  // Without statistics all that waits would be sorted to find the first.
  await control.query('SET enable_bitmapscan = off');
  let after = '0';
  for (;;) {
    const { rows } = await control.query<StoredParked>(waitingQuery(source, followed.oid, after));
    const { batch, refusal } = await collect(place, followed, rows);
    const last = rows.at(-1);
    const isPart = refusal === undefined && last !== undefined && last.next_lsn === last.commit_lsn;
    await lane.work(batch, { keepsWaiting: true, isPart });
    const applied = batch.changes.length;
    const through = rows[applied - 1];
    const extra: PipelineStep[] = through ? [takenStep(source, followed.oid, after, through.position)] : [];
    const [stop] = batch.stops;
    const again: Refusal | undefined = stop ?? refusal;
    const isDone = again === undefined && (last === undefined || last.next_lsn === null);
    if (again) extra.push(stopStep(source, followed, again.fault, again.ddl));
    if (isDone) extra.push(goOnStep(source, followed));
    await lane.work(new LaneBatch(), { extra });
    if (!isPart || again) await lane.commit(undefined);
    note(followed, applied, again, isDone);
    if (again || isDone) return false;
    if (!isPart && Date.now() > until) return true;
    after = last?.position ?? after;
  }
}

function note(followed: FollowedTable, applied: number, again: Refusal | undefined, isDone: boolean): void {
  const { stopped } = followed;
  if (stopped === undefined) return;
  stopped.waiting -= applied;
  if (isDone) {
    followed.stopped = undefined;
    followed.relations = [];
  } else if (again) {
    const { ddl: _, fault: __, ...rest } = stopped;
    followed.stopped = {
      ...rest,
      fault: again.fault.toData(),
      ...(again.ddl !== undefined && { ddl: again.ddl }),
    };
  }
}

/** As many of the changes as fit the table of the target now. */
async function collect(
  place: RetryPlace,
  followed: FollowedTable,
  rows: readonly StoredParked[],
): Promise<{ batch: LaneBatch; refusal?: Refusal }> {
  const batch = new LaneBatch();
  for (const row of rows) {
    const change = changeOf(row.change, followed.relations);
    if (change === undefined) throw new Fault('FF900', 'the columns of a change that waits are not known');
    const found = await fitOf(place, change);
    if ('fault' in found) return { batch, refusal: found };
    const entry = entryOf(followed, change, found, lsnFromServer(row.commit_lsn));
    const unsent = unsentOf(entry);
    if (unsent) return { batch, refusal: { fault: unsent } };
    batch.add(entry);
  }
  return { batch };
}

async function fitOf(
  { tables, control }: RetryPlace,
  { relation }: TableChange,
): Promise<ApplyTable | Refusal> {
  const known = tables.known(relation);
  if (known) return known;
  const found = await tables.resolve(control, relation);
  if (found?.fit) return found.fit;
  const fault = found?.stop ?? new Fault('FF900', 'a table that is not followed has changes that wait');
  return { fault, ...(found?.ddl !== undefined && { ddl: found.ddl }) };
}

export const entryOf = (
  followed: FollowedTable,
  sent: TableChange,
  table: ApplyTable,
  commitLsn: bigint,
): LaneChange => ({
  followed,
  sent,
  change: sent.kind === 'truncate' ? sent : projectChange(sent, table),
  table,
  commitLsn,
});

/** A change that cannot be applied whatever is on the target. */
export const unsentOf = ({ table, change, commitLsn }: LaneChange): Fault | undefined =>
  lacksValues(table, change) ? changeFault(table, change, commitLsn, 'unsent') : undefined;
