import type { TargetFacts } from '../../../src/ddl/flexibleServerRules.js';

/** A Flexible Server 17 with a few extensions and roles. */
export const flexible: TargetFacts = {
  versionNum: 170004,
  isFlexibleServer: true,
  allowedExtensions: ['hstore', 'postgres_fdw', 'pg_cron', 'postgis'],
  availableExtensions: new Set(['hstore', 'postgres_fdw', 'pg_cron', 'postgis', 'file_fdw']),
  roles: new Set(['admin', 'azuresu', 'azure_pg_admin', 'pg_write_all_data', 'pg_monitor']),
};

export interface RuleCase {
  readonly sql: string;
  readonly code: string;
  /** What becomes of it: left out, tried, run as this text, or run as it is with a word about it. */
  readonly is: 'skip' | 'try' | 'tell' | { readonly edited: string };
  /** The words underlined. */
  readonly place?: string;
  readonly target?: Partial<TargetFacts>;
}

/** Each restriction by a statement that meets it. */
export const cases: readonly RuleCase[] = [
  // Superusers and roles
  {
    sql: 'CREATE ROLE r SUPERUSER LOGIN;',
    code: 'FF430',
    is: { edited: 'CREATE ROLE r LOGIN;' },
    place: 'SUPERUSER',
  },
  {
    sql: 'ALTER ROLE r WITH NOSUPERUSER REPLICATION;',
    code: 'FF430',
    is: { edited: 'ALTER ROLE r WITH NOSUPERUSER;' },
  },
  {
    sql: 'CREATE ROLE r BYPASSRLS;',
    code: 'FF430',
    is: { edited: 'CREATE ROLE r;' },
    target: { versionNum: 150004 },
  },
  {
    sql: `CREATE ROLE r LOGIN PASSWORD 'it''s' VALID UNTIL '2030-01-01';`,
    code: 'FF410',
    is: { edited: `CREATE ROLE r LOGIN VALID UNTIL '2030-01-01';` },
    place: `PASSWORD 'it''s'`,
  },
  { sql: 'CREATE ROLE azure_superuser;', code: 'FF431', is: 'skip', place: 'azure_superuser' },
  { sql: 'ALTER TABLE s.t OWNER TO azuresu;', code: 'FF431', is: 'skip', place: 'azuresu' },
  { sql: 'GRANT SELECT ON s.t TO rds_superuser;', code: 'FF431', is: 'skip', place: 'rds_superuser' },
  { sql: 'GRANT SELECT ON s.t TO rds_superuser, bob;', code: 'FF413', is: 'skip' },
  { sql: 'CREATE SCHEMA s AUTHORIZATION bob;', code: 'FF413', is: 'skip', place: 'bob' },
  { sql: 'GRANT SELECT ON LARGE OBJECT 5 TO "Bob;";', code: 'FF413', is: 'skip', place: '"Bob;"' },
  { sql: 'ALTER LARGE OBJECT 5 OWNER TO bob;', code: 'FF413', is: 'skip', place: 'bob' },
  { sql: 'GRANT pg_write_all_data TO admin;', code: 'FF432', is: 'skip', place: 'pg_write_all_data' },
  { sql: 'GRANT pg_monitor TO admin;', code: 'FF432', is: 'try', place: 'pg_monitor' },
  { sql: "ALTER ROLE admin SET my.own = 'x';", code: 'FF441', is: 'try' },
  { sql: 'GRANT SELECT ON pg_catalog.pg_shadow TO admin;', code: 'FF433', is: 'skip', place: 'pg_shadow' },
  { sql: 'GRANT SELECT(rolname) ON TABLE pg_authid TO admin;', code: 'FF433', is: 'skip' },
  { sql: 'REVOKE ALL ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;', code: 'FF400', is: 'try' },
  { sql: 'GRANT SET ON PARAMETER work_mem TO admin;', code: 'FF400', is: 'try' },
  // Catalogs and functions
  { sql: 'CREATE VIEW s.v AS SELECT passwd FROM pg_shadow;', code: 'FF434', is: 'tell', place: 'pg_shadow' },
  {
    sql: 'CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN PERFORM 1 FROM pg_catalog.pg_authid; END $b$;',
    code: 'FF434',
    is: 'tell',
    place: 'pg_catalog.pg_authid',
  },
  {
    sql: "CREATE TABLE s.t (a text DEFAULT md5('é'::text), b int);",
    code: 'FF445',
    is: 'tell',
    place: 'md5',
  },
  { sql: "CREATE INDEX i ON s.t (('😀' || md5(a)));", code: 'FF445', is: 'tell', place: 'md5' },
  {
    sql: "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $$ SELECT '😀' || pg_catalog.md5('x') $$;",
    code: 'FF445',
    is: 'tell',
    place: 'pg_catalog.md5',
  },
  {
    sql: "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS 'SELECT ''md5(x)'' || md5(''x'')';",
    code: 'FF445',
    is: 'tell',
    place: 'md5',
  },
  { sql: "SELECT lo_export(5, '/tmp/x');", code: 'FF439', is: 'tell', place: 'lo_export' },
  {
    sql: "SELECT pg_replication_origin_create('x');",
    code: 'FF446',
    is: 'tell',
    place: 'pg_replication_origin_create',
  },
  { sql: "COPY s.t FROM '/tmp/x' CSV;", code: 'FF439', is: 'skip', place: "'/tmp/x'" },
  { sql: "COPY (SELECT 1) TO PROGRAM 'ls';", code: 'FF439', is: 'skip', place: "PROGRAM 'ls'" },
  // Settings
  { sql: "ALTER SYSTEM SET work_mem = '8MB';", code: 'FF440', is: 'skip', place: 'work_mem' },
  { sql: 'ALTER DATABASE d SET log_statement = ddl;', code: 'FF441', is: 'try', place: 'log_statement' },
  { sql: "ALTER ROLE admin SET session_preload_libraries = 'x';", code: 'FF441', is: 'try' },
  { sql: 'ALTER DATABASE d SET default_transaction_read_only = on;', code: 'FF442', is: 'skip' },
  { sql: 'SET default_transaction_read_only TO true;', code: 'FF442', is: 'skip' },
  { sql: "ALTER DATABASE d SET idle_in_transaction_session_timeout = '5min';", code: 'FF453', is: 'tell' },
  { sql: 'SET default_with_oids = true;', code: 'FF444', is: 'skip' },
  { sql: 'SET default_table_access_method = columnar;', code: 'FF451', is: 'skip' },
  { sql: "SET default_tablespace = 'fast';", code: 'FF407', is: 'skip' },
  // Tables
  {
    sql: 'CREATE TABLE s.t (a int) WITH OIDS;',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int);' },
    place: 'WITH OIDS',
  },
  {
    sql: 'CREATE TABLE s.t (a int) WITH (oids=true);',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int);' },
  },
  {
    sql: 'CREATE TABLE s.t (a int) WITH (oids, fillfactor=70);',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int) WITH (fillfactor=70);' },
    place: 'oids',
  },
  {
    sql: 'CREATE TABLE s.t (a int PRIMARY KEY USING INDEX TABLESPACE "Fäst") TABLESPACE fast;',
    code: 'FF407',
    is: { edited: 'CREATE TABLE s.t (a int PRIMARY KEY);' },
    place: 'USING INDEX TABLESPACE "Fäst"',
  },
  {
    sql: 'CREATE TABLE s.t TABLESPACE fast AS SELECT 1;',
    code: 'FF407',
    is: { edited: 'CREATE TABLE s.t AS SELECT 1;' },
  },
  { sql: 'ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;', code: 'FF407', is: 'skip' },
  { sql: 'ALTER INDEX s.i SET TABLESPACE b;', code: 'FF407', is: 'skip' },
  { sql: 'ALTER DATABASE d SET TABLESPACE b;', code: 'FF407', is: 'skip', place: 'TABLESPACE' },
  { sql: 'GRANT CREATE ON TABLESPACE b TO admin;', code: 'FF407', is: 'skip' },
  { sql: "CREATE TABLESPACE b LOCATION '/x';", code: 'FF407', is: 'skip' },
  {
    sql: 'CREATE TABLE s.t (a int) USING columnar;',
    code: 'FF451',
    is: { edited: 'CREATE TABLE s.t (a int);' },
    place: 'USING columnar',
  },
  { sql: 'CREATE UNLOGGED TABLE s.t (a int);', code: 'FF455', is: 'tell', place: 'UNLOGGED' },
  {
    sql: 'ALTER TABLE s.t FORCE ROW LEVEL SECURITY;',
    code: 'FF454',
    is: 'tell',
    place: 'FORCE',
    target: { bypassesRowSecurity: false },
  },
  {
    sql: 'CREATE TABLE s.t (a text COLLATE "de_DE.utf8");',
    code: 'FF450',
    is: 'try',
    place: '"de_DE.utf8"',
    target: { collations: new Set(['C']) },
  },
  {
    sql: 'CREATE INDEX i ON s.t (a COLLATE "de-x-icu");',
    code: 'FF450',
    is: 'try',
    place: '"de-x-icu"',
    target: { collations: new Set(['C']) },
  },
  { sql: "CREATE COLLATION s.c (locale = 'de_DE');", code: 'FF449', is: 'try' },
  // Functions
  {
    sql: "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql LEAKPROOF SUPPORT s.g STRICT AS 'SELECT 1 -- LEAKPROOF';",
    code: 'FF459',
    is: { edited: "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql STRICT AS 'SELECT 1 -- LEAKPROOF';" },
    place: 'LEAKPROOF',
  },
  { sql: 'ALTER FUNCTION s.f() LEAKPROOF;', code: 'FF459', is: 'skip', place: 'LEAKPROOF' },
  { sql: "DO LANGUAGE plperlu 'x';", code: 'FF402', is: 'skip', place: 'LANGUAGE plperlu' },
  { sql: "LOAD 'auto_explain';", code: 'FF400', is: 'try' },
  { sql: 'CREATE CAST (s.a AS s.b) WITH FUNCTION s.f(s.a);', code: 'FF443', is: 'try' },
  { sql: 'CREATE CAST (s.a AS s.b) WITH INOUT;', code: 'FF443', is: 'try' },
  // Extensions and foreign data
  { sql: 'CREATE EXTENSION file_fdw;', code: 'FF207', is: 'skip', place: 'file_fdw' },
  { sql: 'CREATE EXTENSION pg_failover_slots;', code: 'FF435', is: 'skip' },
  { sql: 'CREATE EXTENSION plperl;', code: 'FF401', is: 'skip' },
  { sql: 'CREATE EXTENSION hstore SCHEMA pg_catalog;', code: 'FF437', is: 'try', place: 'SCHEMA pg_catalog' },
  {
    sql: "CREATE EXTENSION postgis VERSION '2.5.0' CASCADE;",
    code: 'FF452',
    is: { edited: 'CREATE EXTENSION postgis CASCADE;' },
  },
  { sql: 'CREATE EXTENSION pg_cron;', code: 'FF438', is: 'tell', place: 'pg_cron' },
  { sql: 'ALTER EXTENSION hstore SET SCHEMA s;', code: 'FF436', is: 'skip' },
  { sql: 'ALTER EXTENSION hstore ADD TABLE s.t;', code: 'FF400', is: 'try' },
  { sql: 'CREATE SERVER x FOREIGN DATA WRAPPER file_fdw;', code: 'FF409', is: 'skip', place: 'file_fdw' },
  {
    sql: "CREATE SERVER x FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'd', host 'old');",
    code: 'FF457',
    is: 'tell',
    place: "host 'old'",
  },
  // Replication
  { sql: 'CREATE PUBLICATION p FOR ALL TABLES;', code: 'FF412', is: 'skip' },
  { sql: 'CREATE PUBLICATION p FOR ALL TABLES;', code: 'FF400', is: 'try', target: { publications: true } },
  {
    sql: 'CREATE PUBLICATION p FOR TABLES IN SCHEMA s;',
    code: 'FF400',
    is: 'try',
    target: { publications: true },
  },
  {
    sql: "CREATE SUBSCRIPTION p CONNECTION '' PUBLICATION q;",
    code: 'FF412',
    is: 'skip',
    target: { publications: true },
  },
  // Databases
  { sql: 'CREATE DATABASE d;', code: 'FF447', is: 'skip', place: 'CREATE DATABASE' },
  { sql: 'DROP DATABASE d;', code: 'FF447', is: 'skip' },
  { sql: 'ALTER DATABASE azure_sys SET work_mem = 1;', code: 'FF448', is: 'skip', place: 'azure_sys' },
  // Versions
  {
    sql: 'CREATE TABLE s.t (a text COMPRESSION pglz);',
    code: 'FF458',
    is: 'try',
    place: 'COMPRESSION',
    target: { versionNum: 130010 },
  },
  {
    sql: 'ALTER TABLE s.t ADD CONSTRAINT c UNIQUE NULLS NOT DISTINCT (a);',
    code: 'FF458',
    is: 'try',
    target: { versionNum: 140010 },
  },
  {
    sql: 'CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL);',
    code: 'FF458',
    is: 'try',
    place: 'GENERATED',
  },
  { sql: 'ALTER TABLE s.t ADD CONSTRAINT c PRIMARY KEY (a, b WITHOUT OVERLAPS);', code: 'FF458', is: 'try' },
  {
    sql: 'ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED;',
    code: 'FF458',
    is: 'try',
    place: 'NOT ENFORCED',
  },
  { sql: 'ALTER TABLE s.t ADD CONSTRAINT c NOT NULL a NOT VALID;', code: 'FF458', is: 'try' },
];
