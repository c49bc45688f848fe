import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { poll } from '../support/flexferry.js';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `apply_${++made}`;

before(async () => {
  source = await startServer({ major: 17, settings: { ...flushedCommits, max_prepared_transactions: '10' } });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

describe('changes are applied', () => {
  test('inserts, updates, deletes, in one batch and in many', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema:
        'CREATE TABLE t (id int PRIMARY KEY, a text, b numeric(8,2)); CREATE TABLE log (at int, what text)',
    });
    await f.change(
      `INSERT INTO t SELECT i, 'a' || i, i FROM generate_series(1, 100) i`,
      'UPDATE t SET a = NULL WHERE id % 3 = 0',
      'DELETE FROM t WHERE id % 5 = 0',
      `INSERT INTO log VALUES (1, E'tab\\t, line\\n, back\\\\slash, "quote"'), (2, NULL), (3, '')`,
    );
    assert.equal((await f.rows('SELECT * FROM t ORDER BY id')).length, 80);
    await f.rows('SELECT * FROM log ORDER BY at');
    await f.change(`BEGIN; DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (1, 'again', 1.5); UPDATE t SET b = 2.5 WHERE id = 1;
      INSERT INTO t VALUES (1000, 'gone', 0); DELETE FROM t WHERE id = 1000; COMMIT`);
    await f.rows('SELECT * FROM t ORDER BY id');
  });

  test('keys that change, and swap through a third', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE t (a int, b text, v text, PRIMARY KEY (a, b)); ALTER TABLE t ALTER v SET STORAGE EXTERNAL;
        INSERT INTO t SELECT i, 'k', repeat('x', 5000) || i FROM generate_series(1, 5) i`,
    });
    await f.change(
      `BEGIN; UPDATE t SET a = 100 WHERE a = 1; UPDATE t SET a = 1 WHERE a = 2; UPDATE t SET a = 2 WHERE a = 100; COMMIT`,
      `UPDATE t SET a = a + 10`,
      `BEGIN; UPDATE t SET b = 'é' WHERE a = 13; UPDATE t SET v = 'short' WHERE a = 13; COMMIT`,
    );
    await f.rows('SELECT a, b, md5(v), length(v) FROM t ORDER BY a, b');
  });

  test('large values that are not sent stay', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE t (id int PRIMARY KEY, big text, other text, n int); ALTER TABLE t ALTER big SET STORAGE EXTERNAL; ALTER TABLE t ALTER other SET STORAGE EXTERNAL;
        INSERT INTO t SELECT i, repeat('b', 4000) || i, repeat('o', 4000) || i, 0 FROM generate_series(1, 20) i`,
    });
    await f.change(
      `BEGIN; UPDATE t SET n = 1; UPDATE t SET big = 'b' WHERE id % 2 = 0; UPDATE t SET n = 2 WHERE id % 4 = 0; UPDATE t SET other = 'o' WHERE id % 5 = 0; COMMIT`,
      `BEGIN; INSERT INTO t VALUES (21, repeat('z', 9000), repeat('y', 9000), 1); UPDATE t SET n = 5 WHERE id = 21; COMMIT`,
    );
    await f.rows('SELECT id, md5(big), md5(other), n FROM t ORDER BY id');
  });

  test('secondary unique keys that swap', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, d int UNIQUE DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO t SELECT i, i, i FROM generate_series(1, 6) i`,
    });
    await f.change(
      'BEGIN; UPDATE t SET u = NULL WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 1; COMMIT',
      'BEGIN; UPDATE t SET d = 4 WHERE id = 3; UPDATE t SET d = 3 WHERE id = 4; COMMIT',
      'BEGIN; DELETE FROM t WHERE id = 5; INSERT INTO t VALUES (7, 5, 5); UPDATE t SET u = 50 WHERE id = 7; INSERT INTO t VALUES (8, 5, 9); COMMIT',
    );
    await f.rows('SELECT * FROM t ORDER BY id');
  });

  test('REPLICA IDENTITY FULL with duplicates and types without equality; USING INDEX', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE f (a int, j json, p point, x float8, n numeric); ALTER TABLE f REPLICA IDENTITY FULL;
        CREATE TABLE e (a int, t text); ALTER TABLE e REPLICA IDENTITY FULL;
        CREATE TABLE k (id int PRIMARY KEY, j json); ALTER TABLE k REPLICA IDENTITY FULL;
        CREATE TABLE i (a int NOT NULL, b int); CREATE UNIQUE INDEX i_a ON i (a); ALTER TABLE i REPLICA IDENTITY USING INDEX i_a`,
    });
    await f.change(
      `INSERT INTO f SELECT g % 3, '{"a": 1}', '(1,2)', 'NaN', 1.0 FROM generate_series(1, 9) g`,
      `INSERT INTO f VALUES (NULL, NULL, NULL, '-0', 1.00), (NULL, '{"a":1}', NULL, '0', 1.0)`,
      'DELETE FROM f WHERE ctid IN (SELECT ctid FROM f WHERE a = 1 LIMIT 1)',
      'UPDATE f SET n = 7 WHERE ctid IN (SELECT ctid FROM f WHERE a = 2 LIMIT 2)',
      'UPDATE f SET a = 5 WHERE a IS NULL AND j IS NULL',
      `INSERT INTO k SELECT g, '[1]' FROM generate_series(1, 5) g; UPDATE k SET id = id + 5; DELETE FROM k WHERE id = 7`,
      'INSERT INTO i SELECT g, g FROM generate_series(1, 5) g; UPDATE i SET a = 10 WHERE a = 1; UPDATE i SET b = 0; DELETE FROM i WHERE a = 3',
    );
    // The empty text and NULL are two rows.
    await f.change(
      `INSERT INTO e VALUES (1, NULL), (1, ''), (2, NULL), (2, '')`,
      `UPDATE e SET a = 3 WHERE a = 1 AND t = ''; DELETE FROM e WHERE a = 2 AND t = ''`,
    );
    await f.rows('SELECT a, j::text, p::text, x::text, n::text FROM f ORDER BY 1, 2, 3, 4, 5');
    await f.rows('SELECT * FROM e ORDER BY 1, 2');
    await f.rows('SELECT id, j::text FROM k ORDER BY 1');
    await f.rows('SELECT * FROM i ORDER BY 1');
  });

  test('TRUNCATE, also of tables that others refer to', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      lanes: 2,
      schema: `CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
        CREATE TABLE n (a int); INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 1), (2, 2); INSERT INTO n VALUES (1)`,
    });
    await f.change(
      'BEGIN; INSERT INTO n VALUES (2); TRUNCATE n; INSERT INTO n VALUES (3); COMMIT',
      'BEGIN; INSERT INTO p VALUES (3); TRUNCATE p CASCADE; INSERT INTO p VALUES (1), (4); INSERT INTO c VALUES (9, 4); COMMIT',
    );
    for (const t of ['p', 'c', 'n']) await f.rows(`SELECT * FROM ${t} ORDER BY 1`);
  });

  test('cascades and triggers of the source are not repeated', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE p (id int PRIMARY KEY, up int REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
        CREATE TABLE audit (id serial PRIMARY KEY, what text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit (what) VALUES (TG_OP); RETURN NULL; END $$;
        CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION note()`,
    });
    await f.change(
      'INSERT INTO p VALUES (1, NULL), (2, 1), (3, 2); INSERT INTO c VALUES (1, 1), (2, 2), (3, 3)',
      'UPDATE p SET id = 20 WHERE id = 2',
      'DELETE FROM p WHERE id = 1',
    );
    for (const t of ['p', 'c', 'audit']) await f.rows(`SELECT * FROM ${t} ORDER BY 1`);
  });

  test('identity and generated columns, partitions, inheritance', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: `CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
        CREATE TABLE h (k int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, a text);
        CREATE TABLE q (id int, at date, v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE q1 PARTITION OF q FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE q2 PARTITION OF q FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
        CREATE TABLE parent (id int PRIMARY KEY, a int); CREATE TABLE child (b int) INHERITS (parent); ALTER TABLE child ADD PRIMARY KEY (id)`,
    });
    await f.change(
      'INSERT INTO g (a) SELECT generate_series(1, 5); UPDATE g SET a = a + 1; UPDATE g SET id = DEFAULT WHERE a = 3',
      `INSERT INTO h (k, a) VALUES (1, 'a'), (2, 'b'); UPDATE h SET n = DEFAULT WHERE k = 1; UPDATE h SET a = 'c' WHERE k = 2; UPDATE h SET k = 3 WHERE k = 2`,
      `INSERT INTO q SELECT i, '2020-05-05', i FROM generate_series(1, 4) i; UPDATE q SET at = '2021-06-06' WHERE id = 2; UPDATE q SET v = 0 WHERE id = 3`,
      'INSERT INTO parent VALUES (1, 1), (2, 1); INSERT INTO child VALUES (1, 2, 2); UPDATE ONLY parent SET a = 5 WHERE id = 1; UPDATE child SET b = 7; DELETE FROM ONLY parent WHERE id = 2',
    );
    await f.rows('SELECT * FROM g ORDER BY id');
    await f.rows('SELECT * FROM h ORDER BY k');
    await f.rows('SELECT tableoid::regclass::text, * FROM q ORDER BY id');
    await f.rows('SELECT tableoid::regclass::text, * FROM parent ORDER BY 1, 2');
  });

  test('a transaction larger than a batch is one transaction on the target', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      lanes: 2,
      schema: 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text)',
    });
    await f.change(
      `BEGIN; INSERT INTO t SELECT i, repeat('v', 20) FROM generate_series(1, 100000) i; INSERT INTO u SELECT i, 'u' FROM generate_series(1, 50000) i;
       UPDATE t SET v = 'w' WHERE id % 2 = 0; DELETE FROM t WHERE id % 10 = 0; COMMIT`,
    );
    await f.rows('SELECT count(*), sum(id), sum(length(v)) FROM t');
    await f.rows('SELECT count(*), sum(id) FROM u');
    const xids = await f.onTarget('SELECT count(DISTINCT xmin::text) AS n FROM u');
    assert.ok(Number(xids[0]?.['n']) >= 1);
  });

  test('changes that come without a pause are committed on their way', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      lanes: 2,
      schema: 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)',
    });
    // Each piece of the stream ends in the midst of a transaction.
    const written = source.query(
      f.setup.database,
      'DO $$ BEGIN FOR i IN 0..299 LOOP INSERT INTO public.t SELECT i * 300 + n FROM generate_series(1, 300) n; INSERT INTO public.u VALUES (i); COMMIT; END LOOP; END $$',
    );
    const positions = new Set<bigint>();
    await poll(() => {
      positions.add(f.follower.durable);
      return f.follower.figures.changes >= 300 * 301;
    }, 'all is applied');
    await written;
    assert.ok(positions.size > 6, `${positions.size}`);
    await f.caughtUp();
    for (const table of ['t', 'u']) await f.rows(`SELECT count(*), sum(id) FROM ${table}`);
  });

  test('a row filter that the target applies', async () => {
    const database = name();
    await using f = await TestFollow.start({
      source,
      target,
      database,
      filters: { 'public.t': 'b > 10' },
      schema: 'CREATE TABLE t (id int PRIMARY KEY, b int, tags int[])',
    });
    await f.change(
      `INSERT INTO t SELECT i, i, ARRAY[i, NULL] FROM generate_series(1, 20) i`,
      'UPDATE t SET b = 100 WHERE id = 1; UPDATE t SET b = 1 WHERE id = 20; UPDATE t SET id = 50 WHERE id = 15; DELETE FROM t WHERE id IN (2, 16)',
    );
    const there = await f.onTarget('SELECT * FROM t ORDER BY id');
    assert.deepEqual(there, await source.query(database, 'SELECT * FROM t WHERE b > 10 ORDER BY id'));
    assert.equal(there.length, 9);
  });
});
