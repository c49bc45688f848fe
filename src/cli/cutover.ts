import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { followStatus, requestFollow } from '../engine/online/followControl.js';
import type { FollowSpecs } from '../engine/online/followPlace.js';
import { FollowWatch } from '../engine/online/followWatch.js';
import type { Fence, FollowRequest } from '../protocol/follow.js';
import type { CutoverCommand } from './commands.js';
import { CutoverProgress, type CutoverStage, outcomeText } from './cutoverProgress.js';
import { stateTitles, statusText } from './followText.js';
import { specsOf } from './params.js';
import type { Output } from './progress.js';
import { ask, canAsk, confirmed } from './question.js';

/** Between two looks at the target; milliseconds. */
const lookEvery = 250;
/** A run whose connection is made again is away for a moment; milliseconds. */
const runMissing = 5_000;
/** A run that ended may be started again by whoever watches it; milliseconds. */
const withoutRunLimit = 10 * 60_000;
/** A run says something every second; milliseconds. */
const silentLimit = 60_000;

const askedText = 'Asked: the run takes it up within a second, or once the base copy is done.\n';
export const noRunText =
  'No run is at work now. The request stays: the command that began the migration takes it up when it is started again.\n';

/** Asks, waits, tells. 0: what was asked for came about; 1: it did not; 4: interrupted, the request stays. */
export async function cutOver(command: CutoverCommand, out: Output, signal: AbortSignal): Promise<number> {
  const specs = specsOf(command);
  const request = await chosenRequest(command, specs, out, signal);
  if (request === undefined) return 1;
  return FollowWatch.use(specs, signal, (watch) => waitFor(watch, specs, request, out, signal));
}

async function waitFor(
  watch: FollowWatch,
  specs: FollowSpecs,
  request: FollowRequest,
  out: Output,
  signal: AbortSignal,
): Promise<number> {
  const id = request.command === 'cutover' ? request.id : undefined;
  const progress = new CutoverProgress(id, (await watch.look())?.said?.cutover, out.write);
  const { running } = await requestFollow(specs, request, signal);
  const wanted: CutoverStage = request.command === 'undo' ? 'undone' : 'handedOver';
  try {
    const stage = running
      ? await outcome({ watch, progress, ...(id !== undefined && { atHold: specs }) }, out, signal)
      : await alone(watch, progress, out, request.command === 'undo');
    if (stage !== undefined) out.write(outcomeText(stage, progress.last));
    return stage === wanted ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    out.write('The request stays, and the run goes on with it; "flexferry cutover --undo" takes it back.\n');
    return 4;
  }
}

/** Without a run there is an outcome only where nothing was to be done. */
async function alone(
  watch: FollowWatch,
  progress: CutoverProgress,
  out: Output,
  isUndo: boolean,
): Promise<CutoverStage | undefined> {
  const glance = await watch.look();
  if (glance && progress.look(glance) === 'undone') return 'undone';
  if (glance?.state !== undefined) out.write(`The migration: ${stateTitles[glance.state]}.\n`);
  out.write(noRunText);
  if (isUndo)
    out.write(
      'cleanup takes the cutover back as well, and ends the migration: slot and publications go with it.\n',
    );
  return undefined;
}

/** Undefined where whoever was asked said no. */
async function chosenRequest(
  { answer, fence, verify, hold, force, wayBack, yes }: CutoverCommand,
  specs: FollowSpecs,
  out: Output,
  signal: AbortSignal,
): Promise<FollowRequest | undefined> {
  if (answer !== undefined) return { command: answer };
  let chosen: Fence = fence ?? 'none';
  if (!yes && canAsk()) {
    out.write(statusText(await followStatus(specs, signal), Date.now()));
    chosen = fence ?? (await askForFence(out, signal));
    if (!(await confirmed('Begin the cutover?', signal))) return undefined;
  }
  return { command: 'cutover', fence: chosen, verify, hold, force, wayBack, id: randomUUID() };
}

async function askForFence(out: Output, signal: AbortSignal): Promise<Fence> {
  out.write(
    'How is the source kept from changing?\n  1  none: I stop my application myself\n  2  read-only: the source database becomes read-only and other sessions in it are ended\n',
  );
  return (await ask('[1] ', signal)) === '2' ? 'readOnly' : 'none';
}

interface Waiting {
  readonly watch: FollowWatch;
  readonly progress: CutoverProgress;
  /** Where the answer to a cutover that holds is asked for here. */
  readonly atHold?: FollowSpecs;
}

/** Until there is an outcome; undefined where nobody is there to bring one about. */
async function outcome(
  { watch, progress, atHold }: Waiting,
  out: Output,
  signal: AbortSignal,
): Promise<CutoverStage | undefined> {
  let [runSeen, spoke] = [Date.now(), Date.now()];
  let last: CutoverStage | undefined;
  let isAlone = false;
  for (; ; await sleep(lookEvery, undefined, { signal })) {
    const glance = await watch.look();
    const now = Date.now();
    if (glance) {
      const stage = progress.look(glance);
      if (stage === 'handedOver' || stage === 'undone' || stage === 'gone') return stage;
      if (glance.running) runSeen = now;
      if (stage !== 'silent') spoke = now;
      if (atHold && stage === 'holding' && last !== stage) await holds(atHold, out, signal);
      if (stage === 'asked' && last === undefined) out.write(askedText);
      last = stage;
    }
    if (isAlone !== now - runSeen > runMissing) {
      isAlone = !isAlone;
      if (isAlone) out.write(noRunText);
    }
    if (now - runSeen < withoutRunLimit && now - spoke < silentLimit) continue;
    out.write('There is no outcome yet: "flexferry status" tells how it goes on.\n');
    return undefined;
  }
}

/** At a terminal the answer is given here, elsewhere by another call. */
async function holds(specs: FollowSpecs, out: Output, signal: AbortSignal): Promise<void> {
  out.write('The cutover holds before its last step.\n');
  const answers = { c: 'confirm', u: 'undo' } as const;
  const line = canAsk() ? await ask('c takes the last step, u takes all back, Enter waits: ', signal) : '';
  const command = answers[line.toLowerCase() as 'c' | 'u'];
  if (command !== undefined) await requestFollow(specs, { command }, signal);
  else out.write('"flexferry cutover --confirm" takes it, "flexferry cutover --undo" goes back.\n');
}
