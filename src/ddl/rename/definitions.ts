/** Nodes of definitions, privileges and comments; most of their names have no location in the tree. */
import type { RelationName } from '../../protocol/model.js';
import { argumentKinds, constantOf, regTypes, renameConstant, renameSetting } from './nameStrings.js';
import {
  editPart,
  nameAt,
  type Place,
  renameInSchema,
  renameRelation,
  renameRole,
  renameSchema,
} from './place.js';
import { referTo, type Scope } from './scope.js';
import {
  type Body,
  bodyOf,
  type Handler,
  type Handlers,
  locationOf,
  nodes,
  stringsOf,
  type Tree,
  text,
  walk,
  walkFields,
} from './tree.js';

/** Claims a list of names by what it spells. */
function claimInSchema(tree: Place, value: unknown, behind?: RegExp): void {
  const names = stringsOf(value);
  if (names.length > 1) renameInSchema(tree, tree.sql.find(names, behind));
}

function claimRelation(tree: Place, names: readonly string[]): void {
  if (names.length > 1) renameRelation(tree, tree.sql.find(names));
}

function claimSchema(tree: Place, name: string | undefined): void {
  if (name !== undefined) renameSchema(tree, tree.sql.find([name], /^(SCHEMA|EXISTS|,|TO)$/));
}

function claimConstraint(tree: Place, on: RelationName | undefined, name: string | undefined): void {
  const found = name === undefined ? undefined : tree.sql.find([name], /^(CONSTRAINT|EXISTS)$/);
  const [part] = found?.parts ?? [];
  if (!found || !part || on === undefined || name === undefined) return;
  found.claimed = true;
  editPart(tree.sql, part, tree.renames.constraint(on, name));
}

/** An index named without its schema, which is that of its table. */
function claimIndex(tree: Place, on: RelationName | undefined, name: string | undefined): void {
  const found = name === undefined ? undefined : tree.sql.find([name], /^(INDEX|CONCURRENTLY|EXISTS|ON)$/);
  const [part] = found?.parts ?? [];
  if (!found || !part || on === undefined || name === undefined) return;
  found.claimed = true;
  editPart(tree.sql, part, tree.renames.index({ schema: on.schema, name }).name);
}

const relationTypes = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
]);
const belowTable = new Set(['OBJECT_TABCONSTRAINT', 'OBJECT_RULE', 'OBJECT_TRIGGER', 'OBJECT_POLICY']);

/** What COMMENT, GRANT, DROP, ALTER … OWNER name, by the type of object. */
function claimObject(objectType: string, object: unknown, scope: Scope, tree: Tree): void {
  const names = stringsOf(object);
  if (relationTypes.has(objectType)) {
    if ('RangeVar' in (bodyOf(object) ?? {})) walk(object, scope, tree);
    else claimRelation(tree, names);
  } else if (objectType === 'OBJECT_COLUMN') {
    if (names.length > 2) claimRelation(tree, names);
  } else if (belowTable.has(objectType)) {
    const [schema, name, own] = names;
    if (schema === undefined || name === undefined || own === undefined) return;
    if (objectType === 'OBJECT_TABCONSTRAINT') claimConstraint(tree, { schema, name }, own);
    claimRelation(tree, [schema, name]);
  } else if (objectType === 'OBJECT_SCHEMA') {
    claimSchema(tree, names[0]);
  } else if (objectType === 'OBJECT_ROLE') {
    if (names[0] !== undefined) renameRole(tree, tree.sql.find([names[0]], /^(ROLE|USER|GROUP)$/));
  } else if (objectType === 'OBJECT_OPCLASS' || objectType === 'OBJECT_OPFAMILY') {
    if (names.length > 2) renameInSchema(tree, tree.sql.find(names.slice(1)));
  } else if (names.length > 1) {
    claimInSchema(tree, object);
  } else {
    walk(object, scope, tree);
  }
}

