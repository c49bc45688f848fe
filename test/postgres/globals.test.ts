import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { classifyDump } from '../../src/ddl/classify.js';
import { applyRules, type TargetFacts } from '../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../src/ddl/parser.js';
import { joinRoles, leaveRoles, roleTarget } from '../../src/engine/catalog/roles.js';
import { type Globals, type GlobalsOptions, generateGlobals } from '../../src/engine/globals/globals.js';
import { runGlobals } from '../../src/engine/globals/runGlobals.js';
import { connect } from '../../src/engine/postgres/connect.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { defaultMajors, majors, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const odd = `Odd "role"; \\ 😀 '`;
const oddIdent = `"${odd.replaceAll('"', '""')}"`;

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

async function sessionOf(server: TestServer, database = 'postgres'): Promise<Session> {
  return connect(resolveConnectionInput({ text: server.uri(database) }, {}).spec, 'test');
}

const base: GlobalsOptions = {
  databases: [{ source: 'shop', target: 'Shop 2' }],
  roles: { mapped_away: 'flexadmin' },
  createRoles: true,
  owners: 'keep',
};

async function prepared(major: (typeof majors)[number]): Promise<TestServer> {
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

async function generate(
  source: TestServer,
  target: TestServer,
  options: Partial<GlobalsOptions> = {},
): Promise<Globals> {
  await using from = await opened(source, 'shop');
  await using to = await opened(target);
  // Awaited here: the sessions end with this block.
  return await generateGlobals(from.session, await roleTarget(to.session), { ...base, ...options });
}

async function opened(
  server: TestServer,
  database?: string,
): Promise<AsyncDisposable & { session: Session }> {
  const session = await sessionOf(server, database);
  return { session, [Symbol.asyncDispose]: () => session.close() };
}

const created = (sql: string): string[] =>
  [...sql.matchAll(/^CREATE ROLE ("(?:[^"]|"")+")/gm)].map(([, name = '']) => name);

let twin: TestTwin;
let source: TestServer;
before(async () => {
  await loadParser();
  [source, twin] = await Promise.all([prepared(13), startFlexibleServerTwin({ major: 17 })]);
});
after(async () => {
  await Promise.all([source?.stop(), twin?.stop()]);
});

describe('globals.sql', () => {
  it('holds the roles that the database needs, and no others', async () => {
    const { sql, findings } = await generate(source, twin);
    assert.deepEqual(created(sql), [
      '"App RO"',
      oddIdent,
      '"admin_like"',
      '"app_owner"',
      '"app_user"',
      '"becomes"',
      '"between"',
      '"defaults_of"',
      '"policy_role"',
      '"postgres"',
    ]);
    assert.match(sql, /^CREATE ROLE "App RO" NOINHERIT CONNECTION LIMIT 7;$/m);
    assert.match(sql, /^CREATE ROLE "app_user" LOGIN CREATEDB VALID UNTIL '2031-02-03 04:05:06\+00';$/m);
    assert.match(sql, /^CREATE ROLE "defaults_of" BYPASSRLS;$/m);
    assert.match(sql, /^ALTER ROLE "app_user" SET "search_path" TO 'app', 'Two Words', 'public';$/m);
    assert.match(sql, /^ALTER ROLE "app_user" IN DATABASE "Shop 2" SET "work_mem" TO '9MB';$/m);
    assert.match(sql, /^ALTER ROLE "app_user" SET "myapp"\."setting" TO 'it''s';$/m);
    assert.match(sql, /^GRANT "between" TO "app_user" WITH ADMIN TRUE;$/m);
    assert.match(sql, /^GRANT "pg_monitor" TO "app_user";$/m);
    assert.match(sql, /^-- flexferry: skipped FF431: [^\n]*\n-- GRANT "rds_superuser" TO "app_user";$/m);
    assert.doesNotMatch(sql, /geheim|elsewhere|idle|only_member|mapped_away|1MB|CREATE ROLE "rds/);
    const said = findings.map(({ code, severity, message }) => `${code} ${severity} ${message}`);
    assert.deepEqual(
      said.filter((text) => text.startsWith('FF430')),
      [
        `FF430 warning The role ${oddIdent} is made without SUPERUSER, REPLICATION.`,
        'FF430 warning The role postgres is made without SUPERUSER, REPLICATION, BYPASSRLS.'.replace(
          ', BYPASSRLS',
          '',
        ),
      ],
    );
    assert.ok(
      said.some((text) => /^FF460 note .*app_user/.test(text)),
      said.join('\n'),
    );
    assert.ok(
      said.some((text) => /^FF462 note .*only_member/.test(text)),
      said.join('\n'),
    );
  });

  it('without owners, where everything belongs to the user of the target', async () => {
    const { sql } = await generate(source, twin, { owners: 'target' });
    assert.deepEqual(
      created(sql).filter((name) => /owner|postgres/.test(name)),
      [],
    );
    assert.ok(created(sql).includes('"defaults_of"'));
  });

  it('says SUPERUSER only where it can be, BYPASSRLS from 16', async () => {
    await using old = await startFlexibleServerTwin({ major: 13 });
    const { sql, findings } = await generate(source, old);
    assert.match(sql, /^CREATE ROLE "defaults_of";$/m);
    assert.ok(findings.some((f) => f.code === 'FF430' && /defaults_of.*BYPASSRLS/.test(f.message)));
    await using plain = await startServer({ major: 17 });
    const own = await generate(source, plain);
    assert.ok(own.sql.includes(`CREATE ROLE ${oddIdent} SUPERUSER LOGIN REPLICATION;`));
    assert.deepEqual(
      own.findings.filter((f) => f.code === 'FF430'),
      [],
    );
    assert.ok(!created(own.sql).includes('"postgres"'), 'it is there');
  });

  it('is a comment where the project creates no roles', async () => {
    const { sql, findings } = await generate(source, twin, { createRoles: false });
    assert.deepEqual(
      classifyDump(sql).map((s) => s.text),
      [],
    );
    assert.match(sql, /^-- flexferry: skipped FF413: .*\n-- CREATE ROLE "App RO"/m);
    assert.match(sql, /^-- COMMENT ON ROLE "app_user" IS E'it''s \\\\ the\n-- application 😀';$/m);
    assert.deepEqual(findings, []);
    const again = await generate(source, twin, { createRoles: false });
    assert.equal(again.sql, sql, 'the same roles give the same text');
  });

  it('leaves out settings that the target does not know, and renames schemas', async () => {
    await source.query('postgres', 'ALTER ROLE app_owner SET operator_precedence_warning = on');
    const { sql, findings } = await generate(source, twin, {
      schema: (name, database) => (name === 'app' && database === undefined ? 'App 2' : name),
    });
    assert.match(
      sql,
      /skipped FF461: [^\n]*\n-- ALTER ROLE "app_owner" SET "operator_precedence_warning" TO 'on';/,
    );
    assert.ok(findings.some((f) => f.code === 'FF461' && f.severity === 'warning'));
    assert.match(sql, /SET "search_path" TO 'App 2', 'Two Words', 'public'/);
    await source.query('postgres', 'ALTER ROLE app_owner RESET ALL');
  });

  it('is empty where nothing is needed', async () => {
    const name = await source.createDatabase();
    const made = await generate(source, twin, {
      databases: [{ source: name, target: name }],
      owners: 'target',
    });
    assert.deepEqual(made, { sql: '', findings: [] });
  });
});

describe('running globals.sql', () => {
  const states = (run: Awaited<ReturnType<typeof runGlobals>>) =>
    run.results.filter((r) => r.state !== 'done').map((r) => `${r.state} ${r.fault?.code} ${r.text}`);

  it('makes the roles as they are, once and again', async () => {
    await using server = await startFlexibleServerTwin({ major: 17 });
    await server.createDatabase('Shop 2');
    const { sql, findings } = await generate(source, server);
    assert.deepEqual(
      findings.filter((f) => f.code === 'FF461'),
      [],
    );
    await using to = await opened(server);
    const facts = await roleTarget(to.session);
    for (const time of ['first', 'second']) {
      const run = await runGlobals(to.session, sql, facts);
      // Not the admin's to give, and a setting that might be one of a superuser: PostgreSQL's own refusals.
      assert.deepEqual(
        run.findings.map(({ code, severity, object }) => [code, severity, object]),
        [
          ['FF441', 'warning', 'role app_user'],
          ['FF432', 'warning', 'membership in pg_monitor'],
        ],
        time,
      );
      assert.equal(states(run).length, 2);
      assert.ok(run.results.length > 15);
    }
    const [role] = await server.query(
      'postgres',
      `SELECT rolcanlogin, rolcreatedb, rolsuper, rolvaliduntil::text AS until, shobj_description(oid, 'pg_authid') AS comment,
         (SELECT json_object_agg(coalesce(datname, ''), setconfig) FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase WHERE setrole = r.oid) AS settings,
         pg_has_role('app_user', 'App RO', 'MEMBER') AS member
       FROM pg_roles r WHERE rolname = 'app_user'`,
    );
    assert.deepEqual(role, {
      rolcanlogin: true,
      rolcreatedb: true,
      rolsuper: false,
      until: '2031-02-03 04:05:06+00',
      comment: "it's \\ the\napplication 😀",
      settings: {
        '': ['search_path=app, "Two Words", public', 'work_mem=8MB', 'role=becomes'],
        'Shop 2': ['work_mem=9MB'],
      },
      member: true,
    });
    assert.deepEqual(await generate(source, server), { sql: '', findings: [] }, 'what is there is left out');
  });

  it('goes on behind what fails, with a finding and without the password', async () => {
    await using to = await opened(twin);
    const sql = `CREATE ROLE clerk_1;\nCREATE ROLE root_1 SUPERUSER;\nGRANT nobody_1 TO clerk_1;
CREATE ROLE clerk_2 LOGIN PASSWORD geheim_2;\nCREATE ROLE clerk_3 PASSWORD 'geheim_3';\n-- flexferry: skipped\n-- CREATE ROLE clerk_4;\nGRANT clerk_1 TO clerk_3`;
    const run = await runGlobals(to.session, sql, await roleTarget(to.session));
    assert.deepEqual(
      run.results.map(({ state, fault }) => [state, fault?.code, fault?.sqlstate]),
      [
        ['done', undefined, undefined],
        ['failed', 'FF430', '42501'],
        ['failed', 'FF413', '42704'],
        ['failed', 'FF500', '42601'],
        ['done', undefined, undefined],
        ['done', undefined, undefined],
      ],
    );
    assert.deepEqual(
      run.findings.map(({ code, severity }) => [code, severity]),
      [
        ['FF430', 'warning'],
        ['FF413', 'warning'],
        ['FF500', 'error'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(run), /geheim_3|near.*geheim_2/);
    const [bad] = run.results.filter((r) => r.fault?.sqlstate === '42601');
    assert.equal(sql.slice(bad?.start, bad?.end), 'CREATE ROLE clerk_2 LOGIN PASSWORD geheim_2;');
  });

  it('ends where the server is lost', async () => {
    await using server = await startServer({ major: 17 });
    const to = await opened(server);
    const facts = await roleTarget(to.session);
    await server.stop();
    await assert.rejects(runGlobals(to.session, 'CREATE ROLE a; CREATE ROLE b;', facts), { code: 'FF115' });
    await to.session.close();
  });

  it('carries the options that grants have since PostgreSQL 16', async () => {
    await using modern = await startServer({ major: 17 });
    await modern.query(
      'postgres',
      `CREATE ROLE parent; CREATE ROLE child; CREATE ROLE lazy NOINHERIT; CREATE TABLE t (); GRANT SELECT ON t TO parent, child, lazy;
       GRANT parent TO child WITH INHERIT FALSE, SET FALSE; GRANT parent TO lazy WITH ADMIN TRUE, INHERIT TRUE`,
    );
    await using from = await opened(modern);
    await using to = await opened(twin);
    const facts = await roleTarget(to.session);
    const databases = [{ source: 'postgres', target: 'postgres' }];
    const { sql } = await generateGlobals(from.session, facts, { ...base, databases, owners: 'target' });
    const run = await runGlobals(to.session, sql, facts);
    assert.deepEqual(states(run), []);
    const options = `SELECT m.rolname, admin_option, inherit_option, set_option FROM pg_auth_members a
      JOIN pg_roles m ON m.oid = member WHERE roleid = 'parent'::regrole AND m.rolname IN ('child', 'lazy') ORDER BY 1`;
    assert.deepEqual(await twin.query('postgres', options), await modern.query('postgres', options));
  });
});

describe('sources of other kinds', () => {
  it('a Flexible Server, where pg_authid cannot be read', async () => {
    await twin.query(
      'postgres',
      'CREATE ROLE reader_f LOGIN; CREATE ROLE owner_f; GRANT owner_f TO reader_f',
    );
    const name = await twin.createDatabase();
    await twin.query(name, 'CREATE TABLE t (); GRANT SELECT ON t TO reader_f, azure_pg_admin, owner_f');
    await using from = await opened(twin, name);
    await using server = await startFlexibleServerTwin({ major: 18 }).catch(() =>
      startFlexibleServerTwin({ major: 17 }),
    );
    await using to = await opened(server);
    const options = { ...base, databases: [{ source: name, target: name }] };
    const { sql } = await generateGlobals(from.session, await roleTarget(to.session), options);
    assert.deepEqual(created(sql), ['"owner_f"', '"reader_f"']);
    assert.match(sql, /^GRANT "owner_f" TO "reader_f";$/m);
  });

  const every = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
  for (const major of every) {
    it(`PostgreSQL ${major}`, async () => {
      await using from = await prepared(major);
      await using server = await startFlexibleServerTwin({ major: major === 18 ? 18 : 17 });
      await server.createDatabase('Shop 2');
      const { sql } = await generate(from, server);
      assert.equal(created(sql).length, 10);
      await using to = await opened(server);
      const run = await runGlobals(to.session, sql, await roleTarget(to.session));
      assert.deepEqual(
        states(run).filter((text) => !/myapp|pg_monitor/.test(text)),
        [],
      );
    });
  }
  const states = (run: Awaited<ReturnType<typeof runGlobals>>) =>
    run.results.filter((r) => r.state !== 'done').map((r) => `${r.state} ${r.fault?.message} ${r.text}`);
});

describe('owners by the rules, on a server whose user is no superuser', () => {
  for (const major of [13, 17] as const) {
    it(`PostgreSQL ${major}`, async () => {
      await using server = await startFlexibleServerTwin({ major });
      const database = await server.createDatabase();
      await using to = await opened(server, database);
      const { session } = to;
      await session.script(`CREATE ROLE "new owner"; CREATE SCHEMA s; CREATE TABLE s.t (a int); CREATE TABLE public.u (a int);
        CREATE VIEW s.v AS SELECT 1 AS a; CREATE SEQUENCE s.q; CREATE TYPE s.e AS ENUM ('a'); CREATE DOMAIN s.d AS int;
        CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE s.sum_of(int) (SFUNC = int4pl, STYPE = int)`);
      const facts: TargetFacts = {
        versionNum: session.versionNum,
        isFlexibleServer: true,
        allowedExtensions: [],
        availableExtensions: new Set(),
        roles: (await roleTarget(session)).roles,
      };
      const changes = `ALTER TABLE s.t OWNER TO "new owner"; ALTER TABLE public.u OWNER TO "new owner"; ALTER VIEW s.v OWNER TO "new owner";
        ALTER SEQUENCE s.q OWNER TO "new owner"; ALTER TYPE s.e OWNER TO "new owner"; ALTER DOMAIN s.d OWNER TO "new owner";
        ALTER FUNCTION s.f(integer) OWNER TO "new owner"; ALTER AGGREGATE s.sum_of(integer) OWNER TO "new owner"; ALTER SCHEMA s OWNER TO "new owner";`;
      for (const statement of classifyDump(changes)) {
        const { before: lend = '', after: back = '' } = applyRules(statement, facts);
        await session.script(`${lend}; ${statement.text}\n${back}`);
      }
      const left = await server.query(
        database,
        `SELECT relname AS name FROM pg_class WHERE relnamespace IN ('s'::regnamespace, 'public'::regnamespace) AND relowner <> '"new owner"'::regrole
         UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 's'::regnamespace AND proowner <> '"new owner"'::regrole
         UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 's'::regnamespace AND typowner <> '"new owner"'::regrole
         UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 's' AND nspowner <> '"new owner"'::regrole
         UNION ALL SELECT 'public stays lent' WHERE has_schema_privilege('"new owner"', 'public', 'CREATE') AND ${major} >= 15`.replaceAll(
          `'"new owner"', 'public'`,
          `'new owner', 'public'`,
        ),
      );
      assert.deepEqual(left, []);
      // Who owns it no more goes on all the same, until the end.
      await session.script('CREATE INDEX ON s.t (a); INSERT INTO s.t VALUES (1)');
      await leaveRoles(session, ['new owner']);
      await assert.rejects(session.script('INSERT INTO s.t VALUES (2)'), { sqlstate: '42501' });
      assert.deepEqual(await joinRoles(session, ['new owner', 'azuresu', 'nobody']), ['new owner']);
      assert.deepEqual(await joinRoles(session, ['new owner']), []);
      await session.script('INSERT INTO s.t VALUES (2)');
    });
  }
});
