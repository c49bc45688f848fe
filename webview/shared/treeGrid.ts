import { h, setAttribute } from './dom.js';
import { type KeyTarget, pressKey, type TreeGridOptions, type TreeRow } from './treeKeys.js';

export const rowHeight = 24;
const overscan = 10;
const pageSize = 100;

/**
 * A treegrid of any number of rows (https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/) of which only the visible ones
 * are in the page. Rows are pulled by page. Focus is on a row or on one of its cells; the focused row stays mounted, and
 * keeps the focus by its key when rows come and go above it.
 */
export class TreeGrid<Row extends TreeRow> {
  readonly element: HTMLElement;
  readonly #header: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #body: HTMLElement;
  readonly #emptyText: HTMLElement;
  readonly #pages = new Map<number, readonly Row[]>();
  readonly #asked = new Set<number>();
  readonly #mounted = new Map<number, HTMLElement>();
  #total = 0;
  #known = false;
  #active = 0;
  #activeKey: string | undefined;
  /** Column of the focused cell; -1 for the row. */
  #cell = -1;
  /** Set while a cell holds an input. */
  #editing: HTMLElement | undefined;

  constructor(private readonly options: TreeGridOptions<Row>) {
    this.#header = h('div', { class: 'tree-row tree-header', role: 'row', 'aria-rowindex': '1' });
    for (const { title, className } of options.columns)
      this.#header.append(h('div', { class: `tree-cell ${className}`, role: 'columnheader' }, title));
    this.#body = h('div', { class: 'tree-body', role: 'rowgroup' });
    this.#emptyText = h('p', { class: 'empty', role: 'status' }, options.empty);
    this.#emptyText.hidden = true;
    this.#scroller = h('div', { class: 'tree-scroller', role: 'presentation' }, this.#body);
    this.element = h(
      'div',
      { class: 'tree', role: 'treegrid', 'aria-label': options.label, 'aria-readonly': 'false' },
      h('div', { role: 'rowgroup', class: 'tree-head' }, this.#header),
      this.#scroller,
      this.#emptyText,
    );
    this.#scroller.addEventListener('scroll', () => this.#draw());
    this.element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.#scroller);
  }

  get scrollTop(): number {
    return this.#scroller.scrollTop;
  }

  /** Where the focus was and how far it was scrolled before the page was hidden. */
  restore(key: string | undefined, scrollTop: number): void {
    this.#activeKey = key;
    this.#wantedScroll = scrollTop;
  }
  #wantedScroll = 0;

  /** Asks again for what is visible: any row may have changed, come or gone. */
  refresh(): void {
    this.#asked.clear();
    const [first, last] = this.#visible();
    const from = Math.floor(first / pageSize);
    const to = Math.floor(Math.max(first, last - 1) / pageSize);
    for (let page = from; page <= to; page += 1) this.#ask(page);
    for (const page of [...this.#pages.keys()]) if (page < from || page > to) this.#pages.delete(page);
  }

  setRows(offset: number, total: number, rows: readonly Row[], activeIndex: number): void {
    const page = Math.floor(offset / pageSize);
    this.#asked.delete(page);
    const shifted = total !== this.#total;
    this.#pages.set(page, rows);
    this.#total = total;
    this.#known = true;
    const active = activeIndex >= 0 ? activeIndex : Math.max(0, Math.min(this.#active, total - 1));
    if (active !== this.#active) {
      // The active row moved: whoever looks at it keeps looking at it.
      const scrolled = (active - this.#active) * rowHeight;
      const seen = this.#isVisible(this.#active);
      this.#active = active;
      if (seen && this.#editing === undefined && this.#hasFocus()) this.#scroller.scrollTop += scrolled;
    }
    if (shifted && this.#editing === undefined) this.#dropStale();
    this.#draw();
    if (this.#wantedScroll > 0 && total * rowHeight >= this.#wantedScroll) {
      this.#scroller.scrollTop = this.#wantedScroll;
      this.#wantedScroll = 0;
    }
  }

  /** Moves to a row, wherever it is. */
  reveal(key: string, index: number): void {
    this.#activeKey = key;
    this.#cell = -1;
    this.#activate(index, true);
  }

  focus(): void {
    this.#refocus = true;
    this.#draw();
  }

  /** A cell holds an input from now on: it is not drawn again until {@link endEdit}. */
  beginEdit(cell: HTMLElement): void {
    this.#editing = cell;
  }

  endEdit(): void {
    if (!this.#editing) return;
    this.#editing = undefined;
    this.#draw();
    this.#focusActive();
  }

  #ask(page: number): void {
    if (this.#asked.has(page)) return;
    this.#asked.add(page);
    this.options.request(page * pageSize, pageSize, this.#activeKey);
  }

  #row(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize];
  }

  #visible(): [first: number, last: number] {
    const first = Math.max(0, Math.floor(this.#scroller.scrollTop / rowHeight) - overscan);
    const count = Math.ceil(this.#scroller.clientHeight / rowHeight) + 2 * overscan;
    return [first, this.#known ? Math.min(this.#total, first + count) : first + count];
  }

  #isVisible(index: number): boolean {
    const [first, last] = this.#visible();
    return index >= first && index < last;
  }

  #hasFocus(): boolean {
    return this.#mounted.get(this.#active)?.contains(document.activeElement) ?? false;
  }

  /** Elements of rows that are somewhere else now. */
  #dropStale(): void {
    const focused = this.#hasFocus();
    for (const [index, element] of this.#mounted) {
      if (element.dataset['key'] === this.#row(index)?.key) continue;
      element.remove();
      this.#mounted.delete(index);
    }
    this.#refocus ||= focused;
  }
  #refocus = false;

  #draw(): void {
    this.#body.style.height = `${this.#total * rowHeight}px`;
    this.#emptyText.hidden = !this.#known || this.#total > 0;
    setAttribute(this.element, 'aria-rowcount', String(this.#total + 1));
    const [first, last] = this.#visible();
    const kept = (index: number) =>
      index < this.#total && ((index >= first && index < last) || index === this.#active);
    for (const [index, row] of this.#mounted) {
      if (kept(index) || (this.#editing && row.contains(this.#editing))) continue;
      row.remove();
      this.#mounted.delete(index);
    }
    for (let index = first; index < Math.min(last, this.#total); index += 1) this.#drawRow(index);
    if (!this.#isVisible(this.#active) && this.#active < this.#total) this.#drawRow(this.#active);
    const mounted = this.#mounted.has(this.#active);
    setAttribute(this.element, 'tabindex', mounted ? '-1' : '0');
    if (!this.#refocus) return;
    // Keys must not be lost while the active row is on its way.
    if (!mounted) this.element.focus({ preventScroll: true });
    else {
      this.#refocus = false;
      this.#focusActive();
    }
  }

  #drawRow(index: number): void {
    const data = this.#row(index);
    if (data === undefined) {
      if (this.#isVisible(index)) this.#ask(Math.floor(index / pageSize));
      return;
    }
    if (index === this.#active && this.#activeKey === undefined) this.#activeKey = data.key;
    const element = this.#mounted.get(index) ?? this.#mount(index);
    element.dataset['key'] = data.key;
    const active = index === this.#active;
    element.classList.toggle('active', active);
    setAttribute(element, 'tabindex', active && this.#cell < 0 ? '0' : '-1');
    setAttribute(element, 'aria-level', String(data.level));
    setAttribute(element, 'aria-expanded', data.expanded === undefined ? undefined : String(data.expanded));
    element.style.setProperty('--level', String(data.level - 1));
    this.options.columns.forEach((column, at) => {
      const cell = element.children[at];
      if (!(cell instanceof HTMLElement) || cell === this.#editing) return;
      column.render(cell, data);
      setAttribute(cell, 'tabindex', active && this.#cell === at ? '0' : '-1');
    });
  }

  #mount(index: number): HTMLElement {
    const row = h('div', { class: 'tree-row', role: 'row', 'aria-rowindex': String(index + 2) });
    row.style.transform = `translateY(${index * rowHeight}px)`;
    for (const { className } of this.options.columns)
      row.append(h('div', { class: `tree-cell ${className}`, role: 'gridcell' }));
    row.addEventListener('mousedown', (event) => this.#press(event, index, row));
    row.addEventListener('dblclick', (event) => this.#open(event, index, row));
    this.#mounted.set(index, row);
    // In the order of rows, so that readers that walk the page do not jump.
    const next = [...this.#mounted.keys()].filter((other) => other > index).sort((a, b) => a - b)[0];
    this.#body.insertBefore(row, (next !== undefined && this.#mounted.get(next)) || null);
    return row;
  }

  #columnOf(row: HTMLElement, target: EventTarget | null): number {
    return [...row.children].findIndex((cell) => target instanceof Node && cell.contains(target));
  }

  #press(event: MouseEvent, index: number, row: HTMLElement): void {
    const { target } = event;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    const data = this.#row(index);
    const at = this.#columnOf(row, target);
    this.#cell = data && this.options.columns[at]?.stops?.(data) ? at : -1;
    this.#activate(index, true);
    event.preventDefault();
    const part = target instanceof Element ? target.closest('[data-part]') : undefined;
    if (!data || !(part instanceof HTMLElement)) return;
    if (part.dataset['part'] === 'twistie' && data.expanded !== undefined)
      this.options.expand(data, !data.expanded);
    if (part.dataset['part'] === 'check') this.options.toggle(data);
    const cell = row.children[at];
    if (part.dataset['part'] === 'toggle' && cell instanceof HTMLElement)
      this.options.columns[at]?.toggle?.(cell, data);
  }

  #open(event: MouseEvent, index: number, row: HTMLElement): void {
    const data = this.#row(index);
    const at = this.#columnOf(row, event.target);
    const cell = row.children[at];
    const column = this.options.columns[at];
    if (!data || !(cell instanceof HTMLElement) || cell === this.#editing) return;
    if (column?.edit && column.stops?.(data)) column.edit(cell, data);
    else if (data.expanded !== undefined && at === 0 && !(event.target as Element).closest('[data-part]'))
      this.options.expand(data, !data.expanded);
  }

  #activate(index: number, focus: boolean): void {
    this.#active = Math.max(0, Math.min(index, this.#total - 1));
    // Of a row that is not here yet it is known once it comes.
    this.#activeKey = this.#row(this.#active)?.key;
    const top = this.#active * rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight)
      this.#scroller.scrollTop = top + rowHeight - clientHeight;
    if (focus) this.#refocus = true;
    this.#draw();
    if (this.#activeKey !== undefined) this.options.activated(this.#activeKey);
  }

  #focusActive(): void {
    const row = this.#mounted.get(this.#active);
    const cell = this.#cell < 0 ? row : row?.children[this.#cell];
    if (cell instanceof HTMLElement) cell.focus({ preventScroll: true });
  }

  #keyTarget(): KeyTarget<Row> {
    return {
      options: this.options,
      active: this.#active,
      cell: this.#cell,
      total: this.#total,
      page: Math.max(1, Math.floor(this.#scroller.clientHeight / rowHeight) - 1),
      row: this.#row(this.#active),
      elementOf: (column) => {
        const cell = this.#mounted.get(this.#active)?.children[column];
        return cell instanceof HTMLElement ? cell : undefined;
      },
      moveTo: (index, cell) => {
        this.#cell = cell;
        this.#activate(index, true);
      },
    };
  }

  #key(event: KeyboardEvent): void {
    const { target } = event;
    if (this.#editing || target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    if (event.altKey || event.metaKey || !pressKey(event, this.#keyTarget())) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
