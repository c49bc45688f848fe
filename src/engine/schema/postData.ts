import { asIndexAndConstraint, asNotValid } from '../../ddl/constraints.js';
import type { SourceTable } from '../catalog/tables.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './plannedStatement.js';

/** An index to build once its table is loaded. `sql` is the original text or the index of a constraint. */
export interface IndexWork {
  readonly item: PlannedStatement;
  readonly sql: string;
  /** For a primary key or unique constraint: makes it from the index that was built. */
  readonly addConstraint?: string;
}

/** What belongs to one loaded table. */
export interface TableIndexes {
  readonly table: SourceTable;
  readonly indexes: IndexWork[];
  /** Constraints that cannot be made from an index built beforehand (EXCLUDE, temporal keys). */
  readonly constraints: PlannedStatement[];
}

export interface ForeignKeyWork {
  readonly item: PlannedStatement;
  /** Where it can be added NOT VALID first. */
  readonly notValid?: { readonly add: string; readonly validate: string };
}

/** Post-data in the order in which it is run, which differs from the dump's only where that is safe. */
export interface PostDataPlan {
  readonly byTable: ReadonlyMap<string, TableIndexes>;
  /** Indexes and keys of partitioned tables and materialized views, and what attaches partitions' indexes to them. */
  readonly structural: readonly PlannedStatement[];
  readonly foreignKeys: readonly ForeignKeyWork[];
  /** Views of a dependency circle, then materialized views: they read what is loaded. */
  readonly views: readonly PlannedStatement[];
  readonly refreshes: readonly PlannedStatement[];
  /** Triggers, rules, policies, statistics, comments, grants …: after the data. */
  readonly rest: readonly PlannedStatement[];
}

export function planPostData(
  postData: readonly PlannedStatement[],
  tables: readonly SourceTable[],
  preData: readonly PlannedStatement[] = [],
): PostDataPlan {
  const known = new Map(tables.map((t) => [tableKey(t.target), t]));
  const byTable = new Map<string, TableIndexes>();
  const structural: PlannedStatement[] = [];
  const attach: PlannedStatement[] = [];
  const foreignKeys: ForeignKeyWork[] = [];
  const views: PlannedStatement[] = [];
  const refreshes: PlannedStatement[] = [];
  const rest: PlannedStatement[] = [];
  for (const item of inTheirTablespaces(postData, preData)) {
    const { statement } = item;
    const table = statement.relation && known.get(tableKey(statement.relation));
    switch (item.skip ? 'other' : statement.kind) {
      case 'createIndex':
      case 'primaryKey':
      case 'unique':
      case 'exclusion':
        if (table?.relkind === 'r') addToTable(byTable, table, item);
        else structural.push(item);
        break;
      case 'attachIndexPartition':
        attach.push(item);
        break;
      case 'foreignKey': {
        const notValid = table?.relkind === 'r' ? asNotValid(statement) : undefined;
        foreignKeys.push({ item, ...(notValid && { notValid }) });
        break;
      }
      case 'createView':
        views.push(item);
        break;
      case 'refreshMaterializedView':
        refreshes.push(item);
        break;
      default:
        rest.push(item);
    }
  }
  return { byTable, structural: [...structural, ...attach], foreignKeys, views, refreshes, rest };
}

const withTablespace: ReadonlySet<string> = new Set(['createIndex', 'primaryKey', 'unique', 'exclusion']);

/** pg_dump sets the tablespace for all that follows; here indexes leave their order. */
function inTheirTablespaces(
  postData: readonly PlannedStatement[],
  preData: readonly PlannedStatement[],
): readonly PlannedStatement[] {
  const tablespaceOf = ({ statement }: PlannedStatement): string | undefined =>
    statement.kind === 'setting' && statement.details.name === 'default_tablespace'
      ? statement.text.replace(/^SET /i, 'SET LOCAL ')
      : undefined;
  let current = preData.reduce<string | undefined>((last, item) => tablespaceOf(item) ?? last, undefined);
  const all = [...preData, ...postData].flatMap((item) => tablespaceOf(item) ?? []);
  // Without any of their own all are in that of the database.
  if (all.every((text) => /''/.test(text))) return postData;
  return postData.map((item) => {
    current = tablespaceOf(item) ?? current;
    if (!withTablespace.has(item.statement.kind)) return item;
    return { ...item, around: { before: current ?? `SET LOCAL default_tablespace = '';`, after: '' } };
  });
}

function addToTable(byTable: Map<string, TableIndexes>, table: SourceTable, item: PlannedStatement): void {
  const key = tableKey(table.target);
  const found = byTable.get(key) ?? { table, indexes: [], constraints: [] };
  byTable.set(key, found);
  const { statement } = item;
  if (statement.kind === 'createIndex') found.indexes.push({ item, sql: item.sql });
  else {
    const pair = asIndexAndConstraint(statement);
    if (pair) found.indexes.push({ item, sql: pair.createIndex, addConstraint: pair.addConstraint });
    else found.constraints.push(item);
  }
}
