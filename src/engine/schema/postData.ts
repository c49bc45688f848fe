import { asIndexAndConstraint, asNotValid } from '../../ddl/constraints.js';
import type { SourceTable } from '../catalog/tables.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './planStatements.js';

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
): PostDataPlan {
  const known = new Map(tables.map((t) => [tableKey(t.target), t]));
  const byTable = new Map<string, TableIndexes>();
  const structural: PlannedStatement[] = [];
  const attach: PlannedStatement[] = [];
  const foreignKeys: ForeignKeyWork[] = [];
  const views: PlannedStatement[] = [];
  const refreshes: PlannedStatement[] = [];
  const rest: PlannedStatement[] = [];
  for (const item of postData) {
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
