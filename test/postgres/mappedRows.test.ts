/** Row filters: only those rows come, and the comparison looks at the same ones. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ProjectDatabase, ProjectOptions } from '../../src/protocol/project.js';
import { contentsOf } from '../support/compare.js';
import { assertClean, migrateHere } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

/** `big` is over the size up to which tables are copied together; the others are not. */
const tables = `
  CREATE SCHEMA "S x";
  CREATE TABLE small (id int PRIMARY KEY, region text, at date DEFAULT '2020-01-01', "Odd col" int);
  CREATE TABLE big (id int PRIMARY KEY, region text, filler text);
  CREATE TABLE "S x".parts (id int, region text, n int) PARTITION BY LIST (region);
  CREATE TABLE "S x".parts_a PARTITION OF "S x".parts FOR VALUES IN ('a');
  CREATE TABLE "S x".parts_b PARTITION OF "S x".parts FOR VALUES IN ('b') PARTITION BY RANGE (id);
  CREATE TABLE "S x".parts_b_1 PARTITION OF "S x".parts_b FOR VALUES FROM (0) TO (50);
  CREATE TABLE "S x".parts_b_2 PARTITION OF "S x".parts_b FOR VALUES FROM (50) TO (1000);
  CREATE TABLE parent (id int, what text); CREATE TABLE child (more int) INHERITS (parent);
  CREATE TABLE computed (a int, b int GENERATED ALWAYS AS (a * 2) STORED); CREATE TABLE only_computed (b int GENERATED ALWAYS AS (7) STORED);
  INSERT INTO small SELECT i, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END, '2020-01-01'::date + i, i FROM generate_series(1, 90) i;
  INSERT INTO big SELECT i, CASE i % 4 WHEN 0 THEN 'a' ELSE 'b' END, repeat('x', 400) FROM generate_series(1, 4000) i;
  INSERT INTO "S x".parts SELECT i, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END, i FROM generate_series(1, 100) i;
  INSERT INTO parent SELECT i, 'p' FROM generate_series(1, 10) i; INSERT INTO child SELECT i, 'c', i FROM generate_series(1, 10) i;
  INSERT INTO computed (a) SELECT generate_series(1, 10); INSERT INTO only_computed SELECT FROM generate_series(1, 4)`;

let source: TestServer;
let target: TestTwin;
let made = 0;
before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await source.createDatabase('rows');
  await source.query('rows', tables);
});
after(() => Promise.all([source?.stop(), target?.stop()]));

async function move(
  choice: Omit<ProjectDatabase, 'source' | 'target'>,
  options: Partial<ProjectOptions> & { database?: string; from?: string; restart?: boolean } = {},
) {
  const { database = `rows ${++made}`, from = 'rows', ...others } = options;
  const { done } = await migrateHere(
    source.uri(),
    target.uri(),
    { source: from, target: database, ...choice },
    { dumpTool: 'builtin', ...others },
  );
  return { done, database, problems: done.findings.filter((f) => f.severity !== 'note') };
}

/** The rows of a table of the target are those of a query of the source. */
async function assertRows(database: string, table: string, query: string, columns = '*'): Promise<void> {
  const wanted = await source.query<{ r: string }>(
    'rows',
    `SELECT q::text AS r FROM (SELECT ${columns} FROM ${query}) q ORDER BY 1`,
  );
  const found = await target.superQuery<{ r: string }>(
    database,
    `SELECT q::text AS r FROM (SELECT ${columns} FROM ${table}) q ORDER BY 1`,
  );
  assert.deepEqual(found, wanted, table);
}

const filters: NonNullable<ProjectDatabase['tables']> = {
  'public.small': { where: `region = 'a' OR "Odd col" IN (1, 2) -- and so on`, name: 'few "rows"' },
  'public.big': { where: `region = 'a' /* a comment */` },
  '"S x".parts': { where: 'n % 5 = 0' },
  '"S x".parts_b': { where: 'n < 80 OR n > 95 --x' },
  '"S x".parts_b_2': { where: 'id <> 55', schema: 'elsewhere' },
  'public.parent': { where: 'id > 3' },
  'public.child': { where: 'more < 3' },
  'public.computed': { where: 'b > 10' },
  'public.only_computed': { where: 'b = 8' },
};

