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

type Post = (message: DashboardMessage) => void;

/** The clock of the downtime goes on between two states that the host pushes, milliseconds. */
const tickMs = 100;

function stageText(stage: CutoverStage, databases: readonly FollowedDatabase[]): string {
  const back = databases.some(({ follow }) => follow.state === 'wayBack');
  switch (stage) {
    case 'before':
      return '';
    case 'running':
      return t('The source waits for the steps to end. Undo takes them back.');
    case 'holding':
      return databases.every(({ follow }) => follow.state !== 'following' && follow.state !== 'cuttingOver')
        ? t(
            'Every step but the last is done. Hand over: applications use the target from now on. Undo: they go on with the source as before.',
          )
        : t('Not every database is ready. Cut over those that are left, or undo the others.');
    case 'undoing':
      return t(
        'The steps are being taken back. After that the source is as before, and its changes are followed.',
      );
    case 'after':
      return back
        ? t('Changes of the target are applied to the source, until you finish the way back.')
        : t('The target belongs to the applications.');
  }
}

/** The guided cutover of all online databases of a migration. */
export class Cutover {
  readonly #databases = h('div', { class: 'cutover-databases' });
  readonly #shownDatabases = new Map<string, CutoverDatabase>();
  readonly #form: CutoverForm;
  readonly #outcome: CutoverOutcome;
  readonly #clock = h('span', { class: 'clock', role: 'timer', 'aria-live': 'off' });
  readonly #clockBlock: HTMLElement;
  readonly #clockLabel = h('span', { class: 'choice-detail' });
  readonly #text = h('p', {});
  readonly #handOver: HTMLElement;
  readonly #undo: HTMLElement;
  readonly #finish: HTMLElement;
  readonly #close: HTMLElement;
  readonly #buttons: HTMLElement;
  readonly #columns: HTMLElement;
  readonly element: HTMLElement;
  #state: DashboardState | undefined;
  #followed: readonly FollowedDatabase[] = [];
  #at = 0;
  #wasOpen: boolean | undefined;

  constructor(post: Post, choices: CutoverChoices | undefined, keep: (choices: CutoverChoices) => void) {
    const act = (action: 'confirm' | 'undo' | 'finish' | 'closeCutover') => () =>
      post({ type: 'action', action });
    this.#form = new CutoverForm(choices ?? defaultChoices, keep, (chosen) =>
      post({ type: 'startCutover', choices: chosen }),
    );
    this.#outcome = new CutoverOutcome(post);
    this.#handOver = button(t('Hand Over'), 'check-all', act('confirm'), 'primary');
    this.#undo = button(t('Undo'), 'discard', act('undo'));
    this.#finish = button(t('Finish Way Back…'), 'check', act('finish'));
    this.#close = h('vscode-button', { appearance: 'icon', 'aria-label': t('Close') });
    this.#close.append(h('span', { class: 'codicon codicon-close' }));
    this.#close.addEventListener('click', act('closeCutover'));
    this.#clockBlock = h('div', { class: 'clock-block' }, this.#clock, this.#clockLabel);
    this.#buttons = h('div', { class: 'buttons' }, this.#handOver, this.#undo, this.#finish);
    this.#columns = h('div', { class: 'cutover-columns' });
    this.element = h(
      'section',
      { class: 'card cutover', 'aria-label': t('Cut over'), tabindex: '-1' },
      h('div', { class: 'card-title' }, h('h2', {}, t('Cut over')), this.#close),
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
    const open = state.cleanUp === undefined && (under || (state.cutoverOpen && state.can.cutOver));
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = !open;
    if (open) this.#render(state, stage);
    // What had the focus may be gone with the step that it began.
    if (open && focused && !this.element.contains(document.activeElement)) this.element.focus();
    if (open && this.#wasOpen === false && state.cutoverOpen) this.#reveal();
    this.#wasOpen = open;
  }

  #reveal(): void {
    this.element.scrollIntoView({ block: 'nearest' });
    this.element.focus();
  }

  #render(state: DashboardState, stage: CutoverStage): void {
    const { can, asking } = state;
    const followed = this.#followed;
    this.#showDatabases(followed);
    this.#columns.classList.toggle('several', followed.length > 1);
    this.#close.hidden = stage !== 'before';
    const refused = followed.some(
      ({ follow }) =>
        follow.state === 'following' &&
        (follow.cutover?.checks.some(({ verdict }) => verdict === 'noGo') ||
          follow.cutover?.fault !== undefined),
    );
    this.#form.element.hidden = !can.cutOver;
    this.#form.show(refused, asking);
    const set = (element: HTMLElement, shown: boolean, enabled = true) => {
      element.hidden = !shown;
      element.toggleAttribute('disabled', !enabled || asking);
    };
    set(this.#handOver, stage === 'holding', can.confirm);
    set(this.#undo, can.undo);
    set(this.#finish, can.finish);
    this.#buttons.hidden = this.#handOver.hidden && this.#undo.hidden && this.#finish.hidden;
    const live = state.snapshot?.state === 'running';
    const text =
      live || stage === 'before' || stage === 'after'
        ? stageText(stage, followed)
        : t(
            'The migration was stopped in its cutover: the source can be written to again. What was done is taken back when the migration is resumed.',
          );
    this.#text.hidden = text === '';
    setText(this.#text, text);
    this.#outcome.show(followed);
    this.#tick();
  }

  #showDatabases(followed: readonly FollowedDatabase[]): void {
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
      shown.show(database, followed.length > 1, Date.now());
    }
  }

  /** The clock shows what the host said last, and what has gone by since where it still runs. */
  #tick(): void {
    if (this.element.hidden || !this.#state) return;
    const stage = cutoverStage(this.#followed);
    const downtime = groupDowntime(this.#followed);
    const runs = stage === 'running' || stage === 'holding';
    this.#clockBlock.hidden = downtime === undefined || stage === 'before' || stage === 'undoing';
    if (downtime === undefined) return;
    const live = runs && this.#state.snapshot?.state === 'running' ? Date.now() - this.#at : 0;
    setText(this.#clock, formatSeconds((downtime + live) / 1000));
    setText(this.#clockLabel, runs ? t('write downtime so far') : t('write downtime, measured'));
  }
}
