import { h, setAttribute } from './dom.js';

export interface Column<Row> {
  readonly title: string;
  readonly className: string;
  /** Fills a cell; called again whenever the row changes. */
  render(cell: HTMLElement, row: Row): void;
}

export interface GridOptions<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** Asks for a page; the answer comes through {@link VirtualGrid.setPage}. */
  readonly request: (offset: number, limit: number) => void;
  readonly empty: string;
}

const rowHeight = 26;
const overscan = 8;
const pageSize = 100;

/**
 * A grid of any number of rows of which only the visible ones are in the page. Rows are pulled by page; the active row
 * is moved with the keyboard and stays mounted, so that a screen reader keeps its place.
 */
export class VirtualGrid<Row> {
  readonly element: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #spacer: HTMLElement;
  readonly #emptyText: HTMLElement;
  readonly #pages = new Map<number, readonly Row[]>();
  readonly #asked = new Set<number>();
  readonly #mounted = new Map<number, HTMLElement>();
  #total = 0;
  #active = 0;

  constructor(private readonly options: GridOptions<Row>) {
    const header = h('div', { class: 'grid-row grid-header', role: 'row', 'aria-rowindex': '1' });
    for (const column of options.columns)
      header.append(h('div', { class: `cell ${column.className}`, role: 'columnheader' }, column.title));
    this.#spacer = h('div', { class: 'grid-spacer', role: 'rowgroup' });
    this.#emptyText = h('p', { class: 'empty' }, options.empty);
    this.#scroller = h('div', { class: 'grid-scroller', role: 'presentation' }, this.#spacer);
    this.element = h(
      'div',
      { class: 'grid', role: 'grid', tabindex: '0', 'aria-label': options.label, 'aria-readonly': 'true' },
      header,
      this.#scroller,
      this.#emptyText,
    );
    this.#scroller.addEventListener('scroll', () => this.#draw());
    this.element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.#scroller);
  }

  /** Forgets everything and asks anew: the question changed. */
  reset(): void {
    this.#pages.clear();
    this.#asked.clear();
    this.#total = 0;
    this.#active = 0;
    this.#scroller.scrollTop = 0;
    this.#ask(0);
  }

  /** Asks again for what is visible: the answer may have changed. */
  refresh(): void {
    const [first, last] = this.#visible();
    for (
      let page = Math.floor(first / pageSize);
      page <= Math.floor(Math.max(first, last - 1) / pageSize);
      page += 1
    ) {
      this.#asked.delete(page);
      this.#ask(page);
    }
    // Pages out of sight are asked for again when they come into it.
    for (const page of [...this.#pages.keys()])
      if (page * pageSize > last || (page + 1) * pageSize < first) this.#pages.delete(page);
  }

  setPage(offset: number, total: number, rows: readonly Row[]): void {
    const page = Math.floor(offset / pageSize);
    this.#asked.delete(page);
    this.#pages.set(page, rows);
    this.#total = total;
    this.#active = Math.max(0, Math.min(this.#active, total - 1));
    this.#draw();
  }

  #ask(page: number): void {
    if (this.#asked.has(page)) return;
    this.#asked.add(page);
    this.options.request(page * pageSize, pageSize);
  }

  #visible(): [first: number, last: number] {
    const first = Math.max(0, Math.floor(this.#scroller.scrollTop / rowHeight) - overscan);
    const count = Math.ceil(this.#scroller.clientHeight / rowHeight) + 2 * overscan;
    return [first, Math.min(this.#total, first + count)];
  }

  #draw(): void {
    this.#spacer.style.height = `${this.#total * rowHeight}px`;
    this.#emptyText.hidden = this.#total > 0;
    setAttribute(this.element, 'aria-rowcount', String(this.#total + 1));
    const [first, last] = this.#visible();
    for (const [index, row] of this.#mounted) {
      if ((index >= first && index < last) || (index === this.#active && index < this.#total)) continue;
      row.remove();
      this.#mounted.delete(index);
    }
    for (let index = first; index < last; index += 1) this.#drawRow(index);
    setAttribute(
      this.element,
      'aria-activedescendant',
      this.#mounted.has(this.#active) ? rowId(this.#active) : undefined,
    );
  }

  #drawRow(index: number): void {
    const page = Math.floor(index / pageSize);
    const data = this.#pages.get(page)?.[index % pageSize];
    if (data === undefined) {
      this.#ask(page);
      return;
    }
    let row = this.#mounted.get(index);
    if (!row) {
      row = this.#newRow(index);
      this.#mounted.set(index, row);
      this.#spacer.append(row);
    }
    row.classList.toggle('active', index === this.#active);
    setAttribute(row, 'aria-selected', String(index === this.#active));
    this.options.columns.forEach((column, at) => {
      const cell = row.children[at];
      if (cell instanceof HTMLElement) column.render(cell, data);
    });
  }

  #newRow(index: number): HTMLElement {
    const row = h('div', {
      class: 'grid-row',
      role: 'row',
      id: rowId(index),
      'aria-rowindex': String(index + 2),
    });
    row.style.transform = `translateY(${index * rowHeight}px)`;
    for (const column of this.options.columns)
      row.append(h('div', { class: `cell ${column.className}`, role: 'gridcell' }));
    row.addEventListener('click', () => this.#activate(index));
    return row;
  }

  #activate(index: number): void {
    this.#active = Math.max(0, Math.min(index, this.#total - 1));
    const top = this.#active * rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight)
      this.#scroller.scrollTop = top + rowHeight - clientHeight;
    this.#draw();
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / rowHeight) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + page,
      PageUp: this.#active - page,
      Home: 0,
      End: this.#total - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#activate(to);
  }
}

const rowId = (index: number) => `row-${index}`;
