/** Strings that are read as names: casts to regclass and its like, arguments of nextval, search_path … */
import { parseStatement } from '../parser.js';
import { withinLiteral } from './literal.js';
import {
  affectedSchemas,
  classTarget,
  isSame,
  type Place,
  renameInSchema,
  renameRelation,
  renameRole,
  renameSchema,
} from './place.js';
import { SqlText, type SqlToken } from './sqlText.js';
import { bodyOf, locationOf, nodes, text } from './tree.js';

/**
 * How a string is read: `schemaName` and `roleName` as they are, all others by the rules of SQL. `inSchema` is
 * whatever a schema holds beside relations and types; the last three may have types in them.
 */
export type NameKind =
  | 'relation'
  | 'inSchema'
  | 'schema'
  | 'schemaName'
  | 'role'
  | 'roleName'
  | 'searchPath'
  | 'type'
  | 'routineSignature'
  | 'operatorSignature';

export const regTypes: ReadonlyMap<string, NameKind> = new Map<string, NameKind>([
  ['regclass', 'relation'],
  ['regtype', 'type'],
  ['regproc', 'inSchema'],
  ['regprocedure', 'routineSignature'],
  ['regoper', 'inSchema'],
  ['regoperator', 'operatorSignature'],
  ['regnamespace', 'schema'],
  ['regrole', 'role'],
  ['regconfig', 'inSchema'],
  ['regdictionary', 'inSchema'],
  ['regcollation', 'inSchema'],
]);

const privileges = (kind: NameKind): (NameKind | undefined)[][] => [
  [kind, undefined],
  ['roleName', kind, undefined],
];
const configured = (rest: number): (NameKind | undefined)[][] => [
  ['inSchema', ...Array<undefined>(rest).fill(undefined)],
];
const first = (kind: NameKind): (NameKind | undefined)[][] => [[kind]];

/** Kinds of the arguments, by their number. */
const functions: Readonly<Record<string, readonly (readonly (NameKind | undefined)[])[]>> = {
  nextval: first('relation'),
  currval: first('relation'),
  setval: [
    ['relation', undefined],
    ['relation', undefined, undefined],
  ],
  pg_sequence_last_value: first('relation'),
  pg_sequence_parameters: first('relation'),
  pg_get_sequence_data: first('relation'),
  pg_get_serial_sequence: [['relation', undefined]],
  to_regclass: first('relation'),
  to_regtype: first('type'),
  to_regproc: first('inSchema'),
  to_regprocedure: first('routineSignature'),
  to_regoper: first('inSchema'),
  to_regoperator: first('operatorSignature'),
  to_regnamespace: first('schema'),
  to_regrole: first('role'),
  to_regcollation: first('inSchema'),
  ...Object.fromEntries([...regTypes].map(([type, kind]) => [type, first(kind)])),
  pg_relation_size: [['relation'], ['relation', undefined]],
  pg_total_relation_size: first('relation'),
  pg_table_size: first('relation'),
  pg_indexes_size: first('relation'),
  pg_relation_filepath: first('relation'),
  pg_relation_filenode: first('relation'),
  pg_relation_is_updatable: [['relation', undefined]],
  pg_get_viewdef: [['relation'], ['relation', undefined]],
  pg_get_indexdef: [['relation'], ['relation', undefined, undefined]],
  pg_get_functiondef: first('routineSignature'),
  pg_partition_tree: first('relation'),
  pg_partition_root: first('relation'),
  pg_partition_ancestors: first('relation'),
  has_table_privilege: privileges('relation'),
  has_sequence_privilege: privileges('relation'),
  has_any_column_privilege: privileges('relation'),
  has_column_privilege: [
    ['relation', undefined, undefined],
    ['roleName', 'relation', undefined, undefined],
  ],
  has_schema_privilege: privileges('schemaName'),
  has_function_privilege: privileges('routineSignature'),
  has_type_privilege: privileges('type'),
  pg_has_role: [
    ['roleName', undefined],
    ['roleName', 'roleName', undefined],
  ],
  row_security_active: first('relation'),
  brin_summarize_new_values: first('relation'),
  to_tsvector: configured(1),
  to_tsquery: configured(1),
  plainto_tsquery: configured(1),
  phraseto_tsquery: configured(1),
  websearch_to_tsquery: configured(1),
  ts_headline: [...configured(2), ...configured(3)],
  ts_debug: configured(1),
  ts_lexize: configured(1),
};

