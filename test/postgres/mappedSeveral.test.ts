/** Several databases into one, and one into several. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Report } from '../../src/protocol/report.js';
import {
  assertNothingLeft,
  type CliFolder,
  CliRun,
  cliFolder,
  doneOf,
  poll,
  problemsOf,
} from '../support/flexferry.js';
import { holdGate, untilBlocked } from '../support/gates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let source: TestServer;
let target: TestTwin;

/** Both have the same names; `gate` stops the copy of `gated` on the target while a test holds it. */
const shop = (rows: number, name: string): string => `
  CREATE EXTENSION citext;
  CREATE FUNCTION gate(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(1); RETURN v; END$$;
  CREATE TABLE customers (id serial PRIMARY KEY, mail citext UNIQUE);
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customers, of text DEFAULT '${name}');
  CREATE TABLE gated (id int CHECK (gate(id) = id)); ${name === 'north' ? '' : 'INSERT INTO gated SELECT generate_series(1, 5);'}
  CREATE VIEW mails AS SELECT mail FROM customers;
  INSERT INTO customers (mail) SELECT i || '@${name}' FROM generate_series(1, ${rows}) i; INSERT INTO orders (customer) SELECT id FROM customers;
  ALTER DATABASE ${name} SET work_mem = '${rows}MB'; ALTER DATABASE ${name} SET search_path = public, pg_catalog; COMMENT ON DATABASE ${name} IS 'of ${name}'`;

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  for (const [name, rows] of [
    ['north', 30],
    ['south', 50],
    ['stranger', 10],
  ] as const) {
    await source.createDatabase(name);
    await source.query(name, shop(rows, name));
  }
});
after(() => Promise.all([source?.stop(), target?.stop()]));

function start(
  folder: CliFolder,
  databases: readonly object[],
  args: readonly string[] = [],
  options: object = {},
): CliRun {
  writeFileSync(
    join(folder.path, 'p.flexferry.json'),
    JSON.stringify({
      version: 2,
      name: 'several',
      source: { connection: source.uri() },
      target: { connection: target.uri('postgres').replace(/:[^:@]*@/, '@') },
      databases,
      options: { dumpTool: 'builtin', jobs: 1, ...options },
    }),
  );
  const run = new CliRun(['run', 'p.flexferry.json', '--json', ...args], {
    folder,
    env: { FLEXFERRY_TARGET_PASSWORD: target.admin.password },
    json: false,
  });
  return run;
}

async function run(...args: Parameters<typeof start>) {
  const result = await start(...args).result;
  const events = result.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const done = doneOf({ ...result, events });
  return {
    ...result,
    events,
    done,
    problems: problemsOf(done),
    why: `${done.fault?.code} ${done.fault?.message} ${result.stderr}`,
  };
}

const counts = (database: string, names: readonly string[]): Promise<Record<string, unknown>[]> =>
  target.superQuery(
    database,
    `SELECT ${names.map((n) => `(SELECT count(*)::int FROM ${n}) AS "${n.replaceAll('"', '')}"`).join(', ')}`,
  );

const into = (database: string, north = 'n"orth', south = 'south') => [
  { source: 'north', target: database, schemas: { public: north } },
  { source: 'south', target: database, schemas: { public: south } },
];

