import type { FollowGlance } from '../engine/online/followWatch.js';
import type { CutoverSnapshot } from '../protocol/follow.js';
import { checkLine, handOverText, stepLine } from './followText.js';

/**
 * Where the cutover stands that is waited for.
 * `asked`: no run has taken it yet. `silent`: one has, and says nothing of it yet. `gone`: what was kept of the
 * migration went before any of it.
 */
export type CutoverStage =
  | 'asked'
  | 'silent'
  | 'working'
  | 'holding'
  | 'undoing'
  | 'handedOver'
  | 'undone'
  | 'gone';

const untouched: ReadonlySet<string> = new Set(['copying', 'following']);

/** Tells what is new about one cutover from what the target says of it, look by look. */
export class CutoverProgress {
  private seen: CutoverSnapshot | undefined;
  /** The target said that a cutover is at work, this one. */
  private worked = false;
  private readonly steps = new Map<string, string>();
  private checks = '';

  constructor(
    /** Of the request; undefined for the one that is under way. */
    private readonly id: string | undefined,
    /** What was said of an earlier one, which is not this. */
    private readonly before: CutoverSnapshot | undefined,
    private readonly write: (text: string) => void,
  ) {}

  look({ state, said, waiting }: FollowGlance): CutoverStage {
    const own = this.ownOf(said?.cutover);
    if (own !== undefined) this.tell(own);
    const failed = isUndone(this.seen);
    // A run that succeeded removes what it kept, and nobody else may while it is at work.
    if (state === undefined) return this.seen !== undefined && !failed ? 'handedOver' : 'gone';
    if (state === 'handedOver' || state === 'wayBack') return 'handedOver';
    // Also what was cancelled is finished.
    if (state === 'finished') return this.seen !== undefined && !failed ? 'handedOver' : 'gone';
    if (this.id !== undefined && waiting.includes(this.id)) return 'asked';
    if (!untouched.has(state)) {
      this.worked = true;
      return state === 'holding' || state === 'undoing' ? state : 'working';
    }
    if (this.id === undefined || this.worked || (this.seen !== undefined && failed)) return 'undone';
    return this.seen === undefined ? 'silent' : 'working';
  }

  /** What it told last. */
  get last(): CutoverSnapshot | undefined {
    return this.seen;
  }

  private ownOf(cutover: CutoverSnapshot | undefined): CutoverSnapshot | undefined {
    if (cutover === undefined || this.id === undefined || cutover.id === this.id) return cutover;
    const isOlder = cutover.id !== undefined || JSON.stringify(cutover) === JSON.stringify(this.before);
    return isOlder ? undefined : cutover;
  }

  private tell(cutover: CutoverSnapshot): void {
    this.seen = cutover;
    const checks = cutover.checks.map(checkLine).join('\n');
    if (checks !== this.checks && checks !== '') this.write(`Go or no-go:\n${checks}\n`);
    this.checks = checks;
    for (const step of cutover.steps) {
      const before = this.steps.get(step.step) ?? 'pending';
      const now = `${step.state} ${step.state === 'running' ? '' : (step.detail ?? '')}`;
      if (step.state !== 'pending' && now !== before) this.write(`${stepLine(step)}\n`);
      this.steps.set(step.step, step.state === 'pending' ? 'pending' : now);
    }
  }
}

/** It failed, or was taken back, as far as it said. */
export function isUndone(cutover: CutoverSnapshot | undefined): boolean {
  return (
    cutover?.fault !== undefined ||
    (cutover?.steps.some(({ state }) => state === 'failed' || state === 'undone') ?? false)
  );
}

/** The last words. */
export function outcomeText(stage: CutoverStage, cutover: CutoverSnapshot | undefined): string {
  const fault = cutover?.fault;
  const why = fault === undefined ? '' : `${fault.code}: ${fault.message}\n    ${fault.fix}\n`;
  switch (stage) {
    case 'handedOver':
      return `Handed over.\n${cutover === undefined ? '' : handOverText(cutover)}`;
    case 'undone':
      return `${why}Not handed over: the source is as before, and its changes are followed again.\n`;
    default:
      return `${why}The target keeps nothing of this migration any more: it was removed.\n`;
  }
}