/** Undefined for a function that reads no names. */
export function argumentKinds(name: string, count: number): readonly (NameKind | undefined)[] | undefined {
  // ts_headline with three arguments may begin with a document.
  return functions[name]?.find((kinds) => kinds.length === count);
}

/** A constant string, below casts to a text type, with its place. */
export function constantOf(node: unknown): { value: string; location: number } | undefined {
  const constant = bodyOf(bodyOf(node)?.['A_Const']);
  if (constant) {
    const value = text(bodyOf(constant['sval'])?.['sval']);
    const isString = constant['sval'] !== undefined;
    return isString ? { value: value ?? '', location: locationOf(constant) } : undefined;
  }
  const cast = bodyOf(bodyOf(node)?.['TypeCast']);
  const type = nodes(bodyOf(cast?.['typeName'])?.['names']).at(-1);
  const typeName = text(bodyOf(type?.['String'])?.['sval']) ?? '';
  return /^(text|varchar|name|bpchar|cstring)$/.test(typeName) ? constantOf(cast?.['arg']) : undefined;
}

/** A string or, in settings, a name. */
export function renameConstant(place: Place, location: number, kind: NameKind): void {
  const { sql } = place;
  const start = place.at(location);
  const token = sql.stringFrom(start);
  if (token?.start === start) renameString(place, token, kind);
  else {
    const name = sql.nameAt(start);
    if (kind === 'role' || kind === 'roleName') renameRole(place, name);
    else if (kind === 'schema' || kind === 'schemaName') renameSchema(place, name);
  }
}

export function renameString(place: Place, token: SqlToken, kind: NameKind): void {
  const { sql } = place;
  if (sql.claimedStrings.has(token.start)) return;
  const done = withinLiteral(sql, token, (inner) => renameContent({ ...place, sql: inner }, kind));
  // What cannot be read stays unclaimed, to be looked at with all other strings.
  if (done) sql.claimedStrings.add(token.start);
}

function renameContent(place: Place, kind: NameKind): void {
  const { sql, renames } = place;
  if (kind === 'schemaName') {
    sql.edit(0, sql.text.length, renames.schema(sql.text));
    return;
  }
  if (kind === 'roleName') {
    sql.edit(0, sql.text.length, renames.role(sql.text));
    return;
  }
  if (kind === 'searchPath') {
    for (const name of sql.names) renameSchema(place, name);
    return;
  }
  if (kind === 'type' || kind === 'routineSignature' || kind === 'operatorSignature') {
    renameSignature(place, kind);
    return;
  }
  const [name] = sql.names;
  if (name === undefined || name.next !== sql.tokens.length || sql.tokens[0]?.start !== name.start) {
    if (mentionsRenamed(place, sql.text))
      sql.undecide(0, sql.text.length, 'This string may name something renamed.');
  } else if (kind === 'relation') renameRelation(place, name);
  else if (kind === 'schema') renameSchema(place, name);
  else if (kind === 'role') renameRole(place, name);
  else renameInSchema(place, name);
}

/** Types in a string are found by PostgreSQL's own grammar, put where it takes them. */
function renameSignature(place: Place, kind: 'type' | 'routineSignature' | 'operatorSignature'): void {
  const { sql, renames } = place;
  if (kind !== 'type') {
    const [name] = sql.names;
    if (name?.start === sql.tokens[0]?.start) renameInSchema(place, name);
  }
  const signature = kind !== 'type';
  const prefix = signature ? 'COMMENT ON FUNCTION x' : 'SELECT NULL::';
  const from = signature ? sql.text.indexOf('(', sql.names[0]?.end ?? 0) : 0;
  if (from < 0) return;
  const suffix = signature ? ' IS NULL' : '';
  const parsed = parseStatement(prefix + sql.text.slice(from).replaceAll(/\bNONE\b/gi, 'int4') + suffix);
  if (parsed.node === undefined) {
    if (mentionsRenamed(place, sql.text))
      sql.undecide(0, sql.text.length, 'This string may name something renamed.');
    return;
  }
  for (const name of sql.names) {
    if (name.start < from || name.parts.length < 2) continue;
    // A list of types holds no other dotted names.
    const [schema, object] = name.parts;
    const relation = { schema: schema?.name ?? '', name: object?.name ?? '' };
    if (!isSame(renames.relation(relation), relation)) renameRelation(place, name);
    else renameInSchema(place, name);
  }
}

