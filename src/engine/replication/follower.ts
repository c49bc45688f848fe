import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionSpec, FaultData } from '../../protocol/connection.js';
import type { RelationName } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import { retryable, toFault } from '../errors/mapError.js';
import { connect } from '../postgres/connect.js';
import { earlierLsn, type Lsn } from '../postgres/lsn.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { terminateBackends } from '../postgres/terminate.js';
import { type FollowRow, readFollow } from '../run/followState.js';
import { Applier, type ApplyFigures } from './apply/applier.js';
import { blameOf } from './apply/applyFaults.js';
import { type DescribeDrift, FollowedTables, type TableToFollow } from './apply/followedTables.js';
import { Lane } from './apply/lane.js';
import type { ValueEncoding } from './pgoutput.js';
import type { Change, Relation } from './pgoutputMessages.js';
import { readSlot } from './slotHealth.js';
import { followSource, needsWholeTransactions, type SourceChanges } from './sourceChanges.js';
import type { SourceEvent } from './sourceEvents.js';

/** How often a quiet stream is looked after, and how often it is written down how far it was read, milliseconds. */
const wakeMs = 200;
const noteMs = 1_000;
/** Tables that are stopped for their columns are looked at again so often, on the target, and on the source, too. */
const refitMs = 2_000;
const refitAllMs = 30_000;
/** Reconnecting: first and longest pause, and how long it is tried in all. */
const firstPauseMs = 300;
const longestPauseMs = 10_000;
const giveUpMs = 15 * 60_000;
/** Faults of the target without any progress in between. */
const mostFaults = 8;

export interface FollowerOptions {
  readonly source: ConnectionSpec;
  readonly target: ConnectionSpec;
  /** A session of the run on the target; it is closed by `close`. */
  open(purpose: string): Promise<Session>;
  close(session: Session): Promise<void>;
  /** Identity of the source, by which its rows in the schema flexferry are found. */
  readonly identity: string;
  readonly tables: readonly TableToFollow[];
  unknown?(relation: Relation): TableToFollow | undefined;
  readonly drift: DescribeDrift;
  /** Of the values of the source. */
  readonly encoding: ValueEncoding;
  readonly replicaRole: boolean;
  /** Of the source, for functions of the target that rely on it. */
  readonly searchPath?: string;
  readonly temporaryFolder: string;
  /** How far the target was when it was looked at: what is told until the connections stand. */
  readonly position?: Lsn;
  /** Ends by itself once everything that ends at or before it is applied. */
  readonly endLsn?: Lsn;
  readonly onFailure: 'table' | 'run';
  log(level: 'info' | 'warning', message: string): void;
  readonly signal: AbortSignal;
}

interface Connected {
  readonly changes: SourceChanges;
  readonly applier: Applier;
  readonly tables: FollowedTables;
  readonly lanes: readonly Lane[];
  readonly control: Session;
  readonly sessions: readonly Session[];
}

type FollowedChange = Exclude<Change, { kind: 'message' }>;

/** `end`: `endLsn` is reached. `stopped`: {@link Follower.stop} was called. */
export type FollowEnd = 'end' | 'stopped';

/**
 * Follows the changes of a source into a target until it is stopped: connects again by itself, from what the target
 * has. Everything that is asked of it happens between two batches.
 */
export class Follower {
  private connected: Connected | undefined;
  /** On the target. */
  private sessions: readonly Session[] = [];
  private wakeUp: () => void = () => {};
  private isAwake = false;
  private stopping = false;
  private tasks: (() => Promise<void>)[] = [];
  private waiters: { lsn: Lsn; resolve(): void; reject(fault: unknown): void }[] = [];
  private row: FollowRow | undefined;
  private streaming = true;
  private notedAt = 0;
  private refitAt = 0;
  private refittedAllAt = 0;
  private before: ApplyFigures = {
    transactions: 0,
    changes: 0,
    appliedAt: undefined,
    waitingSince: undefined,
  };
  private lastPosition: Lsn;
  private lastDurable: Lsn;
  private changedAt: number | undefined;
  private ended = false;
  reconnecting: FaultData | undefined;

  constructor(private readonly options: FollowerOptions) {
    this.lastPosition = options.position ?? 0n;
    this.lastDurable = this.lastPosition;
  }

