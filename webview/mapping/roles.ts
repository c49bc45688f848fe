import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { keepUndo } from './fields.js';
import type { Send } from './gestures.js';

/** Which role of the source becomes which one of the target. */
export class RoleTable {
  readonly element: HTMLElement;
  readonly #rows = h('div', { class: 'roles', role: 'list' });
  readonly #known = h('datalist', { id: 'known-roles' });
  readonly #source: HTMLInputElement;
  readonly #target: HTMLInputElement;

  constructor(private readonly send: Send) {
    const input = (label: string, list?: string) => {
      const element = h('input', {
        class: 'input',
        type: 'text',
        placeholder: label,
        'aria-label': label,
        spellcheck: 'false',
        ...(list !== undefined && { list }),
      });
      keepUndo(element);
      return element;
    };
    this.#source = input(t('Source role'), 'known-roles');
    this.#target = input(t('Target role'));
    const add = h('button', { class: 'tool wide', type: 'button' }, icon('add'), t('Add'));
    add.addEventListener('click', () => this.#add());
    for (const element of [this.#source, this.#target])
      element.addEventListener('keydown', (event) => {
        if (event.key === 'Enter') this.#add();
      });
    this.element = h(
      'div',
      { class: 'field' },
      h('div', { class: 'field-title' }, t('Role mapping')),
      h('div', { class: 'field-description' }, t('In owners, grants, policies and default privileges.')),
      this.#rows,
      h('div', { class: 'role' }, this.#source, h('span', { 'aria-hidden': 'true' }, '→'), this.#target, add),
      this.#known,
    );
  }

  show(roles: Readonly<Record<string, string>>, known: readonly string[]): void {
    const key = JSON.stringify([roles, known]);
    if (this.#rows.dataset['key'] === key || this.#rows.contains(document.activeElement)) return;
    this.#rows.dataset['key'] = key;
    this.#rows.replaceChildren(...Object.entries(roles).map(([role, target]) => this.#row(role, target)));
    const free = known.filter((role) => !Object.hasOwn(roles, role));
    this.#known.replaceChildren(...free.map((role) => h('option', { value: role })));
  }

  #row(role: string, target: string): HTMLElement {
    const input = h('input', {
      class: 'input',
      type: 'text',
      'aria-label': t('Role of the target for {0}', role),
      spellcheck: 'false',
    });
    input.value = target;
    keepUndo(input);
    input.addEventListener('change', () => void this.send({ kind: 'role', role, target: input.value }));
    const remove = h(
      'button',
      { class: 'tool', type: 'button', 'aria-label': t('Remove the mapping of {0}', role) },
      icon('close'),
    );
    remove.addEventListener('click', () => {
      remove.blur();
      void this.send({ kind: 'role', role });
    });
    return h(
      'div',
      { class: 'role', role: 'listitem' },
      h('span', { class: 'role-name', title: role }, role),
      h('span', { 'aria-hidden': 'true' }, '→'),
      input,
      remove,
    );
  }

  #add(): void {
    const role = this.#source.value.trim();
    const target = this.#target.value.trim();
    if (role === '') this.#source.focus();
    else if (target === '') this.#target.focus();
    else {
      void this.send({ kind: 'role', role, target });
      this.#source.value = '';
      this.#target.value = '';
      this.#source.focus();
    }
  }
}
