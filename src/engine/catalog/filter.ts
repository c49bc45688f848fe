import { literal } from '../postgres/quote.js';

/** Which schemas take part. Empty `include` means all. */
export interface SchemaFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Schemas that never take part: PostgreSQL's own, temporary ones and our checkpoints. */
export const systemSchemas = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'flexferry') AND n.nspname !~ '^pg_(toast|temp)'`;

/** A condition over `pg_namespace n` for the schemas in scope. */
export function schemaCondition(filter: SchemaFilter): string {
  const list = (names: readonly string[]): string => names.map((name) => literal(name)).join(', ');
  let condition = systemSchemas;
  if (filter.include.length > 0) condition += ` AND n.nspname IN (${list(filter.include)})`;
  if (filter.exclude.length > 0) condition += ` AND n.nspname NOT IN (${list(filter.exclude)})`;
  return condition;
}

/** A condition that leaves out what belongs to an extension: it comes with CREATE EXTENSION. */
export function notOfExtension(catalog: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;
}