  /** Everything that ends at or before it is applied. */
  get position(): Lsn {
    return this.connected?.applier.position ?? this.lastPosition;
  }

  /** The same, and written down in the target. */
  get durable(): Lsn {
    return this.connected?.applier.durable ?? this.lastDurable;
  }

  get figures(): ApplyFigures {
    const now = this.connected?.applier.figures;
    if (!now) return this.before;
    return {
      transactions: this.before.transactions + now.transactions,
      changes: this.before.changes + now.changes,
      appliedAt: now.appliedAt ?? this.before.appliedAt,
      waitingSince: now.waitingSince,
    };
  }

  get spooledBytes(): number {
    return this.connected?.changes.spooledBytes ?? 0;
  }

  /** How often a batch had to be planned anew, as merged or in its order it could not be applied. */
  get replans(): number {
    return this.connected?.lanes.reduce((sum, lane) => sum + lane.replans, 0) ?? 0;
  }

  /** When the last change was applied, by our clock. */
  get lastChangeAt(): number | undefined {
    return this.connected?.applier.lastChangeAt ?? this.changedAt;
  }

  get tables(): FollowedTables | undefined {
    return this.connected?.tables;
  }

  /** Runs until it is stopped, or cannot go on. @throws Fault */
  async run(): Promise<FollowEnd> {
    const ticker = setInterval(() => this.wake(), wakeMs);
    const onAbort = (): void => {
      // One of them may wait for a lock of somebody else; what is not committed is taken back.
      for (const session of this.sessions) session.destroy();
      this.wake();
    };
    this.options.signal.addEventListener('abort', onAbort);
    try {
      return await this.keepGoing();
    } catch (error) {
      for (const { reject } of this.waiters.splice(0)) reject(error);
      throw error;
    } finally {
      this.ended = true;
      clearInterval(ticker);
      this.options.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends at the next boundary between transactions; what is applied stays. */
  stop(): void {
    this.stopping = true;
    this.wake();
  }

  /** Until everything that ends at or before `lsn` is applied. Rejects with what ends the following before. */
  appliedThrough(lsn: Lsn): Promise<void> {
    if (this.position >= lsn) return Promise.resolve();
    if (this.ended) return Promise.reject(new Fault('FF509', 'The following of changes has ended.'));
    return new Promise((resolve, reject) => {
      this.waiters.push({ lsn, resolve, reject });
      this.wake();
    });
  }

  /** Takes up a stopped table with the change that stopped it, or with the one behind it. */
  retry(name: RelationName, skipFirst: boolean): void {
    this.tasks.push(async () => {
      if (await this.connected?.applier.retry(name, skipFirst)) this.retry(name, false);
    });
    this.wake();
  }

  private async keepGoing(): Promise<FollowEnd> {
    let failingSince: number | undefined;
    let pause = firstPauseMs;
    let faults = 0;
    for (;;) {
      const from = this.durable;
      try {
        const connected = await this.connect();
        this.connected = connected;
        this.reconnecting = undefined;
        const end = await this.consume(connected);
        await this.disconnect();
        return end;
      } catch (error) {
        await this.disconnect();
        this.options.signal.throwIfAborted();
        const fault = toFault(error, { side: 'server' });
        if (this.durable > from) [failingSince, pause, faults] = [undefined, firstPauseMs, 0];
        faults += 1;
        failingSince ??= Date.now();
        await this.requireRetry(fault, faults, failingSince);
        this.options.log('warning', `${fault.message}; connecting again`);
        this.reconnecting = fault.toData();
        if (this.stopping) return 'stopped';
        await sleep(pause, undefined, { signal: this.options.signal }).catch(() => {});
        this.options.signal.throwIfAborted();
        pause = Math.min(pause * 2, longestPauseMs);
      }
    }
  }

  /** Rethrows what will not get better by itself. */
  private async requireRetry(fault: Fault, faults: number, since: number): Promise<void> {
    if (this.streaming && needsWholeTransactions(fault)) {
      this.streaming = false;
      return;
    }
    const again = retryable(fault.code) || fault.code === 'FF801' || fault.code === 'FF509';
    const ofServer =
      fault.sqlstate !== undefined && blameOf(fault) !== 'change' && !fault.code.startsWith('FF8');
    const mayPass =
      again || (ofServer && faults < mostFaults && fault.code !== 'FF502' && fault.code !== 'FF503');
    if (!mayPass) throw fault;
    if (Date.now() - since > giveUpMs)
      throw new Fault('FF819', `following ended: ${fault.message}`, {
        cause: fault,
        sqlstate: fault.sqlstate,
      });
    if (fault.code === 'FF801') await this.endOldSender();
  }

  /** The sender of a connection that was cut keeps the slot until it notices. */
  private async endOldSender(): Promise<void> {
    const { source } = this.options;
    const slot = this.row?.slot;
    if (slot === undefined) return;
    const session = await connect(source, 'slot', { side: 'source' }).catch(() => undefined);
    if (!session) return;
    const state = await readSlot(session, slot).catch(() => undefined);
    await session.close();
    if (state?.activePid !== undefined) await terminateBackends(source, [state.activePid]);
  }

  private async connect(): Promise<Connected> {
    const { options } = this;
    const sessions: Session[] = [];
    this.sessions = sessions;
    try {
      const control = await options.open('follow control');
      sessions.push(control);
      const row = await readFollow(control, options.identity);
      if (row === undefined) throw new Fault('FF900', 'what was noted of the source is gone');
      this.row = row;
      const tables = await FollowedTables.load(control, options.identity, { ...options, lanes: row.lanes });
      const { lanes, positions } = await this.openLanes(row, tables, sessions);
      const least = positions.reduce(earlierLsn);
      const changes = await this.stream(row, least, control);
      const { identity: source, encoding, onFailure } = options;
      const where = { source, encoding, onFailure };
      const applier = new Applier(lanes, tables, control, where, positions, () => this.wake());
      return { changes, applier, tables, lanes, control, sessions };
    } catch (error) {
      await Promise.all(sessions.map((session) => options.close(session)));
      throw error;
    }
  }

  private async openLanes(
    row: FollowRow,
    tables: FollowedTables,
    sessions: Session[],
  ): Promise<{ lanes: Lane[]; positions: Lsn[] }> {
    const { identity: source, encoding, onFailure, replicaRole, searchPath, open } = this.options;
    const lanes: Lane[] = [];
    const positions: Lsn[] = [];
    for (let number = 0; number < row.lanes; number++) {
      const session = await open(`apply ${number + 1}`);
      sessions.push(session);
      const lane = { source, number, encoding, tables, onFailure, searchPath };
      const opened = await Lane.over(session, lane, replicaRole);
      lanes.push(opened.lane);
      positions.push(opened.position);
    }
    return { lanes, positions };
  }

  private async stream(row: FollowRow, appliedThrough: Lsn, control: Session): Promise<SourceChanges> {
    const { options } = this;
    const { slot, publications, systemId, timeline } = row;
    const changes = await followSource({
      spec: options.source,
      slot,
      publications,
      ...(systemId !== undefined &&
        timeline !== undefined && { known: { systemId, timeline, appliedThrough } }),
      temporaryFolder: options.temporaryFolder,
      streaming: this.streaming,
      signal: options.signal,
    });
    const { identity } = changes;
    // A replica that took over with everything that was applied is a source as good.
    if (identity.timeline !== timeline || identity.systemId !== systemId)
      await control.query(
        `UPDATE flexferry.follow SET system_id = ${literal(identity.systemId)}, timeline = ${identity.timeline}
         WHERE source = ${literal(options.identity)}`,
      );
    return changes;
  }

  /** Lets go of both servers; what is not committed is taken back. Never rejects. */
  private async disconnect(): Promise<void> {
    const { connected, options } = this;
    if (connected === undefined) return;
    const { applier, changes, sessions } = connected;
    this.before = { ...this.figures, waitingSince: undefined };
    this.lastPosition = applier.durable;
    this.lastDurable = applier.durable;
    this.changedAt = applier.lastChangeAt ?? this.changedAt;
    this.connected = undefined;
    // The last word to the source: who follows the slot next begins there.
    changes.confirm(applier.durable);
    await changes.stop();
    await applier.abandon().catch(() => {});
    await Promise.all(sessions.map((session) => options.close(session)));
    await terminateBackends(
      options.target,
      sessions.map((session) => session.backendPid),
    );
  }

  private async consume({ changes, applier }: Connected): Promise<FollowEnd> {
    const iterator = changes[Symbol.asyncIterator]();
    let arrived: IteratorResult<readonly SourceEvent[]> | undefined;
    let failed: unknown;
    let isAsked = false;
    for (;;) {
      if (!isAsked) {
        isAsked = true;
        iterator.next().then(
          (result) => {
            arrived = result;
            this.wake();
          },
          (error: unknown) => {
            failed = error;
            this.wake();
          },
        );
      }
      await this.woken();
      this.options.signal.throwIfAborted();
      if (failed !== undefined) throw failed;
      if (arrived !== undefined) {
        const { done, value } = arrived;
        if (done === true) throw new Fault('FF115', 'the stream of changes ended');
        isAsked = false;
        arrived = undefined;
        if (await this.take(applier, value)) return 'end';
      }
      if (!applier.isBusy) await applier.settle();
      if (applier.isReady && !applier.isBusy) await applier.flush();
      if (await this.betweenBatches(applier)) return 'stopped';
      changes.confirm(applier.durable);
      this.tellWaiters(applier.position);
    }
  }

  /** True once `endLsn` is reached: everything before it is durable, nothing behind it is applied. */
  private async take(applier: Applier, events: readonly SourceEvent[]): Promise<boolean> {
    const { endLsn } = this.options;
    for (const event of events) {
      switch (event.kind) {
        case 'begin':
          if (endLsn !== undefined && event.commitLsn >= endLsn) return this.finish(applier, endLsn);
          applier.begin(event);
          break;
        case 'commit':
          applier.end(event);
          if (applier.isDue) await applier.flush();
          break;
        case 'progress':
          applier.progress(endLsn === undefined ? event.lsn : earlierLsn(event.lsn, endLsn));
          if (endLsn !== undefined && event.lsn >= endLsn) return this.finish(applier, endLsn);
          break;
        case 'message':
          break;
        default:
          // Most changes need nothing to be waited for, and waiting would cost more than they do.
          if (this.isNew(applier, event)) await this.prepare(applier, event);
          applier.add(event);
          if (applier.isFull) await applier.flush();
      }
    }
    return false;
  }

  private isNew(applier: Applier, change: FollowedChange): boolean {
    return change.kind === 'truncate'
      ? change.relations.some((relation) => applier.needs(relation))
      : applier.needs(change.relation);
  }

  private async prepare(applier: Applier, change: FollowedChange): Promise<void> {
    const relations = change.kind === 'truncate' ? change.relations : [change.relation];
    for (const relation of relations) if (applier.needs(relation)) await applier.prepare(relation);
  }

  private async finish(applier: Applier, endLsn: Lsn): Promise<true> {
    applier.progress(endLsn);
    await this.rest(applier);
    this.tellWaiters(applier.position);
    return true;
  }

  /** Everything that was collected becomes durable. */
  private async rest(applier: Applier): Promise<void> {
    await applier.flush();
    await applier.settle();
    await applier.noteProgress();
  }

  /** True if the following ends here. */
  private async betweenBatches(applier: Applier): Promise<boolean> {
    if (!applier.isAtBoundary) return false;
    const now = Date.now();
    if (this.stopping || this.tasks.length > 0) {
      await this.rest(applier);
      // One that asks for another turn comes behind the changes that wait; those behind one that fails stay.
      for (let due = this.tasks.length; due > 0; due--) await this.tasks.shift()?.();
      return this.stopping;
    }
    if (applier.isBusy) return false;
    if (now - this.notedAt >= noteMs) {
      this.notedAt = now;
      await applier.noteProgress();
    }
    if (now - this.refitAt >= refitMs) {
      this.refitAt = now;
      await this.refit(now - this.refittedAllAt >= refitAllMs);
    }
    return false;
  }

  /** Tables that are stopped for their columns go on once these are as they should be, on either side. */
  private async refit(all: boolean): Promise<void> {
    const { tables, control } = this.connected ?? {};
    if (tables === undefined || control === undefined) return;
    if (all) this.refittedAllAt = this.refitAt;
    for (const table of await tables.toRefit(control, all)) this.retry(table, false);
  }

  private tellWaiters(position: Lsn): void {
    const reached = this.waiters.filter(({ lsn }) => lsn <= position);
    if (reached.length === 0) return;
    this.waiters = this.waiters.filter(({ lsn }) => lsn > position);
    for (const { resolve } of reached) resolve();
  }

  private wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  private async woken(): Promise<void> {
    if (!this.isAwake)
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
    this.isAwake = false;
  }
}
