/** Roles in every part that they can have, for the tests of globals.sql. */
import { roleTarget } from '../../src/engine/catalog/roles.js';
import { type Globals, type GlobalsOptions, generateGlobals } from '../../src/engine/globals/globals.js';
import type { runGlobals } from '../../src/engine/globals/runGlobals.js';
import { connect } from '../../src/engine/postgres/connect.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { type Major, startServer, type TestServer } from './postgres/embedded.js';

/** A name that has everything. */
export const odd = `Odd "role"; \\ 😀 '`;
export const oddIdent = `"${odd.replaceAll('"', '""')}"`;

/** Roles in every part that they can have in a database, and some that have none. */
const setup = `
  CREATE ROLE app_owner NOLOGIN;
  CREATE ROLE "App RO" NOINHERIT CONNECTION LIMIT 7;
  CREATE ROLE app_user LOGIN PASSWORD 'geheim-1' VALID UNTIL '2031-02-03 04:05:06+00' CREATEDB;
  CREATE ROLE ${oddIdent} LOGIN SUPERUSER REPLICATION;
  CREATE ROLE policy_role; CREATE ROLE mapped_away LOGIN; CREATE ROLE between; CREATE ROLE becomes;
  CREATE ROLE defaults_of BYPASSRLS; CREATE ROLE only_member LOGIN; CREATE ROLE elsewhere; CREATE ROLE idle LOGIN;
  CREATE ROLE rds_superuser; CREATE ROLE admin_like CREATEROLE;
  GRANT "App RO" TO between; GRANT between TO app_user WITH ADMIN OPTION;
  GRANT app_owner TO only_member; GRANT elsewhere TO app_user; GRANT rds_superuser TO app_user;
  GRANT pg_monitor TO app_user;
  COMMENT ON ROLE app_user IS 'it''s \\ the
application 😀';
  ALTER ROLE app_user SET search_path = app, "Two Words", public;
  ALTER ROLE app_user SET work_mem = '8MB';
  ALTER ROLE app_user SET role = 'becomes';
  ALTER ROLE app_user SET "my app.setting" = 'x' ;
  ALTER ROLE policy_role SET statement_timeout = 0`.replace(
  `ALTER ROLE app_user SET "my app.setting" = 'x' ;`,
  `ALTER ROLE app_user SET myapp.setting = 'it''s';`,
);

const inDatabase = `
  CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY); ALTER TABLE app.t OWNER TO app_owner;
  GRANT SELECT ON app.t TO "App RO", rds_superuser, mapped_away;
  GRANT EXECUTE ON FUNCTION pg_sleep(float8) TO admin_like;
  GRANT USAGE ON SCHEMA app TO app_user; GRANT SELECT (id) ON app.t TO ${oddIdent};
  CREATE POLICY p ON app.t TO policy_role USING (true);
  ALTER DEFAULT PRIVILEGES FOR ROLE defaults_of GRANT SELECT ON TABLES TO "App RO"`;

export async function sessionOf(server: TestServer, database = 'postgres'): Promise<Session> {
  return connect(resolveConnectionInput({ text: server.uri(database) }, {}).spec, 'test');
}

export const base: GlobalsOptions = {
  databases: [{ source: 'shop', target: 'Shop 2' }],
  roles: { mapped_away: 'flexadmin' },
  createRoles: true,
  owners: 'keep',
};

/** A source whose database `shop` has the roles of {@link setup} in every part. */
export async function prepared(major: Major): Promise<TestServer> {
  const server = await startServer({ major });
  await server.query('postgres', setup);
  await server.createDatabase('shop');
  await server.createDatabase('other');
  await server.query('other', 'CREATE TABLE t (); GRANT SELECT ON t TO elsewhere, idle');
  await server.query('shop', inDatabase);
  await server.query(
    'postgres',
    `GRANT CONNECT ON DATABASE shop TO app_user; ALTER ROLE app_user IN DATABASE shop SET work_mem = '9MB'; ALTER ROLE app_user IN DATABASE other SET work_mem = '1MB'`,
  );
  return server;
}

/** From `shop` of one server for another. */
export async function generate(
  source: TestServer,
  target: TestServer,
  options: Partial<GlobalsOptions> = {},
): Promise<Globals> {
  await using from = await opened(source, 'shop');
  await using to = await opened(target);
  // Awaited here: the sessions end with this block.
  return await generateGlobals(from.session, await roleTarget(to.session), { ...base, ...options });
}

export async function opened(
  server: TestServer,
  database?: string,
): Promise<AsyncDisposable & { session: Session }> {
  const session = await sessionOf(server, database);
  return { session, [Symbol.asyncDispose]: () => session.close() };
}

/** The roles that the text makes. */
export const created = (sql: string): string[] =>
  [...sql.matchAll(/^CREATE ROLE ("(?:[^"]|"")+")/gm)].map(([, name = '']) => name);

/** What did not become done, one line each. */
export const states = (run: Awaited<ReturnType<typeof runGlobals>>): string[] =>
  run.results.filter((r) => r.state !== 'done').map((r) => `${r.state} ${r.fault?.code} ${r.text}`);
