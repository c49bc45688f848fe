import type { RelationName } from '../../../protocol/model.js';
import { Fault } from '../../errors/fault.js';
import { earlierLsn, type Lsn, laterLsn, lsnFromServer } from '../../postgres/lsn.js';
import type { Session } from '../../postgres/session.js';
import type { ValueEncoding } from '../pgoutput.js';
import type { Relation, Truncate } from '../pgoutputMessages.js';
import type { TransactionBegin, TransactionCommit } from '../sourceEvents.js';
import { type ApplyTable, projectChange, type RowChange } from './applyTable.js';
import { type FollowedTable, type FollowedTables, goOnStep } from './followedTables.js';
import type { Lane } from './lane.js';
import { LaneBatch, type LaneChange } from './laneBatch.js';
import { changeOf, type StoredParked, type TableChange, takenStep, waitingQuery } from './parkedChanges.js';

/** What a batch holds at most: changes, and characters of their values. A larger transaction takes several. */
const mostChanges = 20_000;
const mostCharacters = 6 << 20;
/** Changes of a stopped table that are taken up at a time. */
const mostWaiting = 2_000;

/** Whole transactions, or a part of a large one, by lane. */
class Batch {
  readonly lanes: LaneBatch[];
  changes = 0;
  characters = 0;
  transactions = 0;
  /** End of the last whole transaction. */
  endLsn: Lsn = 0n;
  /** Of the first and the last transaction, by the clock of the source. */
  firstAt: number | undefined;
  lastAt: number | undefined;

  constructor(lanes: number) {
    this.lanes = Array.from({ length: lanes }, () => new LaneBatch());
  }

  get isFull(): boolean {
    return this.changes >= mostChanges || this.characters >= mostCharacters;
  }

  get isEmpty(): boolean {
    return this.lanes.every((lane) => lane.isEmpty);
  }
}

export interface ApplyFigures {
  readonly transactions: number;
  readonly changes: number;
  /** By the clock of the source, of what was applied last. */
  readonly appliedAt: number | undefined;
  /** Of the first that is read and not applied. */
  readonly waitingSince: number | undefined;
}

/**
 * Applies the transactions of a source: collects them to batches and hands each to the lanes, one batch at a time,
 * while the next is collected. Everything that a batch holds becomes visible at once in each lane, and in all lanes at
 * nearly the same time; the next batch begins after that.
 */
export class Applier {
  private batch: Batch;
  private running: Batch | undefined;
  private applying: Promise<void> = Promise.resolve();
  private failure: Fault | undefined;
  /** The transaction that is being collected. */
  private current: TransactionBegin | undefined;
  /** A part of it is applied and not committed. */
  private split = false;
  private skipped: readonly boolean[] = [];
  /** Tables that are not followed. */
  private readonly ignored = new WeakSet<Relation>();
  /** Lanes that are not as far as others, after a crash between their commits. */
  private readonly from: readonly Lsn[];
  private durableLsn: Lsn;
  private receivedLsn: Lsn;
  private transactions = 0;
  private changes = 0;
  private appliedAt: number | undefined;
  /** When the last change was applied, by our clock. */
  lastChangeAt: number | undefined;

  constructor(
    private readonly lanes: readonly Lane[],
    private readonly tables: FollowedTables,
    /** For looks at the catalog. */
    private readonly control: Session,
    private readonly options: { readonly source: string; readonly encoding: ValueEncoding },
    positions: readonly Lsn[],
    /** A batch is applied, or failed: {@link settle} tells. */
    private readonly onSettled: () => void,
  ) {
    this.batch = new Batch(lanes.length);
    this.from = positions;
    this.durableLsn = positions.reduce(earlierLsn);
    this.receivedLsn = this.durableLsn;
  }

  /** Every transaction that ends at or before it is durable in the target, and it is written there. */
  get durable(): Lsn {
    return this.durableLsn;
  }

  /** Nothing that ends at or before it waits any more: what came after `durable` changed nothing here. */
  get position(): Lsn {
    const idle = this.running === undefined && this.batch.isEmpty && this.current === undefined;
    return idle ? this.receivedLsn : this.durableLsn;
  }

  get figures(): ApplyFigures {
    const { transactions, changes, appliedAt } = this;
    const waitingSince = this.running?.firstAt ?? this.batch.firstAt;
    return { transactions, changes, appliedAt, waitingSince };
  }

  get isBusy(): boolean {
    return this.running !== undefined;
  }

  begin(event: TransactionBegin): void {
    this.current = event;
    this.batch.firstAt ??= event.committedAt;
    this.skipped = this.from.map((lsn) => event.commitLsn < lsn);
  }

  /** How the table of a relation is applied is known, so that {@link add} needs not wait. */
  async prepare(relation: Relation): Promise<void> {
    if (this.tables.known(relation) || this.tables.of(relation.oid)?.stopped) return;
    const found = await this.tables.resolve(this.control, relation);
    if (found === undefined) this.ignored.add(relation);
    if (found?.stop) this.stop(found.followed, found.stop, found.ddl);
  }

