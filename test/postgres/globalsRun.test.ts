import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { classifyDump } from '../../src/ddl/classify.js';
import { applyRules, type TargetFacts } from '../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../src/ddl/parser.js';
import { joinRoles, leaveRoles, roleTarget } from '../../src/engine/catalog/roles.js';
import { generateGlobals } from '../../src/engine/globals/globals.js';
import { runGlobals } from '../../src/engine/globals/runGlobals.js';
import { base, generate, opened, prepared, states } from '../support/globals.js';
import { defaultMajors, majors, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let twin: TestTwin;
let source: TestServer;
before(async () => {
  await loadParser();
  [source, twin] = await Promise.all([prepared(13), startFlexibleServerTwin({ major: 17 })]);
});
after(async () => {
  await Promise.all([source?.stop(), twin?.stop()]);
});

describe('running globals.sql', () => {
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

  it('reads files as editors write them: byte order mark, CRLF, unicode, and NUL as a failure', async () => {
    await using to = await opened(twin);
    const sql =
      '\ufeff-- roles\r\nCREATE ROLE "ümlaut 😀";\r\n\r\nCREATE ROLE nul\0l;\r\nCOMMENT ON ROLE "ümlaut 😀"\r\n  IS \'x\';';
    const run = await runGlobals(to.session, sql, await roleTarget(to.session));
    assert.deepEqual(
      run.results.map(({ state, fault }) => [state, fault?.code]),
      [
        ['done', undefined],
        ['failed', 'FF500'],
        ['done', undefined],
      ],
    );
    const [role] = await twin.query(
      'postgres',
      `SELECT shobj_description(oid, 'pg_authid') AS c FROM pg_roles WHERE rolname = 'ümlaut 😀'`,
    );
    assert.deepEqual(role, { c: 'x' });
  });

  it('stops when it is told to', async () => {
    await using to = await opened(twin);
    const facts = await roleTarget(to.session);
    await assert.rejects(
      runGlobals(to.session, 'CREATE ROLE late_1;', facts, { signal: AbortSignal.abort(new Error('stop')) }),
      /stop/,
    );
    assert.deepEqual(await twin.query('postgres', `SELECT FROM pg_roles WHERE rolname = 'late_1'`), []);
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

describe('owners by the rules, on a server whose user is no superuser', () => {
  const every = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
  for (const major of every.filter((each) => each >= 13)) {
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
