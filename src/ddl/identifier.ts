/** Names as SQL and as human-readable text. */
import type { Node } from 'libpg-query';
import type { RelationName } from '../protocol/model.js';

/** A quoted identifier. Always quotes: names are data. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Dot-separated quoted identifiers. */
export function qualifiedIdent(names: readonly string[]): string {
  return names.map(ident).join('.');
}

/** For human readers: quoted only where a plain identifier would be another name. */
export function displayName(...names: readonly string[]): string {
  return names.map((name) => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : ident(name))).join('.');
}

/** The schema is '' where the statement names none. */
export function displayRelation({ schema, name }: RelationName): string {
  return schema === '' ? displayName(name) : displayName(schema, name);
}

export function relationIdent({ schema, name }: RelationName): string {
  return schema === '' ? ident(name) : qualifiedIdent([schema, name]);
}

interface RangeVarLike {
  readonly schemaname?: string;
  readonly relname?: string;
}
export function relationOf(range: RangeVarLike | undefined): RelationName {
  return { schema: range?.schemaname ?? '', name: range?.relname ?? '' };
}

/** The name in a list of names: its last, with the one before as schema. */
export function relationOfNames(names: readonly string[]): RelationName {
  return { schema: names.at(-2) ?? '', name: names.at(-1) ?? '' };
}

/** The text of String nodes; anything else in the list is left out. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
}
