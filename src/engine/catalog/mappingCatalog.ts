/** Everything of a source database that the mapping panel shows, in a handful of queries whatever its size. */
import type { MappingCatalog, MappingTable } from '../../protocol/engine.js';
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { withSizes } from './browsePage.js';
import { notOfExtension, systemSchemas } from './filter.js';
import { readMappingDependencies } from './mappingDependencies.js';

/** Without system schemas, temporary objects, `flexferry` and what belongs to extensions. Rejects with a Fault. */
export async function readMappingCatalog(session: Session): Promise<MappingCatalog> {
  const schemas = await names(
    session,
    `SELECT n.nspname AS name FROM pg_namespace n
     WHERE ${systemSchemas} AND ${notOfExtension('pg_namespace', 'n.oid')} ORDER BY n.nspname`,
  );
  const tables = await readTables(session);
  // As pg_dump: what initdb made, plpgsql, is on every target.
  const extensions = await names(
    session,
    `SELECT e.extname AS name FROM pg_extension e WHERE e.oid >= 16384 ORDER BY e.extname`,
  );
  return {
    schemas,
    tables,
    indexes: await readIndexes(session),
    extensions,
    roles: await readRoles(session),
    dependencies: await readMappingDependencies(session),
  };
}

async function names(session: Session, sql: string): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(sql);
  return rows.map(({ name }) => name);
}

interface TableRow {
  schema: string;
  name: string;
  kind: 'r' | 'p' | 'v' | 'm' | 'f';
  bytes: string | null;
  pages: number;
  rows: number;
  has_key: boolean;
  parent_schema: string | null;
  parent: string | null;
}

const kinds: Readonly<Record<TableRow['kind'], MappingTable['kind']>> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
};
const blockSize = 8192;

/** Where somebody locks a table, the sizes are those of the last ANALYZE or VACUUM. */
async function readTables(session: Session): Promise<MappingTable[]> {
  const ask = (size: string) =>
    session.query<TableRow>(
      `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, ${size} AS bytes,
              c.relpages + coalesce(t.relpages, 0) AS pages, greatest(c.reltuples, 0)::float8 AS rows,
              k.indrelid IS NOT NULL OR c.relkind IN ('r', 'p') AND c.relreplident = 'f' AS has_key,
              pn.nspname AS parent_schema, p.relname AS parent
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
       LEFT JOIN (SELECT DISTINCT i.indrelid FROM pg_index i WHERE i.indisprimary OR i.indisreplident) AS k
         ON k.indrelid = c.oid
       LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND c.relispartition
       LEFT JOIN pg_class p ON p.oid = h.inhparent
       LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND ${systemSchemas}
         AND ${notOfExtension('pg_class', 'c.oid')}
       ORDER BY n.nspname, c.relname`,
    );
  const { rows } = await withSizes(ask, await sizeExpression(session));
  return rows.map((row) => ({
    schema: row.schema,
    name: row.name,
    kind: kinds[row.kind],
    bytes: row.bytes === null ? row.pages * blockSize : Number(row.bytes),
    rows: Math.round(row.rows),
    hasKey: row.has_key,
    ...(row.parent !== null && { partitionOf: { schema: row.parent_schema ?? '', name: row.parent } }),
  }));
}

/** More tables than these are not measured file by file where VACUUM or ANALYZE has counted their pages. */
const mostMeasured = 2_000;

async function sizeExpression(session: Session): Promise<string> {
  const { rows } = await session.query<{ many: boolean }>(
    `SELECT count(*) > ${mostMeasured} AS many FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384`,
  );
  const size = rows[0]?.many
    ? `CASE WHEN c.relpages > 0 THEN (c.relpages + coalesce(t.relpages, 0))::int8 * ${blockSize}
         ELSE pg_relation_size(c.oid) + coalesce(pg_relation_size(t.oid), 0) END`
    : 'pg_table_size(c.oid)';
  return `CASE WHEN c.relkind IN ('r', 'm') THEN ${size} ELSE 0 END`;
}

async function readIndexes(session: Session): Promise<(RelationName & { table: string })[]> {
  const { rows } = await session.query<RelationName & { table: string }>(
    `SELECT n.nspname AS schema, i.relname AS name, c.relname AS table
     FROM pg_index x
     JOIN pg_class i ON i.oid = x.indexrelid
     JOIN pg_class c ON c.oid = x.indrelid AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${systemSchemas} AND ${notOfExtension('pg_class', 'c.oid')} AND ${notOfExtension('pg_class', 'i.oid')}
     ORDER BY n.nspname, c.relname, i.relname`,
  );
  return rows;
}

/**
 * Owners, grantees, roles of policies, default privileges and user mappings. pg_shdepend does not know the role that
 * initdb made: its objects are looked for one by one.
 */
async function readRoles(session: Session): Promise<string[]> {
  const owned = ['class:rel', 'proc:pro', 'type:typ'].map((catalog) => {
    const [name = '', prefix = ''] = catalog.split(':');
    return `SELECT o.${prefix}owner FROM pg_${name} o JOIN pg_namespace n ON n.oid = o.${prefix}namespace
      WHERE o.oid >= 16384 AND ${systemSchemas} AND ${notOfExtension(`pg_${name}`, 'o.oid')}`;
  });
  return names(
    session,
    `SELECT r.rolname AS name FROM pg_roles r WHERE r.rolname !~ '^pg_' AND r.oid IN (
       SELECT d.refobjid FROM pg_shdepend d JOIN pg_database b ON b.datname = current_database()
       WHERE d.refclassid = 'pg_authid'::regclass
         AND (d.dbid = b.oid OR d.dbid = 0 AND d.classid = 'pg_database'::regclass AND d.objid = b.oid)
         AND NOT EXISTS (SELECT FROM pg_depend x
                         WHERE x.classid = d.classid AND x.objid = d.objid AND x.deptype = 'e')
         AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND NOT (${systemSchemas}))
         AND NOT EXISTS (SELECT FROM pg_namespace n WHERE d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
                         AND NOT (${systemSchemas}))
       UNION SELECT datdba FROM pg_database WHERE datname = current_database()
       UNION SELECT n.nspowner FROM pg_namespace n WHERE n.oid >= 16384 AND ${systemSchemas}
         AND ${notOfExtension('pg_namespace', 'n.oid')}
       UNION ${owned.join('\n       UNION ')})
     ORDER BY r.rolname`,
  );
}
