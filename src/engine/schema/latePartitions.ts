import type { RelationName } from '../../protocol/model.js';
import type { Checkpoint } from '../run/checkpoint.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './plannedStatement.js';

const indexKinds: ReadonlySet<string> = new Set(['createIndex', 'primaryKey', 'unique', 'exclusion']);

/**
 * A partition of a table that has its indexes already, because it was added while changes are followed: ATTACH PARTITION
 * would make those indexes on it by itself, and its own would be in the way later. They are made before, on the table
 * without rows, and ATTACH takes them. Gives the pre-data in the order in which it is run: those partitions come last,
 * each behind the one that it is a part of.
 */
export function withLatePartitions(
  preData: readonly PlannedStatement[],
  postData: readonly PlannedStatement[],
  checkpoint: Pick<Checkpoint, 'has'>,
): readonly PlannedStatement[] {
  const isDone = (item: PlannedStatement): boolean => checkpoint.has('statement', item.key);
  const indexes = indexesOf(postData);
  const indexed = new Set([...indexes].flatMap(([table, items]) => (items.some(isDone) ? [table] : [])));
  const open = new Set(preData.filter((item) => parentOf(item) !== undefined && !isDone(item)));
  const late: PlannedStatement[] = [];
  for (let found = true; found; ) {
    found = false;
    for (const item of open) {
      const parent = parentOf(item);
      const { relation } = item.statement;
      if (parent === undefined || relation === undefined || !indexed.has(tableKey(parent))) continue;
      const own = indexes.get(tableKey(relation)) ?? [];
      late.push(...own, item);
      if (own.length > 0) indexed.add(tableKey(relation));
      open.delete(item);
      found = true;
    }
  }
  if (late.length === 0) return preData;
  const moved = new Set(late);
  return [...preData.filter((item) => !moved.has(item)), ...late];
}

function parentOf({ skip, statement }: PlannedStatement): RelationName | undefined {
  return !skip && statement.kind === 'attachPartition' ? statement.details.parent : undefined;
}

function indexesOf(postData: readonly PlannedStatement[]): Map<string, PlannedStatement[]> {
  const byTable = new Map<string, PlannedStatement[]>();
  for (const item of postData) {
    const { kind, relation } = item.statement;
    if (item.skip || relation === undefined || !indexKinds.has(kind)) continue;
    byTable.set(tableKey(relation), [...(byTable.get(tableKey(relation)) ?? []), item]);
  }
  return byTable;
}
