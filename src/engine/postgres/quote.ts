import type { RelationName } from '../../protocol/model.js';

/** A quoted identifier. Always quotes: names are data. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A schema-qualified, quoted relation name. */
export function qualified(relation: RelationName): string {
  return `${ident(relation.schema)}.${ident(relation.name)}`;
}

/** A string literal, whatever standard_conforming_strings says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
