/** Comments, owners, grants and labels: what is said about an object; and settings of session, database and role. */
import type { Node, ObjectType, RoleSpec } from 'libpg-query';
import type { RelationName } from '../../protocol/model.js';
import { displayName, displayRelation, relationOf, relationOfNames, strings } from '../identifier.js';
import { objectTypeName } from '../objectType.js';
import type { AnyShape } from '../statement.js';
import { objectWithArgsDisplay, typeDisplay } from '../typeName.js';
import type { Classifiers, NodeBody } from './classifier.js';

interface Named {
  readonly type: string;
  readonly name: string;
  readonly relation?: RelationName;
}

/** Objects of a table come as (schema, table, name), operator classes as (method, schema, name). */
function nameObject(objectType: ObjectType | undefined, node: Node | undefined): Named {
  const type = objectTypeName(objectType);
  if (node === undefined) return { type, name: '' };
  if ('String' in node) return { type, name: displayName(node.String.sval ?? '') };
  if ('Integer' in node) return { type, name: String(node.Integer.ival ?? 0) };
  if ('Float' in node) return { type, name: node.Float.fval ?? '' };
  if ('TypeName' in node) return { type, name: typeDisplay(node.TypeName) };
  if ('ObjectWithArgs' in node) return { type, name: objectWithArgsDisplay(node.ObjectWithArgs, type) };
  if ('RangeVar' in node) {
    const relation = relationOf(node.RangeVar);
    return { type, name: displayRelation(relation), relation };
  }
  return 'List' in node ? nameListObject(objectType, type, node.List.items ?? []) : { type, name: '' };
}

function nameListObject(objectType: ObjectType | undefined, type: string, items: readonly Node[]): Named {
  const names = strings(items);
  const types = items.flatMap((item) => ('TypeName' in item ? [typeDisplay(item.TypeName)] : []));
  switch (objectType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
    case 'OBJECT_FOREIGN_TABLE':
      return { type, name: displayName(...names), relation: relationOfNames(names) };
    case 'OBJECT_COLUMN':
      return { type, name: displayName(...names), relation: relationOfNames(names.slice(0, -1)) };
    case 'OBJECT_TABCONSTRAINT':
    case 'OBJECT_TRIGGER':
    case 'OBJECT_RULE':
    case 'OBJECT_POLICY': {
      const relation = relationOfNames(names.slice(0, -1));
      return { type, name: `${displayName(names.at(-1) ?? '')} on ${displayRelation(relation)}`, relation };
    }
    case 'OBJECT_OPCLASS':
    case 'OBJECT_OPFAMILY':
      return { type, name: `${displayName(...names.slice(1))} using ${displayName(names[0] ?? '')}` };
    case 'OBJECT_CAST':
      return { type, name: `(${types.join(' as ')})` };
    case 'OBJECT_DOMCONSTRAINT':
      return { type: 'constraint', name: `${displayName(...names)} on domain ${types[0] ?? ''}` };
    case 'OBJECT_TRANSFORM':
      return { type, name: `for ${types[0] ?? ''} language ${displayName(...names)}` };
    default:
      return { type, name: displayName(...names) };
  }
}

function about({ type, name, relation }: Named) {
  return { about: `${type} ${name}`, ...(relation !== undefined && { relation }) };
}

function comment(body: NodeBody<'CommentStmt'>): AnyShape {
  const named = nameObject(body.objtype, body.object);
  if (body.objtype === 'OBJECT_LARGEOBJECT') return largeObject(named.name);
  return {
    kind: 'commentOn',
    object: `comment on ${named.type} ${named.name}`,
    ...about(named),
    details: { objectType: named.type, name: named.name },
  };
}

function owner(body: NodeBody<'AlterOwnerStmt'>): AnyShape {
  const named = nameObject(body.objectType, body.object);
  if (body.objectType === 'OBJECT_LARGEOBJECT') return largeObject(named.name);
  const common = about(named);
  return {
    kind: 'ownerChange',
    object: common.about,
    ...common,
    details: { owner: roleName(body.newowner) },
  };
}

function largeObject(oid: string | undefined): AnyShape {
  return { kind: 'largeObject', object: `large object ${oid ?? '?'}`, details: { oid } };
}

function roleName(role: RoleSpec | undefined): string {
  if (role?.roletype === 'ROLESPEC_PUBLIC') return 'PUBLIC';
  return role?.rolename ?? role?.roletype?.replace('ROLESPEC_', '') ?? '';
}

function roleNames(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => ('RoleSpec' in node ? [roleName(node.RoleSpec)] : []));
}

