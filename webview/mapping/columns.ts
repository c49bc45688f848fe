import { formatBytes, formatCount } from '../../src/base/format.js';
import type { MappingRow, RowKind } from '../../src/protocol/mappingPanel.js';
import { h, icon, setAttribute, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import type { TreeColumn } from '../shared/treeKeys.js';

type Column = TreeColumn<MappingRow>;

const glyphs: Readonly<Record<RowKind, string>> = {
  database: 'database',
  schema: 'symbol-namespace',
  table: 'table',
  'partitioned table': 'layers',
  view: 'eye',
  'materialized view': 'symbol-structure',
  'foreign table': 'references',
  index: 'list-ordered',
  extensions: 'extensions',
  extension: 'extensions',
  status: 'info',
};

const kindNames = (): Readonly<Record<RowKind, string>> => ({
  database: t('database'),
  schema: t('schema'),
  table: t('table'),
  'partitioned table': t('partitioned table'),
  view: t('view'),
  'materialized view': t('materialized view'),
  'foreign table': t('foreign table'),
  index: t('index'),
  extensions: t('extensions'),
  extension: t('extension'),
  status: '',
});

/** Draws a cell anew only where what it shows has changed. */
function cached(cell: HTMLElement, shown: unknown, draw: () => readonly (Node | string)[]): void {
  const key = JSON.stringify(shown);
  if (cell.dataset['key'] === key) return;
  cell.dataset['key'] = key;
  cell.replaceChildren(...draw());
}

/** A box of three states; the row or cell around it has the focus and the keys. */
function box(part: 'check' | 'toggle', checked: string, label: string): HTMLElement {
  const glyph = { true: 'check', mixed: 'dash', false: '' }[checked] ?? '';
  return h(
    'span',
    {
      class: `box ${checked}`,
      role: 'checkbox',
      'aria-checked': checked,
      'aria-label': label,
      'data-part': part,
    },
    ...(glyph === '' ? [] : [icon(glyph)]),
  );
}

function nameCell(cell: HTMLElement, row: MappingRow, offer: StatusOffer): void {
  const { kind, label, checked, expanded, status } = row;
  cell.parentElement?.classList.toggle('status-row', status !== undefined);
  cached(cell, [kind, label, checked, expanded, status], () => {
    const twistie = h('span', {
      class: `twistie codicon ${expanded === undefined ? '' : expanded ? 'codicon-chevron-down' : 'codicon-chevron-right'}`,
      'aria-hidden': 'true',
      'data-part': 'twistie',
    });
    const text = h('span', { class: 'label', title: label }, label);
    if (status) return [twistie, ...statusContent(row, offer)];
    const what = h('span', { class: 'for-readers' }, kindNames()[kind]);
    const check =
      checked === undefined ? [h('span', { class: 'no-box' })] : [box('check', checked, t('taken'))];
    return [twistie, ...check, icon(glyphs[kind], `kind ${kind.replace(' ', '-')}`), text, what];
  });
}

export type StatusOffer = (row: MappingRow, action: 'retry' | 'cancel' | 'password' | 'trust') => void;

function statusContent(row: MappingRow, offer: StatusOffer): HTMLElement[] {
  const { status, label } = row;
  const button = (text: string, action: Parameters<StatusOffer>[1]) => {
    const element = h('button', { class: 'link', type: 'button' }, text);
    element.addEventListener('click', () => offer(row, action));
    element.addEventListener('mousedown', (event) => event.stopPropagation());
    element.addEventListener('keydown', (event) => event.stopPropagation());
    return element;
  };
  const fault = status?.fault;
  const say = (text: string) => h('span', { class: 'label', role: 'status', title: text }, text);
  switch (status?.state) {
    case 'loading':
      return [icon('loading', 'codicon-modifier-spin'), say(label), button(t('Cancel'), 'cancel')];
    case 'failed': {
      const text = `${label} ${fault?.fix ?? ''}`;
      const password = fault?.code === 'FF102' ? [button(t('Enter Password…'), 'password')] : [];
      return [icon('error', 'bad'), ...password, button(t('Retry'), 'retry'), say(text)];
    }
    case 'refused':
      return [
        icon('workspace-untrusted', 'warn'),
        say(t('Not read: the workspace is not trusted.')),
        button(t('Manage Workspace Trust'), 'trust'),
      ];
    default:
      return [icon('info', 'dim'), say(label)];
  }
}

function targetCell(cell: HTMLElement, { target, checked }: MappingRow): void {
  cached(cell, [target, checked], () => {
    if (!target) return [];
    const { schema, name, changed } = target;
    const parts = [
      ...(schema === undefined ? [] : [h('span', { class: 'dim' }, `${schema}.`)]),
      h('span', { class: changed ? 'changed' : '' }, name),
    ];
    const text = h(
      'span',
      { class: 'label', title: schema === undefined ? name : `${schema}.${name}` },
      ...parts,
    );
    return changed ? [icon('arrow-small-right', 'changed'), text] : [h('span', { class: 'no-arrow' }), text];
  });
}

function filterCell(cell: HTMLElement, row: MappingRow, setMode: SetMode): void {
  const { where, estimate, mode } = row;
  cached(cell, [where, estimate, mode], () => {
    if (mode !== undefined) return [modeSelect(row, mode, setMode)];
    if (where === undefined) return [];
    if (where === '') return [h('span', { class: 'hint' }, t('all rows'))];
    const found =
      estimate === undefined
        ? []
        : estimate === 'trying'
          ? [icon('loading', 'codicon-modifier-spin')]
          : [h('span', { class: 'estimate', title: estimateText(estimate) }, shortText(estimate))];
    return [h('code', { class: 'label', title: where }, where), ...found];
  });
}

const shortText = ({ rowsEstimated }: { rowsEstimated: number }) =>
  t('~{0} rows', formatCount(rowsEstimated));
const estimateText = ({ rowsEstimated, rowsTotal }: { rowsEstimated: number; rowsTotal: number }) =>
  t('~{0} of {1} rows', formatCount(rowsEstimated), formatCount(rowsTotal));

export type SetMode = (row: MappingRow, mode: 'offline' | 'online') => void;

function modeSelect(row: MappingRow, mode: 'offline' | 'online', setMode: SetMode): HTMLElement {
  const select = h('select', { class: 'mode', 'aria-label': t('Mode'), tabindex: '-1' });
  for (const [value, text] of [
    ['offline', t('Offline')],
    ['online', t('Online')],
  ] as const)
    select.append(h('option', { value, ...(value === mode && { selected: '' }) }, text));
  select.addEventListener('change', () => setMode(row, select.value === 'online' ? 'online' : 'offline'));
  // Enter and Esc give the focus back to the grid; other keys are the list's own.
  select.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Escape') select.closest<HTMLElement>('[role=row]')?.focus();
  });
  return select;
}

