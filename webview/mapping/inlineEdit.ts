import { h } from '../shared/dom.js';

export interface EditedPart {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly className?: string;
}

export interface InlineEdit {
  readonly parts: readonly EditedPart[];
  /** The part that has the focus first. */
  readonly first: number;
  /** What stands between two parts. */
  readonly between?: string;
  commit(values: readonly string[]): void;
  /** The inputs are gone, whatever came of them. */
  ended(): void;
  save(): void;
}

/** Keys that belong to an input while it is edited, although VS Code would take them. */
const isOfInput = ({ key, ctrlKey, metaKey }: KeyboardEvent) =>
  (ctrlKey || metaKey) && ['z', 'y', 'a', 'c', 'v', 'x'].includes(key.toLowerCase());

/** Puts inputs into a cell: Enter and leaving them commits, Esc takes them away. */
export function editInline(cell: HTMLElement, edit: InlineEdit): void {
  const inputs = edit.parts.map(({ label, value, placeholder = '', className = '' }) => {
    const input = h('input', {
      class: `inline-input ${className}`.trim(),
      type: 'text',
      'aria-label': label,
      placeholder,
      spellcheck: 'false',
      autocomplete: 'off',
    });
    input.value = value;
    return input;
  });
  let open = true;
  const end = (committed: boolean) => {
    if (!open) return;
    open = false;
    const values = inputs.map((input) => input.value);
    const changed = values.some((value, at) => value !== edit.parts[at]?.value);
    delete cell.dataset['key'];
    cell.replaceChildren();
    edit.ended();
    if (committed && changed) edit.commit(values);
  };
  for (const input of inputs) {
    input.addEventListener('keydown', (event) => {
      const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's';
      if (event.key === 'Enter' || isSave) end(true);
      else if (event.key === 'Escape') end(false);
      else if (!isOfInput(event)) return;
      if (event.key === 'Enter' || event.key === 'Escape' || isSave) event.preventDefault();
      event.stopPropagation();
      if (isSave) edit.save();
    });
    input.addEventListener('focusout', (event) => {
      if (!(event.relatedTarget instanceof Node && cell.contains(event.relatedTarget))) end(true);
    });
  }
  const content = inputs.flatMap((input, at) =>
    at === 0 ? [input] : [h('span', { class: 'between', 'aria-hidden': 'true' }, edit.between ?? ''), input],
  );
  cell.replaceChildren(...content);
  const first = inputs[edit.first] ?? inputs[0];
  first?.focus();
  first?.select();
}
