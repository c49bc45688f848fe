/** What the rules of a project come to for the objects of one dump. */
import { longestName } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Statement } from '../statement.js';
import type { Renames } from './renames.js';

export interface RenameRules {
  schema(name: string): string;
  /** Of tables, views, materialized views, foreign tables and sequences that no table owns. */
  table(relation: RelationName): RelationName;
  role(name: string): string;
  /** Schema of what an extension brings, where it lies elsewhere on the target than its schema says. */
  member?(object: RelationName): string | undefined;
  /** Schemas of the source with such objects. */
  readonly memberSchemas?: Iterable<string>;
  /** Sequences, constraints and indexes that begin with the name of their renamed table begin with its new name. */
  renameOwned: boolean;
}

const keyOf = (schema: string, name: string): string => `${schema}\0${name}`;

interface Found {
  readonly relations: Map<string, RelationName>;
  /** Sequences and indexes with the table they belong to. */
  readonly owned: Map<string, { readonly own: RelationName; readonly table: RelationName }>;
  readonly indexes: Map<string, { readonly own: RelationName; readonly table: RelationName }>;
  readonly columns: Map<string, ReadonlySet<string>>;
  readonly schemasOf: Map<string, string[]>;
  readonly schemas: Set<string>;
  readonly roles: Set<string>;
}

export function renamesOf(statements: readonly Statement[], rules: RenameRules): Renames {
  const found = collect(statements);
  const { relations, indexes } = resolve(found, rules);
  const sources = new Map<string, RelationName>();
  for (const [key, target] of relations) {
    const source = found.relations.get(key);
    if (source) sources.set(keyOf(target.schema, target.name), source);
  }
  const member = (object: RelationName): string | undefined =>
    found.schemasOf.get(object.name)?.includes(object.schema) ? undefined : rules.member?.(object);
  const renames: Omit<Renames, 'mentions'> = {
    schema: (name) => rules.schema(name),
    relation: ({ schema, name }) =>
      relations.get(keyOf(schema, name)) ?? {
        schema: member({ schema, name }) ?? rules.schema(schema),
        name,
      },
    objectSchema: member,
    sourceOf: ({ schema, name }) => sources.get(keyOf(schema, name)),
    index: ({ schema, name }) => indexes.get(keyOf(schema, name)) ?? { schema: rules.schema(schema), name },
    constraint: (on, name) => {
      const index = indexes.get(keyOf(on.schema, name));
      const own = found.indexes.get(keyOf(on.schema, name));
      if (index && own?.table.name === on.name) return index.name;
      const table = relations.get(keyOf(on.schema, on.name));
      return table && rules.renameOwned ? prefixed(name, on.name, table.name) : name;
    },
    role: (name) => rules.role(name),
    columns: ({ schema, name }) => found.columns.get(keyOf(schema, name)),
    known: (schema, name) => found.schemasOf.get(name)?.includes(schema) ?? false,
    schemasOf: (name) => found.schemasOf.get(name) ?? [],
  };
  const words = [...wordsOf(found, renames), ...(rules.memberSchemas ?? [])];
  return { ...renames, mentions: mentionsOf(words) };
}

/** `orders_id_seq` of orders → `sales_id_seq` of sales; as it is where that would be too long. */
function prefixed(name: string, table: string, target: string): string {
  if (table === target || !name.startsWith(`${table}_`)) return name;
  const longer = target + name.slice(table.length);
  return new TextEncoder().encode(longer).length > longestName ? name : longer;
}

function collect(statements: readonly Statement[]): Found {
  const found: Found = {
    relations: new Map(),
    owned: new Map(),
    indexes: new Map(),
    columns: new Map(),
    schemasOf: new Map(),
    // No dump makes it.
    schemas: new Set(['public']),
    roles: new Set(),
  };
  for (const statement of statements) collectOne(statement, found);
  return found;
}

function know({ schemasOf }: Found, schema: string, name: string): void {
  const schemas = schemasOf.get(name);
  if (schemas === undefined) schemasOf.set(name, [schema]);
  else if (!schemas.includes(schema)) schemas.push(schema);
}

function collectOne(statement: Statement, found: Found): void {
  collectRoles(statement, found);
  if (statement.tocComment?.schema !== undefined) found.schemas.add(statement.tocComment.schema);
  switch (statement.kind) {
    case 'createSchema':
      found.schemas.add(statement.details.name);
      return;
    case 'createExtension':
      if (statement.details.schema !== undefined) found.schemas.add(statement.details.schema);
      return;
    case 'createTable':
    case 'createForeignTable':
    case 'createView':
    case 'createMaterializedView': {
      const { relation } = statement;
      if (!relation) return;
      addRelation(found, relation);
      // What a table inherits is not written in its statement.
      const isWhole = statement.kind === 'createTable' && statement.details.partitionOf === undefined;
      if (isWhole && statement.details.inherits.length === 0)
        found.columns.set(keyOf(relation.schema, relation.name), new Set(statement.details.columns));
      return;
    }
    case 'createSequence':
      addRelation(found, statement.details.sequence);
      return;
    case 'identity':
    case 'sequenceOwnedBy': {
      const { relation, details } = statement;
      if (!relation || !details.sequence) return;
      const own = details.sequence;
      addRelation(found, own);
      found.owned.set(keyOf(own.schema, own.name), { own, table: relation });
      return;
    }
    case 'createIndex':
      if (statement.relation) addIndex(found, statement.details.index.name, statement.relation);
      return;
    case 'primaryKey':
    case 'unique':
    case 'exclusion':
      if (statement.relation && statement.details.name !== undefined)
        addIndex(found, statement.details.name, statement.relation);
      return;
    default:
      collectNamed(statement, found);
  }
}