describe('row filters', () => {
  for (const jobs of [1, 4])
    test(`in every kind of table, ${jobs} jobs`, async () => {
      const { done, database, problems } = await move({ tables: filters }, { jobs });
      assert.deepEqual(problems, [], done.fault?.message);
      assert.equal(done.exitCode, 0);
      const where = (table: string, condition: string): string => `${table} WHERE ${condition}`;
      await assertRows(database, '"few ""rows"""', where('small', `region = 'a' OR id IN (1, 2)`));
      await assertRows(database, 'big', where('big', `region = 'a'`));
      await assertRows(database, '"S x".parts_a', where('"S x".parts_a', 'n % 5 = 0'));
      await assertRows(database, '"S x".parts_b_1', where('"S x".parts_b_1', 'n % 5 = 0'));
      await assertRows(
        database,
        'elsewhere.parts_b_2',
        where('"S x".parts_b_2', 'n % 5 = 0 AND (n < 80 OR n > 95) AND id <> 55'),
      );
      await assertRows(database, 'ONLY parent', where('ONLY parent', 'id > 3'));
      await assertRows(database, 'child', where('child', 'more < 3'));
      await assertRows(database, 'computed', where('computed', 'b > 10'));
      await assertRows(database, 'only_computed', where('only_computed', 'false'));
      assert.equal(done.findings.filter((f) => f.code === 'FF423').length, 9);
      assert.ok(done.tables.every((t) => t.equal === true));
      await assertClean(target, database);
      await assertClean(source, 'rows');
    });

  test('a filter that a row fails on costs its table alone', async () => {
    const { done, problems, database } = await move({
      tables: { 'public.small': { where: '1 / (id - 45) > 0' } },
    });
    assert.equal(done.exitCode, 1);
    assert.deepEqual([...new Set(problems.map((f) => f.code))].sort(), ['FF501']);
    await assertRows(database, 'big', 'big');
  });

  test('a filter that is no condition, or would be more than one', async () => {
    for (const where of ['region =', 'id > 3; DROP TABLE big', '1) OR (1 = 1', 'id > (SELECT 1']) {
      const { done, database } = await move({ tables: { 'public.small': { where } } });
      assert.notEqual(done.exitCode, 0, where);
      const there = await target.superQuery(
        'postgres',
        `SELECT FROM pg_database WHERE datname = '${database}'`,
      );
      if (there.length > 0) {
        const content = await contentsOf({ server: target, database });
        assert.equal(content.get('public.small')?.rows ?? 0, 0, where);
      }
    }
    assert.equal(
      (await source.query<{ n: number }>('rows', 'SELECT count(*)::int AS n FROM big'))[0]?.n,
      4000,
    );
  });

  test('the configuration of an extension, of which only the rows of the user are copied', async () => {
    const make = `CREATE EXTENSION citext; CREATE TABLE settings (id int, v text); ALTER EXTENSION citext ADD TABLE settings;
      INSERT INTO settings VALUES (1, 'own');
      UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid], extcondition = ARRAY['WHERE id > 1'] WHERE extname = 'citext'`;
    await source.createDatabase('configured');
    await source.query(
      'configured',
      `${make}; INSERT INTO settings SELECT i, 'x' FROM generate_series(2, 50) i`,
    );
    const database = await target.createDatabase('configured');
    await target.superQuery(database, `${make}; GRANT ALL ON settings TO flexadmin`);
    const { done, problems } = await move(
      { tables: { 'public.settings': { where: 'id < 10 OR id = 20 -- some' } } },
      { from: 'configured', database, acceptNonEmptyTarget: true },
    );
    assert.deepEqual(problems, [], done.fault?.message);
    assert.deepEqual(
      await target.superQuery(database, 'SELECT count(*)::int AS n, sum(id)::int AS s FROM settings'),
      [{ n: 10, s: 65 }],
    );
  });
});

describe('another filter when a run goes on', () => {
  test('the table is copied again under the new one', async () => {
    const failing = { 'public.computed': { where: '1 / (a - 5) > 0' } };
    const first = await move({
      tables: { ...failing, 'public.big': { where: 'id < 100' }, 'public.small': { where: 'id < 10' } },
    });
    assert.equal(first.done.exitCode, 1);
    await assertRows(first.database, 'big', 'big WHERE id < 100');
    const second = await move(
      { tables: { 'public.big': { where: 'id < 200' }, 'public.small': { where: 'id < 10' } } },
      { database: first.database },
    );
    // Rows that somebody may use by now are not taken away without being asked.
    assert.deepEqual(
      second.problems.map((f) => `${f.code} ${f.object}`),
      ['FF507 table public.big'],
    );
    assert.equal(second.done.exitCode, 1);
    await assertRows(first.database, 'small', 'small WHERE id < 10');
    await assertRows(first.database, 'computed', 'computed');
    const third = await move(
      { tables: { 'public.big': { where: 'id < 200' }, 'public.small': { where: 'id < 10' } } },
      { database: first.database, restart: true, acceptNonEmptyTarget: true },
    );
    assert.deepEqual(third.problems, []);
    await assertRows(first.database, 'big', 'big WHERE id < 200');
  });
});
