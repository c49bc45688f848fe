/** The rows that a panel shows, by its filter and by what is open in it. No import of `vscode`. */
import { re2 } from '../../../base/re2.js';
import type { FaultData } from '../../../protocol/connection.js';
import type { MappingFilter, MappingView } from '../../../protocol/mappingPanel.js';
import type { DatabaseTree, SchemaEntry, TableEntry } from './databaseTree.js';
import type { DatabaseView } from './projectData.js';
import { databaseKeyOf, extensionKeyOf, extensionsKeyOf, indexKeyOf } from './rowKey.js';

/** A database of the project, with its tree as soon as its catalog is read. */
export interface ShownDatabase {
  readonly view: DatabaseView;
  readonly tree?: DatabaseTree;
  readonly status: { readonly state: 'ready' | 'loading' | 'failed' | 'refused'; readonly fault?: FaultData };
}

type RowContent =
  | { readonly of: 'database'; readonly database: ShownDatabase }
  | { readonly of: 'status'; readonly database: ShownDatabase }
  | { readonly of: 'schema'; readonly tree: DatabaseTree; readonly schema: SchemaEntry }
  | {
      readonly of: 'table';
      readonly tree: DatabaseTree;
      readonly schema: SchemaEntry;
      readonly entry: TableEntry;
    }
  | {
      readonly of: 'index';
      readonly tree: DatabaseTree;
      readonly entry: TableEntry;
      readonly name: string;
      readonly taken: boolean;
    }
  | { readonly of: 'extensions'; readonly tree: DatabaseTree }
  | {
      readonly of: 'extension';
      readonly tree: DatabaseTree;
      readonly name: string;
      readonly taken: boolean;
    };

export type VisibleRow = RowContent & {
  readonly key: string;
  readonly level: number;
  readonly parent: number;
  readonly expanded?: boolean;
};

/** Databases with more relations than this open without their tables. */
const openUpTo = 150;

export const isFiltered = (filter: MappingFilter) =>
  filter.text !== '' || filter.onlyWithoutKey || filter.onlyFindings;

/** Whether a table is in the filtered list; the error is one of RE2, which does not backtrack. */
export type Matcher = (entry: TableEntry) => boolean;
export function matcher(
  filter: MappingFilter,
  hasFinding: (key: string) => boolean,
): { readonly matches: Matcher; readonly problem?: string } {
  let text: (name: string) => boolean = () => true;
  let problem: string | undefined;
  if (filter.regex && filter.text !== '') {
    try {
      const regex = re2().compile(filter.text, re2().CASE_INSENSITIVE);
      text = (name) => regex.matcher(name).find();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  } else if (filter.text !== '') {
    const wanted = filter.text.toLowerCase();
    text = (name) => name.toLowerCase().includes(wanted);
  }
  return {
    matches: ({ key, table }) =>
      (!filter.onlyWithoutKey ||
        ((table.kind === 'table' || table.kind === 'partitioned table') && !table.hasKey)) &&
      (!filter.onlyFindings || hasFinding(key)) &&
      text(`${table.schema}.${table.name}`),
    ...(problem !== undefined && { problem }),
  };
}

type IsOpen = (key: string, standard: boolean) => boolean;

/** Which rows are open; `ofTables` for what is inside of tables, which "expand all" leaves closed. */
export function openness(view: MappingView): { readonly ofGroups: IsOpen; readonly ofTables: IsOpen } {
  const filtered = isFiltered(view.filter);
  const toggled = new Set(filtered ? view.toggledFiltered : view.toggled);
  const ofTables: IsOpen = (key, standard) => standard !== toggled.has(key);
  if (filtered || view.base === 'standard') return { ofGroups: ofTables, ofTables };
  return { ofGroups: (key) => (view.base === 'open') !== toggled.has(key), ofTables };
}

export interface RowsQuery {
  readonly view: MappingView;
  readonly matches: Matcher;
  /** A row other than a table's that the user should know something about. */
  readonly hasFinding: (key: string) => boolean;
}

/** All rows that are open, in order; texts are made of them window by window. */
export function visibleRows(databases: readonly ShownDatabase[], query: RowsQuery): VisibleRow[] {
  const rows: VisibleRow[] = [];
  const open = openness(query.view);
  for (const database of databases) {
    const key = databaseKeyOf(database.view.id);
    const parent = rows.length;
    const expanded = open.ofGroups(key, true);
    rows.push({ of: 'database', database, key, level: 1, parent: -1, expanded });
    if (!expanded) continue;
    const { tree } = database;
    if (!tree || tree.schemas.length === 0)
      rows.push({ of: 'status', database, key: `${key}?`, level: 2, parent });
    else {
      addTree({ rows, tree, query, open, filtered: isFiltered(query.view.filter) }, parent);
      if (rows.length === parent + 1) rows.push({ of: 'status', database, key: `${key}?`, level: 2, parent });
    }
  }
  return rows;
}

interface Walk {
  readonly rows: VisibleRow[];
  readonly tree: DatabaseTree;
  readonly query: RowsQuery;
  readonly open: ReturnType<typeof openness>;
  readonly filtered: boolean;
}

function addTree(walk: Walk, parent: number): void {
  const { rows, tree, query, open, filtered } = walk;
  const { text, onlyWithoutKey } = query.view.filter;
  for (const schema of tree.schemas) {
    const tables = filtered ? schema.tables.filter(query.matches) : schema.tables;
    const itself = text === '' && !onlyWithoutKey && query.hasFinding(schema.key);
    if (filtered && tables.length === 0 && !itself) continue;
    const at = rows.length;
    const row = { of: 'schema', tree, schema, key: schema.key, level: 2, parent } as const;
    const expanded = tables.length > 0 && open.ofGroups(schema.key, filtered || tree.total <= openUpTo);
    rows.push(tables.length === 0 ? row : { ...row, expanded });
    if (expanded) for (const entry of tables) addTable(walk, schema, entry, at);
  }
  if (!filtered && tree.extensions.length > 0) addExtensions(walk, parent);
}

function addExtensions({ rows, tree, open }: Walk, parent: number): void {
  const key = extensionsKeyOf(tree.view.id);
  const at = rows.length;
  const expanded = open.ofTables(key, false);
  rows.push({ of: 'extensions', tree, key, level: 2, parent, expanded });
  if (!expanded) return;
  for (const extension of tree.extensions) {
    const own = extensionKeyOf(tree.view.id, extension.name);
    rows.push({ of: 'extension', tree, ...extension, key: own, level: 3, parent: at });
  }
}

function addTable({ rows, tree, open }: Walk, schema: SchemaEntry, entry: TableEntry, parent: number): void {
  const at = rows.length;
  const row = { of: 'table', tree, schema, entry, key: entry.key, level: 3, parent } as const;
  if (entry.indexes.length === 0) {
    rows.push(row);
    return;
  }
  const expanded = open.ofTables(entry.key, false);
  rows.push({ ...row, expanded });
  if (!expanded) return;
  for (const index of entry.indexes) {
    const key = indexKeyOf(tree.view.id, entry.table, index.name);
    rows.push({ of: 'index', tree, entry, ...index, key, level: 4, parent: at });
  }
}
