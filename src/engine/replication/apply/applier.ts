import type { RelationName } from '../../../protocol/model.js';
import { Fault } from '../../errors/fault.js';
import { earlierLsn, type Lsn, laterLsn } from '../../postgres/lsn.js';
import type { Session } from '../../postgres/session.js';
import type { ValueEncoding } from '../pgoutput.js';
import type { Relation, Truncate } from '../pgoutputMessages.js';
import type { TransactionBegin, TransactionCommit } from '../sourceEvents.js';
import { stoppingRun } from './applyFaults.js';
import type { RowChange } from './applyTable.js';
import { Batch } from './batch.js';
import type { FollowedTable, FollowedTables } from './followedTables.js';
import { allLanes, type Lane } from './lane.js';
import { LaneBatch } from './laneBatch.js';
import type { TableChange } from './parkedChanges.js';
import { entryOf, skipFirst, takeUp, unsentOf } from './retryStopped.js';

/** So long changes are collected at most while nothing is being applied, milliseconds. */
const flushMs = 50;

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
  private flushedAt = 0;
  /** When the last change was applied, by our clock. */
  lastChangeAt: number | undefined;

  constructor(
    private readonly lanes: readonly Lane[],
    private readonly tables: FollowedTables,
    /** For looks at the catalog. */
    private readonly control: Session,
    private readonly options: {
      readonly source: string;
      readonly encoding: ValueEncoding;
      /** What a change that cannot be applied stops. Default its table. */
      readonly onFailure?: 'table' | 'run';
    },
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
    return idle && this.failure === undefined ? this.receivedLsn : this.durableLsn;
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

  /** How the table of a relation is applied is known, so that {@link add} needs not wait. `next`: what will be asked for. */
  async prepare(relation: Relation, next?: () => Iterable<Relation>): Promise<void> {
    if (this.tables.known(relation) || this.tables.of(relation.oid)?.stopped) return;
    const found = await this.tables.resolve(this.control, relation, next);
    if (found === undefined) this.ignored.add(relation);
    // It may have been stopped meanwhile, for an earlier change.
    if (found?.stop && !found.followed.stopped) this.stop(found.followed, found.stop, found.ddl);
  }

  /** {@link prepare} is to be called first. What is not applied anyway may have other columns than the table has. */
  needs(relation: Relation): boolean {
    if (this.tables.known(relation) !== undefined || this.ignored.has(relation)) return false;
    const followed = this.tables.of(relation.oid);
    return followed === undefined || (followed.stopped === undefined && !this.isPast(followed));
  }

  /** The table has what the transaction that is being collected did. */
  private isPast({ lane, since }: FollowedTable): boolean {
    return this.skipped[lane] === true || (this.current?.commitLsn ?? 0n) < since;
  }

  /** @throws Fault where a change that cannot be applied ends the run */
  add(change: RowChange | Truncate): void {
    if (change.kind !== 'truncate') this.route(change);
    else for (const relation of change.relations) this.route({ kind: 'truncate', relation });
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

  /**
   * Behind a transaction: to be applied before the next begins. Where changes come without a pause, a batch would
   * otherwise end in the midst of a transaction each time, and nothing could be committed.
   */
  get isDue(): boolean {
    if (this.split || this.batch.isNearlyFull) return true;
    return !this.isBusy && Date.now() - this.flushedAt > flushMs;
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
    if (this.isBusy) this.batch.plan(this.options, this.current === undefined);
    await this.applying;
    if (this.failure) throw this.failure;
    const batch = this.batch;
    if (batch.isEmpty && batch.transactions === 0) return;
    this.batch = new Batch(this.lanes.length);
    this.batch.firstAt = this.current?.committedAt;
    this.flushedAt = Date.now();
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

  /**
   * Takes up what waits for a stopped table. `leaveOut` the first change. Between batches alone. True where there is
   * more, and the others are to have their turn.
   */
  async retry(name: RelationName, leaveOut: boolean): Promise<boolean> {
    await this.settle();
    if (this.current !== undefined || !this.batch.isEmpty) return false;
    const { tables, control } = this;
    const followed = tables.find(name);
    const lane = followed && this.lanes[followed.lane];
    if (!followed?.stopped || lane === undefined) return false;
    const place = { source: this.options.source, tables, control, lane };
    if (leaveOut) await skipFirst(place, followed);
    return takeUp(place, followed);
  }

  /** Everything that is collected is left, and what is not committed is taken back: it will be read again. */
  async abandon(): Promise<void> {
    await this.applying;
    this.batch = new Batch(this.lanes.length);
    this.current = undefined;
    for (const lane of this.lanes) await lane.rollback();
  }

  private stop(followed: FollowedTable, fault: Fault, ddl?: string): void {
    if (this.options.onFailure === 'run') throw stoppingRun(fault, ddl);
    const told = ddl !== undefined && { ddl };
    followed.stopped = { fault: fault.toData(), since: Date.now(), waiting: 0, ...told };
    this.batch.lanes[followed.lane]?.stop({ followed, fault, ...told });
  }

  private route(change: TableChange): void {
    const { relation } = change;
    const followed = this.tables.of(relation.oid);
    const commitLsn = this.current?.commitLsn;
    if (followed === undefined || commitLsn === undefined || this.isPast(followed)) return;
    this.batch.count(change);
    const batch = this.batch.lanes[followed.lane];
    const table = this.tables.known(relation);
    if (followed.stopped === undefined && table !== undefined) {
      const entry = entryOf(followed, change, table, commitLsn);
      const unsent = unsentOf(entry);
      if (unsent === undefined) {
        batch?.add(entry);
        return;
      }
      this.stop(followed, unsent);
    }
    batch?.park({ followed, change, commitLsn });
    if (followed.stopped) followed.stopped.waiting += 1;
  }

  private async apply(batch: Batch, isOpen: boolean): Promise<void> {
    try {
      await allLanes(
        this.lanes.map((lane, i) => lane.work(batch.lanes[i] ?? new LaneBatch(), { isPart: isOpen })),
      );
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

  /**
   * A table that stopped while its batch was applied: what was collected of it meanwhile waits, too, also where it had
   * been stopped for what came later.
   */
  private noteStops({ stops }: LaneBatch): void {
    for (const { followed, fault, left } of stops) {
      if (left === 0) continue;
      const collected = this.batch.lanes[followed.lane]?.parkTable(followed) ?? 0;
      const { since = Date.now(), waiting = 0 } = followed.stopped ?? {};
      followed.stopped = { fault: fault.toData(), since, waiting: waiting + left + collected };
    }
  }

  /** A lane that was ahead of the others stays there until they have caught up. */
  private async commit(lsn: Lsn): Promise<void> {
    await allLanes(this.lanes.map((lane, i) => lane.commit(laterLsn(lsn, this.from[i] ?? lsn))));
    this.durableLsn = laterLsn(lsn, this.durableLsn);
  }
}
