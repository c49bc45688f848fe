/** What a project decides about the objects of one database: taken or left, and under which name. */
import { re2 } from '../base/re2.js';
import type { RelationName } from './model.js';
import type { ProjectDatabase, TableMapping } from './project.js';
import { RelationMap } from './relationMap.js';

/** PostgreSQL's limit of an identifier (NAMEDATALEN - 1), in bytes of UTF-8. */
export const longestName = 63;

export interface TableDecision {
  readonly included: boolean;
  /** The filter entry that leaves it out, as the project has it. */
  readonly leftOutBy?: string;
  /** False: the table is created without its rows. */
  readonly data: boolean;
  readonly target: RelationName;
  /** Only rows under this condition are copied. */
  readonly where?: string;
}

export interface Mapping {
  /** Some name differs between source and target. */
  readonly renames: boolean;
  schema(name: string): {
    readonly included: boolean;
    readonly leftOutBy?: string;
    readonly target: string;
  };
  /** Tables, views, materialized views, foreign tables. */
  table(relation: RelationName): TableDecision;
  /** True unless `exclude.indexes` names it. */
  index(relation: RelationName): boolean;
  extension(name: string): boolean;
}

/** Throws a SyntaxError that names the entry where a filter cannot be read: see {@link filterProblem}. */
export function compileMapping(database: ProjectDatabase): Mapping {
  const { include = {}, exclude = {}, schemas = {}, tables = {} } = database;
  const includeSchemas = anyName(include.schemas);
  const excludeSchemas = anyName(exclude.schemas);
  const includeTables = anyRelation(include.tables);
  const excludeTables = anyRelation(exclude.tables);
  const withoutData = anyRelation(exclude.tableData);
  const withoutIndex = anyRelation(exclude.indexes);
  const withoutExtension = anyName(exclude.extensions);
  const schemaTargets = new Map(Object.entries(schemas));
  // A hand-written key may be quoted or spelled otherwise than the canonical one.
  const tableTargets = new RelationMap<TableMapping>();
  for (const [key, table] of Object.entries(tables)) {
    const relation = parseRelation(key);
    if (relation) tableTargets.set(relation, table);
  }

  const schema = memoized((name: string) => {
    const leftOutBy =
      excludeSchemas(name) ??
      (include.schemas?.length && includeSchemas(name) === undefined ? 'include.schemas' : undefined);
    return {
      included: leftOutBy === undefined,
      ...(leftOutBy !== undefined && { leftOutBy }),
      target: schemaTargets.get(name) ?? name,
    };
  });
  return {
    renames:
      [...schemaTargets].some(([from, to]) => from !== to) ||
      Object.values(tables).some((t) => t.schema !== undefined || t.name !== undefined),
    schema,
    table: (relation) => {
      const own = tableTargets.get(relation);
      const inSchema = schema(relation.schema);
      const leftOutBy =
        inSchema.leftOutBy ??
        excludeTables(relation) ??
        (include.tables?.length && includeTables(relation) === undefined ? 'include.tables' : undefined);
      return {
        included: leftOutBy === undefined,
        ...(leftOutBy !== undefined && { leftOutBy }),
        data: leftOutBy === undefined && withoutData(relation) === undefined,
        target: { schema: own?.schema ?? inSchema.target, name: own?.name ?? relation.name },
        ...(own?.where !== undefined && own.where.trim() !== '' && { where: own.where }),
      };
    },
    index: (relation) => withoutIndex(relation) === undefined,
    extension: (name) => withoutExtension(name) === undefined,
  };
}

function memoized<T>(decide: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const decision = decide(name);
    known.set(name, decision);
    return decision;
  };
}