function notesCell(cell: HTMLElement, { issues }: MappingRow): void {
  cached(cell, issues, () => {
    const order = { error: 0, warning: 1, note: 2 };
    const sorted = [...issues].sort((a, b) => order[a.severity] - order[b.severity]);
    const [first] = sorted;
    if (!first) return [];
    const severities = { error: t('error'), warning: t('warning'), note: '' };
    const text = sorted.map((issue) => issue.text).join(' · ');
    const look = { error: ['error', 'bad'], warning: ['warning', 'warn'], note: ['info', 'dim'] } as const;
    const [glyph, tone] = look[first.severity];
    const said = severities[first.severity];
    return [
      icon(glyph, tone),
      ...(said === '' ? [] : [h('span', { class: 'for-readers' }, `${said}: `)]),
      h(
        'span',
        { class: `label ${first.severity}`, title: sorted.map((issue) => issue.text).join('\n') },
        text,
      ),
    ];
  });
}

const hasRows = (row: MappingRow) => row.rows !== undefined && row.kind !== 'view';

export interface ColumnActions {
  readonly editTarget: (cell: HTMLElement, row: MappingRow) => void;
  readonly editWhere: (cell: HTMLElement, row: MappingRow) => void;
  readonly toggleData: (row: MappingRow) => void;
  readonly setMode: SetMode;
  readonly offer: StatusOffer;
}

/** Which column Enter and F2 on a row edit. */
export const targetColumn = 3;

export function mappingColumns(actions: ColumnActions): Column[] {
  return [
    {
      title: t('Source'),
      className: 'name',
      render: (cell, row) => nameCell(cell, row, actions.offer),
    },
    {
      title: t('Size'),
      className: 'number',
      render: (cell, { bytes }) =>
        setText(cell, bytes === undefined || bytes === 0 ? '' : formatBytes(bytes)),
    },
    {
      title: t('Rows'),
      className: 'number',
      render: (cell, row) => setText(cell, hasRows(row) && row.rows ? `~${formatCount(row.rows)}` : ''),
    },
    {
      title: t('Target'),
      className: 'target',
      render: (cell, row) => {
        setAttribute(cell, 'aria-readonly', row.target ? undefined : 'true');
        targetCell(cell, row);
      },
      stops: ({ target }) => target !== undefined,
      edit: actions.editTarget,
    },
    {
      title: t('Row filter'),
      className: 'filter',
      render: (cell, row) => filterCell(cell, row, actions.setMode),
      stops: ({ where, mode }) => where !== undefined || mode !== undefined,
      edit: (cell, row) => {
        const select = cell.querySelector('select');
        if (select) select.focus();
        else actions.editWhere(cell, row);
      },
    },
    {
      title: t('Data'),
      className: 'data',
      render: (cell, { data }) =>
        cached(cell, data ?? null, () =>
          data === undefined ? [] : [box('toggle', String(data), t('rows are copied'))],
        ),
      stops: ({ data }) => data !== undefined,
      toggle: (_, row) => actions.toggleData(row),
    },
    {
      title: t('Notes'),
      className: 'notes',
      render: notesCell,
      stops: ({ issues }) => issues.length > 0,
    },
  ];
}
