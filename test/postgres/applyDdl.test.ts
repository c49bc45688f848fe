import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { poll } from '../support/flexferry.js';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `ddl_${++made}`;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const schema = `CREATE TABLE t (id int PRIMARY KEY, v int, w text, z text); CREATE TABLE other (id int PRIMARY KEY);
  INSERT INTO t SELECT i, i, 'w' || i, 'z' || i FROM generate_series(1, 5) i`;

/** What the user is shown, run as it is, until nothing is stopped any more. */
async function runShownDdl(f: TestFollow, table = 'public.t'): Promise<string[]> {
  const shown: string[] = [];
  while (f.stops[table] !== undefined) {
    const ddl = f.ddlOf(table);
    assert.ok(ddl, JSON.stringify(f.stops));
    shown.push(ddl);
    await f.onTarget(ddl);
    f.follower.retry({ schema: 'public', name: table.slice('public.'.length) }, false);
    await poll(() => f.ddlOf(table) !== ddl, 'the DDL has its effect');
  }
  return shown;
}

describe('DDL of the source', () => {
  test('columns come, go, and change their names and types: the DDL that is shown makes the table fit', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    await f.change(
      `BEGIN; UPDATE t SET v = v + 1 WHERE id = 1; ALTER TABLE t ADD n date NOT NULL DEFAULT '2020-01-01'::date + 1; UPDATE t SET n = '2021-01-01' WHERE id = 2; INSERT INTO other VALUES (1); COMMIT`,
    );
    assert.deepEqual(f.stops, { 'public.t': 'FF816' });
    assert.equal(f.follower.tables?.stopped[0]?.stopped?.waiting, 1);
    await f.rows('SELECT * FROM other');
    await f.rows('SELECT v FROM t WHERE id = 1');
    await runShownDdl(f);
    await f.rows('SELECT * FROM t ORDER BY id');
    const steps = [
      'ALTER TABLE t RENAME w TO x; UPDATE t SET x = NULL WHERE id = 1',
      `ALTER TABLE t DROP v; UPDATE t SET x = 'x' WHERE id = 2`,
      `ALTER TABLE t ALTER n TYPE timestamp; INSERT INTO t (id, n) VALUES (6, '2022-02-02 12:30')`,
      `ALTER TABLE t RENAME x TO tmp; ALTER TABLE t RENAME z TO x; ALTER TABLE t RENAME tmp TO z; UPDATE t SET x = 'changed x', z = 'changed z' WHERE id = 3`,
      `ALTER TABLE t DROP x; ALTER TABLE t ADD x text; UPDATE t SET x = 'new' WHERE id = 4`,
      `ALTER TABLE t ADD g int GENERATED ALWAYS AS (id * 2) STORED; ALTER TABLE t ADD i int GENERATED ALWAYS AS IDENTITY; DELETE FROM t; INSERT INTO t (id, n) VALUES (7, now())`,
    ];
    for (const step of steps) {
      await f.change(step);
      assert.deepEqual(f.stops, { 'public.t': 'FF816' }, step);
      await runShownDdl(f);
      await f.rows(`SELECT ${step.includes(' g ') ? 'id, n, x, z, i' : '*'} FROM t ORDER BY id`);
    }
    assert.equal(f.failure, undefined);
  });

  test('several versions wait, also over a new start; the target may be ahead of them', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    await f.onTarget('INSERT INTO t VALUES (100)');
    await f.change(
      'INSERT INTO t VALUES (100, 1); UPDATE t SET v = 50 WHERE id = 5',
      'ALTER TABLE t ADD n int DEFAULT 3; UPDATE t SET n = 4 WHERE id = 4',
      'ALTER TABLE t RENAME w TO x; UPDATE t SET x = $$x$$ WHERE id = 3',
      'TRUNCATE t; INSERT INTO t VALUES (1, 1, $$a$$, $$b$$, 9)',
      'ALTER TABLE t DROP v; ALTER TABLE t ALTER n TYPE bigint; INSERT INTO t VALUES (2, $$c$$, $$d$$, 5000000000)',
      'INSERT INTO other VALUES (1)',
    );
    assert.deepEqual(f.stops, { 'public.t': 'FF815' });
    assert.equal(f.follower.tables?.stopped[0]?.stopped?.waiting, 7);
    await f.stop();
    f.run();
    await f.change('UPDATE t SET z = $$last$$ WHERE id = 2');
    // Everything at once, before anything of it is applied.
    await f.onTarget(
      'DELETE FROM t WHERE id = 100; ALTER TABLE t ADD n bigint DEFAULT 3; ALTER TABLE t RENAME w TO x; ALTER TABLE t DROP v',
    );
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.untilGoingOn('public.t');
    await f.rows('SELECT * FROM t ORDER BY id');
    await f.change('INSERT INTO t VALUES (3, $$e$$, $$f$$, 1)');
    await f.rows('SELECT * FROM t ORDER BY id');
    assert.deepEqual(
      await f.onTarget('SELECT relations FROM flexferry.followed WHERE relations IS NOT NULL'),
      [],
    );
  });

  test('where the target goes first, or its table is gone or something else, the table waits and goes on by itself', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    // Added there first: nothing to wait for.
    await f.onTarget('ALTER TABLE t ADD n int');
    await f.change('UPDATE t SET v = 0; ALTER TABLE t ADD n int; UPDATE t SET n = 1');
    assert.deepEqual(f.stops, {});
    // Renamed there first: changes that are on their way know the former name.
    await f.onTarget('ALTER TABLE t RENAME w TO x');
    await f.change('UPDATE t SET w = $$on its way$$ WHERE id = 1; INSERT INTO other VALUES (1)');
    assert.deepEqual(f.stops, { 'public.t': 'FF817' });
    await f.change('ALTER TABLE t RENAME w TO x; UPDATE t SET x = $$there$$ WHERE id = 2');
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.untilGoingOn('public.t');
    await f.rows('SELECT * FROM t ORDER BY id');
    await f.onTarget('ALTER TABLE t RENAME TO away');
    await f.change(
      'UPDATE t SET v = 7',
      'TRUNCATE t; INSERT INTO t VALUES (1, 1); INSERT INTO other VALUES (2)',
    );
    assert.deepEqual(f.stops, { 'public.t': 'FF817' });
    await f.stop();
    f.run();
    await f.change('INSERT INTO other VALUES (3)');
    await f.rows('SELECT * FROM other ORDER BY 1');
    await f.onTarget('ALTER TABLE away RENAME TO t');
    await f.untilGoingOn('public.t');
    await f.rows('SELECT * FROM t ORDER BY id');
  });

  test('a truncation of a table that the target does not have stops that table alone', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), schema });
    await f.change('INSERT INTO other VALUES (1); INSERT INTO t VALUES (9)');
    await f.onTarget('DROP TABLE t');
    await f.change('BEGIN; TRUNCATE t, other; INSERT INTO other VALUES (2); COMMIT');
    assert.deepEqual(f.stops, { 'public.t': 'FF817' });
    await f.rows('SELECT * FROM other');
    assert.equal(f.failure, undefined);
  });
});
