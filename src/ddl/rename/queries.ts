/** Queries: which tables are in sight where. */
import type { RelationName } from '../../protocol/model.js';
import { claimConstraint } from './objects.js';
import { classTarget, nameAt, renameBare, renameRelation } from './place.js';
import { type RangeItem, Scope } from './scope.js';
import {
  type Body,
  bodyOf,
  type Handler,
  type Handlers,
  locationOf,
  nodes,
  type Tree,
  text,
  walk,
  walkFields,
} from './tree.js';

/** Registers a RangeVar as something that the scope can refer to. */
function addTable(tree: Tree, scope: Scope, range: Body, word: ' ' | ' AS ' = ' '): RangeItem | undefined {
  const { sql, renames } = tree;
  const schema = text(range['schemaname']);
  const relname = text(range['relname']) ?? '';
  const aliasNode = bodyOf(range['alias']);
  const aliasName = text(aliasNode?.['aliasname']);
  const written = nameAt(tree, locationOf(range), schema === undefined ? [relname] : [schema, relname]);
  const common = { refname: aliasName ?? relname, hasAlias: aliasName !== undefined };
  if (schema === undefined && scope.isCommonTable(relname)) {
    if (written) written.claimed = true;
    return scope.add(common);
  }
  let source: RelationName | undefined;
  if (schema !== undefined) {
    source = { schema, name: relname };
    renameRelation(tree, written);
  } else if (written && !written.claimed) {
    written.claimed = true;
    source = renameBare(tree, written, 'relation');
  }
  const columns = source && renames.columns(source);
  const last = written === undefined ? undefined : behindName(tree, written.next, range['inh'] !== true);
  const alias = aliasNode && last !== undefined ? writtenAlias(tree, last, aliasNode) : undefined;
  return scope.add({
    ...common,
    ...(source && { source, target: classTarget(renames, source) }),
    ...(columns && { columns }),
    ...(last !== undefined &&
      aliasName === undefined && { aliasAt: { offset: sql.tokens[last - 1]?.end ?? 0, word } }),
    ...(alias && { alias }),
  });
}

/** Index of the token behind a table's name: its parenthesis in ONLY (name), the `*` of old. */
function behindName({ sql }: Tree, next: number, isOnly: boolean): number {
  const isClosing = isOnly && sql.tokens[next]?.word === ')';
  const first = isClosing ? sql.names.find((name) => name.next === next) : undefined;
  return first?.previous === '(' || sql.tokens[next]?.word === '*' ? next + 1 : next;
}

function writtenAlias({ sql }: Tree, next: number, alias: Body): { start: number; end: number } | undefined {
  if (nodes(alias['colnames']).length > 0) return undefined;
  const token = sql.tokens[sql.tokens[next]?.word === 'AS' ? next + 1 : next];
  const name = token && sql.nameAt(token.start);
  const start = sql.tokens[next - 1]?.end;
  if (start === undefined || name?.parts.length !== 1) return undefined;
  return name.parts[0]?.name === alias['aliasname'] ? { start, end: name.end } : undefined;
}

/** What FROM names first, then what is in it: a lateral subquery sees its neighbours. */
function walkFrom(from: unknown, scope: Scope, tree: Tree): void {
  const later: (() => void)[] = [];
  for (const node of nodes(from)) addFromItem(node, scope, tree, later);
  for (const walkOne of later) walkOne();
}

function addFromItem(node: Body, scope: Scope, tree: Tree, later: (() => void)[]): void {
  const [[kind, value] = ['', undefined]] = Object.entries(node);
  const body = bodyOf(value) ?? {};
  const alias = text(bodyOf(body['alias'])?.['aliasname']);
  if (kind === 'RangeVar') {
    addTable(tree, scope, body);
  } else if (kind === 'JoinExpr') {
    // Outside of a join with an alias only the alias is known.
    const inside = alias === undefined ? scope : scope.inner();
    for (const side of ['larg', 'rarg']) {
      const item = bodyOf(body[side]);
      if (item) addFromItem(item, inside, tree, later);
    }
    later.push(() => walk(body['quals'], inside, tree));
    const using = text(bodyOf(body['join_using_alias'])?.['aliasname']);
    for (const name of [alias, using]) if (name !== undefined) scope.add({ refname: name, hasAlias: true });
  } else if (kind === 'RangeTableSample') {
    const relation = bodyOf(body['relation']);
    if (relation) addFromItem(relation, scope, tree, later);
    later.push(() => walk([body['method'], body['args'], body['repeatable']], scope, tree));
  } else {
    if (alias !== undefined) scope.add({ refname: alias, hasAlias: true });
    else if (kind === 'RangeFunction') addFunction(body, scope);
    const isBlind = kind === 'RangeSubselect' && body['lateral'] !== true;
    later.push(() => walkFields(body, isBlind ? scope.beside() : scope, tree));
  }
}

/** A function in FROM is called by its name there. */
function addFunction(body: Body, scope: Scope): void {
  const [first] = nodes(bodyOf(nodes(body['functions'])[0]?.['List'])?.['items']);
  const name = nodes(bodyOf(first?.['FuncCall'])?.['funcname']).at(-1);
  const refname = text(bodyOf(name?.['String'])?.['sval']);
  if (refname !== undefined) scope.add({ refname, hasAlias: true });
}

