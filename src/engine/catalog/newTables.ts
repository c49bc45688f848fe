import type { Mapping } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension, type SchemaFilter, schemaCondition } from './filter.js';

/** Tables that the project would take and that are not among the known ones. A cheap look, to be taken often. */
export async function newTables(
  source: Session,
  filter: SchemaFilter,
  mapping: Mapping,
  known: readonly string[],
): Promise<RelationName[]> {
  const { rows } = await source.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND NOT (c.oid = ANY ($1::oid[]))
       AND ${schemaCondition(filter)} AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY 1, 2`,
    [known],
  );
  return rows.filter((row) => {
    const { included, data } = mapping.table(row);
    return included && data;
  });
}

/** How many rows of these tables were updated or deleted since the statistics began, by oid. */
export async function changesOf(source: Session, oids: readonly string[]): Promise<Map<string, number>> {
  if (oids.length === 0) return new Map();
  const { rows } = await source.query<{ oid: string; changes: string }>(
    `SELECT c.oid::text, (pg_catalog.pg_stat_get_tuples_updated(c.oid) + pg_catalog.pg_stat_get_tuples_deleted(c.oid))::text AS changes
     FROM pg_class c WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(rows.map((row) => [row.oid, Number(row.changes)]));
}
