import { formatBytes, formatCount, formatSeconds, plural } from '../../base/format.js';
import type {
  CutoverSnapshot,
  CutoverStep,
  CutoverStepSnapshot,
  DdlSeen,
  FollowSnapshot,
  FollowState,
  GateCheck,
} from '../../protocol/follow.js';
import { ddlAdvice } from '../../protocol/followView.js';
import { escapeHtml, formatTime, markupTable } from './markup.js';

const stateTitles: Readonly<Record<FollowState, string>> = {
  copying: 'The base was being copied.',
  following: 'Changes of the source were being applied; no cutover was done.',
  cuttingOver: 'A cutover had begun.',
  holding: 'Every step of the cutover but the last was done; it waited to be confirmed or undone.',
  undoing: 'A cutover was being taken back.',
  handedOver: 'The target was handed over to the applications.',
  wayBack: 'The target was handed over to the applications; its changes were being applied to the source.',
  finished: 'The target belongs to the applications, and what following needed is removed.',
};

const stepTitles: Readonly<Record<CutoverStep, string>> = {
  gate: 'Check',
  fence: 'Fence the source',
  drain: 'Apply the last changes',
  sequences: 'Set sequences',
  constraints: 'Constraints and triggers',
  refresh: 'Refresh materialized views',
  verify: 'Verify',
  handOver: 'Hand over',
};

/** From the target to the source. */
const backTitles: Readonly<Partial<Record<CutoverStep, string>>> = {
  fence: 'Fence the target',
  handOver: 'Hand back',
};

const stepTones: Readonly<Record<CutoverStepSnapshot['state'], string>> = {
  pending: 'pending',
  running: 'warning',
  done: 'done',
  failed: 'failed',
  undone: 'warning',
};

const verdicts: Readonly<Record<GateCheck['verdict'], readonly [word: string, tone: string]>> = {
  go: ['go', 'done'],
  warn: ['warning', 'warning'],
  noGo: ['no go', 'error'],
};

