import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, contentsOf } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, explain } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

describe('the target database', () => {
  let source: TestServer;
  let target: TestTwin;
  before(async () => {
    [source, target] = await Promise.all([
      startServer({ major: 13 }),
      startFlexibleServerTwin({ major: 17 }),
    ]);
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  for (const name of [
    'With Space',
    `it's "quoted" \\ 100%`,
    'データベース⚓',
    'UPPER.dotted-dashed',
    'n'.repeat(63),
    ` =?&/:@#;,`,
  ]) {
    test(`is made where it is missing: ${name}`, async () => {
      await source.query('postgres', `CREATE DATABASE ${quoted(name)}`);
      await source.query(
        name,
        `CREATE TABLE ${quoted(name)} (${quoted(name)} int); INSERT INTO ${quoted(name)} VALUES (1)`,
      );
      const done = assertSucceeded(await clone(source.uri(name), target.uri(name)));
      assert.deepEqual(
        done.tables.map((t) => [t.database, t.table, t.rows]),
        [[name, name, 1]],
      );
      await assertSame({ server: source, database: name }, { server: target, database: name });
    });
  }

  test('gets the encoding and the locale of the source', async () => {
    await source.query(
      'postgres',
      `CREATE DATABASE half ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' TEMPLATE template0`,
    );
    assertSucceeded(await clone(source.uri('half'), target.uri('half')));
    const locale = `SELECT datcollate, datctype, pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = 'half'`;
    const [made] = await target.query<{ datcollate: string; datctype: string }>('postgres', locale);
    assert.deepEqual([made], await source.query('postgres', locale));
    assert.notEqual(made?.datcollate, made?.datctype);
  });

  test('may end up without any table', async () => {
    const database = await source.createDatabase('nothing');
    await source.query(
      database,
      `CREATE SEQUENCE s; SELECT nextval('s'); CREATE VIEW v AS SELECT 1 AS one; SELECT lo_create(99)`,
    );
    const done = assertSucceeded(await clone(source.uri(database), target.uri(database)));
    assert.deepEqual([done.totals.tables, done.totals.rows, done.totals.largeObjects], [0, 0, 1]);
    await assertSame({ server: source, database }, { server: target, database });
    const empty = await source.createDatabase('empty');
    assertSucceeded(await clone(source.uri(empty), target.uri(empty)));
    await assertSame({ server: source, database: empty }, { server: target, database: empty });
    await assertClean(target, empty);
  });

  test('is refused when it is not empty; with --yes what is there stays as it is', async () => {
    const database = await source.createDatabase('shop');
    await source.query(
      database,
      `CREATE TABLE goods (id int PRIMARY KEY, name text); INSERT INTO goods VALUES (1, 'rope'), (2, 'sail');
       CREATE TABLE orders (id int PRIMARY KEY, good int REFERENCES goods, n int); INSERT INTO orders VALUES (1, 2, 3);
       CREATE TABLE prices (good int PRIMARY KEY, price numeric); INSERT INTO prices VALUES (1, 9.99);
       CREATE VIEW dear AS SELECT * FROM prices WHERE price > 5;`,
    );
    await target.createDatabase('shop');
    await target.query(
      'shop',
      `CREATE TABLE goods (id int PRIMARY KEY, name text); INSERT INTO goods VALUES (1, 'mine'), (2, 'too');
       CREATE TABLE prices (good int, price numeric);
       CREATE TABLE notes (note text); INSERT INTO notes VALUES ('keep');
       CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('fine');`,
    );
    const place = { server: target, database: 'shop' };
    const before = await contentsOf(place);
    const refused = await clone(source.uri('shop'), target.uri('shop'));
    assert.equal(refused.exitCode, 3, explain(refused));
    assert.equal(refused.done?.fault?.code, 'FF202');
    for (const object of [
      'table public.goods',
      'table public.notes',
      'function public.helper()',
      'type public.mood',
    ])
      assert.ok(refused.done?.fault?.message.includes(object), refused.done?.fault?.message);
    assert.deepEqual(await contentsOf(place), before);
    await assertClean(target, 'shop');

    const result = await clone(source.uri('shop'), target.uri('shop'), ['--yes']);
    assert.equal(result.exitCode, 1, explain(result));
    const states = new Map(result.done?.tables.map((t) => [t.table, [t.state, t.equal]]));
    assert.deepEqual(states.get('goods'), ['skipped', null]);
    assert.deepEqual(states.get('orders'), ['done', true]);
    // A table that was there and empty takes the rows.
    assert.deepEqual(states.get('prices'), ['done', true]);
    const skipped = result.done?.findings.filter((f) => f.code === 'FF507');
    assert.deepEqual(
      skipped?.map((f) => f.object),
      ['table public.goods'],
    );
    assert.deepEqual(
      result.done?.findings
        .filter((f) => f.code === 'FF416')
        .map((f) => f.object)
        .sort(),
      ['table public.goods', 'table public.prices'],
    );
    const after = await contentsOf(place);
    for (const table of ['public.goods', 'public.notes'])
      assert.deepEqual(after.get(table), before.get(table), table);
    assert.deepEqual(await target.query('shop', 'SELECT * FROM dear'), [{ good: 1, price: '9.99' }]);
  });

  test('takes only the schemas that were chosen', async () => {
    const database = await source.createDatabase('many');
    await source.query(
      database,
      ['sales', 'Odd "one"', 'private', 'public']
        .map(
          (s) =>
            `CREATE SCHEMA IF NOT EXISTS ${quoted(s)}; CREATE TABLE ${quoted(s)}.t (id serial PRIMARY KEY, v text); INSERT INTO ${quoted(s)}.t (v) VALUES ('${s.replaceAll('"', '')}');`,
        )
        .join('\n'),
    );
    const tables = async (name: string, args: readonly string[]): Promise<string[]> => {
      const done = assertSucceeded(await clone(source.uri(database), target.uri(name), args));
      const there = [...(await contentsOf({ server: target, database: name })).entries()];
      assert.equal(done.tables.length, there.filter(([, c]) => c.kind === 'r').length);
      return there.flatMap(([t, c]) => (c.kind === 'r' && c.rows === 1 ? [t] : [])).sort();
    };
    assert.deepEqual(await tables('some', ['--schema', 'sales', '--schema', 'Odd "one"']), [
      '"Odd ""one""".t',
      'sales.t',
    ]);
    assert.deepEqual(await tables('but', ['--exclude-schema', 'private', '--exclude-schema', 'public']), [
      '"Odd ""one""".t',
      'sales.t',
    ]);
    const none = await clone(source.uri(database), target.uri('none'), ['--schema', 'Sales']);
    assert.equal(none.exitCode, 3, explain(none));
    assert.equal(none.done?.fault?.code, 'FF212');
    assert.deepEqual(await target.query('postgres', `SELECT FROM pg_database WHERE datname = 'none'`), []);
  });

  test('of 3,000 tables: the time and the memory it takes', async () => {
    const count = process.env['FLEXFERRY_MAJORS'] === 'all' ? 3000 : 600;
    const database = await source.createDatabase('wide');
    await source.query(
      database,
      `DO $$ BEGIN FOR i IN 1..${count} LOOP
         EXECUTE format('CREATE TABLE t_%s (id serial PRIMARY KEY, v text, w int UNIQUE)', i);
         EXECUTE format('CREATE INDEX ON t_%s (v)', i);
         EXECUTE format('INSERT INTO t_%s (v, w) SELECT %L || g, g FROM generate_series(1, 20) g', i, 'row ');
         IF i % 50 = 0 THEN COMMIT; END IF;
       END LOOP; END $$`,
    );
    const result = await clone(source.uri(database), target.uri(database));
    const done = assertSucceeded(result);
    console.log(
      `  ${count} tables with ${done.totals.indexes} indexes: ${result.seconds.toFixed(1)} s, ${Math.round(result.memory / (1 << 20))} MB`,
    );
    assert.equal(done.totals.rows, count * 20);
    await assertSame({ server: source, database }, { server: target, database });
    await assertClean(target, database);
  });
});