describe('two databases into schemas of one', () => {
  test('at once', async () => {
    using folder = cliFolder();
    const { code, done, problems, why } = await run(folder, into('both'));
    assert.deepEqual(problems, [], why);
    assert.equal(code, 0, why);
    assert.deepEqual(await counts('both', ['"n""orth".orders', 'south.orders', '"n""orth".mails']), [
      { 'north.orders': 30, 'south.orders': 50, 'north.mails': 30 },
    ]);
    assert.equal(done.totals.databases, 2);
    // What belongs to the database itself comes from the first alone.
    assert.deepEqual(
      await target.superQuery(
        'both',
        `SELECT current_setting('work_mem') AS w, current_setting('search_path') AS p, shobj_description((SELECT oid FROM pg_database WHERE datname = 'both'), 'pg_database') AS c`,
      ),
      [{ w: '30MB', p: '"n""orth", pg_catalog', c: 'of north' }],
    );
    assert.deepEqual(
      await target.superQuery('both', `INSERT INTO south.orders (customer) VALUES (1) RETURNING id::int, of`),
      [{ id: 51, of: 'south' }],
    );
    assert.deepEqual(readdirSync(join(folder.path, 'p.flexferry/ddl')).sort(), ['north', 'south']);
    await assertNothingLeft(source, target, folder);
  });

  test('killed in the second; names may not change; a stranger is refused; resumed', async () => {
    using folder = cliFolder();
    await target.createDatabase('killed');
    await kill(folder, 'killed');
    const [before] = await target.superQuery(
      'killed',
      `SELECT 'n"orth.orders'::text, pg_relation_filenode('"n""orth".orders') AS f`,
    );

    using elsewhere = cliFolder();
    const stranger = await run(
      elsewhere,
      [{ source: 'stranger', target: 'killed', schemas: { public: 'other' } }],
      ['--yes'],
    );
    assert.deepEqual([stranger.code, stranger.done.fault?.code], [3, 'FF210'], stranger.why);
    // Also beside one of the two alone: the other's checkpoints are a stranger's then.
    const alone = await run(folder, into('killed').slice(0, 1), ['--yes']);
    assert.deepEqual([alone.code, alone.done.fault?.code], [3, 'FF210'], alone.why);

    const objects = await everything('killed');
    for (const other of [
      into('killed', 'n"orth', 'sud'),
      into('killed', 'nord'),
      into('killed').map((d) => ({ ...d, tables: { 'public.orders': { name: 'o' } } })),
      into('killed').map((d) => ({ ...d, renameOwned: true })),
    ]) {
      const renamed = await run(folder, other);
      assert.deepEqual([renamed.code, renamed.done.fault?.code], [3, 'FF216'], renamed.why);
      assert.deepEqual(await everything('killed'), objects);
    }

    const resumed = await run(folder, into('killed'));
    assert.deepEqual(resumed.problems, [], resumed.why);
    assert.equal(resumed.code, 0, resumed.why);
    assert.deepEqual(await counts('killed', ['"n""orth".orders', 'south.orders', 'south.gated']), [
      { 'north.orders': 30, 'south.orders': 50, 'south.gated': 5 },
    ]);
    const [after] = await target.superQuery(
      'killed',
      `SELECT 'n"orth.orders'::text, pg_relation_filenode('"n""orth".orders') AS f`,
    );
    assert.deepEqual(after, before, 'copied again');
    await assertNothingLeft(source, target, folder);
  });

  test('--restart takes back what both made, under other names, and nothing else', async () => {
    for (const shared of [false, true]) {
      using folder = cliFolder();
      const database = `restarted ${shared}`;
      await target.createDatabase(database);
      await target.query(
        database,
        `CREATE SCHEMA mine; CREATE TABLE mine.t (id int); INSERT INTO mine.t VALUES (1)`,
      );
      // Both in one schema: what the second made stands in what the first made.
      const names = shared
        ? [
            { 'public.orders': { schema: 'all', name: 'n_orders' } },
            { 'public.orders': { schema: 'all', name: 's_orders' } },
          ]
        : [{}, {}];
      const databases = into(database).map((d, i) => ({ ...d, tables: names[i], renameOwned: true }));
      await kill(folder, database, databases, ['--yes']);
      const again = await run(
        folder,
        into(database, 'one', 'two').map((d, i) => ({ ...d, tables: names[i], renameOwned: true })),
        ['--restart', '--yes'],
      );
      assert.deepEqual(again.problems, [], again.why);
      assert.equal(again.code, 0, again.why);
      const there = await target.superQuery<{ n: string }>(
        database,
        `SELECT nspname AS n FROM pg_namespace WHERE nspname !~ '^(pg_|information)' ORDER BY 1`,
      );
      assert.deepEqual(
        there.map((r) => r.n),
        [...(shared ? ['all'] : []), 'mine', 'one', 'public', 'two'],
      );
      assert.deepEqual(await counts(database, ['mine.t', shared ? '"all".s_orders' : 'two.orders']), [
        { 'mine.t': 1, [shared ? 'all.s_orders' : 'two.orders']: 50 },
      ]);
    }
  });

  test('both into one schema: a name that both have is refused before anything begins', async () => {
    using folder = cliFolder();
    for (const databases of [
      into('one schema', 'shop', 'shop'),
      [{ source: 'north', target: 'one schema', tables: { 'public.gated': { name: 'mails' } } }],
    ]) {
      const { code, done, why } = await run(folder, databases);
      assert.deepEqual([code, done.fault?.code], [3, 'FF704'], why);
      assert.match(
        done.fault?.message ?? '',
        /public\.\w+ of north.* both become (shop\.\w+|public\.mails) of one schema/,
      );
      assert.deepEqual(
        await target.superQuery('postgres', `SELECT FROM pg_database WHERE datname = 'one schema'`),
        [],
      );
    }
  });

  /** Kills a run whose first database is through and whose second stands in its copy. */
  async function kill(
    folder: CliFolder,
    database: string,
    databases: readonly object[] = into(database),
    args: readonly string[] = [],
  ): Promise<void> {
    await using gate = await holdGate(target, database, 1);
    const killed = start(folder, databases, args);
    try {
      await untilBlocked(target, 'the copy of the second database');
      assert.ok(killed.stdout.includes('"database":"south"'));
    } finally {
      killed.child.kill('SIGKILL');
      await killed.result;
      await gate.release();
    }
    await poll(
      async () =>
        (
          await target.superQuery(
            'postgres',
            `SELECT FROM pg_stat_activity WHERE application_name LIKE 'flexferry%'`,
          )
        ).length === 0,
      'the end of its sessions',
    );
  }
  const everything = (database: string): Promise<unknown[]> =>
    target.superQuery(
      database,
      `SELECT relnamespace::regnamespace::text || '.' || relname AS r, relfilenode FROM pg_class WHERE oid > 16383 AND relnamespace::regnamespace::text !~ '^pg_' ORDER BY 1`,
    );
});

