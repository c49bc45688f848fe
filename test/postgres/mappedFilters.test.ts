/** What a project leaves out is a choice; what needs it is a warning and never a failed statement. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Finding } from '../../src/protocol/model.js';
import type { ProjectDatabase, ProjectOptions } from '../../src/protocol/project.js';
import { contentsOf } from '../support/compare.js';
import { assertClean, createSampleRoles, migrateHere } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const shop = `
  CREATE SCHEMA shop; CREATE SCHEMA stock; CREATE SCHEMA "Odd x"; CREATE SCHEMA tmp_1;
  CREATE TABLE shop.customers (id serial PRIMARY KEY, name text);
  CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES shop.customers, total int);
  CREATE INDEX orders_total ON shop.orders (total); CREATE INDEX orders_customer ON shop.orders (customer);
  CREATE TABLE shop."Order lines" (orders bigint REFERENCES shop.orders, n int, UNIQUE (orders, n));
  CREATE TABLE shop.log (id serial, what text); CREATE TABLE shop.log_old () INHERITS (shop.log);
  CREATE TABLE shop.parts (id int, region text) PARTITION BY LIST (region);
  CREATE TABLE shop.parts_a PARTITION OF shop.parts FOR VALUES IN ('a');
  CREATE TABLE shop.parts_b PARTITION OF shop.parts FOR VALUES IN ('b') PARTITION BY RANGE (id);
  CREATE TABLE shop.parts_b_1 PARTITION OF shop.parts_b FOR VALUES FROM (0) TO (1000);
  CREATE INDEX parts_id ON shop.parts (id);
  CREATE TABLE stock.items (id int PRIMARY KEY, note text); CREATE SEQUENCE stock.ticket; CREATE TYPE stock.color AS ENUM ('red');
  CREATE FUNCTION stock.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
  CREATE FUNCTION stock.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE "Odd x"."T 1" (id int PRIMARY KEY, item int); CREATE TABLE tmp_1.t (id int);
  INSERT INTO shop.customers (name) SELECT 'c' || i FROM generate_series(1, 20) i;
  INSERT INTO shop.orders (customer, total) SELECT 1 + i % 20, i FROM generate_series(1, 200) i;
  INSERT INTO shop."Order lines" SELECT id, 1 FROM shop.orders;
  INSERT INTO shop.log (what) SELECT 'x' FROM generate_series(1, 10); INSERT INTO shop.log_old SELECT 100, 'old';
  INSERT INTO shop.parts SELECT i, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 100) i;
  INSERT INTO stock.items SELECT i FROM generate_series(1, 30) i; INSERT INTO "Odd x"."T 1" SELECT i, i FROM generate_series(1, 5) i;
  INSERT INTO tmp_1.t VALUES (1)`;

/** Everything that can need the schema stock. */
const needy = `
  CREATE VIEW shop.v AS SELECT * FROM stock.items; CREATE VIEW shop.v2 AS SELECT id FROM shop.v;
  CREATE MATERIALIZED VIEW shop.m AS SELECT count(*) AS n FROM stock.items; CREATE UNIQUE INDEX m_n ON shop.m (n);
  CREATE TABLE shop.colored (id int PRIMARY KEY, c stock.color); INSERT INTO shop.colored VALUES (1, 'red');
  CREATE TABLE shop.ticketed (id int DEFAULT nextval('stock.ticket')); INSERT INTO shop.ticketed VALUES (1);
  CREATE TABLE shop.doubled (id serial, d int DEFAULT stock.twice(2)); INSERT INTO shop.doubled DEFAULT VALUES;
  CREATE TABLE shop.checked (id int CHECK (stock.twice(id) > 0)); INSERT INTO shop.checked VALUES (1);
  CREATE TABLE shop.refers (id int REFERENCES stock.items); INSERT INTO shop.refers VALUES (1);
  CREATE TABLE shop.triggered (id int); CREATE TRIGGER t BEFORE INSERT ON shop.triggered FOR EACH ROW EXECUTE FUNCTION stock.note();
  COMMENT ON TRIGGER t ON shop.triggered IS 'gone with it';
  CREATE TABLE shop.guarded (id int); ALTER TABLE shop.guarded ENABLE ROW LEVEL SECURITY;
  CREATE POLICY p ON shop.guarded USING (id IN (SELECT i.id FROM stock.items i));
  CREATE INDEX by_twice ON shop.triggered (stock.twice(id));
  CREATE FUNCTION shop.reads() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM stock.items; END;
  CREATE FUNCTION shop.text_body() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM stock.items';
  CREATE FUNCTION shop.takes(stock.color) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION shop.rows() RETURNS SETOF stock.items LANGUAGE sql AS 'SELECT * FROM stock.items';
  GRANT EXECUTE ON FUNCTION shop.takes(stock.color) TO harbour_reader; COMMENT ON VIEW shop.v IS 'x'; GRANT SELECT ON shop.v TO harbour_reader;
  CREATE TABLE shop.child () INHERITS (stock.items); CREATE DOMAIN shop.d AS stock.color; CREATE TABLE shop.of_d (x shop.d);
  CREATE RULE r AS ON INSERT TO shop.triggered DO ALSO INSERT INTO stock.items VALUES (NEW.id)`;

