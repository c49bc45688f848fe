/** Tables, views, sequences, indexes and what hangs on them, except ALTER TABLE. */
import type { Node } from 'libpg-query';
import type { RelationName } from '../../protocol/model.js';
import {
  displayName,
  displayRelation,
  ident,
  relationIdent,
  relationOf,
  relationOfNames,
  strings,
} from '../identifier.js';
import type { AnyShape, Created } from '../statement.js';
import type { Classifiers, NodeBody } from './classifier.js';

function columnsOf(elements: readonly Node[] | undefined): string[] {
  return (elements ?? []).flatMap((node) => ('ColumnDef' in node ? [node.ColumnDef.colname ?? ''] : []));
}

function rangeVars(nodes: readonly Node[] | undefined): RelationName[] {
  return (nodes ?? []).flatMap((node) => ('RangeVar' in node ? [relationOf(node.RangeVar)] : []));
}

function created(type: string, relation: RelationName): Created {
  return { type, identity: relationIdent(relation) };
}

/** Something that belongs to a table and has a name only there: trigger, rule, policy. */
export function onTable(type: string, name: string, relation: RelationName) {
  return {
    object: `${type} ${displayName(name)} on ${displayRelation(relation)}`,
    relation,
    creates: { type: type.toUpperCase(), identity: `${ident(name)} ON ${relationIdent(relation)}` },
  };
}

function createTable(body: NodeBody<'CreateStmt'>): AnyShape {
  const relation = relationOf(body.relation);
  const parents = rangeVars(body.inhRelations);
  const isPartition = body.partbound !== undefined;
  return {
    kind: 'createTable',
    object: `table ${displayRelation(relation)}`,
    relation,
    references: parents,
    creates: created('TABLE', relation),
    details: {
      columns: columnsOf(body.tableElts),
      partitionOf: isPartition ? parents[0] : undefined,
      inherits: isPartition ? [] : parents,
      isPartitioned: body.partspec !== undefined,
      unlogged: body.relation?.relpersistence === 'u',
      tablespace: body.tablespacename,
      accessMethod: body.accessMethod,
    },
  };
}

function createTableAs(body: NodeBody<'CreateTableAsStmt'>): AnyShape {
  const relation = relationOf(body.into?.rel);
  if (body.objtype !== 'OBJECT_MATVIEW') {
    return {
      kind: 'other',
      object: `table ${displayRelation(relation)}`,
      relation,
      creates: created('TABLE', relation),
      details: {},
    };
  }
  return {
    kind: 'createMaterializedView',
    object: `materialized view ${displayRelation(relation)}`,
    relation,
    creates: created('MATERIALIZED VIEW', relation),
    details: { withData: body.into?.skipData !== true, tablespace: body.into?.tableSpaceName },
  };
}

function createIndex(body: NodeBody<'IndexStmt'>): AnyShape {
  const relation = relationOf(body.relation);
  const index = { schema: relation.schema, name: body.idxname ?? '' };
  return {
    kind: 'createIndex',
    object: `index ${displayRelation(index)} on ${displayRelation(relation)}`,
    relation,
    ...(index.name !== '' && { creates: created('INDEX', index) }),
    details: {
      index,
      unique: body.unique === true,
      isOnly: body.relation?.inh !== true,
      accessMethod: body.accessMethod ?? 'btree',
      tablespace: body.tableSpace,
    },
  };
}

function alterSequence(body: NodeBody<'AlterSeqStmt'>): AnyShape {
  const sequence = relationOf(body.sequence);
  const about = `sequence ${displayRelation(sequence)}`;
  for (const option of body.options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'owned_by') continue;
    const arg = option.DefElem.arg;
    const names = arg !== undefined && 'List' in arg ? strings(arg.List.items) : [];
    // OWNED BY NONE is a list of one.
    if (names.length < 2) break;
    const relation = relationOfNames(names.slice(0, -1));
    const column = names.at(-1) ?? '';
    return {
      kind: 'sequenceOwnedBy',
      object: `sequence ${displayRelation(sequence)} owned by ${displayRelation(relation)}.${displayName(column)}`,
      about,
      relation,
      details: { sequence, column },
    };
  }
  return { kind: 'alterSequence', object: about, about, details: { sequence } };
}

function createForeignTable(body: NodeBody<'CreateForeignTableStmt'>): AnyShape {
  const relation = relationOf(body.base?.relation);
  return {
    kind: 'createForeignTable',
    object: `foreign table ${displayRelation(relation)}`,
    relation,
    references: rangeVars(body.base?.inhRelations),
    creates: created('FOREIGN TABLE', relation),
    details: { server: body.servername ?? '', columns: columnsOf(body.base?.tableElts) },
  };
}

function roleNames(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) =>
    'RoleSpec' in node && node.RoleSpec.rolename !== undefined ? [node.RoleSpec.rolename] : [],
  );
}

export const relationClassifiers: Classifiers = {
  CreateStmt: createTable,
  CreateTableAsStmt: createTableAs,
  CreateForeignTableStmt: createForeignTable,
  IndexStmt: createIndex,
  AlterSeqStmt: alterSequence,
  CreateSeqStmt: (body) => {
    const sequence = relationOf(body.sequence);
    return {
      kind: 'createSequence',
      object: `sequence ${displayRelation(sequence)}`,
      creates: created('SEQUENCE', sequence),
      details: { sequence },
    };
  },
  ViewStmt: (body) => {
    const relation = relationOf(body.view);
    return {
      kind: 'createView',
      object: `view ${displayRelation(relation)}`,
      relation,
      // What replaces a view leaves the dropping to the statement that made it.
      ...(body.replace !== true && { creates: created('VIEW', relation) }),
      details: { replace: body.replace === true },
    };
  },
  RefreshMatViewStmt: (body) => {
    const relation = relationOf(body.relation);
    const about = `materialized view ${displayRelation(relation)}`;
    return { kind: 'refreshMaterializedView', object: about, about, relation, details: {} };
  },
  CreateTrigStmt: (body) => ({
    kind: 'createTrigger',
    ...onTable('trigger', body.trigname ?? '', relationOf(body.relation)),
    ...(body.constrrel !== undefined && { references: [relationOf(body.constrrel)] }),
    details: { name: body.trigname ?? '', isConstraint: body.isconstraint === true },
  }),
  RuleStmt: (body) => ({
    kind: 'createRule',
    ...onTable('rule', body.rulename ?? '', relationOf(body.relation)),
    details: { name: body.rulename ?? '' },
  }),
  CreatePolicyStmt: (body) => ({
    kind: 'createPolicy',
    ...onTable('policy', body.policy_name ?? '', relationOf(body.table)),
    details: { name: body.policy_name ?? '', roles: roleNames(body.roles) },
  }),
  CreateStatsStmt: (body) => {
    const name = relationOfNames(strings(body.defnames));
    const [relation] = rangeVars(body.relations);
    return {
      kind: 'statistics',
      object: `statistics ${displayRelation(name)}`,
      ...(relation !== undefined && { relation }),
      ...(name.name !== '' && { creates: created('STATISTICS', name) }),
      details: { name: displayRelation(name) },
    };
  },
  AlterStatsStmt: (body) => {
    const name = displayRelation(relationOfNames(strings(body.defnames)));
    return {
      kind: 'statistics',
      object: `statistics ${name}`,
      about: `statistics ${name}`,
      details: { name },
    };
  },
};
