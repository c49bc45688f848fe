import type {
  MappingFilter,
  MappingMessage,
  MappingRow,
  MappingRows,
  MappingState,
  MappingView,
} from '../../src/protocol/mappingPanel.js';
import { h } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { TreeGrid } from '../shared/treeGrid.js';
import { mappingColumns, targetColumn } from './columns.js';
import { FilterBar } from './filterBar.js';
import type { Send } from './gestures.js';
import { editInline } from './inlineEdit.js';

export interface MappingTreeOptions {
  readonly post: (message: MappingMessage) => void;
  readonly send: Send;
  readonly view: MappingView;
  /** The user looks at other rows. */
  readonly changed: (view: MappingView) => void;
  readonly moved: (active: string, scrollTop: number) => void;
}

const isFiltered = ({ text, onlyWithoutKey, onlyFindings }: MappingFilter) =>
  text !== '' || onlyWithoutKey || onlyFindings;

/** Databases, schemas and tables with what is decided about them. */
export class MappingTree {
  readonly element: HTMLElement;
  readonly #grid: TreeGrid<MappingRow>;
  readonly #bar: FilterBar;
  #view: MappingView;
  #editable = false;
  #request = 0;
  /** Answers to questions before this one are of other rows. */
  #oldest = 0;
  #revision = -1;

  constructor(private readonly options: MappingTreeOptions) {
    this.#view = options.view;
    this.#grid = new TreeGrid<MappingRow>({
      label: t('Mapping of databases, schemas and tables'),
      columns: mappingColumns({
        editTarget: (cell, row) => this.#editTarget(cell, row),
        editWhere: (cell, row) => this.#editWhere(cell, row),
        toggleData: (row) => this.#gesture(row, { kind: 'data', key: row.key, data: row.data !== true }),
        setMode: (row, mode) => this.#gesture(row, { kind: 'mode', key: row.key, mode }),
        offer: (row, action) => this.#offer(row, action),
      }),
      empty: t('No table matches the filter.'),
      editColumn: targetColumn,
      request: (offset, limit, active) => this.#ask(offset, limit, active),
      expand: (row, expanded) => this.#expand(row, expanded),
      toggle: (row) => {
        if (row.checked !== undefined)
          this.#gesture(row, { kind: 'check', key: row.key, checked: row.checked !== 'true' });
      },
      activated: (key) => options.moved(key, this.#grid.scrollTop),
    });
    this.#bar = new FilterBar({
      changed: (filter) => this.#change({ ...this.#view, filter, toggledFiltered: [] }),
      openAll: () => this.#setBase('open'),
      closeAll: () => this.#setBase('closed'),
      addDatabase: () => void options.send({ kind: 'addDatabase' }),
      refresh: () => options.post({ type: 'action', action: 'refresh' }),
      leave: () => this.#grid.focus(),
    });
    this.element = h('div', { class: 'tables' }, this.#bar.element, this.#grid.element);
  }

  restore(active: string | undefined, scrollTop: number): void {
    this.#grid.restore(active, scrollTop);
  }

  focusFilter(): void {
    this.#bar.focus();
  }

  show(state: MappingState): void {
    this.#editable = state.editable;
    this.element.classList.toggle('readonly', !state.editable);
    this.#bar.show(this.#view.filter, state.filterProblem);
    if (this.#revision !== state.revision || this.#stale) this.#refresh();
    this.#revision = state.revision;
  }
  #stale = true;

  take({ request, offset, total, rows, activeIndex }: MappingRows): void {
    if (request < this.#oldest) return;
    this.#expanding.clear();
    this.#grid.setRows(offset, total, rows, activeIndex);
  }

  setView(view: MappingView): void {
    this.#view = view;
    this.#bar.show(view.filter, undefined);
    this.#stale = true;
  }

  reveal(key: string, index: number): void {
    if (index >= 0) this.#grid.reveal(key, index);
  }

  #refresh(): void {
    this.#stale = false;
    this.#oldest = this.#request + 1;
    this.#grid.refresh();
  }

  #ask(offset: number, limit: number, active: string | undefined): void {
    this.#request += 1;
    const request = this.#request;
    this.options.post({ type: 'rows', request, offset, limit, ...(active !== undefined && { active }) });
  }

  #change(view: MappingView): void {
    this.#view = view;
    this.#stale = true;
    this.options.changed(view);
  }

  #setBase(base: 'open' | 'closed'): void {
    if (isFiltered(this.#view.filter)) this.#change({ ...this.#view, toggledFiltered: [] });
    else this.#change({ ...this.#view, base, toggled: [] });
  }

  #expand({ key }: MappingRow, expanded: boolean): void {
    // A key that is held down comes again before the rows do.
    if (this.#expanding.get(key) === expanded) return;
    this.#expanding.set(key, expanded);
    const name = isFiltered(this.#view.filter) ? 'toggledFiltered' : 'toggled';
    const toggled = new Set(this.#view[name]);
    if (!toggled.delete(key)) toggled.add(key);
    this.#change({ ...this.#view, [name]: [...toggled] });
  }
  readonly #expanding = new Map<string, boolean>();

  #gesture(_: MappingRow, gesture: Parameters<Send>[0]): void {
    if (this.#editable) void this.options.send(gesture);
  }

  #offer(row: MappingRow, action: 'retry' | 'cancel' | 'password' | 'trust'): void {
    if (action === 'trust') this.options.post({ type: 'action', action });
    else this.options.post({ type: 'catalog', key: row.key.replace(/\?$/, ''), action });
  }

  #edit(cell: HTMLElement, edit: Omit<Parameters<typeof editInline>[1], 'ended' | 'save'>): void {
    if (!this.#editable) return;
    this.#grid.beginEdit(cell);
    editInline(cell, {
      ...edit,
      ended: () => this.#grid.endEdit(),
      save: () => this.options.post({ type: 'action', action: 'save' }),
    });
  }

  #editTarget(cell: HTMLElement, row: MappingRow): void {
    const { target, key, label, level } = row;
    if (!target) return;
    const name = { label: t('Target name of {0}', label), value: target.name, placeholder: label };
    if (level < 3) {
      this.#edit(cell, {
        parts: [name],
        first: 0,
        commit: ([value = '']) => this.#gesture(row, { kind: 'rename', key, name: value }),
      });
      return;
    }
    const schema = {
      label: t('Target schema of {0}', label),
      value: target.schema ?? '',
      placeholder: t('schema'),
      className: 'schema-input',
    };
    this.#edit(cell, {
      parts: [schema, name],
      first: 1,
      between: '.',
      commit: ([inSchema = '', value = '']) =>
        this.#gesture(row, { kind: 'rename', key, schema: inSchema, name: value }),
    });
  }

  #editWhere(cell: HTMLElement, row: MappingRow): void {
    const { key, label, where = '' } = row;
    this.#edit(cell, {
      parts: [
        {
          label: t('Row filter of {0}: a condition as after WHERE', label),
          value: where,
          placeholder: t("e.g. created_at >= '2024-01-01'"),
        },
      ],
      first: 0,
      commit: ([value = '']) => this.#gesture(row, { kind: 'where', key, where: value }),
    });
  }
}
