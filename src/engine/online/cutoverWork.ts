import { setTimeout as sleep } from 'node:timers/promises';
import { formatSeconds, plural } from '../../base/format.js';
import { describe } from '../cutover/fence.js';
import { fencedLsn } from '../cutover/fencedLsn.js';
import { refusals } from '../cutover/gate.js';
import type { CutoverSteps, CutoverWork } from '../cutover/steps.js';
import { Fault } from '../errors/fault.js';
import { formatLsn } from '../postgres/lsn.js';
import { refreshAgain } from '../schema/refresh.js';
import { addDeferred, finishDeferred, takeBackDeferred } from '../schema/runDeferred.js';
import { setSequences } from '../schema/sequences.js';
import { goOrNoGo, verifyCutover } from './cutoverChecks.js';
import { type CutoverParts, cutoverTimes } from './cutoverParts.js';
import type { CutoverSource } from './cutoverSource.js';
import { handOverTexts } from './handOverTexts.js';

/** Increments that sequences leave out: for values that the source handed out and that no row of it shows. */
const sequenceMargin = 100;
const pauseMs = 50;

/** What a step needs beside the parts. */
export interface StepPlace {
  readonly parts: CutoverParts;
  readonly source: CutoverSource;
  readonly steps: CutoverSteps;
}

/** The work of the eight steps. `place` is asked for when a step runs. */
export function cutoverWork(place: () => StepPlace): CutoverWork {
  return {
    gate: { run: () => gate(place()), undo: async () => place().parts.companion?.undo?.() },
    fence: { run: () => fence(place()), undo: () => place().source.liftAndForget() },
    drain: { run: () => drain(place()) },
    sequences: { run: () => sequences(place()) },
    constraints: {
      run: () => constraints(place()),
      undo: () => {
        const { context, target, deferred } = place().parts;
        return takeBackDeferred(context, target, deferred);
      },
    },
    refresh: { run: () => refresh(place()) },
    verify: { run: () => verify(place()) },
    handOver: { run: () => handOver(place()) },
  };
}

/** Somebody decides before the last step, or has decided already to go on whatever comes. */
const goesOn = ({ steps }: StepPlace): boolean => steps.record.request.force || steps.record.request.hold;

/** Stops the cutover, or is shown to who decides. */
function complain(place: StepPlace, fault: Fault): void {
  if (!goesOn(place)) throw fault;
  if (!place.steps.record.request.force) place.steps.change({ fault: fault.toData() });
}

async function gate(place: StepPlace): Promise<string> {
  const said = await decideGate(place);
  await place.parts.companion?.prepare?.();
  return said;
}

async function decideGate({ parts, source, steps }: StepPlace): Promise<string> {
  const checks = await goOrNoGo(parts, await source.use());
  steps.change({ checks });
  const refused = refusals(checks);
  const [first] = refused;
  if (first === undefined) {
    const warnings = checks.filter(({ verdict }) => verdict === 'warn').length;
    return warnings === 0 ? 'Go.' : `Go, with ${plural(warnings, 'warning')}.`;
  }
  const why = refused.map(({ message }) => message).join(' ');
  if (!steps.record.request.force)
    throw new Fault('FF840', why, { ...(first.fix !== undefined && { fix: first.fix }) });
  return `Forced in spite of: ${why}`;
}

async function fence(place: StepPlace): Promise<string> {
  const { parts, source, steps } = place;
  if (steps.record.fence === 'none') return quiet(place);
  steps.change({ stillSince: now(parts) });
  const { ended, stays } = await source.fence();
  const left =
    stays.length === 0 ? '' : ` ${plural(stays.length, 'session')} could not be ended: ${describe(stays)}.`;
  return `The source is read-only; ${plural(ended, 'session')} ended.${left}`;
}

const now = ({ job }: CutoverParts): number => job.tracker.now();

/** The user stops the applications: until nothing has come for a moment, with all applied that was there. */
async function quiet({ parts, source, steps }: StepPlace): Promise<string> {
  const { follower, job } = parts;
  const times = { ...cutoverTimes, ...parts.times };
  const session = await source.use();
  for (const end = Date.now() + times.quietLimitMs; ; await sleep(pauseMs)) {
    await applied(parts, await fencedLsn(session, job.signal));
    const last = follower.lastChangeAt;
    const still = last === undefined ? Number.POSITIVE_INFINITY : now(parts) - last;
    if (still >= times.quietMs) {
      steps.change({ stillSince: last ?? now(parts) });
      return last === undefined
        ? 'Nothing came from the source.'
        : `Nothing came from the source for ${formatSeconds(still / 1000)}.`;
    }
    if (Date.now() > end)
      throw new Fault(
        'FF843',
        `The source was still written to after ${formatSeconds(times.quietLimitMs / 1000)}.`,
      );
    // The next look at the log is due when it may be long enough.
    await sleep(Math.min(times.quietMs - still, 500));
  }
}

