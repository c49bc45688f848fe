import { renameConstant, renameSetting } from './nameStrings.js';
import {
  aboutObject,
  claimConstraint,
  claimIndex,
  claimInSchema,
  claimObject,
  claimRelation,
  claimSchema,
} from './objects.js';
import { nameAt, type Place, renameInSchema, renameRole, renameSchema } from './place.js';
import {
  type Body,
  bodyOf,
  type Handler,
  type Handlers,
  locationOf,
  nodes,
  stringsOf,
  text,
  walk,
  walkFields,
} from './tree.js';

/** The only elements of definitions that are types; all others name functions, operators, parsers … */
const typeElements = new Set([
  'basetype',
  'element',
  'leftarg',
  'like',
  'msstype',
  'mstype',
  'rightarg',
  'stype',
  'sub_type',
  'subtype',
  'as',
  'multirange_type_name',
]);

const definitionElement: Handler = (body, scope, tree) => {
  const name = text(body['defname']) ?? '';
  const arg = bodyOf(body['arg']);
  if (!arg) return;
  if (name === 'owned_by') {
    const names = stringsOf(arg);
    if (names.length > 2) claimRelation(tree, names);
  } else if (name === 'sequence_name') {
    claimRelation(tree, stringsOf(arg));
  } else if (name === 'schemas') {
    for (const schema of stringsOf(arg)) renameSchema(tree, tree.sql.find([schema], /^(SCHEMA|,)$/));
  } else if (name === 'schema' && 'String' in arg) {
    const [schema = ''] = stringsOf(arg);
    renameSchema(tree, tree.sql.find([schema], /^SCHEMA$/, tree.at(locationOf(body))));
  } else if ('TypeName' in arg && !typeElements.has(name)) {
    const type = bodyOf(arg['TypeName']) ?? {};
    const names = stringsOf(type['names']);
    if (names.length > 1) renameInSchema(tree, nameAt(tree, locationOf(type), names));
    else walk(arg, scope, tree);
  } else if ('List' in arg && stringsOf(arg).length > 1) {
    claimInSchema(tree, arg);
  } else {
    walk(arg, scope, tree);
  }
};

/** Statements with names by field: all that have no location and lie in a schema. */
const named =
  (...fields: readonly string[]): Handler =>
  (body, scope, tree) => {
    for (const field of fields) claimInSchema(tree, body[field]);
    walkFields(body, scope, tree, fields);
  };

