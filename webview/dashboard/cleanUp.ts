import type { CleanUp } from '../../src/protocol/webview.js';
import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

/** What a clean-up removed. */
export class CleanUpCard {
  readonly #list = h('ul', { class: 'todo' });
  readonly element = h(
    'section',
    { class: 'card', 'aria-label': t('Cleaned up') },
    h('div', { class: 'card-title' }, h('h2', {}, t('Cleaned up'))),
    this.#list,
  );
  #shown = '';

  show(cleanUp: CleanUp | undefined): void {
    this.element.hidden = cleanUp === undefined;
    const key = JSON.stringify(cleanUp ?? '');
    if (!cleanUp || this.#shown === key) return;
    this.#shown = key;
    const lines = cleanUp.removed.flatMap(({ database, what }) =>
      what.map((line) => (cleanUp.removed.length > 1 ? `${database}: ${line}` : line)),
    );
    this.#list.replaceChildren(
      ...(lines.length === 0 ? [t('Nothing was left to be removed.')] : lines).map((line) =>
        h('li', {}, icon('pass', 'good'), line),
      ),
    );
  }
}
