import { formatSeconds } from '../../src/base/format.js';
import {
  type CutoverSnapshot,
  type CutoverStepSnapshot,
  cutoverSteps,
  type GateCheck,
} from '../../src/protocol/follow.js';
import { earlyChecks, type FollowedDatabase } from '../../src/protocol/followView.js';
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
  if (startedAt === undefined) return '';
  const end = endedAt ?? (state === 'running' ? now : undefined);
  return end === undefined ? '' : formatSeconds(Math.max(0, end - startedAt) / 1000);
}

interface StepRow {
  readonly element: HTMLElement;
  readonly time: HTMLElement;
}

function stepRow(step: CutoverStepSnapshot): StepRow {
  const look = stepLook(step.state);
  const time = h('span', { class: 'time' });
  const element = h(
    'li',
    { class: `step ${step.state}`, ...(step.state === 'running' && { 'aria-current': 'step' }) },
    icon(look.icon, look.tone),
    h(
      'span',
      { class: 'step-label' },
      stepLabel(step.step),
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
  const early = earlyChecks(follow);
  const known = new Set<string>(early.filter(({ verdict }) => verdict === 'noGo').map(({ check }) => check));
  const refusals = (follow.cutover?.checks ?? []).filter(
    ({ check, verdict }) => verdict === 'noGo' && !known.has(check),
  );
  return [
    ...early.map((check) => [check.verdict, earlyCheckText(check, follow), undefined] as const),
    ...foundLines(refusals),
  ];
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

  /** `several`: names the database, which otherwise goes without saying. */
  show(database: FollowedDatabase, several: boolean, now: number): void {
    const { follow } = database;
    const { cutover } = follow;
    const before = follow.state === 'following' || follow.state === 'copying';
    setText(this.#title, database.source);
    setText(this.#state, followLook(follow.state).label);
    const head = this.#title.parentElement;
    if (head) head.hidden = !several;
    this.#showChecks(database, before);
    const tried = cutover?.steps.some(({ state }) => state !== 'pending') ?? false;
    this.#last.hidden = !before || !tried;
    this.#showFault(cutover);
    this.#steps.hidden = cutover === undefined || (before && !tried);
    if (cutover && !this.#steps.hidden) this.#showSteps(shownSteps(cutover, before), now);
  }

  #showChecks(database: FollowedDatabase, before: boolean): void {
    const lines = before ? earlyLines(database) : foundLines(database.follow.cutover?.checks ?? []);
    const key = JSON.stringify(lines);
    this.#checks.hidden = lines.length === 0;
    if (this.#keys.checks === key) return;
    this.#keys.checks = key;
    this.#checks.replaceChildren(...lines.map(([verdict, message, fix]) => checkRow(verdict, message, fix)));
  }

  #showFault(cutover: CutoverSnapshot | undefined): void {
    const fault = cutover?.fault;
    this.#fault.hidden = fault === undefined;
    const key = JSON.stringify(fault ?? '');
    if (!fault || this.#keys.fault === key) return;
    this.#keys.fault = key;
    const texts = h('div', {}, h('strong', {}, fault.message), h('div', {}, `${fault.fix} (${fault.code})`));
    this.#fault.replaceChildren(icon('error'), texts);
  }

  #showSteps(steps: readonly CutoverStepSnapshot[], now: number): void {
    const key = JSON.stringify(steps.map(({ step, state, detail }) => [step, state, detail]));
    if (this.#keys.steps !== key) {
      this.#keys.steps = key;
      this.#rows = steps.map(stepRow);
      this.#steps.replaceChildren(...this.#rows.map(({ element }) => element));
    }
    steps.forEach((step, index) => {
      const row = this.#rows[index];
      if (row) setText(row.time, stepTime(step, now));
    });
  }
}
