/** ALTER TABLE (and INDEX, VIEW, SEQUENCE …): by its first action, which in a dump is nearly always the only one. */
import type { AlterTableCmd, Constraint } from 'libpg-query';
import type { RelationName } from '../../protocol/model.js';
import { displayName, displayRelation, ident, relationIdent, relationOf } from '../identifier.js';
import { objectTypeName } from '../objectType.js';
import type { AnyShape, ConstraintDetails, Firing } from '../statement.js';
import type { NodeBody } from './classifier.js';

type Body = NodeBody<'AlterTableStmt'>;

const constraintKinds = {
  CONSTR_PRIMARY: 'primaryKey',
  CONSTR_UNIQUE: 'unique',
  CONSTR_EXCLUSION: 'exclusion',
  CONSTR_CHECK: 'check',
  CONSTR_NOTNULL: 'notNull',
  CONSTR_FOREIGN: 'foreignKey',
} as const;

const firings: Readonly<Record<string, readonly ['trigger' | 'rule', Firing]>> = {
  AT_EnableTrig: ['trigger', 'origin'],
  AT_EnableAlwaysTrig: ['trigger', 'always'],
  AT_EnableReplicaTrig: ['trigger', 'replica'],
  AT_DisableTrig: ['trigger', 'disabled'],
  AT_EnableRule: ['rule', 'origin'],
  AT_EnableAlwaysRule: ['rule', 'always'],
  AT_EnableReplicaRule: ['rule', 'replica'],
  AT_DisableRule: ['rule', 'disabled'],
};

export function alterTable(body: Body): AnyShape {
  const relation = relationOf(body.relation);
  const commands = (body.cmds ?? []).flatMap((node) => ('AlterTableCmd' in node ? [node.AlterTableCmd] : []));
  const [first] = commands;
  const about = `${objectTypeName(body.objtype)} ${displayRelation(relation)}`;
  const common = { object: about, about, relation };
  if (first !== undefined && commands.length === 1) {
    const def = first.def;
    if (body.objtype === 'OBJECT_INDEX') {
      const shape = alterIndex(first, relation, about);
      if (shape !== undefined) return shape;
    } else if (first.subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def) {
      const shape = constraint(def.Constraint, relation, body.relation?.inh !== true, about);
      if (shape !== undefined) return shape;
    } else if (first.subtype === 'AT_AttachPartition' && def !== undefined && 'PartitionCmd' in def) {
      const child = relationOf(def.PartitionCmd.name);
      const object = `table ${displayRelation(child)}`;
      return {
        kind: 'attachPartition',
        object: `${object} as partition of ${displayRelation(relation)}`,
        about: object,
        relation: child,
        references: [relation],
        details: { parent: relation },
      };
    }
    const shape = columnOrTableAction(first, common);
    if (shape !== undefined) return shape;
  }
  return {
    kind: 'alterTable',
    ...common,
    details: {
      actions: commands.map((command) => command.subtype ?? ''),
      tablespace: commands.find((command) => command.subtype === 'AT_SetTableSpace')?.name,
    },
  };
}

interface Common {
  readonly object: string;
  readonly about: string;
  readonly relation: RelationName;
}

function columnOrTableAction(command: AlterTableCmd, common: Common): AnyShape | undefined {
  const { def, name } = command;
  const firing = firings[command.subtype ?? ''];
  if (firing !== undefined) {
    const [of, state] = firing;
    const object = `${of} ${displayName(name ?? '')} on ${displayRelation(common.relation)}`;
    return { kind: 'enableTrigger', ...common, object, about: object, details: { name, of, firing: state } };
  }
  const column = `column ${displayRelation(common.relation)}.${displayName(name ?? '')}`;
  switch (command.subtype) {
    case 'AT_ColumnDefault':
      return {
        kind: 'setDefault',
        ...common,
        object: `default of ${column}`,
        details: { column: name ?? '' },
      };
    case 'AT_AddIdentity':
    case 'AT_SetIdentity':
      return {
        kind: 'identity',
        ...common,
        object: `identity of ${column}`,
        details: { column: name ?? '', sequence: identitySequence(def) },
      };
    case 'AT_ChangeOwner':
      return { kind: 'ownerChange', ...common, details: { owner: command.newowner?.rolename ?? '' } };
    case 'AT_ReplicaIdentity': {
      const identity = def !== undefined && 'ReplicaIdentityStmt' in def ? def.ReplicaIdentityStmt : {};
      return {
        kind: 'replicaIdentity',
        ...common,
        details: { identity: identity.identity_type ?? 'd', index: identity.name },
      };
    }
    case 'AT_ClusterOn':
      return { kind: 'clusterOn', ...common, details: { index: name } };
    case 'AT_EnableRowSecurity':
    case 'AT_ForceRowSecurity':
      return {
        kind: 'enableRowSecurity',
        ...common,
        details: { forced: command.subtype === 'AT_ForceRowSecurity' },
      };
    default:
      return undefined;
  }
}

function identitySequence(def: AlterTableCmd['def']): RelationName | undefined {
  const options = def !== undefined && 'Constraint' in def ? (def.Constraint.options ?? []) : [];
  for (const option of options) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'sequence_name') continue;
    const arg = option.DefElem.arg;
    if (arg === undefined || !('List' in arg)) continue;
    const names = (arg.List.items ?? []).flatMap((item) =>
      'String' in item ? [item.String.sval ?? ''] : [],
    );
    return { schema: names.at(-2) ?? '', name: names.at(-1) ?? '' };
  }
  return undefined;
}

function constraint(
  body: Constraint,
  relation: RelationName,
  isOnly: boolean,
  about: string,
): AnyShape | undefined {
  const kind = constraintKinds[body.contype as keyof typeof constraintKinds];
  if (kind === undefined) return undefined;
  const name = body.conname;
  const details: ConstraintDetails = {
    name,
    isOnly,
    deferrable: body.deferrable === true,
    notValid: body.skip_validation === true,
    notEnforced: (kind === 'check' || kind === 'foreignKey') && body.is_enforced !== true,
  };
  return {
    kind,
    object: `constraint ${displayName(name ?? '?')} on ${displayRelation(relation)}`,
    about,
    relation,
    ...(kind === 'foreignKey' && { references: [relationOf(body.pktable)] }),
    ...(name !== undefined && {
      creates: { type: 'CONSTRAINT', identity: ident(name), table: relationIdent(relation) },
    }),
    details,
  };
}

function alterIndex(command: AlterTableCmd, index: RelationName, about: string): AnyShape | undefined {
  const def = command.def;
  if (command.subtype === 'AT_AttachPartition' && def !== undefined && 'PartitionCmd' in def) {
    const child = relationOf(def.PartitionCmd.name);
    return {
      kind: 'attachIndexPartition',
      object: `index ${displayRelation(child)} as partition of ${displayRelation(index)}`,
      about: `index ${displayRelation(child)}`,
      details: { parent: index, index: child },
    };
  }
  if (command.subtype === 'AT_SetStatistics') {
    return { kind: 'statistics', object: about, about, details: { name: displayRelation(index) } };
  }
  return undefined;
}
