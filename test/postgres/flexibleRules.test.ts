import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { DoneEvent, Finding } from '../../src/protocol/model.js';
import type { Report } from '../../src/protocol/report.js';
import { assertNothingLeft, cliFolder, doneOf, problemsOf, reportOf, runCli } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { defaultExtensions, startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

/** Everything here works on plain PostgreSQL for a superuser and never on a Flexible Server. */
const impossible = `
  CREATE TABLE kept (id int PRIMARY KEY, label text); INSERT INTO kept SELECT i, 'row ' || i FROM generate_series(1, 500) i;
  CREATE FUNCTION usable(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + 1';

  CREATE LANGUAGE hand_made HANDLER plpgsql_call_handler;
  CREATE FUNCTION in_that() RETURNS void LANGUAGE hand_made AS 'BEGIN END';
  CREATE FUNCTION in_c(internal) RETURNS internal LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
  CREATE FUNCTION in_internal(int4, int4) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'int4pl';

  CREATE TYPE base_type;
  CREATE FUNCTION base_in(cstring) RETURNS base_type LANGUAGE internal IMMUTABLE STRICT AS 'textin';
  CREATE FUNCTION base_out(base_type) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
  CREATE TYPE base_type (INPUT = base_in, OUTPUT = base_out, LIKE = text);
  CREATE TABLE of_base_type (id int PRIMARY KEY, v base_type);

  CREATE TEXT SEARCH PARSER my_parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
  CREATE TEXT SEARCH TEMPLATE my_template (LEXIZE = dsimple_lexize, INIT = dsimple_init);
  CREATE TEXT SEARCH CONFIGURATION my_config (PARSER = my_parser);
  CREATE TEXT SEARCH DICTIONARY my_dictionary (TEMPLATE = my_template);

  CREATE OPERATOR CLASS my_int_ops FOR TYPE int4 USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int4, int4);
  CREATE TABLE oddly_indexed (id int); INSERT INTO oddly_indexed SELECT generate_series(1, 100);
  CREATE INDEX oddly ON oddly_indexed (id my_int_ops);

  CREATE CAST (bytea AS text) WITHOUT FUNCTION;

  CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();

  CREATE PUBLICATION everything FOR ALL TABLES;
  CREATE SUBSCRIPTION from_afar CONNECTION 'host=127.0.0.1 port=1 dbname=x password=sub-geheim' PUBLICATION p WITH (connect = false);

  CREATE FOREIGN DATA WRAPPER nothing_behind;
  CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing_behind;
  CREATE FOREIGN TABLE far_away (a int) SERVER nowhere;

  CREATE EXTENSION postgres_fdw;
  CREATE SERVER other_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h');
  CREATE USER MAPPING FOR PUBLIC SERVER other_server OPTIONS (user 'u', password 'map-geheim');

  CREATE EXTENSION lo;
  CREATE EXTENSION adminpack;
  CREATE EXTENSION file_fdw;
`;

let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({ major: 13 });
  target = await startFlexibleServerTwin({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

async function clone(
  database: string,
  ...more: string[]
): Promise<{ done: DoneEvent; report: Report; page: string; ddl: string; all: string; code: number | null }> {
  using folder = cliFolder();
  const result = await runCli(
    ['clone', '--source', source.uri(database), '--target', target.uri(database), ...more],
    { folder },
  );
  const done = doneOf(result);
  const text = (file: string): string => readFileSync(join(folder.report, file), 'utf8');
  await assertNothingLeft(source, target, folder);
  const ddl =
    done.exitCode === 3 ? '' : text(`ddl/${database}/pre-data.sql`) + text(`ddl/${database}/post-data.sql`);
  const page = text('report.html');
  return {
    done,
    report: reportOf(folder),
    page,
    ddl,
    all: result.stdout + result.stderr + page + text('report.json') + text('events.jsonl') + ddl,
    code: result.code,
  };
}

describe('what a Flexible Server never accepts', () => {
  let done: DoneEvent;
  let report: Report;
  let page: string;
  let all: string;
  let code: number | null;
  let database: string;

  before(async () => {
    database = await source.createDatabase('impossible');
    for (const statement of impossible.split(/;\n/).filter((s) => s.trim() !== ''))
      await source.query(database, statement);
    ({ done, report, page, all, code } = await clone(database));
  });

  test('the rest is migrated and verified, and the exit code says that something is missing', async () => {
    assert.equal(code, 1);
    assert.equal(done.state, 'incomplete');
    assert.equal(done.fault, undefined);
    const kept = done.tables.find((t) => t.table === 'kept');
    assert.deepEqual([kept?.rows, kept?.equal], [500, true]);
    assert.equal(done.tables.find((t) => t.table === 'oddly_indexed')?.equal, true);
    assert.deepEqual(
      await target.query(database, 'SELECT usable(1) AS v, (SELECT count(*)::int FROM kept) AS n'),
      [{ v: 2, n: 500 }],
    );
  });

  test('nothing failed: what cannot be is skipped', () => {
    assert.deepEqual(
      done.findings.filter((f) => f.severity === 'error').map((f) => `${f.code} ${f.message}`),
      [],
    );
    assert.equal(done.totals.failed, 0);
    assert.ok(done.totals.skipped >= 15, `${done.totals.skipped}`);
    assert.equal(done.totals.different, 0);
  });

  const expected: readonly [what: string, code: string, object: RegExp][] = [
    ['a language', 'FF402', /language hand_made/],
    ['a function in it', 'FF402', /in_that/],
    ['a C function', 'FF403', /in_c/],
    ['an internal function', 'FF403', /in_internal/],
    ['a base type', 'FF404', /base_type/],
    ['a table that needs it', 'FF417', /table public\.of_base_type/],
    ['a text search parser', 'FF405', /my_parser/],
    ['a text search template', 'FF405', /my_template/],
    ['a configuration of that parser', 'FF417', /my_config/],
    ['a dictionary of that template', 'FF417', /my_dictionary/],
    ['an operator class', 'FF408', /my_int_ops/],
    ['an index that needs it', 'FF417', /oddly/],
    ['a binary-coercible cast', 'FF406', /cast/],
    ['an event trigger', 'FF400', /watch_ddl/],
    ['publications', 'FF412', /publications/],
    ['subscriptions', 'FF412', /subscriptions/],
    ['a foreign-data wrapper', 'FF409', /nothing_behind/],
    ['a server of it', 'FF417', /nowhere/],
    ['a foreign table of that server', 'FF417', /far_away/],
    ['a user mapping with a password', 'FF410', /user mapping/],
    ['an extension outside of the allow-list that nobody needs', 'FF207', /^extension lo$/],
    ['another one', 'FF207', /^extension file_fdw$/],
    ['an extension that the target does not have', 'FF401', /^extension adminpack$/],
  ];
  for (const [what, wanted, object] of expected) {
    test(what, () => {
      const found = done.findings.filter((f) => object.test(f.object ?? ''));
      assert.ok(
        found.some((f: Finding) => f.code === wanted && f.severity === 'warning'),
        JSON.stringify(found, null, 1),
      );
      assert.ok(report.snapshot.findings.some((f) => f.code === wanted && object.test(f.object ?? '')));
      assert.ok(page.includes(wanted));
    });
  }

  test('every skipped statement stands in the report with its reason', () => {
    const skipped = report.databases[0]?.statements ?? [];
    assert.ok(skipped.length >= 20);
    for (const s of skipped)
      assert.ok(s.state === 'skipped' && (s.reason ?? s.error?.message), JSON.stringify(s));
  });

  test('passwords of subscriptions and user mappings are nowhere', () => {
    assert.ok(!all.includes('geheim'));
  });
});

test('an extension that the target does not have, and a view that calls it', async () => {
  const database = await source.createDatabase('packed');
  await source.query(
    database,
    `CREATE EXTENSION adminpack; CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept SELECT generate_series(1, 10);
     CREATE VIEW of_adminpack AS SELECT a FROM pg_logdir_ls() AS l(a timestamp, b text);
     CREATE VIEW on_that AS SELECT a FROM of_adminpack`,
  );
  const { done, report, code } = await clone(database);
  const problems = problemsOf(done).map((f) => `${f.code} ${f.object}`);
  assert.deepEqual(problems.sort(), [
    'FF401 extension adminpack',
    'FF500 view public.of_adminpack',
    'FF500 view public.on_that',
  ]);
  assert.deepEqual([code, done.totals.failed, done.tables[0]?.equal], [1, 2, true]);
  assert.deepEqual(
    report.databases[0]?.statements.filter((s) => s.state === 'failed').map((s) => s.error?.sqlstate),
    ['42883', '42P01'],
  );
});

test('security labels of the source', async () => {
  const database = await source.createDatabase('labelled');
  await source.query(
    database,
    'CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept SELECT generate_series(1, 10)',
  );
  // There is no label provider in the servers: what SECURITY LABEL would have written.
  await source.query(
    database,
    `INSERT INTO pg_seclabel VALUES ('kept'::regclass, 'pg_class'::regclass, 0, 'selinux', 'x')`,
  );
  const { done } = await clone(database);
  assert.deepEqual(
    problemsOf(done).map((f) => f.code),
    ['FF411'],
  );
  assert.equal(done.exitCode, 1);
});

test('a tablespace is a note: nothing is lost, exit 0', async () => {
  const database = await source.createDatabase('spaced');
  const { mkdirSync, chownSync, statSync } = await import('node:fs');
  const folder = join(source.socketDir, 'space');
  mkdirSync(folder);
  const owner = statSync(source.dataDir);
  chownSync(folder, owner.uid, owner.gid);
  await source.query(database, `CREATE TABLESPACE fast LOCATION '${folder}'`);
  await source.query(
    database,
    `CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast, v int) TABLESPACE fast; CREATE INDEX ON t (v) TABLESPACE fast;
     INSERT INTO t SELECT i, i FROM generate_series(1, 100) i`,
  );
  const { done, code } = await clone(database);
  assert.deepEqual(problemsOf(done), []);
  assert.ok(done.findings.some((f) => f.code === 'FF407' && f.severity === 'note'));
  assert.equal(code, 0);
  await source.query('postgres', `DROP DATABASE ${database}`);
  await source.query('postgres', 'DROP TABLESPACE fast');
});

test('notes only: owner of public, comments on public and on an extension', async () => {
  const database = await source.createDatabase('noted');
  await source.query(
    database,
    `CREATE EXTENSION hstore; COMMENT ON EXTENSION hstore IS 'ours'; COMMENT ON SCHEMA public IS 'ours too';
     CREATE TABLE no_key (h hstore); INSERT INTO no_key VALUES ('a=>1')`,
  );
  const { done, code } = await clone(database);
  assert.deepEqual(problemsOf(done), []);
  assert.equal(code, 0);
  const codes = new Set(done.findings.map((f) => f.code));
  for (const wanted of ['FF213', 'FF414', 'FF415'] as const) assert.ok(codes.has(wanted), wanted);
  assert.equal(done.tables[0]?.equal, true);
});

test('clauses that are taken out, and what the user should know: notes, exit 0', async () => {
  const database = await source.createDatabase('adapted');
  await source.query('postgres', 'CREATE ROLE rds_superuser');
  await source.query(
    database,
    `CREATE FUNCTION discreet(a int) RETURNS int LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT a + 1';
     CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY); INSERT INTO fleeting SELECT generate_series(1, 10);
     GRANT SELECT ON fleeting TO rds_superuser;
     CREATE TYPE pair AS (a int, b int);
     CREATE FUNCTION first_of(pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.a'; CREATE CAST (pair AS int) WITH FUNCTION first_of(pair);
     CREATE EXTENSION postgres_fdw; CREATE SERVER afar FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'old.example')`,
  );
  const { done, code } = await clone(database);
  assert.deepEqual(problemsOf(done), []);
  assert.equal(code, 0);
  for (const wanted of ['FF459', 'FF455', 'FF457', 'FF431'] as const)
    assert.ok(
      done.findings.some((f) => f.code === wanted && f.severity === 'note'),
      wanted,
    );
  assert.deepEqual(
    await target.query(
      database,
      `SELECT discreet(1) AS v, proleakproof AS leakproof, (SELECT count(*)::int FROM fleeting) AS rows, (1, 2)::pair::int AS cast
       FROM pg_proc WHERE proname = 'discreet'`,
    ),
    [{ v: 2, leakproof: false, rows: 10, cast: 1 }],
  );
});

test('md5() is named where it stands, and what calls it at once is left out', async () => {
  const database = await source.createDatabase('hashed');
  await source.query(
    database,
    `CREATE TABLE t (id int PRIMARY KEY, v text DEFAULT md5('x')); INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
     CREATE VIEW hashes AS SELECT md5(v) AS hash FROM t; CREATE INDEX by_hash ON t (md5(v))`,
  );
  const { done, code } = await clone(database);
  assert.deepEqual(
    problemsOf(done)
      .map((f) => `${f.code} ${f.severity} ${f.object}`)
      .sort(),
    [
      'FF445 warning index public.by_hash on public.t',
      'FF445 warning table public.t',
      'FF445 warning view public.hashes',
    ],
  );
  assert.deepEqual([code, done.totals.failed, done.tables[0]?.equal], [1, 0, true]);
});

describe('an extension that must be allow-listed first', () => {
  test('needed and available: refused before anything is made, with what to do', async () => {
    const database = await source.createDatabase('needy');
    await source.query(
      database,
      `CREATE EXTENSION isn; CREATE TABLE books (id int PRIMARY KEY, number isbn13); INSERT INTO books VALUES (1, '978-0-393-04002-9')`,
    );
    const { done, code } = await clone(database);
    assert.equal(code, 3);
    assert.equal(done.fault?.code, 'FF207');
    assert.match(done.fault.message, /isn/);
    assert.match(done.fault.fix, /azure\.extensions/);
    assert.deepEqual(
      await target.superQuery('postgres', `SELECT FROM pg_database WHERE datname = 'needy'`),
      [],
    );
  });

  test('once it is listed the same command does it', async () => {
    await target.setExtensions([...defaultExtensions, 'isn']);
    const { done, code } = await clone('needy');
    assert.deepEqual(problemsOf(done), []);
    assert.equal(code, 0);
    await target.setExtensions(defaultExtensions);
  });
});
