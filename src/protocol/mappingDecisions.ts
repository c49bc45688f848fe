/** Decisions of a mapping by relation, each made once: for walks over whole catalogs. */
import type { Mapping, TableDecision } from './mapping.js';
import type { RelationName } from './model.js';

export type RelationKey = string;
export const keyOf = ({ schema, name }: RelationName): RelationKey => `${schema}\u0000${name}`;

export type Decide = (relation: RelationName) => TableDecision;

export function memoized(mapping: Mapping): Decide {
  const known = new Map<RelationKey, TableDecision>();
  return (relation) => {
    const key = keyOf(relation);
    let decision = known.get(key);
    if (!decision) {
      decision = mapping.table(relation);
      known.set(key, decision);
    }
    return decision;
  };
}
