import type { Mapping } from '../../protocol/mapping.js';
import type { ProjectDatabase } from '../../protocol/project.js';
import { Fault } from '../errors/fault.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/** Which schemas take part. Empty `include` means all. */
export interface SchemaFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Schemas that never take part: PostgreSQL's own, temporary ones, our checkpoints and event triggers (ddlTrigger.ts). */
export const systemSchemas = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'flexferry') AND n.nspname !~ '^(pg_(toast|temp)|flexferry_[0-9a-f]{12}_ddl$)'`;

/** Those of them that are ours, for a dump to leave out. */
export async function ownSchemas(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n WHERE n.nspname ~ '^flexferry_[0-9a-f]{12}_ddl$' ORDER BY 1`,
  );
  return ['flexferry', ...rows.map(({ name }) => name)];
}

/**
 * The schemas that a project takes, by exact name, since regular expressions are not pg_dump's. Rejects with FF212 where
 * one that is named does not exist, or none is left.
 */
export async function chosenSchemas(
  source: Session,
  database: ProjectDatabase,
  mapping: Mapping,
): Promise<SchemaFilter> {
  const { rows } = await source.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n WHERE ${systemSchemas} ORDER BY 1`,
  );
  const names = rows.map((r) => r.name);
  const wanted = database.include?.schemas ?? [];
  const missing = wanted.filter((entry) => !entry.startsWith('~/') && !names.includes(entry));
  if (missing.length > 0)
    throw new Fault(
      'FF212',
      `The source database ${source.spec.database} has no schema ${missing.join(', ')}.`,
    );
  const taken = names.filter((name) => mapping.schema(name).included);
  if (wanted.length === 0)
    return { include: [], exclude: names.filter((name) => !mapping.schema(name).included) };
  if (taken.length === 0)
    throw new Fault(
      'FF212',
      `No schema of the source database ${source.spec.database} matches ${wanted.join(', ')}.`,
    );
  return { include: taken, exclude: [] };
}

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