describe('one database into two', () => {
  test('folders, events and the report tell them apart', async () => {
    using folder = cliFolder();
    await source.createDatabase('wide');
    await source.query(
      'wide',
      `CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id serial PRIMARY KEY); CREATE TABLE b.t (id serial PRIMARY KEY); INSERT INTO a.t SELECT FROM generate_series(1, 3); INSERT INTO b.t SELECT FROM generate_series(1, 7); SELECT lo_from_bytea(0, 'x')`,
    );
    const databases = [
      { source: 'wide', target: 'part a', exclude: { schemas: ['b'] } },
      { source: 'wide', target: 'part b', include: { schemas: ['b'] }, schemas: { b: 'public' } },
    ];
    const { code, done, problems, why, events } = await run(folder, databases);
    assert.deepEqual(problems, [], why);
    assert.equal(code, 0, why);
    assert.deepEqual(await counts('part a', ['a.t']), [{ 'a.t': 3 }]);
    assert.deepEqual(await counts('part b', ['public.t']), [{ 'public.t': 7 }]);
    assert.deepEqual(done.tables.map((t) => [t.database, t.schema, t.rows]).sort(), [
      ['wide → part a', 'a', 3],
      ['wide → part b', 'b', 7],
    ]);
    const keys = new Set(events.filter((e) => e.event === 'phase').map((e) => e.database));
    assert.deepEqual([...keys], ['wide → part a', 'wide → part b']);
    const beside = join(folder.path, 'p.flexferry');
    assert.equal(readdirSync(join(beside, 'ddl')).length, 2);
    for (const part of readdirSync(join(beside, 'ddl'))) {
      const sql = readFileSync(join(beside, 'ddl', part, 'pre-data.sql'), 'utf8');
      assert.match(sql, /part%20a$/.test(part) ? /CREATE TABLE a\.t/ : /CREATE TABLE public\.t/, part);
      assert.ok(existsSync(join(beside, 'generated', part, 'context.json')));
    }
    const [time = ''] = readdirSync(join(beside, 'runs'));
    const report = JSON.parse(readFileSync(join(beside, 'runs', time, 'report.json'), 'utf8')) as Report;
    assert.deepEqual(
      report.databases.map((d) => d.target),
      ['part a', 'part b'],
    );
    await assertNothingLeft(source, target, folder);
  });

  test('one database offline, another online in the same run, until a position', async () => {
    using folder = cliFolder();
    const databases = [
      { source: 'wide', target: 'beside 1' },
      { source: 'north', target: 'beside 2', mode: 'online' },
    ];
    const { code, done, problems, events, why } = await run(folder, databases, ['--endpos', 'current']);
    assert.deepEqual([code, problems], [0, []], why);
    const followed = events.filter(({ event }) => event === 'follow').map(({ database }) => database);
    assert.deepEqual([...new Set(followed)], ['north']);
    assert.ok(done.tables.every(({ equal }) => equal === true));
    assert.deepEqual(await counts('beside 2', ['customers', 'orders']), [{ customers: 30, orders: 30 }]);
    assert.deepEqual(await source.query('postgres', 'SELECT FROM pg_replication_slots'), []);
    assert.deepEqual(await source.query('north', 'SELECT FROM pg_publication'), []);
  });
});