let source: TestServer;
let target: TestTwin;
let made = 0;
before(async () => {
  [source, target] = await Promise.all([startServer({ major: 17 }), startFlexibleServerTwin({ major: 17 })]);
  await createSampleRoles(target);
  await source.query('postgres', 'CREATE ROLE harbour_reader');
});
after(() => Promise.all([source?.stop(), target?.stop()]));

async function sourceDatabase(sql: string): Promise<string> {
  const name = await source.createDatabase(`filters ${++made}`);
  await source.query(name, sql);
  return name;
}

async function move(
  of: string,
  choice: Omit<ProjectDatabase, 'source' | 'target'>,
  options: Partial<ProjectOptions> = {},
  from = source.uri(),
) {
  const database = `target ${++made}`;
  const { done } = await migrateHere(
    from,
    target.uri(),
    { source: of, target: database, ...choice },
    {
      dumpTool: 'builtin',
      ...options,
    },
  );
  const problems = done.findings.filter((f) => f.severity !== 'note');
  assert.equal(done.fault, undefined, done.fault?.message);
  const content = await contentsOf({ server: target, database });
  const rows = Object.fromEntries(
    [...content].filter(([, c]) => c.kind === 'r').map(([name, c]) => [name, c.rows]),
  );
  return { done, database, problems, rows, content };
}

function assertChosen(result: Awaited<ReturnType<typeof move>>): void {
  assert.deepEqual(result.problems, []);
  assert.equal(result.done.exitCode, 0, result.done.fault?.message);
}

