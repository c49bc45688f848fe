import { formatSeconds } from '../../src/base/format.js';
import type { FaultData } from '../../src/protocol/connection.js';
import {
  type CutoverSnapshot,
  type CutoverStepSnapshot,
  cutoverSteps,
  type FollowSnapshot,
  type GateCheck,
} from '../../src/protocol/follow.js';
import { earlyChecks, type FollowedDatabase, standingRefusals } from '../../src/protocol/followView.js';
import { h, icon, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { earlyCheckText, followLook, stepLabel, stepLook, verdictLook } from './followStates.js';

/** A line of the go/no-go list: verdict as icon and word, what was found, and what to do. */
function checkRow(verdict: GateCheck['verdict'], message: string, fix?: string): HTMLElement {
  const look = verdictLook(verdict);
  return h(
    'li',
    { class: 'check' },
    icon(look.icon, look.tone),
    h('span', { class: `verdict ${look.tone}` }, look.label),
    h('span', {}, message, fix === undefined ? undefined : h('span', { class: 'choice-detail' }, fix)),
  );
}

function stepTime({ startedAt, endedAt, state }: CutoverStepSnapshot, now: number): string {
  if (state === 'undone') return stepLook(state).label;
  if (startedAt === undefined) return '';
  const end = endedAt ?? (state === 'running' ? now : undefined);
  return end === undefined ? '' : formatSeconds(Math.max(0, end - startedAt) / 1000);
}

interface StepRow {
  readonly element: HTMLElement;
  readonly time: HTMLElement;
}

function stepRow(step: CutoverStepSnapshot, back: boolean): StepRow {
  const look = stepLook(step.state);
  const time = h('span', { class: 'time' });
  const element = h(
    'li',
    { class: `step ${step.state}`, ...(step.state === 'running' && { 'aria-current': 'step' }) },
    icon(look.icon, look.tone),
    h(
      'span',
      { class: 'step-label' },
      stepLabel(step.step, back),
      h('span', { class: 'for-readers' }, `: ${look.label}`),
      step.detail === undefined ? undefined : h('span', { class: 'choice-detail' }, step.detail),
    ),
    time,
  );
  return { element, time };
}

/** All steps in their order, what was not begun is pending; of a cutover that is over only those that ran. */
function shownSteps({ steps }: CutoverSnapshot, over: boolean): CutoverStepSnapshot[] {
  const all = cutoverSteps.map(
    (step) => steps.find((known) => known.step === step) ?? { step, state: 'pending' as const },
  );
  return over ? all.filter(({ state }) => state !== 'pending') : all;
}

type CheckLine = readonly [verdict: GateCheck['verdict'], message: string, fix: string | undefined];

/** What the cutover itself found: what speaks for it in one line. */
function foundLines(checks: readonly GateCheck[]): CheckLine[] {
  const good = checks.filter(({ verdict }) => verdict === 'go').length;
  const others = checks.filter(({ verdict }) => verdict !== 'go');
  return [
    ...(good === 0 ? [] : [['go', t('Checks that say go: {0}', good), undefined] as const]),
    ...others.map(({ verdict, message, fix }) => [verdict, message, fix] as const),
  ];
}

/** Before a cutover: how things are now, and what the last one was refused for. */
function earlyLines({ follow }: FollowedDatabase): CheckLine[] {
  return [
    ...earlyChecks(follow).map((check) => [check.verdict, earlyCheckText(check, follow), undefined] as const),
    ...foundLines(standingRefusals(follow)),
  ];
}

/** What is to be seen: what speaks for a cutover, its steps as they go, or how it went. */
type Stage = 'before' | 'running' | 'after';

function stageOf({ state }: FollowSnapshot, asked: boolean): Stage {
  if (state === 'copying' || state === 'following' || (state === 'wayBack' && asked)) return 'before';
  return state === 'cuttingOver' || state === 'holding' || state === 'undoing' ? 'running' : 'after';
}

/** Checks and steps of one database in a cutover. */
export class CutoverDatabase {
  readonly element = h('div', { class: 'cutover-database' });
  readonly #title = h('h3', {});
  readonly #state = h('span', { class: 'choice-detail' });
  readonly #checks = h('ul', { class: 'checks', 'aria-label': t('Go or no-go') });
  readonly #last = h('p', { class: 'choice-detail' }, t('The last try:'));
  readonly #fault = h('div', { class: 'fault', role: 'alert' });
  readonly #steps = h('ol', { class: 'steps', 'aria-label': t('Steps') });
  #rows: StepRow[] = [];
  #keys = { checks: '', steps: '', fault: '' };

  constructor() {
    this.element.append(
      h('div', { class: 'cutover-name' }, this.#title, this.#state),
      this.#checks,
      this.#last,
      this.#fault,
      this.#steps,
    );
  }

  /** `several`: names the database, which otherwise goes without saying. `asked`: the user is about to decide. */
  show(database: FollowedDatabase, several: boolean, asked: boolean): void {
    const { follow } = database;
    const { cutover } = follow;
    const stage = stageOf(follow, asked);
    const head = this.#title.parentElement;
    if (head) head.hidden = !several;
    setText(this.#title, database.source);
    setText(this.#state, followLook(follow).label);
    this.#showChecks(stage === 'before' ? earlyLines(database) : foundLines(cutover?.checks ?? []));
    const tried = cutover?.steps.some(({ state }) => state !== 'pending') ?? false;
    // What the gate refused stands in the list already.
    const isRefused = cutover?.steps.every(({ step, state }) => step === 'gate' || state === 'pending');
    const isLastTry = stage === 'before' && tried && !isRefused && cutover?.handOver === undefined;
    const isTold = cutover?.checks.some(({ message }) => message === cutover.fault?.message);
    this.#last.hidden = !isLastTry;
    this.#showFault(isTold || (stage === 'before' && cutover?.handOver) ? undefined : cutover?.fault);
    this.#steps.hidden = cutover === undefined || (stage === 'before' && !isLastTry);
    if (!cutover || this.#steps.hidden) return;
    // While the way back is only followed, the cutover is still the one that handed over.
    const back = follow.isWayBack === true && (follow.state !== 'wayBack' || cutover.handOver === undefined);
    this.#showSteps(shownSteps(cutover, stage === 'before'), back);
  }

  #showChecks(lines: readonly CheckLine[]): void {
    const key = JSON.stringify(lines);
    this.#checks.hidden = lines.length === 0;
    if (this.#keys.checks === key) return;
    this.#keys.checks = key;
    this.#checks.replaceChildren(...lines.map(([verdict, message, fix]) => checkRow(verdict, message, fix)));
  }

  #showFault(fault: FaultData | undefined): void {
    this.#fault.hidden = fault === undefined;
    const key = JSON.stringify(fault ?? '');
    if (!fault || this.#keys.fault === key) return;
    this.#keys.fault = key;
    const texts = h('div', {}, h('strong', {}, fault.message), h('div', {}, `${fault.fix} (${fault.code})`));
    this.#fault.replaceChildren(icon('error'), texts);
  }

  #showSteps(steps: readonly CutoverStepSnapshot[], back: boolean): void {
    const key = JSON.stringify([back, ...steps.map(({ step, state, detail }) => [step, state, detail])]);
    if (this.#keys.steps !== key) {
      this.#keys.steps = key;
      this.#rows = steps.map((step) => stepRow(step, back));
      this.#steps.replaceChildren(...this.#rows.map(({ element }) => element));
    }
    const now = Date.now();
    steps.forEach((step, index) => {
      const row = this.#rows[index];
      if (row) setText(row.time, stepTime(step, now));
    });
  }
}
