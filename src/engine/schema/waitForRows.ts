import { dependsOnSkipped, SkippedObjects } from '../../ddl/dependsOnSkipped.js';
import { displayRelation } from '../../ddl/identifier.js';
import type { Statement } from '../../ddl/statement.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { RelationName } from '../../protocol/model.js';
import type { SourceTable } from '../catalog/tables.js';
import type { DatabaseContext } from '../run/context.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './plannedStatement.js';
import type { PostDataPlan } from './postData.js';

/**
 * Leaves out what belongs to tables whose rows did not get to the target: a trigger, a policy or a constraint that is
 * NOT VALID on the source would meet the rows when a later run brings them. That run finds no checkpoint and makes up
 * for it. A partitioned table waits for all of its partitions.
 */
export function waitForRows(
  context: DatabaseContext,
  plan: PostDataPlan,
  all: readonly SourceTable[],
): PostDataPlan {
  const missing = all.filter(
    (t) => t.relkind === 'r' && t.withData && context.tracker.table(t)?.state !== 'done',
  );
  if (missing.length === 0) return plan;
  const failed = new Set(
    missing.filter((t) => context.tracker.table(t)?.state === 'failed').map((t) => tableKey(t.target)),
  );
  const waiting = withAncestors(missing, all);
  const left = new SkippedObjects();
  for (const key of waiting) {
    const work = plan.byTable.get(key);
    for (const { item } of work?.indexes ?? []) add(left, item.statement);
    for (const item of work?.constraints ?? []) add(left, item.statement);
  }
  const wait = (item: PlannedStatement): PlannedStatement => {
    const { statement } = item;
    const reference = statement.references?.find((r) => failed.has(tableKey(r)));
    const table =
      statement.relation && waiting.has(tableKey(statement.relation)) ? statement.relation : reference;
    if (item.skip || statement.section === 'session') return item;
    if (statement.kind === 'grant' || statement.kind === 'revoke') return item;
    if (table) {
      add(left, statement);
      return leaveOut(item, table);
    }
    const needed =
      statement.kind === 'attachIndexPartition'
        ? [statement.details.parent, statement.details.index].map(indexName).find((name) => left.has(name))
        : dependsOnSkipped(statement, left);
    return needed === undefined
      ? item
      : {
          ...item,
          skip: true,
          finding: finding(
            statement.object,
            `${statement.object} needs ${needed}, which waits for the rows of its table.`,
          ),
        };
  };
  return {
    byTable: plan.byTable,
    structural: plan.structural.map(wait),
    foreignKeys: plan.foreignKeys.map(({ item, notValid }) => {
      const waited = wait(item);
      return waited.skip || !notValid ? { item: waited } : { item: waited, notValid };
    }),
    views: plan.views,
    // Recorded under a name that no other run looks for, because they are to be refreshed again with all rows.
    refreshes: plan.refreshes.map((item) => ({
      ...item,
      key: `${item.key} ${context.sessions.purposePrefix}`,
    })),
    rest: plan.rest.map(wait),
  };
}

const indexName = (index: RelationName): string => `index ${displayRelation(index)}`;

/** The statement's object, and its index by the name under which others speak of it. */
function add(left: Set<string>, statement: Statement): void {
  left.add(statement.object);
  if (statement.kind === 'createIndex') left.add(indexName(statement.details.index));
  if (statement.kind !== 'primaryKey' && statement.kind !== 'unique' && statement.kind !== 'exclusion')
    return;
  const { name } = statement.details;
  if (statement.relation && name !== undefined)
    left.add(indexName({ schema: statement.relation.schema, name }));
}

function withAncestors(tables: readonly SourceTable[], all: readonly SourceTable[]): Set<string> {
  const byOid = new Map(all.map((t) => [t.oid, t]));
  const keys = new Set<string>();
  for (const table of tables)
    for (let t: SourceTable | undefined = table; t; t = byOid.get(t.partitionOf ?? ''))
      keys.add(tableKey(t.target));
  return keys;
}

/** One finding a table, however many statements wait. */
function leaveOut(item: PlannedStatement, table: RelationName): PlannedStatement {
  const name = `table ${displayRelation(table)}`;
  const message = `The rows of ${name} are not complete: its constraints, triggers and policies wait for them.`;
  return { ...item, skip: true, finding: finding(name, message) };
}

function finding(object: string, message: string): NonNullable<PlannedStatement['finding']> {
  return { code: 'FF417', severity: 'warning', object, message, fix: errorCodes.FF417.help };
}
