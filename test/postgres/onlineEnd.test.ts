import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliRun, doneOf, runCli } from '../support/flexferry.js';
import { assertSucceeded, clone, startClone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;

before(async () => {
  source = await startServer({ major: 13, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const schema = `CREATE TABLE orders (id serial PRIMARY KEY, state text, amount numeric);
  CREATE TABLE lines (id int PRIMARY KEY, note text); CREATE TABLE log (at int); CREATE TABLE still (id int PRIMARY KEY);
  INSERT INTO orders (state, amount) SELECT 'new', i FROM generate_series(1, 2000) i;
  INSERT INTO lines SELECT i, 'n' || i FROM generate_series(1, 2000) i; INSERT INTO still VALUES (1)`;

async function fresh(): Promise<string> {
  const database = await source.createDatabase();
  await source.query(database, schema);
  await target.createDatabase(database);
  return database;
}

const nothingLeft = async (database: string): Promise<void> => {
  assert.deepEqual(await source.query('postgres', 'SELECT slot_name FROM pg_replication_slots'), []);
  assert.deepEqual(await source.query(database, 'SELECT pubname FROM pg_publication'), []);
  assert.deepEqual(
    await target.query(database, "SELECT nspname FROM pg_namespace WHERE nspname = 'flexferry'"),
    [],
  );
};

test('--endpos current, written to all the time: exactly as of one moment, verified', async () => {
  const database = await fresh();
  const client = await source.connect(database);
  let stop = false;
  const writer = (async () => {
    for (let i = 0; !stop; i++)
      await client.query(
        `BEGIN; INSERT INTO orders (state) VALUES ('w'); UPDATE orders SET amount = ${i} WHERE id = ${1 + (i % 100)}; INSERT INTO log VALUES (${i}); COMMIT`,
      );
    await client.end();
  })();
  const result = await clone(source.uri(database), target.uri(database), ['--online', '--endpos', 'current']);
  stop = true;
  await writer;
  const done = assertSucceeded(result);
  assert.equal(done.tables.length, 4);
  const [log] = await target.query<{ n: number; last: number }>(
    database,
    'SELECT count(*)::int AS n, max(at) AS last FROM log',
  );
  assert.equal(log?.n, (log?.last ?? 0) + 1, 'no gap, no half of a transaction');
  await nothingLeft(database);
});

test('--endpos LSN: nothing behind it is applied, and everything is compared although the source went on', async () => {
  const database = await fresh();
  const run = startClone(source.uri(database), target.uri(database), ['--online'], (event) => {
    if (event.event === 'follow' && event.state === 'following') run.child.kill('SIGINT');
  });
  assert.equal((await run.ended).exitCode, 4);
  await source.query(
    database,
    `UPDATE orders SET state = 'before' WHERE id <= 500; DELETE FROM lines WHERE id > 1900`,
  );
  const [{ lsn } = { lsn: '' }] = await source.query<{ lsn: string }>(
    database,
    'SELECT pg_current_wal_lsn()::text AS lsn',
  );
  const before = await source.query(database, 'SELECT * FROM orders ORDER BY id');
  await source.query(
    database,
    `UPDATE orders SET state = 'behind', id = id + 10000 WHERE id <= 700; TRUNCATE lines; INSERT INTO log VALUES (1)`,
  );
  const done = assertSucceeded(
    await clone(source.uri(database), target.uri(database), ['--online', '--endpos', lsn]),
  );
  assert.ok(done.tables.every((table) => table.equal === true));
  assert.deepEqual(await target.query(database, 'SELECT * FROM orders ORDER BY id'), before);
  assert.deepEqual(await target.query(database, 'SELECT count(*)::int AS n FROM lines'), [{ n: 1900 }]);
  assert.deepEqual(await target.query(database, 'SELECT * FROM log'), []);
  await nothingLeft(database);
});

test('--endpos LSN before the base copy: said with the position of the snapshot, and no success', async () => {
  const database = await fresh();
  const positions = 'SELECT pg_current_wal_lsn()::text AS lsn';
  const [{ lsn } = { lsn: '' }] = await source.query<{ lsn: string }>(database, positions);
  await source.query(database, `INSERT INTO log VALUES (1)`);
  const pair = ['--source', source.uri(database), '--target', target.uri(database)];
  const ended = async (endpos: string) => {
    const result = await runCli(['clone', ...pair, '--online', '--endpos', endpos]);
    const done = doneOf(result);
    return { code: result.code, done, found: done.findings.filter(({ code }) => code === 'FF898') };
  };
  const first = await ended(lsn);
  assert.deepEqual([first.code, first.done.state, first.found.length], [1, 'incomplete', 1]);
  const [{ startLsn } = { startLsn: '' }] = await target.query<{ startLsn: string }>(
    database,
    'SELECT start_lsn::text AS "startLsn" FROM flexferry.follow',
  );
  assert.match(
    first.found[0]?.message ?? '',
    new RegExp(`end position ${lsn} .* snapshot of the base copy, taken at ${startLsn}: .* newer`),
  );
  assert.deepEqual(await target.query(database, 'SELECT * FROM log'), [{ at: 1 }], 'it is newer');
  assert.ok(first.done.tables.every((table) => table.equal === true));
  await source.query(database, `INSERT INTO log VALUES (2)`);
  const [{ lsn: later } = { lsn: '' }] = await source.query<{ lsn: string }>(database, positions);
  const run = new CliRun(['clone', ...pair, '--online']);
  await run.until((event) => event.event === 'progress' && event.phase === 'follow', 'following');
  await source.query(database, `INSERT INTO log VALUES (3)`);
  for (let n = 0; n < 3; await sleep(50)) n = (await target.query(database, 'SELECT * FROM log')).length;
  run.child.kill('SIGINT');
  assert.equal((await run.result).code, 4);
  const second = await ended(later);
  assert.equal(second.code, 1);
  assert.match(second.found[0]?.message ?? '', /what a former run applied/);
  const third = await ended('current');
  assert.deepEqual([third.code, third.found], [0, []]);
  await nothingLeft(database);
});

test('follow --skip-copy: a slot and a publication of the user, into tables that are there; they stay', async () => {
  const database = await fresh();
  await target.query(database, schema);
  await source.query(database, 'CREATE PUBLICATION mine FOR ALL TABLES');
  await source.query(database, `SELECT pg_create_logical_replication_slot('mine', 'pgoutput')`);
  await source.query(
    database,
    `UPDATE orders SET state = 'x' WHERE id < 10; INSERT INTO log VALUES (1), (2)`,
  );
  const follow = (): ReturnType<typeof runCli> =>
    runCli([
      'follow',
      '--source',
      source.uri(database),
      '--target',
      target.uri(database),
      '--skip-copy',
      '--slot',
      'mine',
      '--publication',
      'mine',
      '--endpos',
      'current',
    ]);
  const first = await follow();
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const rows = 'SELECT * FROM orders ORDER BY id';
  assert.deepEqual(await target.query(database, rows), await source.query(database, rows));
  await source.query(database, 'DELETE FROM orders WHERE id % 2 = 0');
  const second = await follow();
  assert.equal(second.code, 0, second.stdout + second.stderr);
  assert.deepEqual(await target.query(database, rows), await source.query(database, rows));
  assert.deepEqual(await source.query('postgres', 'SELECT slot_name FROM pg_replication_slots'), [
    { slot_name: 'mine' },
  ]);
  await source.query(database, `SELECT pg_drop_replication_slot('mine')`);
});

test('follow --skip-copy: wrong names leave nothing; follow alone goes on with the slot of the user', async () => {
  const database = await source.createDatabase();
  await target.createDatabase(database);
  for (const server of [source, target])
    await server.query(database, 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE unpublished (id int)');
  await source.query(database, 'CREATE PUBLICATION mine FOR TABLE t');
  await source.query(database, `SELECT pg_create_logical_replication_slot('mine', 'pgoutput')`);
  await source.query('postgres', `SELECT pg_create_logical_replication_slot('others', 'pgoutput')`);
  await source.query(database, 'INSERT INTO t VALUES (1)');
  const pair = ['--source', source.uri(database), '--target', target.uri(database)];
  const follow = (slot: string, publication: string) =>
    runCli(['follow', ...pair, '--skip-copy', '--slot', slot, '--publication', publication]);
  for (const [slot, publication, code] of [
    ['nothing', 'mine', 'FF800'],
    ['others', 'mine', 'FF800'],
    ['mine', 'nothing', 'FF807'],
  ] as const) {
    const { fault, state } = doneOf(await follow(slot, publication));
    assert.deepEqual([state, fault?.code], ['refused', code]);
    assert.match(fault?.fix ?? '', /SELECT .* FROM pg_/);
  }
  const run = new CliRun(['follow', ...pair, '--skip-copy', '--slot', 'mine', '--publication', 'mine']);
  await run.until((event) => event.event === 'progress' && event.phase === 'follow', 'following');
  run.child.kill('SIGINT');
  assert.equal((await run.result).code, 4);
  await source.query(database, 'INSERT INTO t VALUES (2); INSERT INTO unpublished VALUES (1)');
  assert.equal(doneOf(await runCli(['clone', '--online', ...pair])).fault?.code, 'FF210');
  const alone = await runCli(['follow', ...pair, '--endpos', 'current']);
  assert.equal(alone.code, 0, alone.stdout + alone.stderr);
  assert.deepEqual(await target.query(database, 'SELECT id FROM t ORDER BY id'), [{ id: 1 }, { id: 2 }]);
  assert.deepEqual(await target.query(database, 'SELECT * FROM unpublished'), []);
  assert.deepEqual(await source.query(database, 'SELECT pubname FROM pg_publication'), [{ pubname: 'mine' }]);
  for (const [of, slot] of [
    [database, 'mine'],
    ['postgres', 'others'],
  ] as const)
    await source.query(of, `SELECT pg_drop_replication_slot('${slot}')`);
});

test('a table that is truncated between the snapshot and its copy is copied as of a later moment', async () => {
  const database = await fresh();
  const more = Array.from({ length: 300 }, (_, i) => `CREATE TABLE more_${i} (id int PRIMARY KEY)`).join(
    '; ',
  );
  await source.query(database, more);
  let truncated: Promise<unknown> = Promise.resolve();
  const run = startClone(
    source.uri(database),
    target.uri(database),
    ['--online', '--endpos', 'current'],
    (event) => {
      // The dump has locked every table until now.
      if (event.event === 'phase' && event.phase === 'preData' && event.state === 'running')
        truncated = source.query(
          database,
          `UPDATE orders SET state = 'seen by nobody'; TRUNCATE orders; INSERT INTO orders (state) VALUES ('a'), ('b'); TRUNCATE lines`,
        );
    },
  );
  const result = await run.ended;
  await truncated;
  const done = assertSucceeded(result);
  assert.equal(done.tables.length, 304);
  const again = result.events.some((e) => e.event === 'log' && e.message.includes('copied again'));
  assert.ok(again, 'it happened between');
  const rows = 'SELECT * FROM orders ORDER BY id';
  assert.deepEqual(await target.query(database, rows), await source.query(database, rows));
  await nothingLeft(database);
});
