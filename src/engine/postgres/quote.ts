import { ident } from '../../ddl/identifier.js';
import type { RelationName } from '../../protocol/model.js';

export { ident };

/** A schema-qualified, quoted relation name. */
export function qualified(relation: RelationName): string {
  return `${ident(relation.schema)}.${ident(relation.name)}`;
}

/** A string literal, whatever standard_conforming_strings says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
