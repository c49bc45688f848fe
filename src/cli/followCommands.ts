import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../engine/errors/fault.js';
import { cleanUpFollow } from '../engine/online/cleanUpFollow.js';
import { followStatus, requestFollow, whatIsFollowed } from '../engine/online/followControl.js';
import type { FollowSpecs } from '../engine/online/followPlace.js';
import { type FollowGlance, FollowWatch } from '../engine/online/followWatch.js';
import { formatRelation } from '../protocol/mapping.js';
import type { CleanUpCommand, FollowCommand, RequestCommand, StatusCommand } from './commands.js';
import { noRunText } from './cutover.js';
import { statusText } from './followText.js';
import { specsOf } from './params.js';
import type { Output } from './progress.js';
import { canAsk, confirmed } from './question.js';

/** How long a run may take to end after it was cancelled; milliseconds. */
const cancelLimit = 60_000;
const lookEvery = 250;

/**
 * `follow` goes on with what is there, as it was begun: also with a slot of the user's own. What is there already by
 * other means is named with --skip-copy.
 */
export async function asFollowed(command: FollowCommand, signal: AbortSignal): Promise<FollowCommand> {
  if (command.online.skipCopy !== undefined) return command;
  const followed = await whatIsFollowed(specsOf(command), signal);
  if (followed === undefined)
    throw new Fault(
      'FF702',
      'There is no online migration of this source into this target to go on with: begin it with clone --online, or follow a slot of your own with --skip-copy.',
    );
  const { slot, publications, ownsSlot, wayBack } = followed;
  if (ownsSlot || wayBack) return command;
  return { ...command, online: { ...command.online, skipCopy: { slot, publications } } };
}

export async function showStatus(command: StatusCommand, out: Output, signal: AbortSignal): Promise<number> {
  const status = await followStatus(specsOf(command), signal);
  out.write(command.json ? `${JSON.stringify(status)}\n` : statusText(status, Date.now()));
  return 0;
}

export async function sendRequest(
  { request, ...command }: RequestCommand,
  out: Output,
  signal: AbortSignal,
): Promise<number> {
  const specs = specsOf(command);
  if (request.command === 'cancel') return cancel(specs, out, signal);
  const { running } = await requestFollow(specs, request, signal);
  const words = {
    confirm: 'The last step is taken',
    undo: 'The cutover is taken back',
    finish: 'The way back is ended',
    addTables: 'New tables are taken in',
    ddlDone: 'The DDL that status tells of is dealt with',
    retry: 'The change is tried again',
    skip: 'The change is left out',
  }[request.command];
  const of = 'schema' in request ? ` (${formatRelation(request)})` : '';
  out.write(running ? `${words}${of}: the run was asked to.\n` : noRunText);
  return 0;
}

/** Waits until the run has ended: what it left can be removed then, and is if the user says so. */
async function cancel(specs: FollowSpecs, out: Output, signal: AbortSignal): Promise<number> {
  const last = await FollowWatch.use(specs, signal, async (watch) => {
    await requestFollow(specs, { command: 'cancel' }, signal);
    return untilAtRest(watch, signal);
  });
  if (last === undefined) {
    out.write('The run was asked to end, and has not done so yet.\n');
    return 1;
  }
  out.write(
    last.state === 'finished'
      ? 'The run has ended and has given up its replication slot. What it made on the target stays; cleanup removes its checkpoints, clone --online --restart begins anew.\n'
      : 'The run has ended. The source keeps its log for it until cleanup is called.\n',
  );
  if (
    !canAsk() ||
    !(await confirmed('Remove slot, publications and checkpoints, as far as they are there, now?', signal))
  )
    return 0;
  return removeAll(specs, false, out, signal);
}

/** What the target says then; undefined where the run is still at work. */
async function untilAtRest(watch: FollowWatch, signal: AbortSignal): Promise<FollowGlance | undefined> {
  for (const end = Date.now() + cancelLimit; Date.now() < end; ) {
    const glance = await watch.look();
    if (glance && !glance.running) return glance;
    await sleep(lookEvery, undefined, { signal });
  }
  return undefined;
}

export function cleanUp(command: CleanUpCommand, out: Output, signal: AbortSignal): Promise<number> {
  return removeAll(specsOf(command), command.cancel, out, signal);
}

/** Tells each thing as it goes, so that nothing is left out where a later one fails. */
async function removeAll(
  specs: FollowSpecs,
  cancelFirst: boolean,
  out: Output,
  signal: AbortSignal,
): Promise<number> {
  const onRemoved = (line: string): void => out.write(`${line}\n`);
  const removed = await cleanUpFollow(specs, { signal, cancel: cancelFirst, onRemoved });
  if (removed.length === 0) out.write('Nothing was left.\n');
  return 0;
}
