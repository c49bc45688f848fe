/** What the project leaves out of a dump, which is a choice and no loss. */
import type { Statement } from '../../ddl/statement.js';
import type { Mapping } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { tableKey } from '../run/databaseTracker.js';

/** Relations and indexes that go, with the entry of the project that says so. */
interface LeftOut {
  readonly relations: Map<string, string>;
  readonly indexes: Map<string, string>;
}

/** Gives for a statement of this dump the entry of the project that leaves it out, e.g. `~/^tmp_/`. */
export function leftOutByProject(
  statements: readonly Statement[],
  mapping: Mapping,
  options: { readonly extensions: boolean },
): (statement: Statement) => string | undefined {
  const left: LeftOut = { relations: new Map(), indexes: new Map() };
  for (const statement of statements) addRelation(left, statement, mapping);
  // Partitions come before what makes them partitions, and partitions may have partitions.
  for (let size = -1; size !== left.relations.size; ) {
    size = left.relations.size;
    for (const statement of statements) addPartition(left, statement);
  }
  for (const statement of statements) addOwned(left, statement, mapping);
  const objects = new Map<string, string>();
  for (const statement of statements) {
    const by = reason(left, statement, mapping, options);
    if (by !== undefined) objects.set(statement.object, by);
  }
  return (statement) =>
    reason(left, statement, mapping, options) ??
    (statement.about === undefined ? undefined : objects.get(statement.about));
}

const relationMakers: ReadonlySet<string> = new Set([
  'createTable',
  'createForeignTable',
  'createView',
  'createMaterializedView',
]);

function addRelation(left: LeftOut, statement: Statement, mapping: Mapping): void {
  if (statement.relation === undefined || !relationMakers.has(statement.kind)) return;
  const { leftOutBy } = mapping.table(statement.relation);
  if (leftOutBy !== undefined) left.relations.set(tableKey(statement.relation), leftOutBy);
}

function addPartition(left: LeftOut, statement: Statement): void {
  if (statement.relation === undefined) return;
  const parent =
    statement.kind === 'attachPartition'
      ? statement.details.parent
      : statement.kind === 'createTable'
        ? statement.details.partitionOf
        : undefined;
  const by = parent && left.relations.get(tableKey(parent));
  if (by !== undefined && !left.relations.has(tableKey(statement.relation)))
    left.relations.set(tableKey(statement.relation), by);
}

/** Sequences go with the table that owns them, indexes with theirs or by a filter of their own. */
function addOwned(left: LeftOut, statement: Statement, mapping: Mapping): void {
  if (statement.relation === undefined) return;
  const ofTable = left.relations.get(tableKey(statement.relation));
  if (statement.kind === 'sequenceOwnedBy' && ofTable !== undefined)
    left.relations.set(tableKey(statement.details.sequence), ofTable);
  const index = indexOf(statement);
  if (index === undefined) return;
  const by = ofTable ?? (mapping.index(index) ? undefined : 'exclude.indexes');
  if (by !== undefined) left.indexes.set(tableKey(index), by);
}

/** The index that a statement makes, by itself or for a constraint. */
export function indexOf(statement: Statement): RelationName | undefined {
  switch (statement.kind) {
    case 'createIndex':
      return statement.details.index;
    case 'primaryKey':
    case 'unique':
    case 'exclusion': {
      const { name } = statement.details;
      return statement.relation === undefined || name === undefined
        ? undefined
        : { schema: statement.relation.schema, name };
    }
    default:
      return undefined;
  }
}

function reason(
  left: LeftOut,
  statement: Statement,
  mapping: Mapping,
  options: { readonly extensions: boolean },
): string | undefined {
  const ofRelation = statement.relation && left.relations.get(tableKey(statement.relation));
  if (ofRelation !== undefined) return ofRelation;
  const index = indexOf(statement);
  if (index !== undefined) return left.indexes.get(tableKey(index));
  switch (statement.kind) {
    case 'createSequence':
    case 'alterSequence':
      return left.relations.get(tableKey(statement.details.sequence));
    case 'attachIndexPartition':
      return (
        left.indexes.get(tableKey(statement.details.parent)) ??
        left.indexes.get(tableKey(statement.details.index))
      );
    case 'clusterOn':
    case 'replicaIdentity': {
      const { index: name } = statement.details;
      return statement.relation === undefined || name === undefined
        ? undefined
        : left.indexes.get(tableKey({ schema: statement.relation.schema, name }));
    }
    case 'createExtension':
      if (!options.extensions) return 'options.extensions';
      return mapping.extension(statement.details.name) ? undefined : 'exclude.extensions';
    default:
      return undefined;
  }
}
