import { displayName } from '../../ddl/identifier.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension, type SchemaFilter, schemaCondition, systemSchemas } from './filter.js';
import { publicationMark } from './replicationFacts.js';
import { type MoreTargetFacts, moreTargetFacts } from './targetFacts.js';

/** Who a database is: the same value means the same database, whatever host name was used to reach it. */
export async function databaseIdentity(session: Session): Promise<string> {
  const { rows } = await session.query<{ database: string; can: boolean }>(
    `SELECT current_database() AS database, has_function_privilege('pg_control_system()', 'EXECUTE') AS can`,
  );
  const host = session.spec.hosts[0];
  let server = `${host?.host ?? ''}:${host?.port ?? ''}`;
  if (rows[0]?.can) {
    const found = await session.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    server = found.rows[0]?.id ?? server;
  }
  return `${server}/${rows[0]?.database ?? ''}`;
}

export interface Extension {
  readonly name: string;
  readonly version: string;
  readonly schema: string;
  /** Objects outside of any extension that depend on one of its members. */
  readonly dependants: number;
}

/** Extensions of a database except plpgsql. */
export async function listExtensions(session: Session): Promise<Extension[]> {
  const { rows } = await session.query<{
    name: string;
    version: string;
    schema: string;
    dependants: number;
  }>(`
    SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema,
      (SELECT count(DISTINCT (d.classid, d.objid))::int
       FROM pg_depend m JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('n', 'a')
       WHERE m.refclassid = 'pg_extension'::regclass AND m.refobjid = e.oid AND m.deptype = 'e'
         AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classid AND x.objid = d.objid AND x.deptype = 'e')
         AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t, pg_depend y
           WHERE t.oid = d.objid AND y.classid = 'pg_type'::regclass AND y.objid = t.typelem AND y.deptype = 'e'))) AS dependants
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY 1`);
  return rows;
}

/** What a database cannot carry over or carries over as a choice of the user. */
export interface SourceFeatures {
  /** Without those that an online migration made. */
  readonly publications: number;
  readonly subscriptions: number;
  readonly securityLabels: number;
  /** Objects of this database in a tablespace of their own. */
  readonly inTablespaces: number;
  /** `owner`: oid of the table that it belongs to. */
  readonly unreadableSequences: readonly { readonly name: string; readonly owner: string | null }[];
}

export async function sourceFeatures(session: Session, filter: SchemaFilter): Promise<SourceFeatures> {
  const thisDatabase = '(SELECT oid FROM pg_database WHERE datname = current_database())';
  const { rows } = await session.query<Omit<SourceFeatures, 'unreadableSequences' | 'subscriptions'>>(`
    SELECT (SELECT count(*) FROM pg_publication p WHERE coalesce(obj_description(p.oid, 'pg_publication'), '')
             NOT LIKE ${literal(`${publicationMark}%`)})::int AS publications,
           ((SELECT count(*) FROM pg_seclabel) + (SELECT count(*) FROM pg_shseclabel s
             WHERE s.classoid = 'pg_database'::regclass AND s.objoid = ${thisDatabase}))::int AS "securityLabels",
           (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.reltablespace <> 0 AND ${schemaCondition(filter)})::int AS "inTablespaces"`);
  const sequences = await session.query<{ name: string; owner: string | null }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      (SELECT d.refobjid::text FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
         AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1) AS owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND ${schemaCondition(filter)} AND ${notOfExtension('pg_class', 'c.oid')}
      AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) ORDER BY 1`);
  const found = rows[0] ?? { publications: 0, securityLabels: 0, inTablespaces: 0 };
  return {
    ...found,
    subscriptions: await countSubscriptions(session, thisDatabase),
    unreadableSequences: sequences.rows,
  };
}

/** pg_subscription is one catalog for all databases of a server, and a Flexible Server lets nobody read it. */
async function countSubscriptions(session: Session, thisDatabase: string): Promise<number> {
  const { rows } = await session.query<{ can: boolean }>(
    `SELECT has_column_privilege('pg_subscription', 'subdbid', 'SELECT') AS can`,
  );
  const from = rows[0]?.can
    ? `pg_subscription WHERE subdbid = ${thisDatabase}`
    : 'pg_stat_subscription WHERE subid IS NOT NULL AND relid IS NULL';
  const counted = await session.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`);
  return counted.rows[0]?.n ?? 0;
}

