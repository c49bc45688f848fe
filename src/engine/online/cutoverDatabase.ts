import { cutoverSteps } from '../../protocol/follow.js';
import { type CutoverRequest, recordOf } from '../cutover/steps.js';
import { Fault } from '../errors/fault.js';
import type { FollowRow } from '../run/followState.js';
import type { CutoverParts } from './cutoverParts.js';
import { CutoverRun } from './cutoverRun.js';

export type { CutoverParts, FollowerHandle } from './cutoverParts.js';

export type CutoverOutcome = 'handedOver' | 'undone';

/**
 * Cuts one database over: the steps in their order, each durable, so that a later call goes on where a killed one
 * stopped. What fails before the hand-over takes everything back and answers `undone`, with the fault in the snapshot:
 * following goes on, and another attempt may be made. Rejects where the run cannot go on (stopped, or a server is away)
 * once the source is free again; the row then says what is left to be taken back, which the next call does.
 */
export function cutOver(parts: CutoverParts): Promise<CutoverOutcome> {
  return cutOverGroup([parts]);
}

/** Several databases, one step of all after the other: all are handed over, or none. */
export async function cutOverGroup(all: readonly CutoverParts[]): Promise<CutoverOutcome> {
  const runs: CutoverRun[] = [];
  try {
    for (const parts of all) runs.push(await CutoverRun.open(parts));
    return await cutOverAll(runs);
  } finally {
    await Promise.all(runs.map((run) => run.close()));
  }
}

/** The request of a cutover that a killed run was at, to be given to {@link cutOver} again. */
export function interruptedCutover(row: FollowRow): CutoverRequest | undefined {
  const isAtWork = row.state === 'cuttingOver' || row.state === 'holding' || row.state === 'undoing';
  return isAtWork ? recordOf(row.cutover)?.request : undefined;
}

/** `undo` was asked for, of this run or of the one before. */
class AskedToUndo extends Error {}

async function cutOverAll(runs: readonly CutoverRun[]): Promise<CutoverOutcome> {
  const left = runs.filter(({ state }) => state !== 'handedOver');
  if (left.length === 0) return 'handedOver';
  const isHandingOver = (): boolean =>
    left.length < runs.length || left.some((run) => run.steps.isHandingOver);
  try {
    const decided = decisionOf(left);
    await eachOf(left, (run) => run.begin());
    if (left.some(({ state }) => state === 'undoing')) throw new AskedToUndo();
    const before = left.filter((run) => !run.steps.isHandingOver);
    for (const step of cutoverSteps.slice(0, -1)) {
      decided.throwIfUndo();
      await eachOf(before, (run) => run.run(step));
    }
    if (!isHandingOver() && before.some(({ parts }) => parts.request.hold)) {
      await eachOf(before, (run) => run.moveTo('holding'));
      await decided.confirmed();
      await eachOf(before, (run) => run.confirm());
    } else decided.throwIfUndo();
    await eachOf(before, (run) => run.requireStill());
    // Whoever goes on after a crash hands all over or none.
    await eachOf(before, (run) => run.steps.save());
  } catch (error) {
    // One is handed over: whoever goes on does the same with the others.
    if (isHandingOver()) throw error;
    if (left.some(({ parts }) => parts.job.signal.aborted)) {
      await everyOf(left, (run) => run.release());
      throw new Fault('FF509', 'The cutover was interrupted.', { cause: error });
    }
    await everyOf(left, (run) => run.undo(faultOf(run, error)));
    return 'undone';
  }
  await eachOf(left, (run) => run.handOver());
  return 'handedOver';
}

function faultOf(run: CutoverRun, error: unknown): Fault | 'known' | undefined {
  if (error instanceof AskedToUndo) return run.state === 'undoing' ? 'known' : undefined;
  return run.failure ?? new Fault('FF853', 'Another database of the group could not be cut over.');
}

/** What is decided about the group: one `undo` counts for all, `confirm` has to come for each. */
function decisionOf(runs: readonly CutoverRun[]) {
  let isUndo = false;
  const all = Promise.all(
    runs.map(async ({ parts }) => {
      if ((await parts.decision()) !== 'undo') return;
      isUndo = true;
      throw new AskedToUndo();
    }),
  );
  all.catch(() => {});
  // Nobody would decide about a database whose changes nobody applies any more: the source must not wait for that.
  let broken: { readonly reason: unknown } | undefined;
  const breaks = Promise.race(runs.map((run) => run.own(() => run.parts.follower.failed())));
  breaks.catch((reason: unknown) => {
    broken = { reason };
  });
  return {
    throwIfUndo: (): void => {
      if (isUndo) throw new AskedToUndo();
      if (broken) throw broken.reason;
    },
    /** Waits for who decides, however long that takes; rejects when the run is stopped, or a follower fails. */
    confirmed: async (): Promise<void> => {
      const stops = AbortSignal.any(runs.map(({ parts }) => parts.job.signal));
      let onAbort = (): void => {};
      const stopped = new Promise<never>((_, reject) => {
        onAbort = () => reject(new Fault('FF509', 'The cutover was interrupted.'));
        stops.addEventListener('abort', onAbort, { once: true });
      });
      if (stops.aborted) onAbort();
      await Promise.race([all, breaks, stopped]).finally(() => stops.removeEventListener('abort', onAbort));
    },
  };
}

/** All at the same time; rejects with the first failure once all have settled. */
async function eachOf(runs: readonly CutoverRun[], work: (run: CutoverRun) => Promise<void>): Promise<void> {
  await everyOf(runs, (run) => run.own(work));
}

async function everyOf(runs: readonly CutoverRun[], work: (run: CutoverRun) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(runs.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
