import { formatBytes, formatCount } from '../../src/base/format.js';
import type { MappingAction, MappingState } from '../../src/protocol/mappingPanel.js';
import { h, icon, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

function button(glyph: string, label: string, appearance: string, act: () => void): HTMLElement {
  const element = h('vscode-button', { appearance }, label);
  const start = icon(glyph);
  start.slot = 'start';
  element.append(start);
  element.addEventListener('click', act);
  return element;
}

/** What goes where, the actions, and what is wrong with the whole file. */
export class Header {
  readonly element: HTMLElement;
  readonly #title = h('h1');
  readonly #route = h('p', { class: 'route' });
  readonly #notice = h('div', { class: 'notice', role: 'alert' });
  readonly #problem = h('div', { class: 'notice error', role: 'alert' });
  readonly #start: HTMLElement;
  readonly #review: HTMLElement;

  constructor(
    private readonly act: (action: MappingAction, line?: number) => void,
    private readonly upgrade: () => void,
  ) {
    this.#review = button('file-code', t('Review DDL'), 'secondary', () => act('reviewDdl'));
    this.#start = button('play', t('Start Migration'), 'primary', () => act('start'));
    const text = button('go-to-file', t('Open as Text'), 'secondary', () => act('openAsText'));
    this.#problem.hidden = true;
    this.element = h(
      'header',
      {},
      h(
        'div',
        { class: 'top' },
        h('div', { class: 'titles' }, this.#title, this.#route),
        h(
          'div',
          { class: 'actions', role: 'toolbar', 'aria-label': t('Actions') },
          this.#start,
          this.#review,
          text,
        ),
      ),
      this.#notice,
      this.#problem,
    );
  }

  show(state: MappingState): void {
    setText(this.#title, state.name);
    const { taken, tables, bytes } = state.totals;
    const counts =
      tables === 0
        ? ''
        : ` · ${t('{0} of {1} tables and views, {2}', formatCount(taken), formatCount(tables), formatBytes(bytes))}`;
    setText(this.#route, `${state.source} → ${state.target}${counts}`);
    this.#route.hidden = !state.readable;
    for (const element of [this.#start, this.#review])
      element.toggleAttribute('disabled', !state.readable || state.notice?.kind === 'broken');
    this.#showNotice(state);
  }

  /** Why the last gesture changed nothing. */
  fail(problem: string | undefined): void {
    this.#problem.hidden = problem === undefined;
    if (problem !== undefined) this.#problem.replaceChildren(icon('error', 'bad'), h('span', {}, problem));
  }

  #showNotice({ notice }: MappingState): void {
    const key = JSON.stringify(notice ?? null);
    if (this.#notice.dataset['key'] === key) return;
    this.#notice.dataset['key'] = key;
    this.#notice.hidden = notice === undefined;
    if (!notice) return;
    const grave = notice.kind === 'broken' || notice.kind === 'newer';
    this.#notice.className = `notice ${grave ? 'error' : 'warning'}`;
    const more =
      notice.kind === 'broken'
        ? h('span', { class: 'dim' }, t('What is shown is how the file was before.'))
        : undefined;
    const actions = {
      broken: button('go-to-file', t('Open as Text'), 'secondary', () =>
        this.act('openAsText', notice.kind === 'broken' ? notice.line : undefined),
      ),
      newer: button('go-to-file', t('Open as Text'), 'secondary', () => this.act('openAsText')),
      readonly: undefined,
      older: button('arrow-circle-up', t('Upgrade'), 'primary', () => this.upgrade()),
      untrusted: button('workspace-trusted', t('Manage Workspace Trust'), 'secondary', () =>
        this.act('trust'),
      ),
    };
    this.#notice.replaceChildren(
      icon(grave ? 'error' : 'warning', grave ? 'bad' : 'warn'),
      h('span', { class: 'text' }, notice.message, ' ', ...(more ? [more] : [])),
      ...[actions[notice.kind]].filter((action) => action !== undefined),
    );
  }
}
