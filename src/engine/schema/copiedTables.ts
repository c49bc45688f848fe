import type { RelationName } from '../../protocol/model.js';
import type { Checkpoint } from '../run/checkpoint.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './plannedStatement.js';

/**
 * A table that is followed may have got other columns on both sides since it was made, by the DDL that was shown for it:
 * its CREATE TABLE has another text now, and is not to be run again. Whether both sides fit is found out by following.
 * @returns the pre-data, and the objects for which another text ran before.
 */
export function withoutCopiedTables(
  preData: readonly PlannedStatement[],
  copied: readonly RelationName[],
  checkpoint: Pick<Checkpoint, 'has'>,
): { readonly preData: readonly PlannedStatement[]; readonly objects: ReadonlySet<string> } {
  const tables = new Set(copied.map(tableKey));
  const objects = new Set<string>();
  const planned = preData.map((item) => {
    const { kind, relation, object } = item.statement;
    const isCopied = kind === 'createTable' && relation !== undefined && tables.has(tableKey(relation));
    if (!isCopied || item.skip || checkpoint.has('statement', item.key)) return item;
    objects.add(object);
    return { ...item, skip: true };
  });
  return { preData: planned, objects };
}