const grant: Handler = (body, scope, tree) => {
  const ofSchema = body['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA';
  const objectType = ofSchema ? 'OBJECT_SCHEMA' : (text(body['objtype']) ?? '');
  for (const object of nodes(body['objects'])) claimObject(objectType, object, scope, tree);
  walkFields(body, scope, tree, ['objects']);
};

const constraint: Handler = (body, scope, tree) => {
  claimConstraint(tree, scope.table, text(body['conname']));
  claimIndex(tree, scope.table, text(body['indexname']));
  for (const exclusion of nodes(body['exclusions'])) {
    // The operators are found by their shape.
    walk(exclusion, scope, tree);
  }
  walkFields(body, scope, tree, ['exclusions']);
};

const alterCommand: Handler = (body, scope, tree) => {
  const name = text(body['name']);
  const subtype = text(body['subtype']) ?? '';
  if (/^AT_(Drop|Validate|Alter)Constraint$/.test(subtype)) claimConstraint(tree, scope.table, name);
  else if (subtype === 'AT_ClusterOn') claimIndex(tree, scope.table, name);
  walkFields(body, scope, tree);
};

const trigger: Handler = (body, _scope, tree) => {
  claimInSchema(tree, body['funcname']);
  const args = stringsOf(body['args']);
  const routine = stringsOf(body['funcname']).at(-1);
  // tsvector_update_trigger(column, configuration, column …)
  if (routine !== 'tsvector_update_trigger' || args.length < 2) return;
  const strings = tree.sql.tokens.filter(({ kind }) => kind === 'string');
  const config = strings.at(-args.length + 1);
  if (config) renameConstant({ ...tree, at: (offset) => offset ?? 0 }, config.start, 'inSchema');
};

/** COMMENT … IS 'text' and its like: what people wrote, whatever it mentions. */
const quiet =
  (handler: Handler): Handler =>
  (body, scope, tree) => {
    handler(body, scope, tree);
    for (const token of tree.sql.tokens)
      if (token.kind === 'string') tree.sql.claimedStrings.add(token.start);
  };
const plain: Handler = (body, scope, tree) => walkFields(body, scope, tree);

export { trigger as claimTrigger };

export const definitionHandlers: Handlers = {
  RoleSpec: (body, _scope, tree) => {
    const role = text(body['rolename']);
    if (role !== undefined) renameRole(tree, nameAt(tree, locationOf(body), [role]));
  },
  ObjectWithArgs: named('objname'),
  IndexElem: named('opclass', 'collation'),
  PartitionElem: named('opclass', 'collation'),
  DefElem: definitionElement,
  Constraint: constraint,
  AlterTableCmd: alterCommand,
  ReplicaIdentityStmt: (body, scope, tree) => claimIndex(tree, scope.table, text(body['name'])),
  VariableSetStmt: (body, _scope, tree) => renameSetting(tree, body),
  GrantStmt: grant,
  GrantRoleStmt: (body, scope, tree) => {
    for (const node of nodes(body['granted_roles'])) {
      const role = text(bodyOf(node['AccessPriv'])?.['priv_name']);
      if (role !== undefined) renameRole(tree, tree.sql.find([role], /^(GRANT|REVOKE|FOR|,)$/));
    }
    walkFields(body, scope, tree, ['granted_roles']);
  },
  CommentStmt: quiet(aboutObject('objtype', 'object')),
  SecLabelStmt: quiet(aboutObject('objtype', 'object')),
  DropStmt: aboutObject('removeType', 'objects'),
  AlterOwnerStmt: aboutObject('objectType', 'object'),
  AlterObjectSchemaStmt: aboutObject('objectType', 'object'),
  AlterObjectDependsStmt: aboutObject('objectType', 'object'),
  AlterExtensionContentsStmt: aboutObject('objtype', 'object'),
  RenameStmt: aboutObject('renameType', 'object'),
  CreateSchemaStmt: (body, scope, tree) => {
    claimSchema(tree, text(body['schemaname']));
    walkFields(body, scope, tree);
  },
  PublicationObjSpec: (body, scope, tree) => {
    const name = text(body['name']);
    if (name !== undefined) renameSchema(tree, nameAt(tree, locationOf(body), [name]));
    walkFields(body, scope, tree);
  },
  DefineStmt: named('defnames'),
  CreateStatsStmt: named('defnames'),
  AlterStatsStmt: named('defnames'),
  CreateDomainStmt: named('domainname'),
  AlterDomainStmt: named('typeName'),
  CreateRangeStmt: named('typeName'),
  CreateEnumStmt: quiet(named('typeName')),
  AlterEnumStmt: quiet(named('typeName')),
  AlterTypeStmt: named('typeName'),
  CreateOpClassStmt: named('opclassname', 'opfamilyname'),
  CreateOpClassItem: named('order_family'),
  CreateOpFamilyStmt: named('opfamilyname'),
  AlterOpFamilyStmt: named('opfamilyname'),
  CreateConversionStmt: named('conversion_name', 'func_name'),
  CreateEventTrigStmt: quiet(named('funcname')),
  CreateAmStmt: named('handler_name'),
  CreatePLangStmt: named('plhandler', 'plinline', 'plvalidator'),
  AlterTSConfigurationStmt: (body, scope, tree) => {
    claimInSchema(tree, body['cfgname']);
    for (const dictionary of nodes(body['dicts'])) claimInSchema(tree, dictionary);
    walkFields(body, scope, tree, ['cfgname', 'dicts', 'tokentype']);
  },
  AlterTSDictionaryStmt: named('dictname'),
  AlterCollationStmt: named('collname'),
  CreateFdwStmt: quiet(plain),
  AlterFdwStmt: quiet(plain),
  CreateForeignServerStmt: quiet(plain),
  AlterForeignServerStmt: quiet(plain),
  CreateUserMappingStmt: quiet(plain),
  CreateSubscriptionStmt: quiet(plain),
  CreateForeignTableStmt: (body, scope, tree) => {
    // The table without a wrapper of its own.
    tree.handlers['CreateStmt']?.(bodyOf(body['base']) ?? {}, scope, tree);
    walkFields(body, scope, tree, ['base']);
    for (const token of tree.sql.tokens)
      if (token.kind === 'string') tree.sql.claimedStrings.add(token.start);
  },
};

/** Operators with a schema and collations are told by how they are written. */
export function renameOperatorsAndCollations(tree: Place): void {
  for (const name of tree.sql.names) {
    const isOperator = name.isOperator || (name.parts.at(-1)?.name === '*' && isInOperator(tree, name.start));
    if (isOperator || (name.previous === 'COLLATE' && name.parts.length > 1)) renameInSchema(tree, name);
  }
}

/** OPERATOR(schema.*), which looks like all columns of a table. */
function isInOperator({ sql }: Place, start: number): boolean {
  return /\boperator\s*\(\s*$/i.test(sql.text.slice(Math.max(0, start - 30), start));
}

/** For an index: its name stands behind INDEX. */
export function claimIndexName(tree: Place, body: Body): void {
  const range = bodyOf(body['relation']);
  const on = { schema: text(range?.['schemaname']) ?? '', name: text(range?.['relname']) ?? '' };
  claimIndex(tree, on, text(body['idxname']));
}