const all: Readonly<Record<string, number>> = {
  'shop."Order lines"': 200,
  'shop.customers': 20,
  'shop.log': 10,
  'shop.log_old': 1,
  'shop.orders': 200,
  'shop.parts_a': 50,
  'shop.parts_b_1': 50,
  'stock.items': 30,
  '"Odd x"."T 1"': 5,
  'tmp_1.t': 1,
};
const without = (...names: readonly string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

describe('what nothing else needs: notes and exit 0', () => {
  let database: string;
  before(async () => {
    database = await sourceDatabase(shop);
  });
  const cases: Readonly<
    Record<string, [Omit<ProjectDatabase, 'source' | 'target'>, Record<string, number>]>
  > = {
    'exclude.schemas, exact and regex': [
      { exclude: { schemas: ['Odd x', '~/^tmp_\\d$/'] } },
      without('"Odd x"."T 1"', 'tmp_1.t'),
    ],
    'include.schemas, exact and regex': [
      { include: { schemas: ['Odd x', '~/^st/'] } },
      { '"Odd x"."T 1"': 5, 'stock.items': 30 },
    ],
    'include and exclude': [
      { include: { schemas: ['~/s/'] }, exclude: { schemas: ['stock'], tables: ['shop.~/^(log|parts)/'] } },
      { 'shop."Order lines"': 200, 'shop.customers': 20, 'shop.orders': 200 },
    ],
    'exclude.tables, exact, quoted, a parent with its partitions': [
      { exclude: { tables: ['"Odd x"."T 1"', 'shop.parts', 'SHOP."Order lines"'] } },
      without('"Odd x"."T 1"', 'shop.parts_a', 'shop.parts_b_1', 'shop."Order lines"'),
    ],
    'exclude.tables, one partition, and one that has partitions': [
      { exclude: { tables: ['shop.parts_a', 'shop.parts_b'] } },
      without('shop.parts_a', 'shop.parts_b_1'),
    ],
    'exclude.tables by a regex over the whole name': [
      { exclude: { tables: ['~/^shop\\..*_old$/', '~/^tmp/'] } },
      without('shop.log_old', 'tmp_1.t'),
    ],
    'include.tables': [
      { include: { tables: ['shop.~/^parts/', 'stock.items'] } },
      { 'shop.parts_a': 50, 'shop.parts_b_1': 50, 'stock.items': 30 },
    ],
    'exclude.tableData': [
      { exclude: { tableData: ['shop.log', 'shop.parts_b', 'stock.~/.*/'] } },
      { ...all, 'shop.log': 0, 'shop.parts_b_1': 0, 'stock.items': 0 },
    ],
    'exclude.indexes': [{ exclude: { indexes: ['shop.orders_total', '~/parts_id$/'] } }, all],
    'no table left': [{ exclude: { tables: ['~/./'] } }, {}],
    'no schema left': [{ exclude: { schemas: ['~/./'] } }, {}],
  };
  for (const [what, [choice, expected]] of Object.entries(cases))
    test(what, async () => {
      const result = await move(database, choice);
      assertChosen(result);
      assert.deepEqual(result.rows, expected);
      const [{ indexes }] = (await target.superQuery<{ indexes: string }>(
        result.database,
        `SELECT coalesce(string_agg(indexrelid::regclass::text, ' ' ORDER BY 1), '') AS indexes FROM pg_index WHERE indexrelid > 16383
         AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'shop'::text::regnamespace)`.replace(
          `'shop'::text::regnamespace`,
          `(SELECT oid FROM pg_namespace WHERE nspname = 'shop')`,
        ),
      )) as [{ indexes: string }];
      if (what === 'exclude.indexes') {
        assert.doesNotMatch(indexes, /orders_total|parts_id/);
        assert.match(indexes, /shop\.orders_customer/);
      }
      // Sequences go with the table that owns them.
      const sequences = [...result.content].filter(([, c]) => c.kind === 'S').map(([name]) => name);
      assert.equal(sequences.includes('shop.customers_id_seq'), 'shop.customers' in expected);
      assert.equal(sequences.includes('shop.orders_id_seq'), 'shop.orders' in expected);
      await assertClean(target, result.database);
    });
});

describe('what needs something left out', () => {
  const expectNeeds = (problems: readonly Finding[], objects: readonly RegExp[]): void => {
    const text = problems.map((f) => `${f.severity} ${f.code} ${f.message}`);
    assert.deepEqual(
      text.filter(
        (t) => !/^warning FF417 .*( needs .*, which is left out|; its data was not copied)\.$/.test(t),
      ),
      [],
    );
    for (const object of objects)
      assert.ok(
        text.some((t) => object.test(t)),
        `${object} in\n${text.join('\n')}`,
      );
  };
  const needs = [
    /view shop\.v needs/,
    /view shop\.v2 needs/,
    /materialized view shop\.m needs/,
    /table shop\.colored needs/,
    /shop\.refers.* needs/,
    /trigger t .*needs/,
    /policy p .*needs/,
    /function shop\.reads\(\) needs/,
    /function shop\.takes\(.*needs/,
    /function shop\.rows\(\) needs/,
    /table shop\.child needs/,
    /domain shop\.d needs/,
    /table shop\.of_d needs/,
    /rule r .*needs/,
    /by_twice.* needs/,
  ];
  test('of an excluded schema', async () => {
    const database = await sourceDatabase(`${shop}; ${needy}`);
    const result = await move(database, { exclude: { schemas: ['stock'] } });
    expectNeeds(result.problems, needs);
    assert.equal(result.done.exitCode, 1);
    assert.equal(result.done.totals.failed, 0);
    assert.equal(result.rows['shop.refers'], 1);
    assert.equal(result.rows['shop.triggered'], 0);
    assert.equal(result.rows['shop.orders'], 200);
  });
  test('of schemas that are not included, under other names', async () => {
    const database = await sourceDatabase(`${shop}; ${needy}`);
    const result = await move(database, {
      include: { schemas: ['shop'] },
      schemas: { shop: 'store' },
      tables: { 'shop.refers': { name: 'points' } },
    });
    expectNeeds(result.problems, needs);
    assert.equal(result.done.totals.failed, 0);
    assert.equal(result.rows['store.points'], 1);
  });
  test('of excluded tables and views', async () => {
    const database = await sourceDatabase(`${shop}; ${needy};
      CREATE VIEW shop.summary AS SELECT customer, count(*) FROM shop.orders GROUP BY 1;
      CREATE FUNCTION shop.one() RETURNS shop.orders LANGUAGE sql AS 'SELECT * FROM shop.orders LIMIT 1';
      CREATE TABLE shop.like_a_row (o shop.orders); CREATE PUBLICATION pub FOR TABLE shop.orders, shop.customers`);
    const result = await move(
      database,
      { exclude: { tables: ['shop.orders', 'shop.v', 'stock.items', 'shop.customers'] } },
      { publications: true },
    );
    expectNeeds(result.problems, [
      /view shop\.v2 needs/,
      /shop\.refers.* needs/,
      /Order lines.* needs table shop\.orders/,
      /view shop\.summary needs table shop\.orders/,
      /function shop\.one\(\) needs/,
      /table shop\.like_a_row needs/,
      /policy p .*needs/,
    ]);
    assert.equal(result.done.totals.failed, 0);
    assert.equal(result.rows['shop."Order lines"'], 200);
  });
  test('of an excluded extension, or of all', async () => {
    const database = await sourceDatabase(`
      CREATE SCHEMA ext; CREATE EXTENSION citext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION pg_trgm;
      CREATE TABLE a (id int, c citext); CREATE TABLE b (id int, h ext.hstore); CREATE TABLE c (id int, t text);
      INSERT INTO c VALUES (1, 'x'); CREATE INDEX c_t ON c USING gin (t gin_trgm_ops);
      CREATE VIEW like_x AS SELECT * FROM c WHERE t % 'x'; CREATE VIEW sim AS SELECT similarity(t, 'x') FROM c;
      CREATE FUNCTION f(citext) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE DOMAIN mail AS citext; CREATE TABLE d (m mail)`);
    const trgm = await move(database, { exclude: { extensions: ['pg_trgm'] } });
    expectNeeds(trgm.problems, [/c_t.* needs/, /view public\.like_x needs/, /view public\.sim needs/]);
    assert.deepEqual(trgm.rows, { 'public.a': 0, 'public.b': 0, 'public.c': 1, 'public.d': 0 });
    const regex = await move(database, { exclude: { extensions: ['~/^(citext|hstore)$/'] } });
    expectNeeds(regex.problems, [
      /table public\.a needs/,
      /table public\.b needs/,
      /function public\.f.* needs/,
      /table public\.d needs/,
    ]);
    const none = await move(database, {}, { extensions: false });
    expectNeeds(none.problems, [/table public\.a needs/, /view public\.sim needs/]);
    assert.deepEqual(none.rows, { 'public.c': 1 });
    const schema = await move(database, { exclude: { schemas: ['ext'] } });
    // An extension is no object of the schema that it lies in.
    assertChosen(schema);
    assert.deepEqual(schema.rows, { 'public.a': 0, 'public.b': 0, 'public.c': 1, 'public.d': 0 });
  });
  test('an excluded extension that the target does not allow stops nothing', async () => {
    const database = await sourceDatabase(
      `CREATE EXTENSION tcn; CREATE TABLE t (id int PRIMARY KEY); CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION triggered_change_notification()`,
    );
    const result = await move(database, { exclude: { extensions: ['tcn'] } });
    expectNeeds(result.problems, [/trigger tr .* needs/]);
    assert.deepEqual(result.rows, { 'public.t': 0 });
  });
});

describe('rights on the source', () => {
  test('nothing is needed on what is left out', async () => {
    const database = await sourceDatabase(shop);
    await source.query(
      database,
      `CREATE ROLE limited LOGIN; GRANT USAGE ON SCHEMA shop TO limited; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO limited;
       GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop TO limited; REVOKE ALL ON shop.log, shop.log_old, shop.parts, shop.parts_a FROM limited;
       REVOKE ALL ON SEQUENCE shop.log_id_seq FROM limited; CREATE VIEW shop.hidden AS SELECT 1; REVOKE ALL ON shop.hidden FROM limited`,
    );
    const choice = {
      include: { schemas: ['shop'] },
      exclude: { tables: ['shop.log', 'shop.log_old', 'shop.parts', 'shop.hidden'] },
    };
    const result = await move(database, choice, { grants: false }, source.uri('postgres', 'limited'));
    assertChosen(result);
    assert.deepEqual(result.rows, { 'shop."Order lines"': 200, 'shop.customers': 20, 'shop.orders': 200 });
    const other = await move(
      database,
      { exclude: { ...choice.exclude, schemas: ['stock', 'Odd x', 'tmp_1'] } },
      { grants: false },
      source.uri('postgres', 'limited'),
    );
    assertChosen(other);
    assert.deepEqual(other.rows, result.rows);
  });
});
