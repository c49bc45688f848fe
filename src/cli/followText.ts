import { formatBytes, formatCount, formatSeconds, plural } from '../base/format.js';
import type {
  CutoverSnapshot,
  CutoverStep,
  CutoverStepSnapshot,
  DdlSeen,
  FollowSnapshot,
  FollowState,
  FollowStatus,
  GateCheck,
} from '../protocol/follow.js';
import { ddlAdvice, openDdl } from '../protocol/followView.js';
import { formatRelation } from '../protocol/mapping.js';

export const stateTitles: Readonly<Record<FollowState, string>> = {
  copying: 'copying tables, changes wait on the source',
  following: 'following changes',
  cuttingOver: 'cutting over',
  holding: 'cutover holds before its last step: cutover --confirm takes it, cutover --undo goes back',
  undoing: 'taking the cutover back',
  handedOver: 'handed over: applications belong to the target',
  wayBack: 'handed over; changes of the target go back to the source, until finish',
  finished: 'finished, nothing is followed any more',
};

const stepTitles: Readonly<Record<CutoverStep, string>> = {
  gate: 'go or no-go',
  fence: 'fence the source',
  drain: 'apply the last changes',
  sequences: 'set sequences',
  constraints: 'constraints and triggers',
  refresh: 'refresh materialized views',
  verify: 'verify',
  handOver: 'hand over',
};

const stepStates: Readonly<Record<CutoverStepSnapshot['state'], string>> = {
  pending: 'to do',
  running: 'begins',
  done: 'done',
  failed: 'FAILED',
  undone: 'taken back',
};

const verdicts: Readonly<Record<GateCheck['verdict'], string>> = { go: 'go', warn: 'WARN', noGo: 'NO-GO' };

/** "lag 1.2 MB, 0.4 s  350 changes/s in 40 transactions/s  log kept 45 MB": one line that fits a terminal. */
export function followLine(follow: FollowSnapshot): string {
  const { slot } = follow;
  const ddl = openDdl(follow.ddlSeen);
  return [
    `lag ${formatBytes(follow.lagBytes)}, ${formatSeconds(follow.lagSeconds)}`,
    `${formatCount(Math.round(follow.changesPerSecond))} changes/s`,
    `${formatCount(Math.round(follow.transactionsPerSecond))} tx/s`,
    `log kept ${formatBytes(slot.retainedBytes)}`,
    ...(follow.reconnecting ? [`reconnecting (${follow.reconnecting.code})`] : []),
    ...(follow.fallingBehind
      ? [
          `FALLING BEHIND: ${formatBytes(follow.sourceBytesPerSecond)}/s written, ${formatBytes(follow.appliedBytesPerSecond)}/s applied`,
        ]
      : []),
    ...(follow.catchUpSeconds === undefined ? [] : [`caught up in ${formatSeconds(follow.catchUpSeconds)}`]),
    ...(follow.stopped.length === 0 ? [] : [`${plural(follow.stopped.length, 'table')} STOPPED`]),
    ...(ddl === undefined ? [] : [`${ddl.total} DDL seen`]),
    ...(slot.lostInSeconds === undefined ? [] : [`slot lost in ${formatSeconds(slot.lostInSeconds)}`]),
  ].join('  ');
}

/** "GO    lag: 12 kB", with what to do where it is not. */
export function checkLine({ check, verdict, message, fix }: GateCheck): string {
  const todo = fix === undefined || verdict === 'go' ? '' : `\n         ${fix}`;
  return `  ${verdicts[verdict].padEnd(5)}  ${check}: ${message}${todo}`;
}

export function stepLine({
  step,
  state,
  detail,
}: Pick<CutoverStepSnapshot, 'step' | 'state' | 'detail'>): string {
  return `cutover: ${stepTitles[step]}: ${stepStates[state]}${detail === undefined ? '' : `. ${detail}`}`;
}