/** The target server and database as the rules need to know them. */
export interface TargetState extends MoreTargetFacts {
  readonly versionNum: number;
  readonly isFlexibleServer: boolean;
  /** azure.extensions, lower case; null where there is no such setting. */
  readonly allowedExtensions: string[] | null;
  readonly availableExtensions: Set<string>;
  readonly roles: Set<string>;
  readonly readOnly: boolean;
  readonly canCreateInDatabase: boolean;
  /** Everything a user made here, as `table public.orders`, unquoted: empty for a new database. */
  readonly objects: string[];
  readonly installedExtensions: ReadonlySet<string>;
  /** Schemas of these. */
  readonly extensionSchemas?: ReadonlyMap<string, string>;
}

export async function targetState(target: Session): Promise<TargetState> {
  const { rows } = await target.query<{
    flexible: boolean;
    allowed: string | null;
    available: string;
    roles: string;
    installed: string;
    read_only: boolean;
    can_create: boolean;
  }>(`
    SELECT current_setting('azure.extensions', true) IS NOT NULL
             OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'azure_pg_admin') AS flexible,
           current_setting('azure.extensions', true) AS allowed,
           (SELECT coalesce(json_agg(name), '[]')::text FROM pg_available_extensions) AS available,
           (SELECT json_agg(rolname)::text FROM pg_roles) AS roles,
           (SELECT coalesce(json_agg(json_build_array(extname, nspname)), '[]')::text FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace) AS installed,
           pg_is_in_recovery() OR (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only') = 'on' AS read_only,
           has_database_privilege(current_database(), 'CREATE') AS can_create`);
  const row = rows[0];
  if (!row) throw new Error('no row from the target');
  const installed = JSON.parse(row.installed) as [name: string, schema: string][];
  return {
    versionNum: target.versionNum,
    isFlexibleServer: row.flexible,
    allowedExtensions:
      row.allowed === null
        ? null
        : row.allowed
            .toLowerCase()
            .split(/[\s,]+/)
            .filter(Boolean),
    availableExtensions: new Set(JSON.parse(row.available) as string[]),
    roles: new Set(JSON.parse(row.roles) as string[]),
    readOnly: row.read_only,
    canCreateInDatabase: row.can_create,
    objects: await userObjects(target),
    installedExtensions: new Set(installed.map(([name]) => name)),
    extensionSchemas: new Map(installed),
    ...(await moreTargetFacts(target)),
  };
}

/** Schemas, relations, functions, types and large objects that are nobody's but the user's, in the words of the DDL. */
async function userObjects(target: Session): Promise<string[]> {
  const { rows } = await target.query<{ kind: string; schema: string | null; name: string; suffix: string }>(`
    SELECT * FROM (
      SELECT 'schema' AS kind, NULL AS schema, n.nspname AS name, '' AS suffix FROM pg_namespace n
        WHERE ${systemSchemas} AND n.nspname <> 'public' AND ${notOfExtension('pg_namespace', 'n.oid')}
      UNION ALL SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                         WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname, c.relname, ''
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE ${systemSchemas} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${notOfExtension('pg_class', 'c.oid')}
      UNION ALL SELECT 'function', n.nspname, p.proname, '(' || pg_get_function_identity_arguments(p.oid) || ')'
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE ${systemSchemas} AND ${notOfExtension('pg_proc', 'p.oid')}
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
      UNION ALL SELECT 'type', n.nspname, t.typname, ''
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE ${systemSchemas} AND t.typtype IN ('e', 'd', 'r') AND ${notOfExtension('pg_type', 't.oid')}
      UNION ALL SELECT 'large object', NULL, m.oid::text, '' FROM pg_largeobject_metadata m
    ) o ORDER BY kind NOT LIKE '%table', kind NOT LIKE '%view', kind, 2, 3, 4`);
  return rows.map(
    ({ kind, schema, name, suffix }) =>
      `${kind} ${schema === null ? displayName(name) : displayName(schema, name)}${suffix}`,
  );
}
