import { displayName } from '../../ddl/identifier.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension, type SchemaFilter, schemaCondition, systemSchemas } from './filter.js';

/**
 * Relations, types and functions in schemas that the filter leaves out, as `table public.orders`: no dump shows them,
 * and what needs them cannot be made.
 */
export async function objectsOutside(source: Session, filter: SchemaFilter): Promise<string[]> {
  if (filter.include.length === 0 && filter.exclude.length === 0) return [];
  const outside = `${systemSchemas} AND NOT (${schemaCondition(filter)})`;
  const { rows } = await source.query<{ kind: string; schema: string; name: string }>(`
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
             WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END AS kind,
           n.nspname AS schema, c.relname AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND ${outside} AND ${notOfExtension('pg_class', 'c.oid')}
    UNION ALL SELECT 'type', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE t.typtype IN ('e', 'd', 'r') AND ${outside} AND ${notOfExtension('pg_type', 't.oid')}
    UNION ALL SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${outside} AND ${notOfExtension('pg_proc', 'p.oid')}`);
  return rows.map(
    ({ kind, schema, name }) => `${kind} ${displayName(schema, name)}${kind === 'function' ? '()' : ''}`,
  );
}
