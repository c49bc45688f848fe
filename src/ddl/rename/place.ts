/** Where a parse tree stands in a text, and the edits of the names that its nodes claim. */
import type { RelationName } from '../../protocol/model.js';
import { displayName } from '../identifier.js';
import { quoteIdentifier } from './quoting.js';
import type { Renames } from './renames.js';
import { type DottedName, type NamePart, type SqlText, spells } from './sqlText.js';

/** What holds for the whole of a statement or body. */
export interface Surroundings {
  /** Function bodies are as their author wrote them; everything else was printed by the server. */
  readonly inBody: boolean;
  /** Set by the function itself: what a bare name of its body means. */
  readonly searchPath?: readonly string[];
  /** Parameters, variables and labels. */
  readonly variables: ReadonlySet<string>;
  /** Strings stand in queries or code, where they may name something, not in column defaults or bounds. */
  readonly hasQueries: boolean;
}

export interface Place {
  readonly sql: SqlText;
  readonly renames: Renames;
  readonly surroundings: Surroundings;
  /** UTF-16 offset in `sql` of a location in the tree. */
  at(location: number | undefined): number;
}

/** Of a table, view, sequence …, or of an index, which share their names. */
export function classTarget(renames: Renames, relation: RelationName): RelationName {
  const target = renames.relation(relation);
  const moved = target.name !== relation.name || target.schema !== renames.schema(relation.schema);
  return moved ? target : renames.index(relation);
}

export const isSame = (a: RelationName, b: RelationName): boolean =>
  a.schema === b.schema && a.name === b.name;

/** Writes other names into the parts from `first` on. */
export function editParts({ sql }: Place, name: DottedName, targets: readonly string[], first = 0): void {
  for (const [index, target] of targets.entries()) {
    const part = name.parts[first + index];
    if (part !== undefined) editPart(sql, part, target);
  }
}

export function editPart(sql: SqlText, part: NamePart, target: string): void {
  if (part.name === target) return;
  // Quotes that nobody needed stay: renamed back, the text is what it was.
  const keepsQuotes = part.quoted && quoteIdentifier(part.name) === part.name;
  sql.edit(part.start, part.end, keepsQuotes ? `"${target.replaceAll('"', '""')}"` : quoteIdentifier(target));
}

/** The dotted name at a location of the tree, if it spells what the tree says. */
export function nameAt(
  place: Place,
  location: number | undefined,
  names: readonly string[],
): DottedName | undefined {
  const name = place.sql.nameAt(place.at(location));
  return name !== undefined && spells(name, names) ? name : undefined;
}

/** A name in the pg_class family, with whatever stands behind it (a column): names[0..2] are schema and relation. */
export function renameRelation(place: Place, name: DottedName | undefined): void {
  if (name === undefined || name.claimed) return;
  name.claimed = true;
  const [schema, relation] = name.parts;
  if (schema === undefined) return;
  if (relation === undefined) {
    renameBare(place, name, 'relation');
    return;
  }
  const target = classTarget(place.renames, { schema: schema.name, name: relation.name });
  editParts(place, name, [target.schema, target.name]);
}

/** Anything else with a schema. */
export function renameInSchema(place: Place, name: DottedName | undefined): void {
  if (name === undefined || name.claimed) return;
  name.claimed = true;
  const [schema, object] = name.parts;
  if (schema === undefined) return;
  if (object !== undefined) {
    const { renames } = place;
    const own = renames.objectSchema?.({ schema: schema.name, name: object.name });
    editPart(place.sql, schema, own ?? renames.schema(schema.name));
  } else if (!name.isOperator) renameBare(place, name, 'object');
}

export function renameSchema(place: Place, name: DottedName | undefined): void {
  const [part] = name?.parts ?? [];
  if (name === undefined || part === undefined || name.claimed) return;
  name.claimed = true;
  editPart(place.sql, part, place.renames.schema(part.name));
}

/** Found first in pg_catalog, whatever else has their name. */
const builtIn = new Set(
  (
    'abbrev aclitem any anyarray anyelement bool box bpchar bytea char cid cidr circle date daterange float4 float8 ' +
    'inet int2 int4 int4range int8 int8range interval json jsonb jsonpath line lseg macaddr money name numeric ' +
    'numrange oid path point polygon record refcursor regclass regproc regtype text tid time timestamp timestamptz ' +
    'timetz trigger tsquery tsrange tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xml'
  ).split(' '),
);

/** Schemas in which this bare name is something that gets another name or schema. */
export function affectedSchemas(renames: Renames, name: string, kind: 'relation' | 'object'): string[] {
  if (kind === 'object' && builtIn.has(name)) return [];
  return renames.schemasOf(name).filter((schema) => {
    if (renames.schema(schema) !== schema) return true;
    const relation = { schema, name };
    return kind === 'relation' && !isSame(renames.relation(relation), relation);
  });
}

export const unqualified = (name: string, schemas: readonly string[]): string =>
  `${displayName(name)} may be ${schemas.map((schema) => displayName(schema, name)).join(' or ')}, which is renamed: it depends on search_path.`;

/**
 * A name without schema. Where the function sets its search_path it is known what it means; then it is written with
 * its schema if the path no longer leads to it. Gives what it means.
 */
export function renameBare(
  place: Place,
  name: DottedName,
  kind: 'relation' | 'object',
): RelationName | undefined {
  const { sql, renames, surroundings } = place;
  const [part] = name.parts;
  if (part === undefined) return undefined;
  const affected = affectedSchemas(renames, part.name, kind);
  if (affected.length === 0) return undefined;
  const path = surroundings.searchPath;
  const schema = path?.find((s) => renames.known(s, part.name));
  if (path === undefined || schema === undefined) {
    sql.undecide(name.start, name.end, unqualified(part.name, affected));
    return undefined;
  }
  const source = { schema, name: part.name };
  const target =
    kind === 'relation' ? renames.relation(source) : { schema: renames.schema(schema), name: part.name };
  // The path, renamed with its schemas, must lead to it before anything else of that name.
  const targetPath = path.map((s) => renames.schema(s));
  const before = targetPath.slice(0, targetPath.indexOf(target.schema));
  const isReached =
    targetPath.includes(target.schema) &&
    (kind === 'object' ||
      before.every((s) => renames.sourceOf({ schema: s, name: target.name }) === undefined));
  if (isReached) editPart(sql, part, target.name);
  else sql.edit(part.start, part.end, `${quoteIdentifier(target.schema)}.${quoteIdentifier(target.name)}`);
  return source;
}

export function renameRole(place: Place, name: DottedName | undefined): void {
  const [part] = name?.parts ?? [];
  if (name === undefined || part === undefined || name.claimed) return;
  name.claimed = true;
  editPart(place.sql, part, place.renames.role(part.name));
}
