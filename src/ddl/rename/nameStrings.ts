/** Strings that are read as names: casts to regclass and its like, arguments of nextval, search_path … */
import { parseStatement } from '../parser.js';
import { withinLiteral } from './literal.js';
import { mentionsRenamed } from './mentions.js';
import type { NameKind } from './nameKinds.js';
import { isSame, type Place, renameInSchema, renameRelation, renameRole, renameSchema } from './place.js';
import type { SqlToken } from './sqlText.js';
import { bodyOf, locationOf, nodes, text } from './tree.js';

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