const aboutObject =
  (typeField: string, ...objectFields: readonly string[]): Handler =>
  (body, scope, tree) => {
    for (const field of objectFields) {
      const value = body[field];
      const objects = Array.isArray(value) ? value : value === undefined ? [] : [value];
      for (const object of objects) claimObject(text(body[typeField]) ?? '', object, scope, tree);
    }
    claimSchema(tree, text(body['newschema']));
    walkFields(body, scope, tree, objectFields);
  };

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

const typeName: Handler = (body, scope, tree) => {
  const names = stringsOf(body['names']);
  const location = locationOf(body);
  // Some rules of the grammar make a type of a list of names, without a place.
  const name = location < 0 ? tree.sql.find(names) : tree.sql.nameAt(tree.at(location));
  // The grammar's own words (integer) stand for other names than are written.
  if (name && name.parts.length === names.length && name.parts.every((p, i) => p.name === names[i])) {
    if (body['pct_type'] === true && names.length < 3) name.claimed = true;
    else if (names.length === 1) renameInSchema(tree, name);
    else renameRelation(tree, name);
  }
  walkFields(body, scope, tree, ['names']);
};

const columnRef: Handler = (body, scope, tree) => {
  refer(body, scope, tree, false);
};

function refer(body: Body, scope: Scope, tree: Tree, namesResult: boolean): void {
  const fields = nodes(body['fields']);
  const names = stringsOf(fields);
  const hasStar = fields.some((field) => 'A_Star' in field);
  const name = nameAt(tree, locationOf(body), hasStar ? [...names, '*'] : names);
  if (!name || names.length === 0) return;
  const isResult = names.length === 1 && !hasStar && scope.results.has(names[0] ?? '');
  if (!isResult) referTo(tree, scope, name, names, hasStar, namesResult);
}

const functionCall: Handler = (body, scope, tree) => {
  const names = stringsOf(body['funcname']);
  renameInSchema(tree, nameAt(tree, locationOf(body), names));
  const args = nodes(body['args']);
  const own = names.length === 1 || names[0] === 'pg_catalog' ? (names.at(-1) ?? '') : '';
  const kinds = argumentKinds(own, args.length);
  for (const [index, kind] of kinds?.entries() ?? []) {
    const constant = kind && constantOf(args[index]);
    if (kind && constant) renameConstant(tree, constant.location, kind);
  }
  const [setting, value] = args.map(constantOf);
  if (own === 'set_config' && setting && value) {
    if (/^search_path$/i.test(setting.value)) renameConstant(tree, value.location, 'searchPath');
    if (/^(role|session_authorization)$/i.test(setting.value))
      renameConstant(tree, value.location, 'roleName');
  }
  walkFields(body, scope, tree, ['funcname']);
};

const typeCast: Handler = (body, scope, tree) => {
  const type = bodyOf(body['typeName']);
  const names = stringsOf(type?.['names']);
  const kind = names.length === 1 || names[0] === 'pg_catalog' ? regTypes.get(names.at(-1) ?? '') : undefined;
  if (kind !== undefined) {
    const array = bodyOf(bodyOf(body['arg'])?.['A_ArrayExpr']);
    const isArray = nodes(type?.['arrayBounds']).length > 0;
    for (const element of isArray ? nodes(array?.['elements']) : [body['arg']]) {
      const constant = constantOf(element);
      if (constant) renameConstant(tree, constant.location, kind);
    }
  }
  walkFields(body, scope, tree);
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
  RangeVar: (body, _scope, tree) => {
    const names = [text(body['schemaname']), text(body['relname'])].flatMap((name) => name ?? []);
    renameRelation(tree, nameAt(tree, locationOf(body), names));
  },
  TypeName: typeName,
  RoleSpec: (body, _scope, tree) => {
    const role = text(body['rolename']);
    if (role !== undefined) renameRole(tree, nameAt(tree, locationOf(body), [role]));
  },
  ColumnRef: columnRef,
  ResTarget: (body, scope, tree) => {
    const reference = bodyOf(bodyOf(body['val'])?.['ColumnRef']);
    if (reference && body['name'] === undefined) refer(reference, scope, tree, true);
    else walkFields(body, scope, tree);
  },
  FuncCall: functionCall,
  TypeCast: typeCast,
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