/** The new connection and what else is to be done. */
export function handOverText({ handOver, downtimeMs }: CutoverSnapshot): string {
  const lines = [
    ...(downtimeMs === undefined ? [] : [`Write downtime: ${formatSeconds(downtimeMs / 1000)}.`]),
    ...(handOver === undefined
      ? []
      : [`Applications connect to: ${handOver.connection}`, ...handOver.todo.map((todo) => `  - ${todo}`)]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What `status` prints for people. */
export function statusText(status: FollowStatus, now: number): string {
  const { source, target, follow, running, at, unreachable } = status;
  const unknown = unreachable === undefined ? [] : [`${unreachable.code}: ${unreachable.message}`];
  const lines =
    follow === undefined
      ? [`${source} → ${target}: nothing is followed.`, ...unknown]
      : [
          `${source} → ${target}: ${stateTitles[follow.state]}`,
          `run          ${running ? 'at work' : `none is at work${isOver(follow) ? '' : '; the same command goes on'}`}${at === undefined ? '' : `, last heard of ${ago(at, now)}`}`,
          ...unknown,
          ...figures(follow),
          ...attention(follow),
          ...(follow.cutover === undefined ? [] : cutoverLines(follow.cutover)),
        ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The same command would not go on with it. */
const isOver = ({ state, slot }: FollowSnapshot): boolean =>
  state === 'finished' || slot.walStatus === 'lost';

function figures(follow: FollowSnapshot): string[] {
  const { slot } = follow;
  const left = [
    ...(slot.safeBytes === undefined ? [] : [`${formatBytes(Math.max(0, slot.safeBytes))} more are safe`]),
    ...(slot.lostInSeconds === undefined
      ? []
      : [`lost in ${formatSeconds(slot.lostInSeconds)} at this rate`]),
  ];
  return [
    `lag          ${formatBytes(follow.lagBytes)}, ${formatSeconds(follow.lagSeconds)}${follow.fallingBehind ? '; the source writes faster than the target takes' : ''}`,
    `positions    applied ${follow.appliedLsn}, source ${follow.sourceLsn}${follow.endpos === undefined ? '' : `, ends at ${follow.endpos}`}`,
    `applied      ${plural(follow.changes, 'change')} in ${plural(follow.transactions, 'transaction')}; now ${formatCount(Math.round(follow.changesPerSecond))}/s in ${formatCount(Math.round(follow.transactionsPerSecond))}/s`,
    `log kept     ${formatBytes(slot.retainedBytes)} on the ${follow.isWayBack ? 'target' : 'source'} by slot ${slot.name}${slot.walStatus === undefined ? '' : ` (${slot.walStatus})`}${left.length === 0 ? '' : `; ${left.join(', ')}`}`,
    ...(follow.spooledBytes === 0
      ? []
      : [`on disk      ${formatBytes(follow.spooledBytes)} of open transactions`]),
    ...(follow.catchUpSeconds === undefined ? [] : [`caught up in ${formatSeconds(follow.catchUpSeconds)}`]),
    ...(follow.reconnecting
      ? [`reconnecting: ${follow.reconnecting.code}: ${follow.reconnecting.message}`]
      : []),
  ];
}

function attention(follow: FollowSnapshot): string[] {
  return [
    ...(follow.slot.walStatus === 'lost'
      ? [
          'LOST         the log of changes that are not applied yet is gone: begin anew with a new base copy (--restart)',
        ]
      : []),
    ...follow.stopped.flatMap((table) => [
      `STOPPED      ${formatRelation(table)}, ${plural(table.waiting, 'change')} waiting: ${table.fault.code}: ${table.fault.message}`,
      `             ${table.fault.fix}`,
      ...(table.ddl === undefined ? [] : table.ddl.split('\n').map((line) => `             ${line}`)),
    ]),
    ...follow.newTables.map(
      (table) =>
        `NEW          ${formatRelation(table)}: ${follow.isWayBack ? 'it stays on the target' : 'add-tables takes it in'}`,
    ),
    ...(follow.ddlSeen === undefined ? [] : ddlLines(follow.ddlSeen)),
  ];
}

/** Lines of `status`; --json has more. */
const mostDdl = 10;

function ddlLines(seen: DdlSeen): string[] {
  const open = openDdl(seen);
  const all = `DDL          ${plural(seen.total, 'command')} on the source since the start`;
  if (open === undefined) return [`${all}, all dealt with`];
  const { total, last } = open;
  const shown = last.slice(-mostDdl);
  return [
    `${all}${total < seen.total ? `, ${formatCount(seen.total - total)} dealt with` : ''}: ${ddlAdvice}; then ddl-done`,
    ...(shown.length < total ? [`             the last ${shown.length}:`] : []),
    ...shown.map(
      ({ at, command, object }) =>
        `             ${new Date(at).toISOString().slice(0, 19)}Z  ${command}${object === undefined ? '' : ` ${object}`}`,
    ),
  ];
}

function cutoverLines(cutover: CutoverSnapshot): string[] {
  return [
    ...cutover.steps.filter(({ state }) => state !== 'pending').map(stepLine),
    ...cutover.checks.filter(({ verdict }) => verdict !== 'go').map(checkLine),
    ...(cutover.fault ? [`${cutover.fault.code}: ${cutover.fault.message}`, `    ${cutover.fault.fix}`] : []),
  ];
}

function ago(at: number, now: number): string {
  const seconds = Math.max(0, now - at) / 1000;
  return seconds < 2 ? 'just now' : `${formatSeconds(seconds)} ago`;
}
