/** Decisions of a mapping by relation, each made once: for walks over whole catalogs. */
import type { Mapping, TableDecision } from './mapping.js';
import type { RelationName } from './model.js';
import { RelationMap } from './relationMap.js';

export type Decide = (relation: RelationName) => TableDecision;

export function memoized(mapping: Mapping): Decide {
  const known = new RelationMap<TableDecision>();
  return (relation) => {
    const before = known.get(relation);
    if (before) return before;
    const decision = mapping.table(relation);
    known.set(relation, decision);
    return decision;
  };
}
