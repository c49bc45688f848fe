/** A statement and how a Flexible Server refuses it. */
export interface Refusal {
  readonly what: string;
  readonly sql: string;
  readonly code: string;
  readonly message: RegExp;
  /** Before that major PostgreSQL lets a CREATEROLE role do it, and only Azure's own changes refuse it. */
  readonly from?: number;
}

const notListed =
  /^extension "\w+" is not allow-listed for "azure_pg_admin" users in Azure Database for PostgreSQL$/;

/** What facts about a Flexible Server say its admin cannot do. */
export const refusals: readonly Refusal[] = [
  {
    what: 'a superuser',
    sql: 'CREATE ROLE root SUPERUSER',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'becoming superuser',
    sql: 'ALTER ROLE flexadmin SUPERUSER',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'becoming azuresu',
    sql: 'SET ROLE azuresu',
    code: '42501',
    message: /permission denied to set role/,
  },
  {
    what: 'pg_write_server_files',
    sql: 'GRANT pg_write_server_files TO flexadmin',
    code: '42501',
    message: /permission denied to grant role/,
    from: 16,
  },
  {
    what: 'an owner azuresu',
    sql: 'CREATE SCHEMA x AUTHORIZATION azuresu',
    code: '42501',
    message: /SET ROLE|member of role/,
  },
  {
    what: 'handing public to a role that one is not a member of',
    sql: 'ALTER SCHEMA public OWNER TO azuresu',
    code: '42501',
    message: /SET ROLE|member of role/,
  },
  { what: 'an unlisted extension', sql: 'CREATE EXTENSION file_fdw', code: '0A000', message: notListed },
  {
    what: 'an unlisted one, quoted',
    sql: 'create  extension if not exists "file_fdw"',
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an extension nobody has heard of',
    sql: 'CREATE EXTENSION nonsense',
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an unlisted extension created inside DO',
    sql: "DO $$ BEGIN EXECUTE 'CREATE ' || 'EXTENSION lo'; END $$",
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an allow-list that the session made for itself',
    sql: "SET azure.extensions = 'file_fdw'; CREATE EXTENSION file_fdw",
    code: '0A000',
    message: notListed,
  },
  {
    what: 'moving an extension',
    sql: 'ALTER EXTENSION hstore SET SCHEMA elsewhere',
    code: '0A000',
    message: /^SET SCHEMA clause for ALTER EXTENSION is not supported\.$/,
  },
  {
    what: 'a comment on plpgsql',
    sql: "COMMENT ON EXTENSION plpgsql IS 'x'",
    code: '42501',
    message: /^must be owner of extension plpgsql$/,
  },
  {
    what: 'a comment on an extension',
    sql: 'COMMENT ON EXTENSION hstore IS NULL',
    code: '42501',
    message: /^must be owner of extension hstore$/,
  },
  { what: 'a tablespace', sql: "CREATE TABLESPACE t LOCATION '/tmp'", code: '42501', message: /tablespace/ },
  {
    what: 'a function in C',
    sql: "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
    code: '42501',
    message: /^permission denied for language c$/,
  },
  {
    what: 'a function in internal',
    sql: "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'x'",
    code: '42501',
    message: /language internal/,
  },
  { what: 'an untrusted language', sql: 'CREATE EXTENSION plpython3u', code: '0A000', message: notListed },
  {
    what: 'a base type',
    sql: 'CREATE TYPE b; CREATE TYPE b (INPUT = int4in, OUTPUT = int4out)',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'a binary-coercible cast',
    sql: 'CREATE TYPE c AS ENUM (); CREATE CAST (c AS int) WITHOUT FUNCTION',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'a text-search parser',
    sql: 'CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'an event trigger',
    sql: 'CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'a publication of all tables',
    sql: 'CREATE PUBLICATION p FOR ALL TABLES',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'COPY to a file',
    sql: "COPY (SELECT 1) TO '/tmp/flexferry-must-not-be'",
    code: '42501',
    message: /superuser|privileges|permission denied/,
  },
  {
    what: 'COPY from a program',
    sql: "CREATE TABLE t (a text); COPY t FROM PROGRAM 'ls'",
    code: '42501',
    message: /superuser|privileges|permission denied/,
  },
  {
    what: 'ALTER SYSTEM',
    sql: "ALTER SYSTEM SET work_mem = '8MB'",
    code: '42501',
    message: /superuser|permission denied/,
  },
  {
    what: 'a database setting of a superuser',
    sql: 'ALTER DATABASE postgres SET lo_compat_privileges = on',
    code: '42501',
    message: /permission denied|must be owner/,
  },
  { what: 'md5()', sql: "SELECT md5('x')", code: '42501', message: /md5/ },
  ...[
    'pg_authid',
    'pg_shadow',
    'pg_statistic',
    'pg_subscription',
    'pg_user_mapping',
    'pg_largeobject',
    'pg_hba_file_rules',
    'pg_file_settings',
    'pg_config',
    'pg_replication_origin_status',
  ].map(
    (name): Refusal => ({
      what: `reading ${name}`,
      sql: `TABLE pg_catalog.${name}`,
      code: '42501',
      message: new RegExp(`permission denied for .*${name}`),
    }),
  ),
];

/** What it permits, though no superuser is there. Undone by dropping the database. */
export const permitted: readonly { readonly what: string; readonly sql: string; readonly from?: number }[] = [
  {
    what: 'listed extensions',
    sql: 'CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public',
  },
  { what: 'dropping an extension', sql: 'CREATE EXTENSION unaccent; DROP EXTENSION unaccent' },
  { what: 'an extension and what it needs', sql: 'CREATE EXTENSION earthdistance CASCADE' },
  {
    what: 'a foreign server',
    sql: 'CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw',
  },
  {
    what: 'roles, and giving them objects',
    sql: 'CREATE ROLE clerk; GRANT clerk TO CURRENT_USER; CREATE SCHEMA c AUTHORIZATION clerk; DROP SCHEMA c; DROP ROLE clerk',
  },
  { what: 'BYPASSRLS', sql: 'CREATE ROLE b BYPASSRLS; DROP ROLE b', from: 16 },
  {
    what: 'objects in schema public',
    sql: 'CREATE TABLE public.t (a int); CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$',
  },
  { what: 'comments on tables', sql: "CREATE TABLE k (a int); COMMENT ON TABLE k IS 'x'" },
  {
    what: 'large objects',
    sql: "SELECT lo_from_bytea(12345, 'x'); COMMENT ON LARGE OBJECT 12345 IS 'x'; SELECT lo_unlink(12345)",
  },
  { what: 'a publication of one table', sql: 'CREATE TABLE p (a int); CREATE PUBLICATION p FOR TABLE p' },
  { what: 'session_replication_role', sql: 'SET session_replication_role = replica', from: 15 },
  { what: 'ending sessions', sql: 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE false' },
  { what: 'checksums without md5', sql: "SELECT hashtextextended('x', 0), sha256('x')" },
];