/** Words that tell a piece of SQL from other text. */
const sqlWords =
  /\b(select|insert|update|delete|from|join|into|table|truncate|view|index|sequence|schema|call|perform|execute|merge|nextval|setval|search_path|owner|grant|revoke|copy)\b/i;

/** May a string name something renamed? With the start and end of what does. */
export function findMention(place: Place, content: string): { start: number; end: number } | undefined {
  const { renames, surroundings } = place;
  if (!renames.mentions(content)) return undefined;
  const { names, tokens } = new SqlText(content);
  const isSql = surroundings.hasQueries && sqlWords.test(content);
  const isWhole = names.length === 1 && names[0]?.next === tokens.length;
  for (const name of names) {
    const [one, two] = name.parts;
    if (one === undefined) continue;
    const { start, end } = name;
    if (two !== undefined) {
      if (isAffected(place, one.name, two.name)) return { start, end };
      if (isSql && renames.schema(one.name) !== one.name) return { start, end };
    } else if (tokens[name.next]?.word === '.' || (isWhole && surroundings.hasQueries)) {
      if (renames.schema(one.name) !== one.name) return { start, end };
    }
    if (two === undefined && isWhole && surroundings.hasQueries && isRenamedAnywhere(place, one.name))
      return { start, end };
    if (two === undefined && isSql && affectedSchemas(renames, one.name, 'relation').length > 0)
      return { start, end };
  }
  return undefined;
}

export const mentionsRenamed = (place: Place, content: string): boolean =>
  findMention(place, content) !== undefined;

/** Has something of this name in some schema another name of its own? */
function isRenamedAnywhere({ renames }: Place, name: string): boolean {
  return renames.schemasOf(name).some((schema) => renames.relation({ schema, name }).name !== name);
}

export function isAffected({ renames }: Place, schema: string, name: string): boolean {
  const relation = { schema, name };
  return renames.known(schema, name) && !isSame(classTarget(renames, relation), relation);
}

/** All strings that nothing else claimed. */
export function checkStrings(place: Place): void {
  const { sql } = place;
  for (const token of sql.tokens) {
    if (token.kind !== 'string' || sql.claimedStrings.has(token.start)) continue;
    withinLiteral(sql, token, (inner) => {
      const found = findMention(place, inner.text);
      if (found)
        inner.undecide(
          found.start,
          found.end,
          `The string names ${inner.text.slice(found.start, found.end)}, or something like it, which is renamed.`,
        );
    });
  }
}

/** Dotted names that no node of the tree claimed. */
export function checkNames(place: Place): void {
  const { sql } = place;
  for (const name of sql.names) {
    const [one, two] = name.parts;
    if (name.claimed || one === undefined || two === undefined || !isAffected(place, one.name, two.name))
      continue;
    sql.undecide(
      name.start,
      name.end,
      `It is not certain that ${sql.text.slice(name.start, name.end)} is what is renamed.`,
    );
  }
}

/** A search_path given as names, each of which is one schema. */
export function renameSetting(place: Place, body: { readonly [field: string]: unknown }): void {
  const setting = text(body['name']) ?? '';
  const kind: NameKind | undefined = {
    search_path: 'schemaName' as const,
    role: 'roleName' as const,
    session_authorization: 'roleName' as const,
    default_text_search_config: 'inSchema' as const,
  }[setting];
  if (kind === undefined) return;
  for (const node of nodes(body['args'])) {
    const constant = constantOf(node);
    if (constant) renameConstant(place, constant.location, kind);
  }
}
