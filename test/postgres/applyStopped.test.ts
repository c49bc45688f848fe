import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { poll } from '../support/flexferry.js';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `stopped_${++made}`;
const t = { schema: 'public', name: 't' };

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const schema = 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY)';
const waiting = (f: TestFollow): number | undefined => f.follower.tables?.stopped[0]?.stopped?.waiting;
const parked = async (f: TestFollow): Promise<number> =>
  Number((await f.onTarget<{ count: string }>('SELECT count(*) FROM flexferry.parked'))[0]?.count);

describe('a table that cannot go on', () => {
  test('stops with a hashed key, others go on, retry and skip take it up again', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    await f.change(`INSERT INTO t VALUES (1, 'secret one'), (2, 'b')`);
    await f.onTarget(`INSERT INTO t VALUES (3, 'in the way')`);
    await f.change(
      `BEGIN; UPDATE t SET v = 'c' WHERE id = 2; INSERT INTO t VALUES (3, 'secret three'); INSERT INTO other VALUES (1); UPDATE t SET v = 'd' WHERE id = 3; COMMIT`,
      `INSERT INTO t VALUES (4, 'four'); INSERT INTO other VALUES (2)`,
    );
    await f.untilStopped('public.t');
    const [stopped] = f.follower.tables?.stopped ?? [];
    assert.equal(stopped?.stopped?.fault.code, 'FF815');
    assert.equal(stopped?.stopped?.waiting, 3);
    assert.ok(!JSON.stringify(stopped.stopped).includes('secret'));
    await f.rows('SELECT * FROM other ORDER BY 1');
    assert.deepEqual(await f.onTarget('SELECT v FROM t WHERE id = 2'), [{ v: 'c' }]);
    // It is still stopped after a new start.
    await f.stop();
    f.run();
    await f.change(`INSERT INTO t VALUES (5, 'five')`);
    assert.equal(waiting(f), 4);
    f.follower.retry(t, false);
    await f.change('INSERT INTO other VALUES (3)');
    assert.equal(f.follower.tables?.stopped.length, 1);
    f.follower.retry(t, true);
    await f.untilGoingOn('public.t');
    await f.change(`UPDATE t SET v = 'last' WHERE id = 5`);
    await f.rows('SELECT * FROM t ORDER BY id');
    assert.equal(await parked(f), 0);
  });

  test('a row that is missing on the target is no silent gap', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `${schema}; INSERT INTO t SELECT i FROM generate_series(1, 5) i`,
    });
    await f.onTarget('DELETE FROM t WHERE id = 3');
    await f.change(`UPDATE t SET v = 'x'`);
    assert.deepEqual(f.stops, { 'public.t': 'FF814' });
    await f.onTarget('INSERT INTO t VALUES (3)');
    f.follower.retry(t, false);
    await f.untilGoingOn('public.t');
    await f.rows('SELECT * FROM t ORDER BY id');
  });

  test('what waits is taken up in pieces, also of large rows; one in the midst stops it again', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    await f.onTarget(`INSERT INTO t VALUES (0, 'in the way'), (15000, 'in the way'), (27000, 'in the way')`);
    await f.change(
      `INSERT INTO t VALUES (0)`,
      `BEGIN; INSERT INTO t SELECT i, 'v' FROM generate_series(1, 25000) i; INSERT INTO other VALUES (1); COMMIT`,
      `INSERT INTO t SELECT i, repeat('large', 200000) FROM generate_series(25001, 25020) i`,
      `UPDATE t SET v = 'w' WHERE id BETWEEN 20000 AND 25010; INSERT INTO t VALUES (27000)`,
    );
    assert.equal(waiting(f), 30_033);
    assert.equal(await parked(f), 30_033);
    f.follower.retry(t, true);
    await poll(() => waiting(f) === 15_033, 'the first piece is taken up');
    // All of the transaction before it is applied, in two pieces, and nothing behind it.
    assert.deepEqual(await f.onTarget('SELECT count(*)::int, max(id) FROM t WHERE id < 15000'), [
      { count: 15000, max: 14999 },
    ]);
    assert.match(f.follower.tables?.stopped[0]?.stopped?.fault.message ?? '', /insert of the row/);
    assert.equal(await parked(f), 15_033);
    await f.stop();
    f.run();
    await f.change('INSERT INTO other VALUES (2)');
    assert.equal(waiting(f), 15_033);
    await f.onTarget('DELETE FROM t WHERE id = 15000');
    f.follower.retry(t, false);
    await poll(() => waiting(f) === 1, 'all but the last are taken up');
    f.follower.retry(t, true);
    await f.untilGoingOn('public.t');
    await f.rows(`SELECT count(*), sum(length(v)), count(DISTINCT v) FROM t WHERE id NOT IN (0, 27000)`);
    assert.equal(await parked(f), 0);
  });

  test('several tables in one batch, in several lanes, and in the midst of a transaction larger than a batch', async () => {
    const tables = ['a', 'b', 'c', 'd', 'e'];
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      lanes: 2,
      schema: tables.map((table) => `CREATE TABLE ${table} (id int PRIMARY KEY, v text)`).join('; '),
      onTarget: `INSERT INTO a VALUES (3, 'in the way'); INSERT INTO b VALUES (7, 'in the way'); INSERT INTO c VALUES (5999, 'in the way')`,
    });
    const each = (sql: (table: string) => string): string => tables.map(sql).join('; ');
    await f.change(
      each((table) => `INSERT INTO ${table} VALUES (1), (2), (3), (4)`),
      `BEGIN; ${each((table) => `INSERT INTO ${table} SELECT i FROM generate_series(5, 6000) i; UPDATE ${table} SET v = 'x' WHERE id < 10`)}; DELETE FROM e WHERE id % 2 = 0; COMMIT`,
      each((table) => `INSERT INTO ${table} VALUES (40000)`),
    );
    assert.deepEqual(f.stops, { 'public.a': 'FF815', 'public.b': 'FF815', 'public.c': 'FF815' });
    const stopped = Object.fromEntries(
      (f.follower.tables?.stopped ?? []).map((one) => [one.name, one.stopped?.waiting]),
    );
    assert.deepEqual(stopped, { a: 2 + 5_996 + 9 + 1, b: 5_994 + 9 + 1, c: 2 + 9 + 1 });
    for (const table of ['d', 'e']) await f.rows(`SELECT count(*), sum(id), count(v) FROM ${table}`);
    assert.deepEqual(await f.onTarget('SELECT id FROM a WHERE v IS NULL'), [{ id: 1 }, { id: 2 }]);
    await f.onTarget(
      `DELETE FROM a WHERE v = 'in the way'; DELETE FROM b WHERE v = 'in the way'; DELETE FROM c WHERE v = 'in the way'`,
    );
    for (const table of ['a', 'b', 'c']) f.follower.retry({ schema: 'public', name: table }, false);
    for (const table of ['a', 'b', 'c']) await f.untilGoingOn(`public.${table}`);
    for (const table of tables) await f.rows(`SELECT count(*), sum(id), count(v) FROM ${table}`);
    assert.equal(await parked(f), 0);
  });

  test('or the run stops, by choice, with nothing of the batch applied', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema,
      options: { onFailure: 'run' },
      onTarget: `INSERT INTO t VALUES (2, 'in the way')`,
    });
    await source.query(
      f.setup.database,
      'BEGIN; INSERT INTO other VALUES (1); INSERT INTO t VALUES (1), (2); COMMIT',
    );
    await assert.rejects(f.ended, { code: 'FF815', fix: /Nothing of it was applied\. .* same command/ });
    assert.deepEqual(await f.onTarget('SELECT id FROM t UNION ALL SELECT id FROM other'), [{ id: 2 }]);
    f.run();
    await assert.rejects(f.ended, { code: 'FF815' });
    await f.onTarget('DELETE FROM t');
    f.run();
    await f.caughtUp();
    await f.rows('SELECT id FROM t UNION ALL SELECT id FROM other ORDER BY 1');
    await source.query(
      f.setup.database,
      'ALTER TABLE t ADD n int; INSERT INTO t VALUES (3, NULL, 4); INSERT INTO other VALUES (2)',
    );
    await assert.rejects(f.ended, {
      code: 'FF816',
      fix: /ALTER TABLE "public"\."t" ADD COLUMN "n" integer;/,
    });
    await f.onTarget('ALTER TABLE t ADD n int');
    f.run();
    await f.caughtUp();
    for (const table of ['t', 'other']) await f.rows(`SELECT * FROM ${table} ORDER BY 1`);
  });
});