  /** {@link prepare} is to be called first. */
  needs(relation: Relation): boolean {
    if (this.tables.known(relation) !== undefined || this.ignored.has(relation)) return false;
    return this.tables.of(relation.oid)?.stopped === undefined;
  }

  add(change: RowChange | Truncate): void {
    if (change.kind === 'truncate') {
      for (const relation of change.relations) this.route({ kind: 'truncate', relation });
      this.batch.changes += 1;
      return;
    }
    this.route(change);
    this.batch.changes += 1;
    let characters = 0;
    const row = change.kind === 'delete' ? (change.key ?? change.old) : change.row;
    for (const value of row ?? []) if (typeof value === 'string') characters += value.length;
    this.batch.characters += characters;
  }

  end({ endLsn, committedAt }: TransactionCommit): void {
    this.current = undefined;
    this.receivedLsn = laterLsn(endLsn, this.receivedLsn);
    this.batch.endLsn = laterLsn(endLsn, this.batch.endLsn);
    this.batch.transactions += 1;
    this.batch.lastAt = committedAt;
  }

  progress(lsn: Lsn): void {
    this.receivedLsn = laterLsn(lsn, this.receivedLsn);
  }

  get isFull(): boolean {
    return this.batch.isFull;
  }

  /** No transaction is half collected or half applied. */
  get isAtBoundary(): boolean {
    return this.current === undefined && !(this.split && this.batch.transactions === 0);
  }

  /** Something is collected, and no transaction is open. */
  get isReady(): boolean {
    return this.current === undefined && (this.split || !this.batch.isEmpty || this.batch.transactions > 0);
  }

  /**
   * Waits for the batch before and begins to apply the one that is collected. With an open transaction its part is
   * applied and stays uncommitted. @throws the Fault of a batch before
   */
  async flush(): Promise<void> {
    await this.applying;
    if (this.failure) throw this.failure;
    const batch = this.batch;
    if (batch.isEmpty && batch.transactions === 0) return;
    this.batch = new Batch(this.lanes.length);
    this.batch.firstAt = this.current?.committedAt;
    this.running = batch;
    const isOpen = this.current !== undefined;
    this.applying = this.apply(batch, isOpen).then(
      () => {
        this.running = undefined;
        this.onSettled();
      },
      (error: unknown) => {
        this.running = undefined;
        this.failure = error instanceof Fault ? error : new Fault('FF900', String(error), { cause: error });
        this.onSettled();
      },
    );
  }

  /** Until everything that was handed to {@link flush} is done. @throws Fault */
  async settle(): Promise<void> {
    await this.applying;
    if (this.failure) throw this.failure;
  }

  /** Writes down how far the source has been read where nothing was to be applied. */
  async noteProgress(): Promise<void> {
    await this.settle();
    if (!this.batch.isEmpty || this.current !== undefined || this.split) return;
    const lsn = this.receivedLsn;
    if (lsn <= this.durableLsn) return;
    await this.commit(lsn);
  }

  /** Takes up what waits for a stopped table. `skipFirst` leaves the first change out. Between batches alone. */
  async retry(name: RelationName, skipFirst: boolean): Promise<void> {
    await this.settle();
    if (this.current !== undefined || !this.batch.isEmpty) return;
    const followed = this.tables.find(name);
    if (!followed?.stopped) return;
    const lane = this.lanes[followed.lane];
    if (lane === undefined) return;
    if (skipFirst) {
      const [first] = await this.waiting(followed, 1);
      if (first) {
        await lane.work(new LaneBatch(), [takenStep(this.options.source, followed.oid, first.position)]);
        await lane.commit(undefined);
        followed.stopped.waiting -= 1;
      }
    }
    while (await this.takeUp(followed, lane));
  }

  /** Everything that is collected is left, and what is not committed is taken back: it will be read again. */
  async abandon(): Promise<void> {
    await this.applying;
    this.batch = new Batch(this.lanes.length);
    this.current = undefined;
    for (const lane of this.lanes) await lane.rollback();
  }

  private async waiting(followed: FollowedTable, most: number): Promise<StoredParked[]> {
    const { rows } = await this.control.query<StoredParked>(
      waitingQuery(this.options.source, followed.oid, most),
    );
    return rows;
  }

