import * as vscode from 'vscode';
import type { MappingRow, RowIssue } from '../../../protocol/mappingPanel.js';
import type { DatabaseTree, SchemaEntry, TableEntry } from './databaseTree.js';
import type { ShownDatabase, VisibleRow } from './visibleRows.js';

const t = vscode.l10n.t;

/** What a try of a row filter has found so far. */
export type Trial =
  | { readonly state: 'trying' }
  | { readonly state: 'estimated'; readonly rowsEstimated: number; readonly rowsTotal: number }
  | { readonly state: 'failed'; readonly message: string };

export interface RowContext {
  readonly issuesOf: (key: string) => readonly RowIssue[];
  readonly trialOf: (tree: DatabaseTree, entry: TableEntry) => Trial | undefined;
}

const note = (text: string): RowIssue => ({ severity: 'note', text });

/** What leaves a schema or table out, in words. */
export function leftOutText(entry: string): string {
  if (entry === 'include.schemas' || entry === 'include.tables') return t('left out: not in {0}', entry);
  return entry.includes('~/') ? t('left out by {0}', entry) : t('left out');
}

function databaseRow({ view, tree }: ShownDatabase, base: RowBase): MappingRow {
  const nothing = tree !== undefined && tree.total > 0 && tree.taken === 0;
  return {
    ...base,
    kind: 'database',
    label: view.source,
    target: { name: view.target, changed: view.target !== view.source },
    mode: view.mode ?? 'offline',
    ...(tree && { checked: tree.checked, bytes: tree.bytes, rows: tree.rows }),
    issues: [
      ...base.issues,
      ...(nothing ? [{ severity: 'warning', text: t('nothing of it is taken') } as const] : []),
    ],
  };
}

function schemaRow(schema: SchemaEntry, base: RowBase): MappingRow {
  const { leftOutBy } = schema;
  return {
    ...base,
    kind: 'schema',
    label: schema.name,
    checked: schema.checked,
    bytes: schema.bytes,
    rows: schema.rows,
    target: { name: schema.target, changed: schema.target !== schema.name },
    issues: [...(leftOutBy === undefined ? [] : [note(leftOutText(leftOutBy))]), ...base.issues],
  };
}

function tableRow(
  schema: SchemaEntry,
  entry: TableEntry,
  base: RowBase,
  trial: Trial | undefined,
): MappingRow {
  const { table, decision } = entry;
  const { target } = decision;
  const hasRows = table.kind === 'table' || table.kind === 'partitioned table';
  const notes = [
    ...(decision.leftOutBy !== undefined && schema.included ? [note(leftOutText(decision.leftOutBy))] : []),
    ...(!schema.included ? [note(t('left out with its schema'))] : []),
    ...(trial?.state === 'failed' ? [{ severity: 'error', text: trial.message } as const] : []),
    ...base.issues,
    ...(hasRows && !table.hasKey ? [note(t('no primary key'))] : []),
    ...(table.partitionOf ? [note(t('partition of {0}', table.partitionOf.name))] : []),
  ];
  return {
    ...base,
    kind: table.kind,
    label: table.name,
    checked: decision.included ? 'true' : 'false',
    bytes: table.bytes,
    rows: table.rows,
    target: {
      ...(target.schema !== table.schema && { schema: target.schema }),
      name: target.name,
      changed: target.name !== table.name || target.schema !== schema.target,
    },
    ...(hasRows && { where: decision.where ?? '' }),
    ...(hasRows && decision.included && { data: decision.data }),
    ...(trial?.state === 'trying' && { estimate: 'trying' }),
    ...(trial?.state === 'estimated' && {
      estimate: { rowsEstimated: trial.rowsEstimated, rowsTotal: trial.rowsTotal },
    }),
    issues: notes,
  };
}

function statusRow({ status, tree }: ShownDatabase, base: RowBase): MappingRow {
  const state = tree ? 'empty' : status.state === 'ready' ? 'loading' : status.state;
  const labels = {
    loading: t('Reading the catalog…'),
    failed: status.fault?.message ?? '',
    refused: status.fault?.message ?? '',
    empty: tree?.total === 0 ? t('The database holds no tables.') : t('No table matches the filter.'),
  };
  return {
    ...base,
    kind: 'status',
    label: labels[state],
    status: { state, ...(status.fault && { fault: status.fault }) },
  };
}

type RowBase = Pick<MappingRow, 'key' | 'level' | 'parent' | 'expanded' | 'issues'>;

/** A row as the page shows it. */
export function rowText(row: VisibleRow, context: RowContext): MappingRow {
  const { key, level, parent, expanded } = row;
  const issues = context.issuesOf(key);
  const base: RowBase = { key, level, parent, issues, ...(expanded !== undefined && { expanded }) };
  const checked = (taken: boolean) => (taken ? 'true' : 'false');
  switch (row.of) {
    case 'database':
      return databaseRow(row.database, base);
    case 'status':
      return statusRow(row.database, base);
    case 'schema':
      return schemaRow(row.schema, base);
    case 'table':
      return tableRow(row.schema, row.entry, base, context.trialOf(row.tree, row.entry));
    case 'index':
      return { ...base, kind: 'index', label: row.name, checked: checked(row.taken) };
    case 'extension':
      return { ...base, kind: 'extension', label: row.name, checked: checked(row.taken) };
    case 'extensions': {
      const taken = row.tree.extensions.filter((extension) => extension.taken).length;
      const all = row.tree.extensions.length;
      const state = taken === all ? 'true' : taken === 0 ? 'false' : 'mixed';
      return { ...base, kind: 'extensions', label: t('Extensions'), checked: state };
    }
  }
}
