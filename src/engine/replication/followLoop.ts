import type { RelationName } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import { earlierLsn, type Lsn } from '../postgres/lsn.js';
import type { Applier } from './apply/applier.js';
import type { Connected } from './followerConnection.js';
import type { FollowProgress } from './followProgress.js';
import type { Change, LogicalMessage, Relation } from './pgoutputMessages.js';
import type { SourceChanges } from './sourceChanges.js';
import type { SourceEvent } from './sourceEvents.js';

/** How often a quiet stream is looked after, and how often it is written down how far it was read, milliseconds. */
const wakeMs = 200;
const noteMs = 1_000;
/** Tables that are stopped for their columns are looked at again so often, on the target, and on the source, too. */
const refitMs = 2_000;
const refitAllMs = 30_000;

/** `end`: `endLsn` is reached. `stopped`: {@link FollowLoop.stop} was called. */
export type FollowEnd = 'end' | 'stopped';

type FollowedChange = Exclude<Change, { kind: 'message' }>;

/**
 * Hands what the source sends to the applier, and does what is asked of it between two batches. What was asked and not
 * done yet stays for the next connection.
 */
export class FollowLoop {
  private wakeUp: () => void = () => {};
  private isAwake = false;
  private stopping = false;
  private holding = false;
  private tasks: ((applier: Applier) => Promise<void>)[] = [];
  private notedAt = 0;
  private refitAt = 0;
  private refittedAllAt = 0;

  constructor(
    private readonly options: {
      /** Ends by itself once everything that ends at or before it is applied. */
      readonly endLsn?: Lsn;
      onMessage?(message: LogicalMessage): Promise<void>;
      readonly signal: AbortSignal;
    },
    private readonly progress: FollowProgress,
  ) {}

  /** {@link stop} was called. */
  get isStopping(): boolean {
    return this.stopping;
  }

  /** Nothing is confirmed to the source any more. */
  get isHolding(): boolean {
    return this.holding;
  }

  hold(): void {
    this.holding = true;
  }

  /** Ends at the next boundary between transactions. */
  stop(): void {
    this.stopping = true;
    this.wake();
  }

