import { formatSeconds } from '../../src/base/format.js';
import {
  type CutoverStage,
  cutoverStage,
  type FollowedDatabase,
  groupDowntime,
} from '../../src/protocol/followView.js';
import type { CutoverChoices, DashboardMessage, DashboardState } from '../../src/protocol/webview.js';
import { button, h, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { CutoverDatabase } from './cutoverDatabase.js';
import { CutoverForm, defaultChoices } from './cutoverForm.js';
import { CutoverOutcome } from './cutoverOutcome.js';
import { stageText } from './cutoverTexts.js';

type Post = (message: DashboardMessage) => void;

/** The clock of the downtime goes on between two states that the host pushes, milliseconds. */
const tickMs = 100;

/** A cutover that was tried did not get through its checks, or failed: it may be forced. */
function wasRefused(followed: readonly FollowedDatabase[]): boolean {
  return followed.some(
    ({ follow: { state, cutover } }) =>
      (state === 'following' || state === 'wayBack') &&
      (cutover?.fault !== undefined ||
        (cutover?.handOver === undefined && cutover?.checks.some(({ verdict }) => verdict === 'noGo'))),
  );
}

/** The guided cutover of all online databases of a migration. */
export class Cutover {
  readonly #databases = h('div', { class: 'cutover-databases' });
  readonly #shownDatabases = new Map<string, CutoverDatabase>();
  readonly #form: CutoverForm;
  readonly #backForm: CutoverForm;
  readonly #outcome: CutoverOutcome;
  readonly #clock = h('span', { class: 'clock', role: 'timer', 'aria-live': 'off' });
  readonly #clockBlock: HTMLElement;
  readonly #clockLabel = h('span', { class: 'choice-detail' });
  readonly #text = h('p', {});
  readonly #handOver: HTMLElement;
  readonly #handBack: HTMLElement;
  readonly #goBack: HTMLElement;
  readonly #undo: HTMLElement;
  readonly #finish: HTMLElement;
  readonly #close: HTMLElement;
  readonly #buttons: HTMLElement;
  readonly #columns: HTMLElement;
  readonly #title = h('h2', {});
  readonly element: HTMLElement;
  #state: DashboardState | undefined;
  #followed: readonly FollowedDatabase[] = [];
  #at = 0;
  #wasAsked: boolean | undefined;

  constructor(post: Post, choices: CutoverChoices | undefined, keep: (choices: CutoverChoices) => void) {
    const act = (action: 'confirm' | 'undo' | 'finish' | 'goBack' | 'closeCutover') => () =>
      post({ type: 'action', action });
    const start = (chosen: CutoverChoices) => post({ type: 'startCutover', choices: chosen });
    this.#form = new CutoverForm(choices ?? defaultChoices, keep, start);
    this.#backForm = new CutoverForm(defaultChoices, () => undefined, start, true);
    this.#outcome = new CutoverOutcome(post);
    this.#handOver = button(t('Hand Over'), 'check-all', act('confirm'), 'primary');
    this.#handBack = button(t('Hand Back'), 'check-all', act('confirm'), 'primary');
    this.#goBack = button(t('Go Back to the Source…'), 'arrow-swap', act('goBack'));
    this.#undo = button(t('Undo'), 'discard', act('undo'));
    this.#finish = button(t('Finish Way Back…'), 'check', act('finish'));
    this.#close = h('vscode-button', { appearance: 'icon', 'aria-label': t('Close') });
    this.#close.append(h('span', { class: 'codicon codicon-close' }));
    this.#close.addEventListener('click', act('closeCutover'));
    this.#clockBlock = h('div', { class: 'clock-block' }, this.#clock, this.#clockLabel);
    this.#buttons = h('div', { class: 'buttons' }, ...this.#allButtons());
    this.#columns = h('div', { class: 'cutover-columns' });
    this.element = h(
      'section',
      { class: 'card cutover', 'aria-label': t('Cut over'), tabindex: '-1' },
      h('div', { class: 'card-title' }, this.#title, this.#close),
      this.#columns,
    );
    this.#columns.append(
      this.#databases,
      h(
        'div',
        { class: 'cutover-side' },
        this.#clockBlock,
        this.#text,
        this.#buttons,
        this.#outcome.element,
        this.#form.element,
        this.#backForm.element,
      ),
    );
    this.element.hidden = true;
    setInterval(() => this.#tick(), tickMs);
  }

  show(state: DashboardState, followed: readonly FollowedDatabase[]): void {
    // Most states say the same of the clock as the one before.
    if (groupDowntime(followed) !== groupDowntime(this.#followed)) this.#at = Date.now();
    this.#state = state;
    this.#followed = followed;
    const stage = cutoverStage(followed);
    const under = stage !== 'before' && followed.length > 0;
    const asked = state.cutoverOpen && state.can.cutOver;
    const open = state.cleanUp === undefined && (under || asked);
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = !open;
    if (open) this.#render(state, stage);
    // What had the focus may be gone with the step that it began.
    if (open && focused && !this.element.contains(document.activeElement)) this.element.focus();
    if (open && state.cutoverOpen && this.#wasAsked === false) this.#reveal();
    this.#wasAsked = state.cutoverOpen;
  }

  #allButtons(): HTMLElement[] {
    return [this.#handOver, this.#handBack, this.#undo, this.#goBack, this.#finish];
  }

  #reveal(): void {
    this.element.scrollIntoView({ block: 'nearest' });
    this.element.focus();
  }

  #render(state: DashboardState, stage: CutoverStage): void {
    const { can, asking, cutoverOpen } = state;
    const followed = this.#followed;
    const back = followed.some(({ follow }) => follow.isWayBack);
    /** The user is deciding how to go back. */
    const planningBack = can.goBack && (cutoverOpen || stage === 'holding');
    this.#showDatabases(followed, !back || cutoverOpen);
    this.#columns.classList.toggle('several', followed.length > 1);
    this.#close.hidden = stage !== 'before' && !(planningBack && stage === 'after');
    const refused = wasRefused(followed);
    this.#form.element.hidden = !can.cutOver;
    this.#form.show(refused, asking);
    this.#backForm.element.hidden = !planningBack;
    this.#backForm.show(refused, asking);
    const live = state.snapshot?.state === 'running';
    const goesBack = followed.some(({ follow }) => follow.isWayBack && follow.state !== 'wayBack');
    const title = planningBack || goesBack ? t('Go back') : t('Cut over');
    setText(this.#title, title);
    const set = (element: HTMLElement, shown: boolean, enabled = true) => {
      element.hidden = !shown;
      element.toggleAttribute('disabled', !enabled || asking);
    };
    set(this.#handOver, live && stage === 'holding' && !back, can.confirm);
    set(this.#handBack, live && stage === 'holding' && back, can.confirm);
    set(this.#undo, can.undo);
    set(this.#goBack, can.goBack && !planningBack);
    set(this.#finish, can.finish && !planningBack);
    this.#buttons.hidden = this.#allButtons().every((element) => element.hidden);
    const text = planningBack && stage === 'after' ? '' : stageText(stage, followed, live, can.confirm);
    this.#text.hidden = text === '';
    setText(this.#text, text);
    this.#outcome.show(planningBack ? [] : followed);
    this.#tick();
  }

  #showDatabases(followed: readonly FollowedDatabase[], asked: boolean): void {
    const names = new Set(followed.map(({ source }) => source));
    for (const [name, shown] of this.#shownDatabases)
      if (!names.has(name)) {
        shown.element.remove();
        this.#shownDatabases.delete(name);
      }
    for (const database of followed) {
      let shown = this.#shownDatabases.get(database.source);
      if (!shown) {
        shown = new CutoverDatabase();
        this.#shownDatabases.set(database.source, shown);
        this.#databases.append(shown.element);
      }
      shown.show(database, followed.length > 1, asked);
    }
  }

  /** The clock shows what the host said last, and what has gone by since where it still runs. */
  #tick(): void {
    if (this.element.hidden || !this.#state) return;
    const stage = cutoverStage(this.#followed);
    const downtime = groupDowntime(this.#followed);
    const runs = stage === 'running' || stage === 'holding';
    const planningBack = this.#state.can.goBack && this.#state.cutoverOpen;
    this.#clockBlock.hidden =
      downtime === undefined || stage === 'before' || stage === 'undoing' || planningBack;
    if (downtime === undefined) return;
    const live = runs && this.#state.snapshot?.state === 'running' ? Date.now() - this.#at : 0;
    setText(this.#clock, formatSeconds((downtime + live) / 1000));
    setText(this.#clockLabel, runs ? t('write downtime so far') : t('write downtime, measured'));
  }
}
