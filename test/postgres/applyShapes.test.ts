import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFollow } from '../support/follow.js';
import { ensureMajor, startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `shapes_${++made}`;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const range = (count: number, one: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => one(n)).join(', ');

describe('tables of any shape', () => {
  test('columns named like what statements call their parts, many, none, computed ones alone', async () => {
    const odd = [
      't',
      'u',
      'c0',
      'c1',
      'flexferry_rows',
      'flexferry_gone',
      'odd ""name""',
      '日本',
      'ctid2',
      'format',
    ];
    const columns = odd.map((column, i) => `"${column}" ${i % 2 === 0 ? 'text' : 'int'}`).join(', ');
    const values = (n: number): string => odd.map((_, i) => (i % 2 === 0 ? `'v${n}'` : `${n}`)).join(', ');
    const set = odd.map((column, i) => `"${column}" = ${i % 2 === 0 ? `'w'` : '7'}`).join(', ');
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema:
        `CREATE TABLE odd (${columns}, PRIMARY KEY ("u", "t")); CREATE TABLE f (${columns}); ALTER TABLE f REPLICA IDENTITY FULL;
        CREATE TABLE wide (c0 int PRIMARY KEY, ${range(1599, (n) => `c${n + 1} bool`)}); CREATE TABLE none (); ALTER TABLE none REPLICA IDENTITY FULL;
        CREATE TABLE computed (a int GENERATED ALWAYS AS (7) STORED); ALTER TABLE computed REPLICA IDENTITY FULL;
        CREATE TABLE collated (a text COLLATE "en_US" NOT NULL, n int); CREATE UNIQUE INDEX i ON collated (a COLLATE "C"); ALTER TABLE collated REPLICA IDENTITY USING INDEX i`.replace(
          '"en_US"',
          '"und-x-icu"',
        ),
    });
    for (const table of ['odd', 'f'])
      await f.change(
        `INSERT INTO ${table} VALUES ${range(6, (n) => `(${values(n)})`)}`,
        `BEGIN; UPDATE ${table} SET ${set} WHERE "u" = 1; UPDATE ${table} SET "c0" = NULL WHERE "u" = 2; UPDATE ${table} SET "u" = "u" + 10 WHERE "u" = 3; DELETE FROM ${table} WHERE "u" = 4; COMMIT`,
      );
    await f.change(
      `INSERT INTO wide SELECT ${range(1600, (n) => (n === 0 ? 'i' : n % 7 === 0 ? 'NULL' : 'true'))} FROM generate_series(1, 20) i`,
      `UPDATE wide SET ${range(1599, (n) => `c${n + 1} = false`)} WHERE c0 < 5; UPDATE wide SET c0 = c0 + 100 WHERE c0 = 7; DELETE FROM wide WHERE c0 = 9`,
      'INSERT INTO none SELECT FROM generate_series(1, 5); INSERT INTO none DEFAULT VALUES; DELETE FROM none WHERE ctid IN (SELECT ctid FROM none LIMIT 2)',
      'INSERT INTO computed SELECT FROM generate_series(1, 5); DELETE FROM computed WHERE ctid IN (SELECT ctid FROM computed LIMIT 2)',
      `INSERT INTO collated VALUES ('a', 1), ('A', 2), ('á', 3); UPDATE collated SET n = 5 WHERE a = 'A'; UPDATE collated SET a = 'Ä' WHERE a = 'á'; DELETE FROM collated WHERE a = 'a'`,
    );
    assert.equal(f.follower.replans, 0);
    assert.deepEqual(f.stops, {});
    for (const table of ['odd', 'f']) await f.rows(`SELECT * FROM ${table} ORDER BY "u", "t"`);
    await f.rows('SELECT c0, md5(wide::text) FROM wide ORDER BY 1');
    await f.rows('SELECT (SELECT count(*) FROM none) AS none, (SELECT sum(a) FROM computed) AS computed');
    await f.rows('SELECT * FROM collated ORDER BY a COLLATE "C"');
  });

  test('what is in another way on the target: names, order, types, computed columns, partitions', async () => {
    const database = name();
    await using f = await TestFollow.start({
      source,
      target,
      database,
      schema: '',
      onSource: `CREATE SCHEMA "Old"; CREATE TABLE "Old"."T" (id int PRIMARY KEY, a json, sum int, gone int GENERATED ALWAYS AS (id) STORED);
        CREATE TABLE plain (id int PRIMARY KEY, at date NOT NULL, v text); CREATE TABLE whole (id int, at date, v text); ALTER TABLE whole REPLICA IDENTITY FULL;
        CREATE TABLE split (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')`,
      onTarget: `CREATE SCHEMA new; CREATE TABLE new."renamed ""t""" (extra int DEFAULT 5, sum int GENERATED ALWAYS AS (id * 2) STORED, a jsonb, id bigint PRIMARY KEY, gone int);
        CREATE TABLE plain (id int, at date NOT NULL, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE whole (id int, at date, v text) PARTITION BY RANGE (at);
        CREATE TABLE plain_1 PARTITION OF plain FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); CREATE TABLE plain_2 PARTITION OF plain DEFAULT;
        CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); CREATE TABLE whole_2 PARTITION OF whole DEFAULT;
        CREATE TABLE split_1 (v text, at date, id int PRIMARY KEY)`,
      renames: { 'Old.T': { schema: 'new', name: 'renamed "t"' } },
    });
    await f.change(
      `INSERT INTO "Old"."T" VALUES (1, '{"a": 1}', 9), (2, '{"b":  2}', 9), (3, NULL, 9); UPDATE "Old"."T" SET a = '[]', sum = 4 WHERE id = 2; UPDATE "Old"."T" SET id = 30 WHERE id = 3; DELETE FROM "Old"."T" WHERE id = 1`,
      `INSERT INTO plain SELECT i, '2020-06-01', 'v' FROM generate_series(1, 5) i; UPDATE plain SET at = '2022-01-01' WHERE id = 2; UPDATE plain SET v = 'w' WHERE id = 3; UPDATE plain SET id = 40 WHERE id = 4; DELETE FROM plain WHERE id = 5`,
      `INSERT INTO whole SELECT 1, '2020-06-01', 'v' FROM generate_series(1, 3); INSERT INTO whole VALUES (2, NULL, NULL), (2, NULL, NULL)`,
      `UPDATE whole SET at = '2022-01-01' WHERE ctid IN (SELECT ctid FROM whole LIMIT 1); DELETE FROM whole WHERE ctid IN (SELECT ctid FROM whole WHERE id = 2 LIMIT 1)`,
      `INSERT INTO split SELECT i, '2020-06-01', 'v' FROM generate_series(1, 5) i; UPDATE split SET v = 'w' WHERE id = 3; UPDATE split SET at = '2020-07-01' WHERE id = 4; DELETE FROM split WHERE id = 5`,
    );
    assert.deepEqual(f.stops, {});
    assert.deepEqual(
      await f.onTarget(`SELECT id::int, a::text, sum, extra, gone FROM new."renamed ""t""" ORDER BY id`),
      [
        { id: 2, a: '[]', sum: 4, extra: 5, gone: null },
        { id: 30, a: null, sum: 60, extra: 5, gone: null },
      ],
    );
    await f.rows('SELECT * FROM plain ORDER BY id');
    assert.deepEqual(await f.onTarget('SELECT id FROM plain_2'), [{ id: 2 }]);
    await f.rows('SELECT * FROM whole ORDER BY id, at');
    await f.rows('SELECT id, at, v FROM split_1 ORDER BY id');
    await f.change(
      'TRUNCATE plain, whole, split; INSERT INTO plain VALUES (1)'.replace('(1)', `(1, '2020-02-02', 'x')`),
    );
    await f.rows('SELECT * FROM plain ORDER BY id');
    assert.deepEqual(await f.onTarget('SELECT id FROM whole UNION ALL SELECT id FROM split_1'), []);
  });

  test('generated columns that 18 publishes, also in a key', {
    skip: process.env['FLEXFERRY_MAJORS'] !== 'all',
  }, async () => {
    await ensureMajor(18);
    await using newest = await startServer({ major: 18, settings: flushedCommits });
    await using f = await TestFollow.start({
      source: newest,
      target,
      database: name(),
      schema: `CREATE TABLE g (a int, b int, k int GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (k));
        CREATE TABLE f (a int NOT NULL, k text GENERATED ALWAYS AS (a::text || 'x') STORED, b int); ALTER TABLE f REPLICA IDENTITY FULL;
        CREATE TABLE plain (id int PRIMARY KEY, a int, k int GENERATED ALWAYS AS (a + 1) STORED)`,
      onTarget: 'ALTER TABLE plain ALTER k DROP EXPRESSION',
      publication: `CREATE PUBLICATION pub FOR ALL TABLES WITH (publish_generated_columns = stored)`,
    });
    await f.change(
      'INSERT INTO g SELECT i, i FROM generate_series(1, 9) i; INSERT INTO f (a, b) SELECT i % 3, i FROM generate_series(1, 9) i; INSERT INTO plain SELECT i, i FROM generate_series(1, 5) i',
      'UPDATE g SET b = 0 WHERE a = 1; UPDATE g SET a = 100 WHERE a = 2; DELETE FROM g WHERE a = 3; UPDATE f SET a = 9 WHERE b = 4; DELETE FROM f WHERE b = 5; UPDATE plain SET a = 7 WHERE id = 2',
    );
    assert.deepEqual(f.stops, {});
    assert.equal(f.follower.replans, 0);
    for (const table of ['g', 'f', 'plain']) await f.rows(`SELECT * FROM ${table} ORDER BY 1, 2, 3`);
  });
});