function addRelation(found: Found, relation: RelationName): void {
  found.relations.set(keyOf(relation.schema, relation.name), relation);
  found.schemas.add(relation.schema);
  know(found, relation.schema, relation.name);
}

function addIndex(found: Found, name: string, table: RelationName): void {
  const own = { schema: table.schema, name };
  found.indexes.set(keyOf(own.schema, name), { own, table });
}

/** Types and routines, from what a DROP would call them. */
function collectNamed({ creates }: Statement, found: Found): void {
  if (!creates || creates.table !== undefined) return;
  const identity = /^"((?:[^"]|"")+)"\.(?:"((?:[^"]|"")+)")?/.exec(creates.identity);
  const schema = identity?.[1]?.replaceAll('""', '"');
  if (schema === undefined) return;
  found.schemas.add(schema);
  // Operators have no names to mention.
  if (identity?.[2] !== undefined) know(found, schema, identity[2].replaceAll('""', '"'));
}

function collectRoles(statement: Statement, found: Found): void {
  const add = (names: readonly (string | undefined)[]): void => {
    for (const name of names) if (name !== undefined) found.roles.add(name);
  };
  if (statement.kind === 'grant' || statement.kind === 'revoke')
    add([...statement.details.grantees, ...statement.details.roles]);
  else if (statement.kind === 'ownerChange') add([statement.details.owner]);
  else if (statement.kind === 'createPolicy') add(statement.details.roles);
  else if (statement.kind === 'defaultPrivileges')
    add([...statement.details.forRoles, ...statement.details.grantees]);
  else if (statement.kind === 'userMapping') add([statement.details.user]);
  else if (statement.kind === 'sessionAuthorization') add([statement.details.role]);
  add([statement.tocComment?.owner]);
}

interface Resolved {
  readonly relations: ReadonlyMap<string, RelationName>;
  readonly indexes: ReadonlyMap<string, RelationName>;
}

function resolve({ relations, owned, indexes }: Found, rules: RenameRules): Resolved {
  const targets = new Map<string, RelationName>();
  const taken = new Map<string, number>();
  const take = ({ schema, name }: RelationName): void => {
    const key = keyOf(schema, name);
    taken.set(key, (taken.get(key) ?? 0) + 1);
  };
  for (const [key, relation] of relations) {
    if (owned.has(key)) continue;
    const target = rules.table(relation);
    targets.set(key, target);
    take(target);
  }
  const belongings = [...owned, ...indexes].map(([key, { own, table }]) => {
    const target = targets.get(keyOf(table.schema, table.name)) ?? rules.table(table);
    const name = rules.renameOwned ? prefixed(own.name, table.name, target.name) : own.name;
    const wanted = { schema: target.schema, name };
    take(wanted);
    return { key, wanted, kept: { schema: target.schema, name: own.name }, isIndex: !owned.has(key) };
  });
  const indexTargets = new Map<string, RelationName>();
  for (const { key, wanted, kept, isIndex } of belongings) {
    // A name that something else has already is left alone.
    const isFree = (taken.get(keyOf(wanted.schema, wanted.name)) ?? 0) < 2;
    (isIndex ? indexTargets : targets).set(key, isFree ? wanted : kept);
  }
  return { relations: targets, indexes: indexTargets };
}

/** Every name that something renamed has on the source. */
function* wordsOf(found: Found, renames: Omit<Renames, 'mentions'>): Generator<string> {
  for (const schema of found.schemas) if (renames.schema(schema) !== schema) yield schema;
  for (const role of found.roles) if (renames.role(role) !== role) yield role;
  for (const [name, schemas] of found.schemasOf) {
    const isAffected = (schema: string): boolean => {
      if (renames.schema(schema) !== schema) return true;
      const target = renames.relation({ schema, name });
      return target.schema !== schema || target.name !== name;
    };
    if (schemas.some(isAffected)) yield name;
  }
  for (const { own, table } of found.indexes.values()) {
    const target = renames.index(own);
    if (target.name !== own.name || target.schema !== own.schema) yield own.name;
    else if (renames.relation(table).name !== table.name) yield own.name;
  }
}

const word = /[A-Za-z0-9_\u0080-\uffff]+/g;

/**
 * Decides by single words whether a text may hold one of the names: by the first word in each. Names of signs alone, and
 * texts with escapes that may spell a name, are always taken for a mention.
 */
export function mentionsOf(names: Iterable<string>): (text: string) => boolean {
  const words = new Set<string>();
  let always = false;
  let any = false;
  for (const name of names) {
    any = true;
    const [first] = name.match(word) ?? [];
    if (first === undefined) always = true;
    else words.add(first.toLowerCase());
  }
  return (text) => {
    if (!any) return false;
    if (always || /\\|U&["']/i.test(text)) return true;
    for (const [found] of text.matchAll(word)) if (words.has(found.toLowerCase())) return true;
    return false;
  };
}
