import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';

/** Those of these materialized views that are filled, each behind those that it reads, be it through views. */
export async function refreshOrder(
  session: Session,
  views: readonly RelationName[],
): Promise<RelationName[]> {
  if (views.length === 0) return [];
  const { rows } = await session.query<RelationName>(
    `WITH RECURSIVE reads AS (
       SELECT r.ev_class AS reader, d.refobjid AS read FROM pg_catalog.pg_rewrite r
       JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
     ), of AS (
       SELECT reader, read FROM reads UNION SELECT of.reader, reads.read FROM of JOIN reads ON reads.reader = of.read
     )
     SELECT n.nspname AS schema, c.relname AS name
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) v (schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = v.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = v.name
     WHERE c.relkind = 'm' AND c.relispopulated
     ORDER BY (SELECT count(*) FROM of WHERE of.reader = c.oid), 1, 2`,
    [views.map(({ schema }) => schema), views.map(({ name }) => name)],
  );
  return rows;
}
