import type { FollowSnapshot, FollowState } from '../../protocol/follow.js';
import { recordOf, snapshotOf } from '../cutover/steps.js';
import { Fault } from '../errors/fault.js';
import { retryable } from '../errors/mapError.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { isRunAtWork } from '../run/claim.js';
import { type FollowRow, readFollow, waitingRequests } from '../run/followState.js';
import { nothingFollowed } from './followControl.js';
import { type FollowSpecs, withFollowPlace } from './followPlace.js';

/** What the target says of an online migration at a moment. */
export interface FollowGlance {
  /** Undefined once the migration has removed what it kept: the last thing that a run does that succeeded. */
  readonly state?: FollowState;
  readonly said?: FollowSnapshot;
  readonly running: boolean;
  /** Ids of the cutovers that were asked for and that no run has taken yet. */
  readonly waiting: readonly string[];
}

/** Looks at an online migration again and again, by the target alone; a lost connection is made again. */
export class FollowWatch {
  private session: Session | undefined;

  private constructor(
    private readonly specs: FollowSpecs,
    private readonly source: string,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws Fault FF860 if nothing is followed there; those of {@link withFollowPlace}. */
  static async use<T>(
    specs: FollowSpecs,
    signal: AbortSignal,
    work: (watch: FollowWatch) => Promise<T>,
  ): Promise<T> {
    const watch = await withFollowPlace(specs, signal, async ({ row }) => {
      if (row === undefined) throw nothingFollowed(specs);
      return new FollowWatch(specs, row.source, signal);
    });
    try {
      return await work(watch);
    } finally {
      await watch.session?.close();
    }
  }

  /** Undefined where the target cannot be reached just now. */
  async look(): Promise<FollowGlance | undefined> {
    try {
      if (this.session === undefined || this.session.closed)
        this.session = await connect(this.specs.target, 'watch', { signal: this.signal, side: 'target' });
      return await this.glance(this.session);
    } catch (error) {
      if (this.signal.aborted)
        throw new Fault('FF509', 'It was interrupted.', {
          fix: 'Call it again: nothing else is to be done.',
        });
      if (error instanceof Fault && retryable(error.code)) return undefined;
      throw error;
    }
  }

  private async glance(target: Session): Promise<FollowGlance> {
    const running = await isRunAtWork(target);
    const row = await this.rowOf(target);
    if (row === undefined) return { running, waiting: [] };
    const said = saidOf(row);
    return { state: row.state, ...(said && { said }), running, waiting: row.waiting };
  }

  /** What is kept may go between two looks at it. */
  private async rowOf(target: Session) {
    try {
      const row = await readFollow(target, this.source);
      if (row === undefined) return undefined;
      const requests = await waitingRequests(target, this.source);
      const waiting = requests.flatMap((one) => (one.command === 'cutover' ? [one.id] : []));
      return { ...row, waiting };
    } catch (error) {
      if (error instanceof Fault && isGone(error.sqlstate)) return undefined;
      throw error;
    }
  }
}

/**
 * A cutover is told as it was written down with its steps: what the run says, once a second, may be older, and one that
 * is taken back at once would end without a reason.
 */
function saidOf({ state, said, cutover }: FollowRow): FollowSnapshot | undefined {
  const record = state === 'copying' || state === 'finished' ? undefined : recordOf(cutover);
  const isOver = state === 'following' || state === 'handedOver' || state === 'wayBack';
  return said && record ? { ...said, cutover: snapshotOf(record, Date.now(), isOver) } : said;
}

/** undefined_table, invalid_schema_name. */
const isGone = (sqlstate: string | undefined): boolean => sqlstate === '42P01' || sqlstate === '3F000';
