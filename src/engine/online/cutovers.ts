import type { FollowRequest } from '../../protocol/follow.js';
import type { BaseCopy } from '../baseCopy.js';
import type { CutoverRequest } from '../cutover/steps.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import type { FollowRow } from '../run/followState.js';
import { interruptedCutover } from './cutoverDatabase.js';
import type { CutoverDesk } from './cutoverDesk.js';
import type { CutoverParts, FollowerHandle } from './cutoverParts.js';
import type { FollowedDatabase } from './followDatabase.js';

export interface CutoversOptions {
  readonly job: DatabaseJob;
  readonly base: BaseCopy;
  readonly followed: FollowedDatabase;
  readonly desk: CutoverDesk;
  /** What a direction has beside: see {@link CutoverParts}. */
  extra(parts: () => CutoverParts): Pick<CutoverParts, 'companion' | 'back'>;
  onHandedOver(): void;
  /** The run cannot go on. */
  onFailure(error: unknown): void;
}

/** The cutovers of a database that is followed, one at a time: those that are asked for, and one that a killed run left. */
export class Cutovers {
  private decide: ((decision: 'confirm' | 'undo') => void) | undefined;
  /** Decided before anybody waited for it. */
  private decided: 'undo' | undefined;
  private current: Promise<void> | undefined;

  constructor(private readonly options: CutoversOptions) {}

  get isAtWork(): boolean {
    return this.current !== undefined;
  }

  /** Until the one that is at work has ended. */
  async settled(): Promise<void> {
    await this.current;
  }

  /**
   * The run ends, and its sessions with it: nothing may stay read-only because of that. One whose run was stopped or
   * whose follower failed is ended by that; another is taken back, unless it is too late.
   */
  async endEarly(): Promise<void> {
    const { job, followed } = this.options;
    if (!job.signal.aborted && !followed.hasFailed) this.take({ command: 'undo' });
    await this.settled();
  }

  /** One that a run before had begun goes on by itself. */
  goOn(row: FollowRow): void {
    const request = interruptedCutover(row);
    if (request) this.begin(request);
  }

  /** False where the request is not about a cutover. */
  take(request: FollowRequest): boolean {
    if (request.command === 'cutover') this.begin(request);
    else if (request.command === 'confirm' || request.command === 'undo') {
      if (request.command === 'undo') this.decided = 'undo';
      this.decide?.(request.command);
    } else return false;
    return true;
  }

  private begin(request: CutoverRequest): void {
    if (this.isAtWork) return;
    this.decide = undefined;
    this.decided = undefined;
    this.current = this.cutOver(request).finally(() => {
      this.current = undefined;
    });
  }

  /** Never rejects. */
  private async cutOver(request: CutoverRequest): Promise<void> {
    const { job, followed, desk } = this.options;
    const target = await job.sessions.open('target', 'cutover').catch(() => undefined);
    if (target === undefined) return;
    try {
      const done = await desk.cutOver(request, this.parts(request, target));
      if (done === 'handedOver') this.options.onHandedOver();
    } catch (error) {
      if (!job.signal.aborted)
        job.tracker.log('error', error instanceof Error ? error.message : String(error));
      if (error instanceof Fault && followed.state === 'handedOver') this.options.onHandedOver();
      else if (followed.state !== 'following') this.options.onFailure(error);
    } finally {
      await job.sessions.close(target);
    }
  }

  private parts(request: CutoverRequest, target: CutoverParts['target']): CutoverParts {
    const { job, base, followed } = this.options;
    const { filter, tables, sequences } = base.planned;
    const parts: CutoverParts = {
      job,
      context: base.context,
      follower: handleOf(followed),
      target,
      tables,
      filter,
      sequenceTargets: sequences,
      deferred: base.deferred,
      refreshes: base.refreshes,
      request,
      decision: () =>
        new Promise((resolve) => {
          this.decide = resolve;
          if (this.decided) resolve(this.decided);
        }),
      onSnapshot: (cutover) => {
        followed.cutover = cutover;
        followed.tell();
      },
      onState: (state) => {
        followed.state = state;
        followed.tell();
      },
    };
    return { ...parts, ...this.options.extra(() => parts) };
  }
}

function handleOf(followed: FollowedDatabase): FollowerHandle {
  return {
    snapshot: () => followed.snapshot(),
    appliedThrough: (lsn) => followed.follower.appliedThrough(lsn),
    failed: () =>
      new Promise((_, reject) => {
        followed.ended.catch(reject);
      }),
    stop: async () => {
      followed.follower.stop();
      await followed.ended;
    },
    get lastChangeAt() {
      return followed.follower.lastChangeAt;
    },
  };
}
