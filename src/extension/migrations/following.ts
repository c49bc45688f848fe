import type { FollowSnapshot } from '../../protocol/follow.js';
import { type CutoverStage, cutoverStage, followedDatabases } from '../../protocol/followView.js';
import type { RunSnapshot } from '../../protocol/model.js';
import type { CleanUp, LagPoint } from '../../protocol/webview.js';

/** Points of a chart; a longer history is kept at half the resolution instead of losing its beginning. */
const maximalPoints = 900;
/** The run measures once a second. */
const pointMs = 900;
/** After this long a request that nothing came of is no longer waited for. */
const askedMs = 15_000;

/** What was asked of a run, and how things stood then. */
interface Asked {
  readonly at: number;
  readonly before: string;
}

/** What is remembered of the followed databases of one migration. The clock is passed in. */
export class Following {
  #lag = new Map<string, LagPoint[]>();
  #asked: Asked | undefined;
  #stage: CutoverStage = 'before';
  /** The user has opened the cutover on the dashboard. */
  cutoverOpen = false;
  cleanUp: CleanUp | undefined;
  /** The run is being ended to be cleaned up: that it ended is no news then. */
  isCleaningUp = false;

  /** By key of the database. */
  get lag(): Readonly<Record<string, readonly LagPoint[]>> {
    return Object.fromEntries(this.#lag);
  }

  /** A run begins. */
  reset(): void {
    this.#lag = new Map();
    this.#asked = undefined;
    this.cleanUp = undefined;
    this.cutoverOpen = false;
  }

  take(snapshot: RunSnapshot, now: number): void {
    const followed = followedDatabases(snapshot);
    for (const { source, follow } of followed) this.addLag(source, follow, now);
    const stage = cutoverStage(followed);
    // After the hand-over the next thing that could be opened is the way back.
    if (stage === 'after' && this.#stage !== 'after') this.cutoverOpen = false;
    this.#stage = stage;
    if (this.#asked && this.#asked.before !== signature(snapshot)) this.#asked = undefined;
  }

  addLag(database: string, follow: FollowSnapshot, at: number): void {
    // Before the first change comes there is nothing to lag behind, and afterwards nothing that lags.
    if (follow.state === 'copying' || follow.state === 'handedOver' || follow.state === 'finished') return;
    const points = this.#lag.get(database) ?? [];
    const last = points.at(-1);
    if (last && at - last[0] < pointMs) return;
    const added: LagPoint[] = [...points, [at, follow.lagSeconds, follow.lagBytes]];
    this.#lag.set(
      database,
      added.length > maximalPoints ? added.filter((_, index) => index % 2 === 0) : added,
    );
  }

  /** Something was asked of the run: buttons rest until it shows. */
  ask(snapshot: RunSnapshot | undefined, now: number): void {
    this.#asked = { at: now, before: signature(snapshot) };
  }

  /** The request did not get through. */
  answered(): void {
    this.#asked = undefined;
  }

  asking(now: number): boolean {
    return this.#asked !== undefined && now - this.#asked.at < askedMs;
  }
}

/** What a request changes, as one text. */
function signature(snapshot: RunSnapshot | undefined): string {
  return JSON.stringify(
    followedDatabases(snapshot).map(({ follow }) => [
      follow.state,
      follow.cutover?.steps.map(({ state }) => state),
      follow.cutover?.fault?.code,
      follow.stopped.length,
      follow.newTables.length,
      follow.ddlSeen?.done,
    ]),
  );
}
