/** A source database as a project decides about it: schemas, tables, what is taken. No import of `vscode`. */
import type { MappingCatalog, MappingTable } from '../../../protocol/engine.js';
import { compileMapping, type TableDecision } from '../../../protocol/mapping.js';
import type { Checked } from '../../../protocol/mappingPanel.js';
import type { DatabaseView } from './projectData.js';
import { databaseKeyOf, schemaKeyOf, tableKeyOf } from './rowKey.js';

export interface TableEntry {
  readonly key: string;
  readonly table: MappingTable;
  readonly decision: TableDecision;
  readonly indexes: readonly { readonly name: string; readonly taken: boolean }[];
}

export interface SchemaEntry {
  readonly key: string;
  readonly name: string;
  readonly target: string;
  readonly included: boolean;
  readonly leftOutBy?: string;
  readonly tables: readonly TableEntry[];
  readonly checked: Checked;
  readonly bytes: number;
  readonly rows: number;
}

export interface DatabaseTree {
  readonly key: string;
  readonly view: DatabaseView;
  readonly schemas: readonly SchemaEntry[];
  readonly extensions: readonly { readonly name: string; readonly taken: boolean }[];
  readonly checked: Checked;
  readonly bytes: number;
  readonly rows: number;
  /** Relations that are taken, and all. */
  readonly taken: number;
  readonly total: number;
}

/** Three states of a parent from those of its children; `alone` where it has none. */
function combined(children: readonly Checked[], alone: Checked): Checked {
  const [first] = children;
  if (first === undefined) return alone;
  return children.every((child) => child === first) ? first : 'mixed';
}

const checkedOf = (taken: boolean): Checked => (taken ? 'true' : 'false');
const sum = <T>(items: readonly T[], value: (item: T) => number) =>
  items.reduce((total, item) => total + value(item), 0);

/** Names of one table or schema, under one key that no name can forge. */
const joined = (schema: string, name: string) => `${schema}\0${name}`;

function indexesByTable(catalog: MappingCatalog): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { schema, name, table } of catalog.indexes) {
    const key = joined(schema, table);
    const names = found.get(key);
    if (names) names.push(name);
    else found.set(key, [name]);
  }
  return found;
}

export function buildTree(view: DatabaseView, catalog: MappingCatalog): DatabaseTree {
  const mapping = compileMapping(view);
  const indexes = indexesByTable(catalog);
  const bySchema = new Map<string, TableEntry[]>(catalog.schemas.map((name) => [name, []]));
  for (const table of catalog.tables) {
    const { schema, name } = table;
    const entry: TableEntry = {
      key: tableKeyOf(view.id, table),
      table,
      decision: mapping.table(table),
      indexes: (indexes.get(joined(schema, name)) ?? []).map((index) => ({
        name: index,
        taken: mapping.index({ schema, name: index }),
      })),
    };
    const entries = bySchema.get(schema);
    if (entries) entries.push(entry);
    else bySchema.set(schema, [entry]);
  }
  const schemas = [...bySchema].map(([name, tables]): SchemaEntry => {
    const { included, leftOutBy, target } = mapping.schema(name);
    const states = tables.map(({ decision }) => checkedOf(decision.included));
    return {
      key: schemaKeyOf(view.id, name),
      name,
      target,
      included,
      ...(leftOutBy !== undefined && { leftOutBy }),
      tables,
      checked: included ? combined(states, 'true') : 'false',
      bytes: sum(tables, ({ table }) => table.bytes),
      rows: sum(tables, ({ table }) => table.rows),
    };
  });
  return {
    key: databaseKeyOf(view.id),
    view,
    schemas,
    extensions: catalog.extensions.map((name) => ({ name, taken: mapping.extension(name) })),
    checked: combined(
      schemas.map(({ checked }) => checked),
      'true',
    ),
    bytes: sum(schemas, ({ bytes }) => bytes),
    rows: sum(schemas, ({ rows }) => rows),
    taken: sum(schemas, ({ tables }) => tables.filter(({ decision }) => decision.included).length),
    total: catalog.tables.length,
  };
}
