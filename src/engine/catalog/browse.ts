import { formatBytes } from '../../base/format.js';
import type { DatabaseSummary } from '../../protocol/engine.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { browseFunctions, browseSequences, browseTables, browseTypes, browseViews } from './browseObjects.js';
import { type ChildrenPage, node, ownTypes, type PageQuery, page, withSizes } from './browsePage.js';
import { parsePath } from './browsePath.js';
import { browsePartitions, browseRelation } from './browseRelation.js';
import { notOfExtension, systemSchemas } from './filter.js';

/** Databases of the service itself, and templates, are no business of a migration. */
const shownDatabases = `datallowconn AND NOT datistemplate AND datname NOT IN ('azure_maintenance', 'azure_sys')`;

/** The session that a path is asked in must be connected to this database. */
export function databaseOfPath(path: readonly string[]): string | undefined {
  return parsePath(path).database;
}

/** One page of children of a node. Keyset by name, so that a page costs the same wherever it is. */
export async function browseChildren(
  session: Session,
  path: readonly string[],
  after: string | undefined,
  limit: number,
): Promise<ChildrenPage> {
  const query: PageQuery = { session, path, at: parsePath(path), after, limit };
  const { database, schema, relation, folder } = query.at;
  if (database === undefined) return folder === 'roles' ? browseRoles(query) : browseServer(query);
  if (schema === undefined) return folder === 'extensions' ? browseExtensions(query) : browseDatabase(query);
  if (relation !== undefined)
    return folder === 'partitions' ? browsePartitions(query) : browseRelation(query);
  switch (folder) {
    case undefined:
      return browseSchema(query);
    case 'tables':
      return browseTables(query);
    case 'views':
      return browseViews(query);
    case 'functions':
      return browseFunctions(query);
    case 'sequences':
      return browseSequences(query);
    case 'types':
      return browseTypes(query);
    default:
      throw new Fault('FF900', `unknown folder ${folder}`);
  }
}

interface DatabaseRow {
  name: string;
  bytes: string | null;
  can: boolean;
  encoding: string;
  locale: string;
}

async function databaseRows(
  session: Session,
  after: string | undefined,
  limit: number,
): Promise<DatabaseRow[]> {
  const ask = (size: string) =>
    session.query<DatabaseRow>(
      `SELECT name, ${size} AS bytes, can, encoding, locale FROM
        (SELECT oid, datname AS name, has_database_privilege(oid, 'CONNECT') AS can,
           pg_encoding_to_char(encoding) AS encoding, datcollate AS locale
         FROM pg_database WHERE ${shownDatabases} AND ($1::text IS NULL OR datname > $1::name)
         ORDER BY datname LIMIT $2) AS d`,
      [after ?? null, limit],
    );
  return (await withSizes(ask, 'CASE WHEN can THEN pg_database_size(oid) END')).rows;
}

/** Databases that can be migrated, with their sizes where this user may know them. */
export async function browseDatabases(session: Session): Promise<DatabaseSummary[]> {
  const rows = await databaseRows(session, undefined, 10_000);
  return rows.map(({ name, bytes, can }) => ({
    name,
    bytes: bytes === null ? null : Number(bytes),
    canConnect: can,
  }));
}

async function browseServer(query: PageQuery): Promise<ChildrenPage> {
  const rows = await databaseRows(query.session, query.after, query.limit + 1);
  const found = page(
    query,
    rows,
    (row) =>
      node(query, 'database', row.name, {
        description: row.bytes === null ? null : formatBytes(Number(row.bytes)),
        tooltip: `${row.name}\n${row.encoding}, ${row.locale}`,
        expandable: row.can,
      }),
    (row) => row.name,
  );
  if (found.next !== undefined) return found;
  return { nodes: [...found.nodes, node(query, 'folder', 'roles', { expandable: true })] };
}

async function browseRoles(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{ name: string; attributes: string }>(
    `SELECT rolname AS name, concat_ws(', ', CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolsuper THEN 'superuser' END,
        CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcreaterole THEN 'createrole' END,
        CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END) AS attributes
     FROM pg_roles WHERE rolname !~ '^pg_' AND ($1::text IS NULL OR rolname > $1::name) ORDER BY rolname LIMIT $2`,
    [query.after ?? null, query.limit + 1],
  );
  return page(
    query,
    rows,
    (row) => node(query, 'role', row.name, { description: row.attributes }),
    (row) => row.name,
  );
}

async function browseDatabase(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{ name: string; owner: string; comment: string | null }>(
    `SELECT n.nspname AS name, pg_get_userbyid(n.nspowner) AS owner, obj_description(n.oid, 'pg_namespace') AS comment
     FROM pg_namespace n WHERE ${systemSchemas} AND ($1::text IS NULL OR n.nspname > $1::name)
     ORDER BY n.nspname LIMIT $2`,
    [query.after ?? null, query.limit + 1],
  );
  const found = page(
    query,
    rows,
    (row) =>
      node(query, 'schema', row.name, {
        tooltip: [`owner ${row.owner}`, row.comment].filter(Boolean).join('\n'),
        expandable: true,
      }),
    (row) => row.name,
  );
  if (found.next !== undefined) return found;
  return { nodes: [...found.nodes, node(query, 'folder', 'extensions', { expandable: true })] };
}

async function browseExtensions(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{
    name: string;
    version: string;
    schema: string;
    comment: string | null;
  }>(
    `SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema, obj_description(e.oid, 'pg_extension') AS comment
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE $1::text IS NULL OR e.extname > $1::name ORDER BY e.extname LIMIT $2`,
    [query.after ?? null, query.limit + 1],
  );
  return page(
    query,
    rows,
    (row) =>
      node(query, 'extension', row.name, {
        description: `${row.version}, in ${row.schema}`,
        tooltip: row.comment,
      }),
    (row) => row.name,
  );
}

/** The folders of a schema that hold something, with how much. */
async function browseSchema(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{ folder: string; count: string }>(
    `SELECT folder, count FROM (
       SELECT CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 'tables' WHEN c.relkind IN ('v', 'm') THEN 'views' ELSE 'sequences' END AS folder,
         count(*) AS count FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND NOT c.relispartition
         AND ${notOfExtension('pg_class', 'c.oid')} GROUP BY 1
       UNION ALL SELECT 'functions', count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname = $1 AND ${notOfExtension('pg_proc', 'p.oid')}
       UNION ALL SELECT 'types', count(*) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       LEFT JOIN pg_class c ON c.oid = t.typrelid
       WHERE n.nspname = $1 AND ${ownTypes} AND ${notOfExtension('pg_type', 't.oid')}) AS f WHERE count > 0`,
    [query.at.schema],
  );
  const order = ['tables', 'views', 'functions', 'sequences', 'types'];
  const counts = new Map(rows.map((row) => [row.folder, Number(row.count)]));
  const nodes = order
    .filter((folder) => counts.has(folder))
    .map((folder) =>
      node(query, 'folder', folder, {
        description: (counts.get(folder) ?? 0).toLocaleString('en-US'),
        expandable: true,
      }),
    );
  return { nodes };
}
