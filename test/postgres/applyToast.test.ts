import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `toast_${++made}`;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** Of this table too large to stay in the row, so that updates of other columns do not send them again. */
const external = (table: string, ...columns: string[]): string =>
  columns.map((column) => `ALTER TABLE ${table} ALTER ${column} SET STORAGE EXTERNAL`).join('; ');
const big = (seed: string): string => `repeat('b', 4000) || ${seed}`;

describe('large values that are not sent', () => {
  test('beside keys that change, in keys, with REPLICA IDENTITY FULL, beside identities', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `
        CREATE TABLE k (a text, b int, v text, n int, PRIMARY KEY (a, b)); ${external('k', 'a', 'v')};
        INSERT INTO k SELECT repeat('k', 2200) || i, i, ${big('i')}, 0 FROM generate_series(1, 6) i;
        CREATE TABLE s (a text PRIMARY KEY, n int); ${external('s', 'a')};
        INSERT INTO s SELECT repeat('s', 2200) || i, 0 FROM generate_series(1, 4) i;
        CREATE TABLE f (a int, v text, n int); ${external('f', 'v')}; ALTER TABLE f REPLICA IDENTITY FULL;
        INSERT INTO f SELECT i % 2, ${big('i % 2')}, 0 FROM generate_series(1, 6) i;
        CREATE TABLE g (id int PRIMARY KEY, v text, n int); ${external('g', 'v')}; ALTER TABLE g REPLICA IDENTITY FULL;
        INSERT INTO g SELECT i, ${big('i')}, 0 FROM generate_series(1, 6) i;
        CREATE TABLE i (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text, m int);
        ${external('i', 'v')}; INSERT INTO i (v, m) SELECT ${big('i')}, 0 FROM generate_series(1, 6) i`,
      onTarget: `ALTER TABLE k ADD kept text DEFAULT 'no'; UPDATE k SET kept = 'yes'; ALTER TABLE i ADD kept text DEFAULT 'no'; UPDATE i SET kept = 'yes'`,
    });
    await f.change(
      `BEGIN; UPDATE k SET n = 1; UPDATE k SET b = b + 10 WHERE b > 3; UPDATE k SET n = 2 WHERE b IN (1, 14); UPDATE k SET v = 'v' WHERE b = 15; COMMIT`,
      `UPDATE k SET a = 'short' WHERE b = 2`,
      'BEGIN; UPDATE s SET n = n + 1; UPDATE s SET a = a || $$x$$ WHERE right(a, 1) = $$2$$; COMMIT',
      'UPDATE f SET n = 1 WHERE ctid IN (SELECT ctid FROM f WHERE a = 1 LIMIT 2)',
      'BEGIN; UPDATE g SET n = 1; UPDATE g SET id = id + 10 WHERE id > 4; UPDATE g SET n = 2 WHERE id > 14; DELETE FROM g WHERE id = 1; COMMIT',
      'UPDATE i SET m = 1 WHERE id = 1; UPDATE i SET n = DEFAULT WHERE id = 2; UPDATE i SET id = DEFAULT WHERE id = 3',
      'BEGIN; UPDATE i SET m = 5 WHERE id = 4; UPDATE i SET m = 6, id = DEFAULT WHERE id = 4; COMMIT',
    );
    await f.rows('SELECT md5(a), b, md5(v), n FROM k ORDER BY b');
    await f.rows('SELECT md5(a), n FROM s ORDER BY a');
    await f.rows('SELECT a, md5(v), n FROM f ORDER BY 1, 2, 3');
    await f.rows('SELECT id, md5(v), n FROM g ORDER BY id');
    await f.rows('SELECT id, n, md5(v), m FROM i ORDER BY id');
    // What the target alone has of a row stays with it, whatever becomes of its key.
    assert.deepEqual(await f.onTarget(`SELECT kept, count(*)::int FROM k GROUP BY 1`), [
      { kept: 'yes', count: 6 },
    ]);
    assert.deepEqual(await f.onTarget(`SELECT kept, count(*)::int FROM i GROUP BY 1`), [
      { kept: 'yes', count: 6 },
    ]);
    assert.equal(f.failure, undefined);
  });

  test('of a row that comes into the filter of the publication: its table stops', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL, n text); ${external('t', 'v', 'n')}; CREATE TABLE other (id int PRIMARY KEY)`,
      publication: 'CREATE PUBLICATION pub FOR TABLE t WHERE (id > 10), other',
    });
    await f.change(
      `INSERT INTO t SELECT i, ${big('i')}, ${big('i')} FROM generate_series(1, 14) i`,
      // Out of it, into it with all values, into it without the large ones.
      `UPDATE t SET id = 0 WHERE id = 14; UPDATE t SET id = 20, v = 'v', n = NULL WHERE id = 1`,
      'BEGIN; INSERT INTO other VALUES (1); UPDATE t SET id = 12 + 9 WHERE id = 12; UPDATE t SET id = 30 WHERE id = 2; INSERT INTO other VALUES (2); COMMIT',
      `UPDATE t SET v = 'after' WHERE id = 30; INSERT INTO other VALUES (3)`,
    );
    const [stopped] = f.follower.tables?.stopped ?? [];
    assert.equal(stopped?.stopped?.fault.code, 'FF870');
    assert.match(
      stopped.stopped.fault.message,
      /public\.t: the insert of the row with the key hash [0-9a-f]{12} /,
    );
    assert.equal(stopped.stopped.waiting, 2);
    assert.deepEqual(await f.onTarget('SELECT id FROM t ORDER BY 1'), [
      { id: 11 },
      { id: 13 },
      { id: 20 },
      { id: 21 },
    ]);
    await f.rows('SELECT * FROM other ORDER BY 1');
    // A retry finds the same; so does a new start.
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.change('INSERT INTO other VALUES (4)');
    await f.stop();
    f.run();
    await f.change('INSERT INTO other VALUES (5)');
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.change('INSERT INTO other VALUES (6)');
    assert.deepEqual(f.stops, { 'public.t': 'FF870' });
    assert.equal(f.follower.tables?.stopped[0]?.stopped?.waiting, 2);
    // As the message says: the row by hand, then without the change.
    await f.onTarget(`INSERT INTO t SELECT 30, ${big('2')}, ${big('2')}`);
    f.follower.retry({ schema: 'public', name: 't' }, true);
    await f.untilGoingOn('public.t');
    await f.change('UPDATE t SET n = NULL WHERE id = 30');
    const kept = 'SELECT id, md5(v) AS v, md5(n) AS n FROM t WHERE id > 10 ORDER BY id';
    assert.deepEqual(await f.onTarget(kept), await source.query(f.setup.database, kept));
  });

  test('with a filter that the target applies', async () => {
    const database = name();
    await using f = await TestFollow.start({
      source,
      target,
      database,
      filters: {
        'public.t': `t.b > 10 AND "public".t."weird ""name""" IS NULL`,
        'public.u': `length(big) < 4003`,
      },
      schema: `CREATE TABLE t (id int PRIMARY KEY, b int, big text, "weird ""name""" text, always int GENERATED ALWAYS AS IDENTITY); ${external('t', 'big')};
        CREATE TABLE u (id int PRIMARY KEY, b int, big text); ${external('u', 'big')}; CREATE TABLE other (id int PRIMARY KEY)`,
    });
    const t = (where: string): string => `SELECT id, b, md5(big), always FROM t WHERE ${where} ORDER BY id`;
    await f.change(
      `INSERT INTO t (id, b, big) SELECT i, i, ${big('i')} FROM generate_series(1, 20) i; INSERT INTO u SELECT i, i, ${big('i * 50')} FROM generate_series(1, 40) i`,
      // Stays inside, stays outside, goes out, comes in with all values; the key changes on either side.
      'UPDATE t SET b = b + 1 WHERE id = 15; UPDATE t SET b = b + 1 WHERE id = 5; UPDATE t SET b = 0 WHERE id = 16',
      `UPDATE t SET b = 100, big = 'b' WHERE id = 6; UPDATE t SET id = 50 WHERE id = 17; UPDATE t SET id = 60 WHERE id = 7; UPDATE t SET always = DEFAULT WHERE id = 18; UPDATE t SET always = DEFAULT WHERE id = 8`,
      `BEGIN; UPDATE t SET b = 1 WHERE id = 19; UPDATE t SET id = 70 WHERE id = 19; UPDATE t SET big = 'x', b = 90 WHERE id = 70; COMMIT`,
    );
    assert.deepEqual(f.stops, {});
    assert.deepEqual(await f.onTarget(t('true')), await source.query(database, t('b > 10')));
    // It comes in, and its value was never here.
    await f.change(
      'BEGIN; UPDATE t SET b = 11 WHERE id = 20; UPDATE t SET b = 99 WHERE id = 1; COMMIT',
      'UPDATE u SET b = 0 WHERE id = 1',
    );
    assert.deepEqual(f.stops, { 'public.t': 'FF870' });
    assert.deepEqual(await f.onTarget('SELECT b FROM t WHERE id = 20'), [{ b: 11 }]);
    assert.deepEqual(await f.onTarget('SELECT id FROM t WHERE id = 1'), []);
    // Nobody can tell about a row whose value decides and is not sent, unless it is there.
    await f.change('UPDATE u SET b = 0 WHERE id = 40', 'INSERT INTO other VALUES (1)');
    assert.deepEqual(f.stops, { 'public.t': 'FF870', 'public.u': 'FF870' });
    await f.rows('SELECT * FROM other');
  });
});