/** How a database was followed and cut over, as far as the run came. Empty for one that was copied once. */
export function onlineSection(follow: FollowSnapshot | undefined): string {
  if (!follow) return '';
  const { cutover, forward } = follow;
  const parts = [
    '<h3>Online migration</h3>',
    `<p>${facts(follow).map(escapeHtml).join('<br>')}</p>`,
    ...(forward ? [cutoverSection(forward, false, false)] : []),
    ...(cutover ? [cutoverSection(cutover, isBack(follow), true)] : []),
    stoppedSection(follow),
    ddlSection(follow.ddlSeen),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function facts(follow: FollowSnapshot): string[] {
  const lines = [
    follow.wentBack
      ? 'Applications are on the source again: the way back was gone to its end.'
      : stateTitles[follow.state],
    `${plural(follow.changes, 'change')} of ${plural(follow.transactions, 'transaction')} applied, up to ${follow.appliedLsn}.`,
  ];
  if (follow.lagBytes > 0 && follow.state !== 'handedOver' && follow.state !== 'finished')
    lines.push(
      `Behind by ${formatSeconds(follow.lagSeconds)}, ${formatBytes(follow.lagBytes)} of log up to ${follow.sourceLsn}.`,
    );
  if (follow.forward) lines.push(...downtimeLines(follow.forward, false));
  if (follow.cutover) lines.push(...downtimeLines(follow.cutover, isBack(follow)));
  if (follow.newTables.length > 0) {
    const names = follow.newTables.map(({ schema, name }) => `${schema}.${name}`).join(', ');
    lines.push(`New on the source and not migrated: ${names}.`);
  }
  return lines;
}

/** Its cutover is one from the target to the source, not the one that handed over before the way back. */
function isBack({ isWayBack, state, cutover }: FollowSnapshot): boolean {
  return isWayBack === true && (state !== 'wayBack' || cutover?.handOver === undefined);
}

function downtimeLines(cutover: CutoverSnapshot, back: boolean): string[] {
  const { downtimeMs } = cutover;
  if (downtimeMs === undefined) return [];
  return [`Write downtime, measured: ${formatSeconds(downtimeMs / 1000)}, ${fenceText(cutover, back)}.`];
}

function fenceText(cutover: CutoverSnapshot, back: boolean): string {
  const side = back ? 'target' : 'source';
  const begin = cutover.fence === 'readOnly' ? `fence of the ${side}` : `last change of the ${side}`;
  return `from the ${begin} to the ${back ? 'hand-back' : 'hand-over'}`;
}

function stepTime({ startedAt, endedAt }: CutoverStepSnapshot): string {
  return startedAt === undefined || endedAt === undefined ? '–' : formatSeconds((endedAt - startedAt) / 1000);
}

/** `isLast`: what it left to be done still holds. */
function cutoverSection(
  { steps, checks, fault, handOver }: CutoverSnapshot,
  back: boolean,
  isLast: boolean,
): string {
  const stepTable = markupTable(
    [
      { title: 'Step', kind: 'text' },
      { title: 'State', kind: 'word' },
      { title: 'What was done', kind: 'name' },
      { title: 'Began', kind: 'word' },
      { title: 'Time', kind: 'number' },
    ],
    steps.map((step) => ({
      tone: stepTones[step.state],
      cells: [
        (back && backTitles[step.step]) || stepTitles[step.step],
        step.state === 'undone' ? 'taken back' : step.state,
        escapeHtml(step.detail ?? ''),
        step.startedAt === undefined ? '–' : formatTime(step.startedAt),
        stepTime(step),
      ],
    })),
  );
  return [
    back ? '<h3>Cutover back to the source</h3>' : '<h3>Cutover</h3>',
    fault
      ? `<p class="fault"><b>${fault.code}</b> ${escapeHtml(fault.message)}<small>${escapeHtml(fault.fix)}</small></p>`
      : '',
    stepTable,
    checkTable(checks),
    handOver && isLast ? handOverSection(handOver) : '',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function checkTable(checks: readonly GateCheck[]): string {
  if (checks.length === 0) return '';
  return markupTable(
    [
      { title: 'Verdict', kind: 'word' },
      { title: 'Go or no-go', kind: 'name' },
    ],
    checks.map(({ verdict, message, fix }) => ({
      tone: verdicts[verdict][1],
      cells: [
        verdicts[verdict][0],
        `${escapeHtml(message)}${fix === undefined ? '' : `<small>${escapeHtml(fix)}</small>`}`,
      ],
    })),
  );
}

function handOverSection({ connection, todo }: NonNullable<CutoverSnapshot['handOver']>): string {
  const list =
    todo.length === 0 ? '' : `<ul>${todo.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`;
  return `<p>Applications connect to <code>${escapeHtml(connection)}</code></p>${list}`;
}

function stoppedSection({ stopped }: FollowSnapshot): string {
  if (stopped.length === 0) return '';
  const table = markupTable(
    [
      { title: 'Table', kind: 'name' },
      { title: 'Since', kind: 'word' },
      { title: 'Waiting changes', kind: 'number' },
      { title: 'Why', kind: 'name' },
    ],
    stopped.map(({ schema, name, fault, waiting, since }) => ({
      tone: 'error',
      cells: [
        `${escapeHtml(schema)}.<wbr>${escapeHtml(name)}`,
        formatTime(since),
        formatCount(waiting),
        `${fault.code}: ${escapeHtml(fault.message)}<small>${escapeHtml(fault.fix)}</small>`,
      ],
    })),
  );
  return `<h3>Tables whose changes are not applied</h3>\n${table}`;
}

function ddlSection(seen: DdlSeen | undefined): string {
  if (seen === undefined) return '';
  const { total, last, done } = seen;
  const table = markupTable(
    [
      { title: 'When', kind: 'word' },
      { title: 'Command', kind: 'word' },
      { title: 'Object', kind: 'name' },
    ],
    last.map(({ at, command, object }) => ({
      tone: 'warning',
      cells: [formatTime(at), escapeHtml(command), escapeHtml(object ?? '–')],
    })),
  );
  const more = last.length < total ? `; the last ${formatCount(last.length)}` : '';
  const marked = done === undefined ? '' : `; ${formatCount(done)} marked as dealt with`;
  return `<h3>DDL on the source</h3>\n<p>${plural(total, 'command')} since the start${more}${marked}. It is not followed: ${ddlAdvice}.</p>\n${table}`;
}