  /** Some of what waits; false when the table goes on, or is stopped again. */
  private async takeUp(followed: FollowedTable, lane: Lane): Promise<boolean> {
    const { source } = this.options;
    const rows = await this.waiting(followed, mostWaiting);
    const { stopped } = followed;
    if (stopped === undefined) return false;
    const batch = new LaneBatch();
    let through: string | undefined;
    const relations: Relation[] = [];
    const known = (relation: Relation): Relation => {
      const same = relations.find((one) => JSON.stringify(one) === JSON.stringify(relation));
      if (same === undefined) relations.push(relation);
      return same ?? relation;
    };
    this.tables.forgetFits();
    for (const row of rows) {
      const change = changeOf(followed.oid, row.change, known);
      const fit =
        this.tables.known(change.relation) ?? (await this.fitAgain(followed, change.relation, stopped));
      if (fit === undefined) break;
      batch.add(entryOf(change, fit, lsnFromServer(row.commit_lsn)));
      through = row.position;
    }
    const refused = followed.stopped === stopped ? undefined : followed.stopped;
    if (rows.length > 0 && through === undefined) return false;
    const asked = batch.changes.length;
    const ends = rows.length < mostWaiting && asked === rows.length;
    const taken = through === undefined ? [] : [takenStep(source, followed.oid, through)];
    await lane.work(batch, [...taken, ...(ends ? [goOnStep(source, followed)] : [])], true);
    const [again] = batch.stops;
    if (again) {
      // What was not applied has been taken out, too: begin anew with what can be.
      await lane.rollback();
      await this.takeSome(followed, lane, rows, batch);
      followed.stopped = {
        ...stopped,
        fault: again.fault.toData(),
        waiting: stopped.waiting - batch.changes.length,
      };
      return false;
    }
    await lane.commit(undefined);
    followed.stopped = ends ? undefined : { ...(refused ?? stopped), waiting: stopped.waiting - asked };
    return !ends && refused === undefined;
  }

  /** Undefined where the table still does not fit: it is stopped for that, then. */
  private async fitAgain(
    followed: FollowedTable,
    relation: Relation,
    before: NonNullable<FollowedTable['stopped']>,
  ): Promise<ApplyTable | undefined> {
    const found = await this.tables.resolve(this.control, relation);
    if (found?.fit) return found.fit;
    const { ddl: _, ...rest } = before;
    followed.stopped = {
      ...rest,
      ...(found?.stop && { fault: found.stop.toData() }),
      ...(found?.ddl !== undefined && { ddl: found.ddl }),
    };
    return undefined;
  }

  /** Of a batch that stopped again: the changes before the one that failed, and the new fault. */
  private async takeSome(
    followed: FollowedTable,
    lane: Lane,
    rows: readonly StoredParked[],
    stopped: LaneBatch,
  ): Promise<void> {
    const before = new LaneBatch();
    for (const change of stopped.changes) before.add(change);
    before.stops.push(...stopped.stops);
    const last = rows[stopped.changes.length - 1];
    const taken = last ? [takenStep(this.options.source, followed.oid, last.position)] : [];
    await lane.work(before, taken, true);
    await lane.commit(undefined);
  }

  private stop(followed: FollowedTable, fault: Fault, ddl?: string): void {
    followed.stopped = {
      fault: fault.toData(),
      since: Date.now(),
      waiting: 0,
      ...(ddl !== undefined && { ddl }),
    };
    this.batch.lanes[followed.lane]?.stops.push({ followed, fault, ...(ddl !== undefined && { ddl }) });
  }

  private route(change: TableChange): void {
    const { relation } = change;
    const followed = this.tables.of(relation.oid);
    const commitLsn = this.current?.commitLsn;
    if (followed === undefined || commitLsn === undefined) return;
    const { lane } = followed;
    if (this.skipped[lane] === true || commitLsn < followed.since) return;
    const batch = this.batch.lanes[lane];
    const table = this.tables.known(relation);
    if (followed.stopped !== undefined || table === undefined) {
      batch?.park({ change, commitLsn });
      if (followed.stopped) followed.stopped.waiting += 1;
    } else batch?.add(entryOf(change, table, commitLsn));
  }

  private async apply(batch: Batch, isOpen: boolean): Promise<void> {
    try {
      await all(this.lanes.map((lane, i) => lane.work(batch.lanes[i] ?? new LaneBatch())));
    } finally {
      for (const lane of batch.lanes) this.noteStops(lane);
    }
    this.changes += batch.changes;
    if (isOpen) {
      this.split = true;
      return;
    }
    this.split = false;
    await this.commit(batch.endLsn);
    this.transactions += batch.transactions;
    this.appliedAt = batch.lastAt ?? this.appliedAt;
    if (batch.changes > 0) this.lastChangeAt = Date.now();
  }

  /** A table that stopped while its batch was applied: what was collected of it meanwhile waits, too. */
  private noteStops({ stops, parked }: LaneBatch): void {
    for (const { followed, fault } of stops) {
      if (followed.stopped !== undefined) continue;
      const waiting = parked.filter(({ change }) => change.relation.oid === followed.oid).length;
      followed.stopped = { fault: fault.toData(), since: Date.now(), waiting };
      const collected = this.batch.lanes[followed.lane];
      if (collected) followed.stopped.waiting += collected.parkTable(followed.oid);
    }
  }

  /** A lane that was ahead of the others stays there until they have caught up. */
  private async commit(lsn: Lsn): Promise<void> {
    await all(this.lanes.map((lane, i) => lane.commit(laterLsn(lsn, this.from[i] ?? lsn))));
    this.durableLsn = laterLsn(lsn, this.durableLsn);
  }
}

const entryOf = (change: TableChange, table: ApplyTable, commitLsn: Lsn): LaneChange => ({
  change: change.kind === 'truncate' ? change : projectChange(change, table),
  table,
  commitLsn,
});

/** Waits for all, also where one fails: none may go on while the others are taken back. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
