import { formatBytes, formatCount } from '../../src/base/format.js';
import type { TableSnapshot, WorkState } from '../../src/protocol/model.js';
import type { DashboardMessage, TablesPage } from '../../src/protocol/webview.js';
import { h, icon, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { type Column, VirtualGrid } from '../shared/virtualGrid.js';
import { workLook } from './states.js';

export interface TablesFilter {
  readonly text: string;
  readonly state: WorkState | '';
}

function stateCell(cell: HTMLElement, row: TableSnapshot): void {
  const look = workLook(row.state);
  const key = `${look.label}${row.error?.code ?? ''}`;
  if (cell.dataset['key'] === key) return;
  cell.dataset['key'] = key;
  cell.replaceChildren(icon(look.icon, look.tone), h('span', {}, look.label));
  cell.title = row.error ? `${row.error.message} ${row.error.fix}` : look.label;
}

function dataCell(cell: HTMLElement, row: TableSnapshot): void {
  const running = row.state === 'running';
  setText(
    cell,
    running
      ? t('{0} of {1}', formatBytes(row.bytes), formatBytes(row.bytesEstimated))
      : formatBytes(row.bytes),
  );
  const share = running && row.bytesEstimated > 0 ? Math.min(1, row.bytes / row.bytesEstimated) : 0;
  cell.style.setProperty('--share', `${share * 100}%`);
}

function verifyCell(cell: HTMLElement, row: TableSnapshot): void {
  const { verification } = row;
  const key = verification ? String(verification.equal) : '';
  if (cell.dataset['key'] === key) return;
  cell.dataset['key'] = key;
  if (!verification) {
    cell.replaceChildren();
    return;
  }
  const [glyph, tone, text] = verification.equal
    ? ['verified-filled', 'good', t('equal')]
    : ['error', 'bad', t('different')];
  cell.replaceChildren(icon(glyph, tone), h('span', {}, text));
  cell.title = t(
    '{0} rows at the source, {1} at the target',
    formatCount(verification.sourceRows),
    formatCount(verification.targetRows),
  );
}

const columns = (): Column<TableSnapshot>[] => [
  { title: t('State'), className: 'state', render: stateCell },
  {
    title: t('Table'),
    className: 'table-name',
    render(cell, row) {
      setText(cell, `${row.schema}.${row.name}`);
      cell.title = cell.textContent ?? '';
    },
  },
  {
    title: t('Rows'),
    className: 'number',
    render: (cell, row) =>
      setText(
        cell,
        row.state === 'pending' || row.state === 'running'
          ? `~${formatCount(row.rowsEstimated)}`
          : formatCount(row.rows),
      ),
  },
  { title: t('Data'), className: 'number data', render: dataCell },
  {
    title: t('Indexes'),
    className: 'number',
    render: (cell, row) =>
      setText(cell, row.indexesTotal === 0 ? '' : t('{0} of {1}', row.indexesDone, row.indexesTotal)),
  },
  { title: t('Compared'), className: 'verified', render: verifyCell },
];

/** Tables of one database: filtered and pulled by page from the host. */
export class Tables {
  readonly element: HTMLElement;
  readonly #grid: VirtualGrid<TableSnapshot>;
  #database = '';
  #filter: TablesFilter;
  #request = 0;
  #latest = 0;

  constructor(
    private readonly post: (message: DashboardMessage) => void,
    private readonly keep: (filter: TablesFilter) => void,
    filter: TablesFilter,
  ) {
    this.#filter = filter;
    this.#grid = new VirtualGrid<TableSnapshot>({
      label: t('Tables'),
      columns: columns(),
      empty: t('No table is here yet.'),
      request: (offset, limit) => this.#ask(offset, limit),
    });
    this.element = h(
      'div',
      { class: 'tables' },
      h('div', { class: 'filters' }, this.#textFilter(), this.#stateFilter()),
      this.#grid.element,
    );
  }

  show(database: string): void {
    if (this.#database === database) this.#grid.refresh();
    else {
      this.#database = database;
      this.#reset();
    }
  }

  take(page: TablesPage): void {
    // An answer to a question that has changed since.
    if (page.request < this.#latest) return;
    this.#grid.setPage(page.offset, page.total, page.tables);
  }

  #reset(): void {
    this.#latest = this.#request + 1;
    this.#grid.reset();
  }

  #ask(offset: number, limit: number): void {
    if (this.#database === '') return;
    this.#request += 1;
    const { text, state } = this.#filter;
    this.post({
      type: 'tables',
      request: this.#request,
      database: this.#database,
      offset,
      limit,
      ...(text !== '' && { text }),
      ...(state !== '' && { state }),
    });
  }

  #textFilter(): HTMLElement {
    const name = t('Filter tables by name');
    const field = h('vscode-text-field', {
      placeholder: name,
      value: this.#filter.text,
    });
    const start = icon('search');
    start.slot = 'start';
    field.append(start);
    // Where it comes into the page the toolkit calls it "Text field".
    queueMicrotask(() => field.setAttribute('aria-label', name));
    field.addEventListener('input', () => {
      this.#change({ ...this.#filter, text: (field as HTMLInputElement).value });
    });
    return field;
  }

  #stateFilter(): HTMLElement {
    const states: (WorkState | '')[] = ['', 'running', 'pending', 'done', 'failed', 'skipped'];
    const dropdown = h('vscode-dropdown', { 'aria-label': t('State') });
    for (const state of states)
      dropdown.append(
        h(
          'vscode-option',
          { value: state, ...(state === this.#filter.state && { selected: '' }) },
          state === '' ? t('all states') : workLook(state).label,
        ),
      );
    dropdown.addEventListener('change', () => {
      const value = (dropdown as unknown as HTMLSelectElement).value;
      this.#change({ ...this.#filter, state: states.find((state) => state === value) ?? '' });
    });
    return dropdown;
  }

  #change(filter: TablesFilter): void {
    this.#filter = filter;
    this.keep(filter);
    this.#reset();
  }
}
