import { formatSeconds } from '../../src/base/format.js';
import type { FollowedDatabase } from '../../src/protocol/followView.js';
import type { DashboardMessage } from '../../src/protocol/webview.js';
import { button, h } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

/** What applications connect to now, and what else is to be done, database by database. */
export class CutoverOutcome {
  readonly element = h('div', { class: 'outcome' });
  #shown = '';

  constructor(private readonly post: (message: DashboardMessage) => void) {}

  show(databases: readonly FollowedDatabase[]): void {
    const handed = databases.filter(({ follow }) => follow.cutover?.handOver !== undefined);
    this.element.hidden = handed.length === 0;
    const key = JSON.stringify(
      handed.map(({ source, follow }) => [source, follow.cutover?.handOver, follow.cutover?.downtimeMs]),
    );
    if (this.#shown === key) return;
    this.#shown = key;
    this.element.replaceChildren(...handed.map((database) => this.#database(database, databases.length > 1)));
  }

  #database({ source, follow }: FollowedDatabase, several: boolean): HTMLElement {
    const { handOver, downtimeMs } = follow.cutover ?? {};
    const copy = button(t('Copy'), 'copy', () => this.post({ type: 'copyConnection', database: source }));
    copy.setAttribute('aria-label', t('Copy the connection string of {0}', source));
    const downtime =
      downtimeMs === undefined
        ? undefined
        : h('p', {}, t('Write downtime: {0}', formatSeconds(downtimeMs / 1000)));
    const todo = handOver?.todo ?? [];
    return h(
      'div',
      {},
      several ? h('h3', {}, source) : undefined,
      several ? downtime : undefined,
      h('div', { class: 'choice-title' }, t('Applications connect to')),
      h(
        'div',
        { class: 'connection' },
        h('code', { tabindex: '0', 'aria-label': t('Connection string') }, handOver?.connection ?? ''),
        copy,
      ),
      todo.length === 0 ? undefined : h('div', { class: 'choice-title' }, t('To be done')),
      h('ul', { class: 'todo' }, ...todo.map((line) => h('li', {}, line))),
    );
  }
}