/** Why an entry of a filter cannot be used; undefined where it can. */
export function filterProblem(entry: string, of: 'name' | 'relation'): string | undefined {
  try {
    if (of === 'name') namePattern(entry);
    else relationPattern(entry);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Gives the first entry that matches. */
type Match<T> = (value: T) => string | undefined;
type Pattern<T> = (value: T) => boolean;

function anyOf<T>(entries: readonly string[] | undefined, compile: (entry: string) => Pattern<T>): Match<T> {
  const patterns = (entries ?? []).map((entry) => [entry, compile(entry)] as const);
  return (value) => patterns.find(([, matches]) => matches(value))?.[0];
}
const anyName = (entries: readonly string[] | undefined): Match<string> => {
  const exact = new Set(entries?.filter((entry) => !isRegex(entry)));
  const regexes = anyOf(entries?.filter(isRegex), namePattern);
  return (name) => (exact.has(name) ? name : regexes(name));
};
const anyRelation = (entries: readonly string[] | undefined): Match<RelationName> => {
  // Thousands of exact entries are a look-up, not a walk.
  const exact = new RelationMap<string>();
  const others: string[] = [];
  for (const entry of entries ?? []) {
    const relation = entry.includes('~/') ? undefined : parseRelation(entry);
    if (relation) exact.set(relation, entry);
    else others.push(entry);
  }
  const patterns = anyOf(others, relationPattern);
  if (exact.isEmpty) return others.length === 0 ? () => undefined : patterns;
  return (relation) => exact.get(relation) ?? patterns(relation);
};

const isRegex = (entry: string): boolean => entry.startsWith('~/');

function namePattern(entry: string): Pattern<string> {
  if (!isRegex(entry)) return (name) => name === entry;
  return regex(entry);
}

function relationPattern(entry: string): Pattern<RelationName> {
  if (isRegex(entry)) {
    const matches = regex(entry);
    return ({ schema, name }) => matches(`${schema}.${name}`);
  }
  const cut = entry.indexOf('.~/');
  if (cut > 0) {
    const schemaNames = parseIdentifiers(entry.slice(0, cut));
    const matches = regex(entry.slice(cut + 1));
    if (schemaNames?.length === 1) return ({ schema, name }) => schema === schemaNames[0] && matches(name);
  }
  const relation = parseRelation(entry);
  if (!relation)
    throw new SyntaxError(
      `"${entry}" is not a name: write schema.name as in SQL, schema.~/regex/ or ~/regex/.`,
    );
  return ({ schema, name }) => schema === relation.schema && name === relation.name;
}

function regex(entry: string): Pattern<string> {
  const source = /^~\/(.*)\/$/su.exec(entry)?.[1];
  if (source === undefined) throw new SyntaxError(`"${entry}" lacks the slash at its end: ~/regex/.`);
  try {
    const compiled = re2().compile(source);
    return (text) => compiled.matcher(text).find();
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw new SyntaxError(
      `"${entry}" is not a regular expression of RE2 (which knows no look-around and no back-references): ${why}.`,
    );
  }
}

/** Dotted identifiers as SQL reads them: folded to lower case unless quoted. Undefined where it is none. */
export function parseIdentifiers(text: string): string[] | undefined {
  const names: string[] = [];
  const part = /\s*(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*(\.|$)/uy;
  for (let at = 0; at < text.length || names.length === 0; ) {
    part.lastIndex = at;
    const found = part.exec(text);
    if (!found) return undefined;
    const [all, quoted, plain = '', dot] = found;
    names.push(quoted?.replaceAll('""', '"') ?? plain.replace(/[A-Z]/g, (c) => c.toLowerCase()));
    at += all.length;
    if (dot === '') return at === text.length ? names : undefined;
  }
  return undefined;
}

export function parseRelation(text: string): RelationName | undefined {
  const [schema, name, more] = parseIdentifiers(text) ?? [];
  return schema === undefined || name === undefined || more !== undefined ? undefined : { schema, name };
}

/** As SQL writes it, quoted only where a plain identifier would be another name. The key of `tables` in a project. */
export function formatRelation({ schema, name }: RelationName): string {
  return `${formatIdentifier(schema)}.${formatIdentifier(name)}`;
}

export function formatIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Why a name cannot be that of a schema or table on the target; undefined where it can. */
export function nameProblem(name: string, of: 'schema' | 'table'): string | undefined {
  if (name === '') return 'The name is empty.';
  if (name.includes('\0')) return 'The name holds a NUL character.';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > longestName) return `The name has ${bytes} bytes; PostgreSQL takes at most ${longestName}.`;
  if (of === 'schema' && (name.startsWith('pg_') || name === 'information_schema' || name === 'flexferry'))
    return `The schema name ${name} is reserved.`;
  return undefined;
}
