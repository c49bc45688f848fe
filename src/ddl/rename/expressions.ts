/** Nodes of queries and expressions that have a name and a location. */
import { argumentKinds, regTypes } from './nameKinds.js';
import { constantOf, renameConstant } from './nameStrings.js';
import { nameAt, renameInSchema, renameRelation } from './place.js';
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
  walkFields,
} from './tree.js';

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

export const expressionHandlers: Handlers = {
  RangeVar: (body, _scope, tree) => {
    const names = [text(body['schemaname']), text(body['relname'])].flatMap((name) => name ?? []);
    renameRelation(tree, nameAt(tree, locationOf(body), names));
  },
  TypeName: typeName,
  ColumnRef: columnRef,
  ResTarget: (body, scope, tree) => {
    const reference = bodyOf(bodyOf(body['val'])?.['ColumnRef']);
    if (reference && body['name'] === undefined) refer(reference, scope, tree, true);
    else walkFields(body, scope, tree);
  },
  FuncCall: functionCall,
  TypeCast: typeCast,
};