async function drain({ parts, source, steps }: StepPlace): Promise<string> {
  const lsn = await fencedLsn(await source.use(), parts.job.signal);
  await applied(parts, lsn);
  steps.change({ drained: { lsn: formatLsn(lsn), at: now(parts) } });
  return `Everything up to ${formatLsn(lsn)} is applied.`;
}

/** Waits for the follower, but not for ever. */
async function applied(parts: CutoverParts, lsn: bigint): Promise<void> {
  const { follower, job } = parts;
  const limit = { ...cutoverTimes, ...parts.times }.drainLimitMs;
  const over = new AbortController();
  const late = sleep(limit, 'late' as const, { signal: AbortSignal.any([over.signal, job.signal]) });
  try {
    const first = await Promise.race([follower.appliedThrough(lsn), late]);
    if (first === 'late')
      throw new Fault('FF844', `Not everything was applied within ${formatSeconds(limit / 1000)}.`);
  } finally {
    over.abort();
    late.catch(() => {});
  }
  job.signal.throwIfAborted();
}

async function sequences(place: StepPlace): Promise<string> {
  const { context, target, filter, tables, sequenceTargets, back } = place.parts;
  const named = back && ({ namedOnly: true } as const);
  const scope = { filter, tables, targets: sequenceTargets, margin: sequenceMargin, ...named };
  const { total, equal, away } = await setSequences(context, await place.source.use(), target, scope);
  const said = `${equal} of ${plural(total, 'sequence')} set, ${sequenceMargin} values ahead of the source.`;
  // What is away was told by the gate.
  const failed = total - equal - away;
  if (failed > 0) complain(place, new Fault('FF851', `${plural(failed, 'sequence')} could not be set.`));
  return total === 0 ? 'There is no sequence.' : said;
}

async function constraints(place: StepPlace): Promise<string> {
  const { context, target, deferred } = place.parts;
  const { added, failed } = await addDeferred(context, target, deferred);
  const [first] = failed;
  if (first !== undefined)
    complain(place, new Fault('FF850', `${plural(failed.length, 'object')} failed, the first: ${first}.`));
  const said = added === 0 ? 'Nothing was kept back.' : `${plural(added, 'object')} added or validated.`;
  return failed.length === 0 ? said : `${said} ${failed.length} failed.`;
}

async function refresh({ parts: { context, target, refreshes } }: StepPlace): Promise<string> {
  const wanted = refreshes.filter(({ skip }) => !skip).length;
  const fresh = await refreshAgain(context, target, refreshes);
  if (wanted === 0) return 'There is no materialized view.';
  return `${fresh} of ${plural(wanted, 'materialized view')} refreshed.`;
}

async function verify(place: StepPlace): Promise<string> {
  const { different, said } = await verifyCutover(place.parts);
  if (different.length === 0) return said;
  const shown = different.slice(0, 5).join(', ');
  const rest = different.length > 5 ? ` and ${different.length - 5} more` : '';
  const message = `Source and target differ in ${shown}${rest}.`;
  complain(place, new Fault('FF846', message));
  return `${said} ${message}`;
}

/** Rejects with FF845 where something came from the source since it was drained. */
export async function requireStill({ parts, source, steps }: StepPlace): Promise<void> {
  await applied(parts, await fencedLsn(await source.use(), parts.job.signal));
  const { drained, request } = steps.record;
  const last = parts.follower.lastChangeAt;
  const came = drained !== undefined && last !== undefined && last > drained.at;
  if (came && !request.force)
    throw new Fault('FF845', 'The source was written to after everything had been applied.');
}

async function handOver({ parts, steps }: StepPlace): Promise<string> {
  const { context, target, follower, deferred, companion } = parts;
  // From here on nothing is applied, so triggers may act.
  await follower.stop();
  await finishDeferred(context, target, deferred);
  const more = await companion?.handOver?.();
  const downtimeMs = Math.max(0, now(parts) - (steps.record.stillSince ?? now(parts)));
  steps.change({ downtimeMs, handOver: handOverTexts(parts) });
  const when = parts.back ? 'again' : 'now';
  const said = `Applications belong to the target ${when}, after ${formatSeconds(downtimeMs / 1000)} without writes.`;
  return more === undefined ? said : `${said} ${more}`;
}