  /** Takes up a stopped table with the change that stopped it, or with the one behind it. */
  retry(name: RelationName, skipFirst: boolean): void {
    this.tasks.push(async (applier) => {
      if (await applier.retry(name, skipFirst)) this.retry(name, false);
    });
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  /** Until it is to end, or the connection is lost. @throws Fault */
  async run(connected: Connected): Promise<FollowEnd> {
    const ticker = setInterval(() => this.wake(), wakeMs);
    try {
      return await this.consume(connected);
    } finally {
      clearInterval(ticker);
    }
  }

  private async consume(connected: Connected): Promise<FollowEnd> {
    const { changes, applier } = connected;
    const arrivals = new Arrivals(changes, () => this.wake());
    for (;;) {
      arrivals.ask();
      await this.woken();
      this.options.signal.throwIfAborted();
      const events = arrivals.take();
      if (events !== undefined && (await this.take(applier, events))) {
        this.progress.tell();
        return 'end';
      }
      if (!applier.isBusy) await applier.settle();
      if (applier.isReady && !applier.isBusy) await applier.flush();
      if (await this.betweenBatches(connected)) return 'stopped';
      if (!this.holding) changes.confirm(applier.durable);
      this.progress.tell();
    }
  }

  private async woken(): Promise<void> {
    if (!this.isAwake)
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
    this.isAwake = false;
  }

  /** True once `endLsn` is reached: everything before it is durable, nothing behind it is applied. */
  private async take(applier: Applier, events: readonly SourceEvent[]): Promise<boolean> {
    const { endLsn } = this.options;
    for (const event of events) {
      switch (event.kind) {
        case 'begin':
          if (endLsn !== undefined && event.commitLsn >= endLsn) return finish(applier, endLsn);
          applier.begin(event);
          break;
        case 'commit':
          applier.end(event);
          if (applier.isDue) await applier.flush();
          break;
        case 'progress':
          applier.progress(endLsn === undefined ? event.lsn : earlierLsn(event.lsn, endLsn));
          if (endLsn !== undefined && event.lsn >= endLsn) return finish(applier, endLsn);
          break;
        case 'message':
          await this.options.onMessage?.(event);
          break;
        default:
          // Most changes need nothing to be waited for, and waiting would cost more than they do.
          if (isNew(applier, event)) await prepare(applier, event, () => relationsFrom(events, event));
          applier.add(event);
          if (applier.isFull) await applier.flush();
      }
    }
    return false;
  }

  /** True if the following ends here. */
  private async betweenBatches(connected: Connected): Promise<boolean> {
    const { applier } = connected;
    if (!applier.isAtBoundary) return false;
    const now = Date.now();
    if (this.stopping || this.tasks.length > 0) {
      await rest(applier);
      // One that asks for another turn comes behind the changes that wait; those behind one that fails stay.
      for (let due = this.tasks.length; due > 0; due--) await this.tasks.shift()?.(applier);
      return this.stopping;
    }
    if (applier.isBusy) return false;
    if (now - this.notedAt >= noteMs) {
      this.notedAt = now;
      await applier.noteProgress();
    }
    if (now - this.refitAt >= refitMs) {
      this.refitAt = now;
      await this.refit(connected, now - this.refittedAllAt >= refitAllMs);
    }
    return false;
  }

  /** Tables that are stopped for their columns go on once these are as they should be, on either side. */
  private async refit({ tables, control }: Connected, all: boolean): Promise<void> {
    if (all) this.refittedAllAt = this.refitAt;
    for (const table of await tables.toRefit(control, all)) this.retry(table, false);
  }
}

/**
 * What the source sends, one piece at a time: it is asked for the next while other things are done, and sends no more
 * until it is asked again.
 */
class Arrivals {
  private readonly iterator: AsyncIterator<readonly SourceEvent[]>;
  private isAsked = false;
  private arrived: IteratorResult<readonly SourceEvent[]> | undefined;
  private failed: unknown;

  constructor(
    changes: SourceChanges,
    /** {@link take} has something to say. */
    private readonly onArrival: () => void,
  ) {
    this.iterator = changes[Symbol.asyncIterator]();
  }

  ask(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    this.iterator.next().then(
      (result) => {
        this.arrived = result;
        this.onArrival();
      },
      (error: unknown) => {
        this.failed = error;
        this.onArrival();
      },
    );
  }

  /** Undefined where nothing has come yet. @throws what the stream ended with */
  take(): readonly SourceEvent[] | undefined {
    if (this.failed !== undefined) throw this.failed;
    if (this.arrived === undefined) return undefined;
    const { done, value } = this.arrived;
    if (done === true) throw new Fault('FF115', 'the stream of changes ended');
    this.isAsked = false;
    this.arrived = undefined;
    return value;
  }
}

function isNew(applier: Applier, change: FollowedChange): boolean {
  return change.kind === 'truncate'
    ? change.relations.some((relation) => applier.needs(relation))
    : applier.needs(change.relation);
}

async function prepare(
  applier: Applier,
  change: FollowedChange,
  next: () => Iterable<Relation>,
): Promise<void> {
  const relations = change.kind === 'truncate' ? change.relations : [change.relation];
  for (const relation of relations) if (applier.needs(relation)) await applier.prepare(relation, next);
}

function* relationsFrom(events: readonly SourceEvent[], first: SourceEvent): Generator<Relation> {
  for (const event of events.slice(events.indexOf(first)))
    if (event.kind === 'truncate') yield* event.relations;
    else if ('relation' in event) yield event.relation;
}

async function finish(applier: Applier, endLsn: Lsn): Promise<true> {
  applier.progress(endLsn);
  await rest(applier);
  return true;
}

/** Everything that was collected becomes durable. */
async function rest(applier: Applier): Promise<void> {
  await applier.flush();
  await applier.settle();
  await applier.noteProgress();
}
