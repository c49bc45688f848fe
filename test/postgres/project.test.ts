import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Report } from '../../src/protocol/report.js';
import { assertNothingLeft, type CliFolder, cliFolder, doneOf, runCli } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const password = 'source password';
let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({
    major: 13,
    hba: 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256',
    settings: { password_encryption: 'scram-sha-256' },
  });
  target = await startFlexibleServerTwin({ major: 17 });
  await source.query('postgres', `CREATE ROLE mover LOGIN SUPERUSER PASSWORD '${password}'`);
  for (const database of ['one', 'two', 'three']) {
    await source.createDatabase(database);
    await source.query(
      database,
      `CREATE TABLE t_${database} (id int PRIMARY KEY); INSERT INTO t_${database} SELECT generate_series(1, 100); CREATE SCHEMA aside; CREATE TABLE aside.t ()`,
    );
  }
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const passwords = (): Record<string, string> => ({
  FLEXFERRY_SOURCE_PASSWORD: password,
  FLEXFERRY_TARGET_PASSWORD: target.admin.password,
});

function project(databases: readonly object[], change: object = {}): object {
  return {
    $schema: 'https://example.invalid/project.schema.json',
    version: 2,
    name: 'harbour move',
    source: { connection: `postgresql://mover@127.0.0.1:${source.port}/postgres` },
    target: {
      connection: target.uri('postgres').replace(/:[^:@]*@/, '@'),
      server: 'id-of-a-registered-server',
    },
    databases,
    options: { jobs: 2, indexJobs: 1, dumpTool: 'builtin', acceptNonEmptyTarget: false },
    ...change,
  };
}

async function runProject(
  folder: CliFolder,
  content: object | string,
  env = passwords(),
  args: readonly string[] = [],
) {
  const file = join(folder.path, 'move.flexferry.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  const result = await runCli(['run', 'move.flexferry.json', '--json', ...args], {
    folder,
    env,
    json: false,
  });
  return {
    ...result,
    events: result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  };
}

const exists = async (database: string): Promise<boolean> =>
  (
    await target.superQuery(
      'postgres',
      'SELECT FROM pg_database WHERE datname = $1'.replace('$1', `'${database}'`),
    )
  ).length > 0;

describe('run PROJECT.flexferry.json', () => {
  test('several databases under other names, with schemas chosen; results beside the file', async () => {
    using folder = cliFolder();
    const result = await runProject(
      folder,
      project([
        { source: 'one', target: 'first' },
        { source: 'two', target: 'zweite Bank', exclude: { schemas: ['aside'] } },
      ]),
    );
    const done = doneOf(result);
    assert.equal(result.code, 0, `${done.fault?.message} ${JSON.stringify(done.findings)}`);
    assert.deepEqual(
      done.tables.map((t) => `${t.database} ${t.schema}.${t.table} ${t.rows} ${t.equal}`).sort(),
      ['one aside.t 0 true', 'one public.t_one 100 true', 'two public.t_two 100 true'],
    );
    assert.equal(done.totals.databases, 2);
    assert.deepEqual(await target.superQuery('zweite Bank', 'SELECT count(*)::int AS n FROM t_two'), [
      { n: 100 },
    ]);
    const beside = join(folder.path, 'move.flexferry');
    assert.deepEqual(readdirSync(beside).sort(), ['ddl', 'generated', 'runs']);
    for (const name of ['one', 'two']) assert.ok(readdirSync(join(beside, 'ddl')).includes(name));
    const [time = ''] = readdirSync(join(beside, 'runs'));
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ/);
    assert.deepEqual(readdirSync(join(beside, 'runs', time)).sort(), [
      'events.jsonl',
      'report.html',
      'report.json',
    ]);
    const report = JSON.parse(readFileSync(join(beside, 'runs', time, 'report.json'), 'utf8')) as Report;
    assert.equal(report.snapshot.name, 'harbour move');
    assert.deepEqual(
      report.databases.map((d) => d.target),
      ['first', 'zweite Bank'],
    );
    // Every database is assessed before the first is touched.
    const order = result.events
      .filter((e) => e.event === 'phase' && e.state === 'done')
      .map((e) => `${e.database} ${e.phase}`);
    assert.ok(order.indexOf('two assess') < order.indexOf('one dump'), order.join());
    await assertNothingLeft(source, target, folder);
  });

  test('one that may not begin keeps all from beginning', async () => {
    using folder = cliFolder();
    await target.createDatabase('occupied');
    await target.query('occupied', 'CREATE TABLE in_the_way ()');
    const databases = [
      { source: 'one', target: 'never_made' },
      { source: 'two', target: 'occupied' },
    ];
    const result = await runProject(folder, project(databases));
    const done = doneOf(result);
    assert.deepEqual([result.code, done.fault?.code, done.state], [3, 'FF202', 'refused']);
    assert.equal(await exists('never_made'), false);
    const consented = await runProject(folder, project(databases), passwords(), ['--yes']);
    assert.equal(consented.code, 0, JSON.stringify(doneOf(consented).findings));
    await assertNothingLeft(source, target, folder);
  });

  test('a password in a connection of the file is taken, but FLEXFERRY_… has the last word', async () => {
    using folder = cliFolder();
    const content = (secret: string) =>
      project([{ source: 'three', target: 'taken' }], {
        source: { connection: `postgresql://mover:${secret}@127.0.0.1:${source.port}/postgres` },
      });
    const { FLEXFERRY_TARGET_PASSWORD = '' } = passwords();
    const taken = await runProject(folder, content('source%20password'), { FLEXFERRY_TARGET_PASSWORD });
    assert.equal(taken.code, 0, JSON.stringify(doneOf(taken).fault));
    const overridden = await runProject(folder, content('wrong'), passwords(), ['--yes']);
    assert.notEqual(doneOf(overridden).fault?.code, 'FF102');
  });

  test('passwords from .pgpass', async () => {
    using folder = cliFolder();
    const file = join(folder.home, '.pgpass');
    writeFileSync(
      file,
      `*:${source.port}:*:mover:${password}\n127.0.0.1:${target.port}:*:flexadmin:${target.admin.password}\n`,
    );
    chmodSync(file, 0o600);
    const result = await runProject(folder, project([{ source: 'three', target: 'by_pgpass' }]), {});
    assert.equal(result.code, 0, doneOf(result).fault?.message);
  });

  test('one of version 1', async () => {
    using folder = cliFolder();
    const databases = [
      {
        source: 'two',
        target: 'by_version_1',
        includeSchemas: ['public', 'aside'],
        excludeSchemas: ['aside'],
      },
    ];
    const result = await runProject(folder, project(databases, { version: 1 }));
    const done = doneOf(result);
    assert.equal(result.code, 0, `${done.fault?.message} ${JSON.stringify(done.findings)}`);
    assert.deepEqual(
      done.tables.map((t) => `${t.schema}.${t.table} ${t.rows} ${t.equal}`),
      ['public.t_two 100 true'],
    );
  });
});

