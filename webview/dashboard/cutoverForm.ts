import type { CutoverChoices } from '../../src/protocol/webview.js';
import { button, h } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

export const defaultChoices: CutoverChoices = {
  fence: 'readOnly',
  verify: 'full',
  wayBack: false,
  force: false,
};

type Checkable = HTMLElement & { checked: boolean };

function option(value: string, title: string, description: string): HTMLElement {
  return h(
    'vscode-radio',
    { value },
    h('span', { class: 'choice' }, title, h('span', { class: 'choice-detail' }, description)),
  );
}

function checkbox(title: string, description: string, changed: (on: boolean) => void): Checkable {
  const element = h(
    'vscode-checkbox',
    {},
    h('span', { class: 'choice' }, title, h('span', { class: 'choice-detail' }, description)),
  ) as Checkable;
  element.addEventListener('change', () => changed(element.checked));
  return element;
}

/** The words of a cutover, there or back. */
interface Words {
  readonly fence: string;
  readonly readOnly: string;
  readonly readOnlyDetail: string;
  readonly noneDetail: string;
  readonly start: string;
}

const forthWords = (): Words => ({
  fence: t('How the source is kept from changing'),
  readOnly: t('Make the source read-only and end its sessions'),
  readOnlyDetail: t(
    'default_transaction_read_only for the database, and all other sessions are ended. Undo puts it back.',
  ),
  noneDetail: t(
    'The source is left alone. What is written to it after the last change was applied stays behind.',
  ),
  start: t('Start Cutover…'),
});

const backWords = (): Words => ({
  fence: t('How the target is kept from changing'),
  readOnly: t('Make the target read-only and end its sessions'),
  readOnlyDetail: t(
    'default_transaction_read_only for the database, and all other sessions are ended. Undo puts it back.',
  ),
  noneDetail: t(
    'The target is left alone. What is written to it after the last change was applied stays behind.',
  ),
  start: t('Start Going Back…'),
});

/** What is to be decided before a cutover, there or back. */
export class CutoverForm {
  readonly element = h('div', { class: 'cutover-form' });
  readonly #force: Checkable;
  readonly #start: HTMLElement;
  #choices: CutoverChoices;

  constructor(
    choices: CutoverChoices,
    private readonly keep: (choices: CutoverChoices) => void,
    start: (choices: CutoverChoices) => void,
    back = false,
  ) {
    const words = back ? backWords() : forthWords();
    // To go on in spite of a check is decided anew each time.
    this.#choices = { ...choices, force: false };
    this.#force = checkbox(
      t('Go on in spite of checks that say no'),
      t('Also in spite of differences. What they warn of is your own risk then.'),
      (force) => this.#change({ force }),
    );
    const wayBack = checkbox(
      t('Keep a way back'),
      t(
        'After the hand-over, changes of the target are applied to the source, so that you can return to it.',
      ),
      (on) => this.#change({ wayBack: on }),
    );
    wayBack.toggleAttribute('checked', choices.wayBack);
    this.#start = button(words.start, 'play', () => start(this.#choices), 'primary');
    this.element.append(
      this.#fence(words),
      this.#verify(),
      ...(back ? [] : [wayBack]),
      this.#force,
      h('div', { class: 'buttons' }, this.#start),
      h(
        'p',
        { class: 'choice-detail' },
        t('It stops before the last step and waits for you. Until then everything can be undone.'),
      ),
    );
  }

  /** `refused`: a check of the last try said no. */
  show(refused: boolean, asking: boolean): void {
    this.#force.hidden = !refused;
    if (!refused && this.#choices.force) {
      this.#force.checked = false;
      this.#change({ force: false });
    }
    this.#start.toggleAttribute('disabled', asking);
  }

  #fence({ fence: title, readOnly, readOnlyDetail, noneDetail }: Words): HTMLElement {
    const group = h(
      'vscode-radio-group',
      { orientation: 'vertical', value: this.#choices.fence, 'aria-label': title },
      h('label', { slot: 'label', class: 'choice-title' }, title),
      option('readOnly', readOnly, readOnlyDetail),
      option('none', t('I stop my applications myself'), noneDetail),
    );
    group.addEventListener('change', () => {
      const fence = (group as unknown as HTMLInputElement).value === 'none' ? 'none' : 'readOnly';
      this.#change({ fence });
    });
    return group;
  }

  #verify(): HTMLElement {
    const choices = [
      ['full', t('Every row')],
      ['sample', t('Samples of large tables')],
      ['none', t('Nothing')],
    ] as const;
    const select = h('vscode-dropdown', {});
    for (const [value, label] of choices)
      select.append(
        h('vscode-option', { value, ...(value === this.#choices.verify && { selected: '' }) }, label),
      );
    select.addEventListener('change', () => {
      const { value } = select as unknown as HTMLSelectElement;
      this.#change({ verify: choices.find(([known]) => known === value)?.[0] ?? 'full' });
    });
    const title = t('What is compared before the hand-over');
    select.setAttribute('aria-label', title);
    return h('div', { class: 'choice-row' }, h('span', { class: 'choice-title' }, title), select);
  }

  #change(change: Partial<CutoverChoices>): void {
    this.#choices = { ...this.#choices, ...change };
    this.keep(this.#choices);
  }
}
