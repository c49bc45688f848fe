import { type MappingFilter, noFilter } from '../../src/protocol/mappingPanel.js';
import { h, icon, setAttribute, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

/** After the last letter. */
const typingMs = 150;

export interface FilterBarActions {
  readonly changed: (filter: MappingFilter) => void;
  readonly openAll: () => void;
  readonly closeAll: () => void;
  readonly addDatabase: () => void;
  readonly refresh: () => void;
  readonly leave: () => void;
}

/** The filter box and its switches. */
export class FilterBar {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #regex: HTMLElement;
  readonly #withoutKey: HTMLElement;
  readonly #findings: HTMLElement;
  readonly #problem = h('span', { class: 'filter-problem', role: 'alert' });
  #filter: MappingFilter = noFilter;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly actions: FilterBarActions) {
    this.#input = h('input', {
      class: 'search',
      type: 'text',
      placeholder: t('Filter tables (schema.name)'),
      'aria-label': t('Filter tables'),
      spellcheck: 'false',
    });
    this.#input.addEventListener('input', () => this.#typed());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#regex = this.#toggle('regex', t('Use Regular Expression'), 'regex', false);
    this.#withoutKey = this.#toggle('key', t('Only without primary key'), 'onlyWithoutKey', true);
    this.#findings = this.#toggle('warning', t('Only with findings'), 'onlyFindings', true);
    const tool = (glyph: string, label: string, act: () => void) => {
      const element = h(
        'button',
        { class: 'tool', type: 'button', title: label, 'aria-label': label },
        icon(glyph),
      );
      element.addEventListener('click', act);
      return element;
    };
    const add = h('button', { class: 'tool wide', type: 'button' }, icon('add'), t('Add Database…'));
    add.addEventListener('click', () => actions.addDatabase());
    this.element = h(
      'div',
      { class: 'filter-bar', role: 'toolbar', 'aria-label': t('Filter') },
      h('div', { class: 'search-box' }, icon('search'), this.#input, this.#regex),
      this.#withoutKey,
      this.#findings,
      this.#problem,
      h('span', { class: 'spring' }),
      add,
      tool('refresh', t('Read the Servers Again'), () => actions.refresh()),
      tool('expand-all', t('Expand All'), () => actions.openAll()),
      tool('collapse-all', t('Collapse All'), () => actions.closeAll()),
    );
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  show(filter: MappingFilter, problem: string | undefined): void {
    this.#filter = filter;
    if (document.activeElement !== this.#input) this.#input.value = filter.text;
    setAttribute(this.#regex, 'aria-pressed', String(filter.regex));
    setAttribute(this.#withoutKey, 'aria-pressed', String(filter.onlyWithoutKey));
    setAttribute(this.#findings, 'aria-pressed', String(filter.onlyFindings));
    setAttribute(this.#input, 'aria-invalid', problem === undefined ? undefined : 'true');
    setText(this.#problem, problem ?? '');
    this.#problem.title = problem ?? '';
  }

  #toggle(
    glyph: string,
    label: string,
    name: 'regex' | 'onlyWithoutKey' | 'onlyFindings',
    withText: boolean,
  ): HTMLElement {
    const element = h(
      'button',
      { class: withText ? 'tool wide' : 'tool', type: 'button', title: label, 'aria-pressed': 'false' },
      icon(glyph),
      ...(withText ? [label] : [h('span', { class: 'for-readers' }, label)]),
    );
    element.addEventListener('click', () => {
      clearTimeout(this.#timer);
      this.#change({ ...this.#filter, text: this.#input.value, [name]: !this.#filter[name] });
    });
    return element;
  }

  #typed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#change({ ...this.#filter, text: this.#input.value }), typingMs);
  }

  /** Shown at once: the next click must not begin from what the host has not answered yet. */
  #change(filter: MappingFilter): void {
    this.show(filter, undefined);
    this.actions.changed(filter);
  }

  #key(event: KeyboardEvent): void {
    const undo = (event.ctrlKey || event.metaKey) && ['z', 'y'].includes(event.key.toLowerCase());
    // VS Code would undo in the document instead.
    if (undo) event.stopPropagation();
    if (event.key === 'ArrowDown') this.actions.leave();
    else if (event.key === 'Escape' && this.#input.value !== '') {
      this.#input.value = '';
      this.#typed();
    } else return;
    event.preventDefault();
  }
}
