/** Fields as the Settings editor has them: title, description, control. Each sends what it holds when that changes. */
import { h } from '../shared/dom.js';

export interface Field {
  readonly element: HTMLElement;
  /** Shows what the document has, unless the user is in the field. */
  set(value: string): void;
}

let lastId = 0;

/** VS Code would undo in the document while the user types in a field. */
export function keepUndo(input: HTMLElement): void {
  input.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && ['z', 'y'].includes(event.key.toLowerCase()))
      event.stopPropagation();
  });
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

function field(
  title: string,
  description: string,
  control: Control,
  changed: (value: string) => void,
): Field {
  lastId += 1;
  const id = `field-${lastId}`;
  control.id = id;
  control.setAttribute('aria-describedby', `${id}-description`);
  control.addEventListener('change', () => changed(control.value));
  keepUndo(control);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id, class: 'field-title' }, title),
    h('div', { class: 'field-description', id: `${id}-description` }, description),
    control,
  );
  return {
    element,
    set: (value) => {
      if (document.activeElement !== control && control.value !== value) control.value = value;
    },
  };
}

export function numberField(
  title: string,
  description: string,
  bounds: { readonly min: number; readonly max: number },
  changed: (value: number) => void,
): Field {
  const input = h('input', {
    type: 'number',
    class: 'input short',
    min: String(bounds.min),
    max: String(bounds.max),
  });
  return field(title, description, input, (value) => {
    const number = Number(value);
    const fits = Number.isInteger(number) && number >= bounds.min && number <= bounds.max;
    input.toggleAttribute('aria-invalid', !fits);
    if (fits) changed(number);
  });
}

export function choiceField(
  title: string,
  description: string,
  choices: readonly (readonly [value: string, label: string])[],
  changed: (value: string) => void,
): Field {
  const select = h('select', { class: 'input select' });
  for (const [value, label] of choices) select.append(h('option', { value }, label));
  return field(title, description, select, changed);
}

export function linesField(
  title: string,
  description: string,
  changed: (lines: readonly string[]) => void,
): Field {
  const area = h('textarea', { class: 'input lines', rows: '2', spellcheck: 'false', wrap: 'off' });
  const made = field(title, description, area, (value) => changed(value.split('\n')));
  return {
    element: made.element,
    set: (value) => {
      made.set(value);
      area.rows = Math.min(12, Math.max(2, value.split('\n').length + 1));
    },
  };
}

export function flagField(title: string, description: string, changed: (on: boolean) => void): Field {
  lastId += 1;
  const id = `field-${lastId}`;
  const input = h('input', { type: 'checkbox', class: 'checkbox', id });
  input.addEventListener('change', () => changed(input.checked));
  const label = h('label', { for: id, class: 'field-description' }, description);
  const element = h(
    'div',
    { class: 'field' },
    h('div', { class: 'field-title' }, title),
    h('div', { class: 'flag' }, input, label),
  );
  return {
    element,
    set: (value) => {
      input.checked = value === 'true';
    },
  };
}