function walkWith(clause: unknown, scope: Scope, tree: Tree): void {
  const body = bodyOf(clause);
  if (!body) return;
  const tables = nodes(body['ctes']).map((node) => bodyOf(node['CommonTableExpr']) ?? {});
  const names = tables.map((table) => text(table['ctename']) ?? '');
  if (body['recursive'] === true) for (const name of names) scope.commonTables.add(name);
  for (const [index, table] of tables.entries()) {
    walkFields(table, scope, tree);
    scope.commonTables.add(names[index] ?? '');
  }
}

/** Names that ORDER BY and GROUP BY may mean before they mean a table. */
function addResults(targets: unknown, scope: Scope): void {
  for (const node of nodes(targets)) {
    const target = bodyOf(node['ResTarget']);
    const name = text(target?.['name']);
    if (name !== undefined) scope.results.add(name);
  }
}

const select: Handler = (body, outer, tree) => {
  const scope = outer.inner();
  const { withClause, fromClause, targetList, sortClause, groupClause, lockingClause, ...rest } = body;
  walkWith(withClause, scope, tree);
  walkFrom(fromClause, scope, tree);
  walk(targetList, scope, tree);
  for (const [key, value] of Object.entries(rest)) {
    // The sides of UNION are queries of their own: bare bodies without a wrapper.
    if (key === 'larg' || key === 'rarg') select(bodyOf(value) ?? {}, scope, tree);
    else walk(value, scope, tree);
  }
  addResults(targetList, scope);
  walk([sortClause, groupClause], scope, tree);
  scope.results.clear();
  walk(lockingClause, scope, tree);
};

/** INSERT, UPDATE, DELETE, MERGE. */
const change =
  (from: 'fromClause' | 'usingClause' | undefined, word: ' ' | ' AS ' = ' '): Handler =>
  (body, outer, tree) => {
    const around = outer.inner();
    const { withClause, relation, selectStmt, sourceRelation, ...rest } = body;
    walkWith(withClause, around, tree);
    walk(selectStmt, around, tree);
    const scope = around.inner();
    const target = bodyOf(relation);
    const item = target && addTable(tree, scope, target, word);
    const infer = bodyOf(bodyOf(body['onConflictClause'])?.['infer']);
    if (infer) claimConstraint(tree, item?.source, text(infer['conname']), tree.at(locationOf(infer)));
    if (selectStmt !== undefined || body['onConflictClause'] !== undefined)
      scope.add({ refname: 'excluded', hasAlias: true, columns: new Set() });
    if (sourceRelation !== undefined) walkFrom([sourceRelation], scope, tree);
    if (from !== undefined) walkFrom(body[from], scope, tree);
    for (const [key, value] of Object.entries(rest)) if (key !== from) walk(value, scope, tree);
  };

/** FOR UPDATE OF name: what the query calls it. */
const locking: Handler = (body, scope, tree) => {
  for (const node of nodes(body['lockedRels'])) {
    const range = bodyOf(node['RangeVar']) ?? {};
    const word = text(range['relname']) ?? '';
    const name = nameAt(tree, locationOf(range), [word]);
    const item = scope.find(({ refname }) => refname === word);
    if (!name) continue;
    name.claimed = true;
    item?.references.push({ name, scope, qualifiers: 1, namesResult: false });
  }
};

/** A statement about one table, whose columns its expressions see: of a constraint, index, policy … */
export const aboutTable =
  (field: string, refnames: readonly string[] = []): Handler =>
  (body, outer, tree) => {
    const range = bodyOf(body[field]);
    const relation = { schema: text(range?.['schemaname']) ?? '', name: text(range?.['relname']) ?? '' };
    const scope = new Scope(outer, outer.all, relation);
    if (range) renameRelation(tree, tree.sql.nameAt(tree.at(locationOf(range))));
    const columns = tree.renames.columns(relation);
    scope.add({
      refname: relation.name,
      hasAlias: false,
      source: relation,
      target: tree.renames.relation(relation),
      ...(columns && { columns }),
    });
    for (const refname of refnames) scope.add({ refname, hasAlias: true });
    walkFields(body, scope, tree, [field]);
  };

export const queryHandlers: Handlers = {
  SelectStmt: select,
  InsertStmt: change(undefined, ' AS '),
  UpdateStmt: change('fromClause'),
  DeleteStmt: change('usingClause'),
  MergeStmt: change(undefined),
  LockingClause: locking,
  // SET (a, b) = (SELECT …): the parser hangs the one source on every column.
  MultiAssignRef: (body, scope, tree) => {
    if (body['colno'] === 1) walk(body['source'], scope, tree);
  },
  RuleStmt: (body, outer, tree) => {
    renameRelation(tree, tree.sql.nameAt(tree.at(locationOf(bodyOf(body['relation']) ?? {}))));
    const scope = outer.inner();
    for (const refname of ['new', 'old']) scope.add({ refname, hasAlias: true });
    walkFields(body, scope, tree, ['relation']);
  },
  CreatePolicyStmt: aboutTable('table'),
  AlterPolicyStmt: aboutTable('table'),
  CreateStmt: aboutTable('relation'),
  AlterTableStmt: aboutTable('relation'),
  IndexStmt: aboutTable('relation'),
  PublicationTable: aboutTable('relation'),
  CreateTrigStmt: aboutTable('relation', ['new', 'old']),
};