function grant(body: NodeBody<'GrantStmt'>): AnyShape {
  const objects = (body.objects ?? []).map((object) => nameObject(body.objtype, object));
  const [first] = objects;
  const columns = (body.privileges ?? []).some(
    (privilege) => 'AccessPriv' in privilege && privilege.AccessPriv.cols !== undefined,
  );
  const type = objectTypeName(body.objtype);
  const names = objects.map(({ name }) => name).join(', ');
  const where =
    body.targtype === 'ACL_TARGET_ALL_IN_SCHEMA' ? `all ${type}s in schema ${names}` : `${type} ${names}`;
  return {
    kind: body.is_grant === true ? 'grant' : 'revoke',
    object: `privileges on ${columns ? 'columns of ' : ''}${where}`,
    ...(objects.length === 1 && first !== undefined && about(first)),
    details: { objectType: type, grantees: roleNames(body.grantees), roles: [] },
  };
}

function grantRole(body: NodeBody<'GrantRoleStmt'>): AnyShape {
  const roles = (body.granted_roles ?? []).flatMap((node) =>
    'AccessPriv' in node ? [node.AccessPriv.priv_name ?? ''] : [],
  );
  return {
    kind: body.is_grant === true ? 'grant' : 'revoke',
    object: `membership in ${roles.map((role) => displayName(role)).join(', ')}`,
    details: { objectType: 'role', grantees: roleNames(body.grantee_roles), roles },
  };
}

function defaultPrivileges(body: NodeBody<'AlterDefaultPrivilegesStmt'>): AnyShape {
  const lists = new Map<string, readonly Node[]>();
  for (const option of body.options ?? []) {
    const arg = 'DefElem' in option ? option.DefElem.arg : undefined;
    if ('DefElem' in option && arg !== undefined && 'List' in arg) {
      lists.set(option.DefElem.defname ?? '', arg.List.items ?? []);
    }
  }
  const forRoles = roleNames(lists.get('roles'));
  const schemas = strings(lists.get('schemas'));
  const type = objectTypeName(body.action?.objtype);
  const of = forRoles.length === 0 ? '' : ` of ${forRoles.map((role) => displayName(role)).join(', ')}`;
  const where =
    schemas.length === 0 ? '' : ` in schema ${schemas.map((name) => displayName(name)).join(', ')}`;
  return {
    kind: 'defaultPrivileges',
    object: `default privileges${of} on ${type}s${where}`,
    details: { forRoles, grantees: roleNames(body.action?.grantees) },
  };
}

function constantText(node: Node | undefined): string | undefined {
  if (node === undefined || !('A_Const' in node)) return undefined;
  const constant = node.A_Const;
  if (constant.isnull === true) return undefined;
  if (constant.sval !== undefined) return constant.sval.sval ?? '';
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0);
  if (constant.boolval !== undefined) return String(constant.boolval.boolval ?? false);
  return constant.fval?.fval;
}

function setting(body: NodeBody<'VariableSetStmt'>): AnyShape {
  const name = body.name ?? '';
  const value =
    body.args === undefined ? undefined : body.args.map((arg) => constantText(arg) ?? '').join(', ');
  if (name === 'session_authorization' || name === 'role') {
    return { kind: 'sessionAuthorization', object: 'session authorization', details: { role: value } };
  }
  return { kind: 'setting', object: `setting ${name}`, details: { name, value } };
}

/** The few functions that pg_dump calls outside of data. */
function select(body: NodeBody<'SelectStmt'>): AnyShape {
  const [target] = body.targetList ?? [];
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined;
  const call = value !== undefined && 'FuncCall' in value ? value.FuncCall : undefined;
  const name = strings(call?.funcname).at(-1);
  const [first, second] = (call?.args ?? []).map(constantText);
  if (name === 'set_config' && first !== undefined) {
    return { kind: 'setting', object: `setting ${first}`, details: { name: first, value: second } };
  }
  if (name?.startsWith('lo_') === true) return largeObject(first);
  return { kind: 'other', object: `query ${name ?? ''}`.trimEnd(), details: {} };
}

export const privilegeClassifiers: Classifiers = {
  CommentStmt: comment,
  AlterOwnerStmt: owner,
  GrantStmt: (body) => (body.objtype === 'OBJECT_LARGEOBJECT' ? largeObjectGrant(body) : grant(body)),
  GrantRoleStmt: grantRole,
  AlterDefaultPrivilegesStmt: defaultPrivileges,
  VariableSetStmt: setting,
  SelectStmt: select,
  SecLabelStmt: (body) => {
    const named = nameObject(body.objtype, body.object);
    return {
      kind: 'securityLabel',
      object: `security label on ${named.type} ${named.name}`,
      ...about(named),
      details: { provider: body.provider },
    };
  },
  AlterDatabaseSetStmt: (body) => ({
    kind: 'alterDatabaseSet',
    object: `database ${displayName(body.dbname ?? '')}`,
    details: { database: body.dbname ?? '', name: body.setstmt?.name },
  }),
  AlterRoleSetStmt: (body) => ({
    kind: 'alterDatabaseSet',
    object: `role ${displayName(roleName(body.role))} in database ${displayName(body.database ?? '')}`,
    details: { database: body.database ?? '', name: body.setstmt?.name },
  }),
};

function largeObjectGrant(body: NodeBody<'GrantStmt'>): AnyShape {
  return largeObject(nameObject(body.objtype, body.objects?.[0]).name);
}
