import type { FaultData } from '../../protocol/connection.js';
import type { RelationName } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import type { Lsn } from '../postgres/lsn.js';
import type { ApplyFigures } from './apply/applier.js';
import type { FollowedTables } from './apply/followedTables.js';
import { type Connected, FollowerConnection, type FollowerConnectionOptions } from './followerConnection.js';
import { type FollowEnd, FollowLoop } from './followLoop.js';
import { FollowProgress } from './followProgress.js';
import { ReconnectPolicy } from './reconnectPolicy.js';
import { StreamGuard } from './streamGuard.js';

export type { FollowEnd } from './followLoop.js';

/** What is followed into what, and until when. */
export interface FollowerOptions extends FollowerConnectionOptions {
  /** How far the target was when it was looked at: what is told until the connections stand. */
  readonly position?: Lsn;
  /** Ends by itself once everything that ends at or before it is applied. */
  readonly endLsn?: Lsn;
  log(level: 'info' | 'warning', message: string): void;
}

/**
 * Follows the changes of a source into a target until it is stopped: connects again by itself, from what the target
 * has. Everything that is asked of it happens between two batches.
 */
export class Follower {
  private readonly progress: FollowProgress;
  private readonly loop: FollowLoop;
  private readonly connection: FollowerConnection;
  private readonly policy = new ReconnectPolicy();
  private ended = false;
  /** Why there is nothing to go on with, whatever the target does. */
  private lost: Fault | undefined;
  /** Why there is no connection just now; undefined where there is one, or was none yet. */
  reconnecting: FaultData | undefined;

  constructor(private readonly options: FollowerOptions) {
    this.progress = new FollowProgress(options.position ?? 0n);
    this.loop = new FollowLoop(options, this.progress);
    this.connection = new FollowerConnection(options, () => this.loop.wake());
  }

  /** Everything that ends at or before it is applied. */
  get position(): Lsn {
    return this.progress.position;
  }

  /** The same, and written down in the target. */
  get durable(): Lsn {
    return this.progress.durable;
  }

  /** Since it was made, over all connections. */
  get figures(): ApplyFigures {
    return this.progress.figures;
  }

  /** When the last change was applied, by our clock. */
  get lastChangeAt(): number | undefined {
    return this.progress.lastChangeAt;
  }

  get spooledBytes(): number {
    return this.connection.current?.changes.spooledBytes ?? 0;
  }

  /** How often a batch had to be planned anew, as merged or in its order it could not be applied. */
  get replans(): number {
    return this.connection.current?.lanes.reduce((sum, lane) => sum + lane.replans, 0) ?? 0;
  }

  /** Undefined while it is not connected. */
  get tables(): FollowedTables | undefined {
    return this.connection.current?.tables;
  }

  /** Runs until it is stopped, or cannot go on. @throws Fault */
  async run(): Promise<FollowEnd> {
    const onAbort = (): void => {
      // One of them may wait for a lock of somebody else; what is not committed is taken back.
      this.connection.destroy();
      this.loop.wake();
    };
    this.options.signal.addEventListener('abort', onAbort);
    try {
      return await this.keepGoing();
    } catch (error) {
      this.progress.fail(error);
      throw error;
    } finally {
      this.ended = true;
      this.options.signal.removeEventListener('abort', onAbort);
    }
  }

  /** What is applied from here on is not confirmed to the source, which keeps its log: it will be read once more. */
  hold(): void {
    this.loop.hold();
  }

  /** Ends at the next boundary between transactions; what is applied stays. */
  stop(): void {
    this.loop.stop();
  }

  /** Until everything that ends at or before `lsn` is applied. Rejects with what ends the following before. */
  appliedThrough(lsn: Lsn): Promise<void> {
    if (this.position >= lsn) return Promise.resolve();
    if (this.ended) return Promise.reject(new Fault('FF509', 'The following of changes has ended.'));
    const applied = this.progress.until(lsn);
    this.loop.wake();
    return applied;
  }

  /** Takes up a stopped table with the change that stopped it, or with the one behind it. */
  retry(name: RelationName, skipFirst: boolean): void {
    this.loop.retry(name, skipFirst);
  }

  private async keepGoing(): Promise<FollowEnd> {
    for (;;) {
      const from = this.durable;
      try {
        const connected = await this.connection.open(this.policy.streaming);
        this.progress.begin(connected.applier);
        this.reconnecting = undefined;
        const end = await this.runGuarded(connected);
        await this.disconnect();
        return end;
      } catch (error) {
        await this.disconnect();
        this.options.signal.throwIfAborted();
        if (this.lost !== undefined) throw this.lost;
        const fault = toFault(error, { side: 'server' });
        if (this.durable > from) this.policy.noteProgress();
        this.policy.requireRetry(fault);
        if (fault.code === 'FF801') await this.connection.endOldSender();
        // Told already where it was given up while the target took nothing.
        if (this.reconnecting?.message !== fault.message)
          this.options.log('warning', `${fault.message}; connecting again`);
        this.reconnecting = fault.toData();
        if (this.loop.isStopping) return 'stopped';
        await this.policy.pause(this.options.signal);
        this.options.signal.throwIfAborted();
      }
    }
  }

  /** However long the target takes for a batch, the source does not wait for us. */
  private async runGuarded(connected: Connected): Promise<FollowEnd> {
    const { source, log } = this.options;
    const { changes, slot } = connected;
    const guard = new StreamGuard({
      source,
      slot,
      changes,
      onGivenUp: (fault) => {
        this.reconnecting = fault.toData();
        log('warning', fault.message);
      },
      onLost: (fault) => {
        this.lost = fault;
        // It may wait for the target for ever.
        this.connection.destroy();
      },
    });
    try {
      return await this.loop.run(connected);
    } finally {
      await guard.stop();
    }
  }

  private async disconnect(): Promise<void> {
    this.progress.end();
    await this.connection.close(!this.loop.isHolding);
  }
}