describe('trouble of the target', () => {
  /** Raises an error with this SQLSTATE for so many rows, whatever becomes of the transaction. */
  const trouble = (state: string, times: number): string => `CREATE SEQUENCE met;
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('public.met') <= ${times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER trouble BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trouble(); ALTER TABLE t ENABLE ALWAYS TRIGGER trouble`;

  for (const [state, times] of [
    ['55P03', 2],
    ['40001', 1],
    ['53200', 1],
  ] as const)
    test(`${state} passes`, async () => {
      await using f = await TestFollow.start({
        source,
        target,
        database: name(),
        schema,
        onTarget: trouble(state, times),
      });
      await f.change(
        `BEGIN; INSERT INTO other SELECT generate_series(1, 21000); INSERT INTO t VALUES (1); COMMIT`,
      );
      assert.deepEqual(f.stops, {});
      for (const table of ['t', 'other']) await f.rows(`SELECT count(*) FROM ${table}`);
      // Within a larger transaction only what cannot be tried again costs the connection.
      assert.equal(f.messages.length, state === '40001' || state === '53200' ? times : 0);
    });

  for (const [state, code] of [
    ['53100', 'FF502'],
    ['25006', 'FF503'],
  ] as const)
    test(`${state} ends the run; it goes on where it was`, async () => {
      await using f = await TestFollow.start({
        source,
        target,
        database: name(),
        schema,
        onTarget: trouble(state, 1),
      });
      await source.query(f.setup.database, 'INSERT INTO other VALUES (1); INSERT INTO t VALUES (1)');
      await assert.rejects(f.ended, { code });
      f.run();
      await f.caughtUp();
      for (const table of ['t', 'other']) await f.rows(`SELECT * FROM ${table}`);
    });

  test('a lock that somebody holds, and a deadlock', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `${schema}; INSERT INTO t SELECT i FROM generate_series(1, 9) i; INSERT INTO other SELECT i FROM generate_series(1, 9) i`,
    });
    const user = await target.connect(f.setup.database);
    await user.query('BEGIN; LOCK TABLE other');
    await source.query(
      f.setup.database,
      `BEGIN; UPDATE t SET v = 'x'; DELETE FROM other WHERE id = 1; COMMIT`,
    );
    await poll(
      async () => (await f.onTarget(`SELECT FROM pg_locks WHERE NOT granted`)).length > 0,
      'the apply waits',
    );
    // Ours holds the rows of t: one of both has to give up.
    const won = await user.query(`SET deadlock_timeout = '5s'; UPDATE t SET v = 'user'; COMMIT`).then(
      () => true,
      () => false,
    );
    assert.ok(won);
    await user.end();
    await f.caughtUp();
    for (const table of ['t', 'other']) await f.rows(`SELECT * FROM ${table} ORDER BY 1`);
    assert.deepEqual(f.stops, {});
  });
});