describe('a file that is not right: exit 2, one clear line, nothing done', () => {
  const cases: Readonly<Record<string, { content: () => object | string; code: string; says: RegExp }>> = {
    'no JSON': {
      content: () => '{\n  "version": 2,',
      code: 'FF700',
      says: /move\.flexferry\.json is not JSON: line 2, column 1\d/,
    },
    'an unknown key': {
      content: () => project([{ source: 'one', target: 'x' }], { jobs: 4 }),
      code: 'FF700',
      says: /jobs/,
    },
    'a password in it': {
      content: () =>
        project([{ source: 'one', target: 'x' }], { source: { connection: 'host=h', password: 'geheim' } }),
      code: 'FF700',
      says: /source\.password: .*never kept/,
    },
    'a wrong type': {
      content: () => project([{ source: 'one', target: 7 }]),
      code: 'FF700',
      says: /databases\[0\]\.target/,
    },
    'a newer version': {
      content: () => project([{ source: 'one', target: 'x' }], { version: 3 }),
      code: 'FF701',
      says: /version 3/,
    },
    'one pair twice': {
      content: () =>
        project([
          { source: 'one', target: 'x' },
          { source: 'one', target: 'x' },
        ]),
      code: 'FF704',
      says: /databases\[1\]: .*one goes to x already/,
    },
    'two tables into one': {
      content: () =>
        project([{ source: 'one', target: 'x', tables: { 'a.t': { name: 'u' }, 'a.s': { name: 'u' } } }]),
      code: 'FF704',
      says: /databases\[0\]\.tables\."a\.s"\.name: .*so does a\.t/,
    },
    'a reserved name': {
      content: () => project([{ source: 'one', target: 'x', schemas: { public: 'pg_mine' } }]),
      code: 'FF704',
      says: /databases\[0\]\.schemas\.public: .*reserved/,
    },
    'an over-long name': {
      content: () =>
        project([{ source: 'one', target: 'x', tables: { 'public.t_one': { name: 'ü'.repeat(32) } } }]),
      code: 'FF704',
      says: /64 bytes/,
    },
    'a regular expression that looks around': {
      content: () => project([{ source: 'one', target: 'x', exclude: { tables: ['~/(?=a)b/'] } }]),
      code: 'FF704',
      says: /exclude\.tables\[0\]: .*look-around/,
    },
    'a row filter that names another table': {
      content: () =>
        project([{ source: 'one', target: 'x', tables: { 'public.t_one': { where: 'other.id = 1' } } }]),
      code: 'FF705',
      says: /tables\."public\.t_one"\.where: .*own table/,
    },
    'a connection that cannot be read': {
      content: () =>
        project([{ source: 'one', target: 'x' }], { source: { connection: 'nonsense password=geheim' } }),
      code: 'FF110',
      says: /connection string/,
    },
  };
  for (const [what, { content, code, says }] of Object.entries(cases)) {
    test(what, async () => {
      using folder = cliFolder();
      const result = await runProject(folder, content());
      const done = doneOf(result);
      assert.deepEqual([result.code, done.exitCode, done.state, done.fault?.code], [2, 2, 'refused', code]);
      assert.match(done.fault?.message ?? '', says);
      assert.match(result.stderr, new RegExp(`^${code}: .*\\n {4}.*\\n$`));
      assert.equal(result.events.length, 1);
      assert.ok(!(result.stderr + result.stdout).includes('geheim'));
      assert.ok(!existsSync(join(folder.path, 'move.flexferry')), 'no folder is made');
      assert.equal(await exists('x'), false);
    });
  }
});
