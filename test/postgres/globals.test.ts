import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { classifyDump } from '../../src/ddl/classify.js';
import { loadParser } from '../../src/ddl/parser.js';
import { roleTarget } from '../../src/engine/catalog/roles.js';
import { generateGlobals } from '../../src/engine/globals/globals.js';
import { runGlobals } from '../../src/engine/globals/runGlobals.js';
import { base, created, generate, oddIdent, opened, prepared, states } from '../support/globals.js';
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
});
