/** What no statement shows by itself. */
import { displayRelation } from '../identifier.js';
import type { Statement } from '../statement.js';
import { rangeOfName, subjectOf } from './subject.js';
import { findingFor, type PlacedFinding, type TargetFacts } from './verdict.js';

const makers: ReadonlySet<string> = new Set([
  'createTable',
  'createView',
  'createMaterializedView',
  'createForeignTable',
  'createSequence',
  'createSchema',
]);

/** Names of one schema that are equal but for upper and lower case: told at the second one. */
export function acrossStatements(
  statements: readonly Statement[],
  target: TargetFacts,
): ReadonlyMap<Statement, PlacedFinding> {
  const seen = new Map<string, string>();
  const found = new Map<Statement, PlacedFinding>();
  for (const statement of statements) {
    if (!makers.has(statement.kind) || statement.creates === undefined) continue;
    const name =
      statement.kind === 'createSchema'
        ? { schema: '', name: statement.details.name }
        : statement.kind === 'createSequence'
          ? statement.details.sequence
          : statement.relation;
    if (name === undefined) continue;
    const key = `${statement.kind === 'createSchema' ? 'schema' : ''}\0${name.schema}\0${name.name.toLowerCase()}`;
    const display = displayRelation(name);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, display);
    else if (first !== display) {
      const message = `The names ${first} and ${display} differ only in upper and lower case.`;
      const place = rangeOfName(subjectOf(statement, target), name.name);
      const finding = findingFor('FF456', 'note', statement.object, message);
      found.set(statement, { finding, fixes: [], ...(place !== undefined && { place }) });
    }
  }
  return found;
}
