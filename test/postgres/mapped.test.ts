/** Renamed schemas and tables through a whole run, against a copy of the source that ALTER renamed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ProjectDatabase } from '../../src/protocol/project.js';
import { assertSame } from '../support/compare.js';
import { renamedCopy } from '../support/mapped.js';
import { assertClean, createSampleRoles, migrateHere } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

/** Functions whose bodies are strings, and settings: ALTER does not reach into them, so they are called below. */
const strings = [
  // An alias that PostgreSQL made of a name.
  /^view harbour."Busiest"/,
  /^function /,
  /^object setting/,
  /^object database/,
  /^object configuration/,
];
const sources: TestServer[] = [];
let target: TestTwin;

before(async () => {
  const [old, recent, twin] = await Promise.all([
    startServer({ major: 13 }),
    startServer({ major: 17 }),
    startFlexibleServerTwin({ major: 17 }),
  ]);
  sources.push(old, recent);
  target = twin;
  await createSampleRoles(target);
  for (const source of sources) {
    await source.createDatabase('harbour');
    await loadSample(source, 'harbour');
  }
});
after(() => Promise.all([...sources, target].map((server) => server?.stop())));

async function move(source: TestServer, database: ProjectDatabase) {
  const { done } = await migrateHere(source.uri(), target.uri(), database, { dumpTool: 'builtin' });
  const problems = done.findings.filter((f) => f.severity !== 'note');
  assert.deepEqual(problems, [], `${done.fault?.message}`);
  assert.equal(done.exitCode, 0, done.fault?.message);
  await assertClean(source, database.source);
  await assertClean(target, database.target);
  return done;
}

const one = async (database: string, sql: string): Promise<unknown> => {
  const [row] = await target.superQuery<Record<string, unknown>>(database, sql);
  return Object.values(row ?? {})[0];
};

describe('harbour under other names', () => {
  const cases: Readonly<Record<string, Pick<ProjectDatabase, 'schemas' | 'tables'>>> = {
    'schemas to quotes, spaces, unicode and a reserved word': {
      schemas: {
        harbour: `Häfen "x"; y.z 'q' ⚓`,
        billing: 'select',
        'Archive.old ⚓': 'archive',
        public: 'ext',
      },
    },
    'schemas that change their names with each other': {
      schemas: { harbour: 'billing', billing: 'harbour' },
    },
    'tables of every kind renamed and moved': {
      tables: {
        'harbour.ships': { name: 'The "vessels" 🚢' },
        'harbour.crew': { schema: 'people', name: 'user' },
        'harbour.berths': { schema: 'billing' },
        'harbour.voyages': { name: 'journeys' },
        'harbour.movements': { schema: 'ports', name: 'moves' },
        'harbour.movements_2024_h1': { schema: 'Archive.old ⚓', name: 'moves of 2024, 1st' },
        'harbour.movements_2025': { name: 'table' },
        'harbour.inspections_south': { name: 'inspections_under' },
        '"Archive.old ⚓"."inspections elsewhere"': { schema: 'harbour', name: 'inspections_elsewhere' },
        'harbour.tides_0': { schema: 'ports' },
        'harbour.incidents': { name: 'accidents' },
        'harbour.incidents_spill': { schema: 'ports', name: 'spilled' },
        'harbour.z_movements_by_crane': { schema: 'ports', name: 'by_crane' },
        'harbour.a_busiest_cranes': { name: 'Busiest' },
        'harbour.fleet': { name: 'all ships' },
        'harbour.big_fleet': { schema: 'ports' },
        'harbour.crew_medical': { name: 'health' },
        'billing.invoices': { name: 'bills' },
        'billing.invoice_lines': { schema: 'harbour', name: 'bill lines' },
        'billing.customers': { schema: 'people' },
        'billing.exchange_rates': { name: 'rates' },
        'harbour.no_key': { name: 'without_key' },
        'harbour.zero_columns': { name: 'nothing' },
        'harbour.chain_of_command': { name: 'chain' },
        'harbour.all_generated': { name: 'computed' },
        'billing.audit': { schema: 'log', name: 'lines' },
      },
    },
    'schemas and tables at once, two tables that change names': {
      schemas: { harbour: 'port', 'Archive.old ⚓': 'old', billing: 'money' },
      tables: {
        'harbour.documents': { name: 'manifest papers' },
        'harbour.empty_table': { name: 'no_key' },
        'harbour.no_key': { name: 'empty_table' },
        'harbour.containers': { schema: 'money' },
        '"Archive.old ⚓"."Captain\'s ""log"".v1 📓"': { schema: 'port', name: "Captain's log" },
        'harbour.tides': { schema: 'sea' },
      },
    },
  };
  for (const major of [13, 17])
    for (const [what, names] of Object.entries(cases))
      test(`${major}: ${what}`, async () => {
        const source = sources.find((s) => s.major === major) as TestServer;
        const database = { source: 'harbour', target: `${major} ${what}`.slice(0, 60), ...names };
        await move(source, database);
        // initdb's own comment is on public alone.
        const copy = await renamedCopy(
          source,
          database,
          names.schemas?.['public'] === 'ext' ? 'COMMENT ON SCHEMA ext IS NULL' : '',
        );
        const content = await assertSame(
          copy,
          { server: target, database: database.target },
          { except: strings },
        );
        assert.ok(content.size > 45);
      });

  test('what reads and writes under the new names', async () => {
    const source = sources[1] as TestServer;
    const to = `17 tables of every kind renamed and moved`;
    const vessels = `harbour."The ""vessels"" 🚢"`;
    assert.ok(Number(await one(to, 'SELECT count(*) FROM harbour."all ships"')) > 0);
    assert.ok(Number(await one(to, `SELECT count(*) FROM harbour.longest_ship('tanker', 'ferry')`)) === 1);
    assert.equal(
      await one(
        to,
        `SELECT harbour.ship_age(id, built + 1)::text FROM ${vessels} WHERE built IS NOT NULL LIMIT 1`,
      ),
      '1 day',
    );
    const total = 'SELECT total::text || lines FROM';
    assert.equal(
      await one(to, `${total} harbour.invoice_total(1)`),
      Object.values(
        (await source.query<Record<string, string>>('harbour', `${total} harbour.invoice_total(1)`))[0] ?? {},
      )[0],
    );
    await target.superQuery(
      to,
      `CALL billing.settle(1);
       INSERT INTO billing.bills (customer_id, issued, due) SELECT min(id), '2030-01-01', '2030-01-02' FROM people.customers`,
    );
    assert.equal(await one(to, 'SELECT paid FROM billing.bills WHERE id = 1'), true);
    assert.equal(await one(to, `SELECT what FROM log.lines ORDER BY at_line DESC LIMIT 1`), 'INSERT');
    await target.superQuery(
      to,
      `INSERT INTO ports.moves SELECT -1, container, '2025-03-01', crane FROM ports.moves LIMIT 1; REFRESH MATERIALIZED VIEW ports.by_crane`,
    );
    assert.equal(await one(to, 'SELECT count(*) FROM harbour."table" WHERE id = -1'), '1');
    const [nextHere] = await source.query<{ n: string }>(
      'harbour',
      `SELECT last_value + increment_by AS n FROM pg_sequences WHERE sequencename = 'voyage_number'`,
    );
    assert.equal(
      await one(
        to,
        `INSERT INTO harbour.journeys (ship_id, origin, destination, departed, day_of) SELECT id, flag, flag, '2030-01-01', '2030-01-01' FROM ${vessels} LIMIT 1 RETURNING id`,
      ),
      Number(nextHere?.n),
    );
    const path = (
      await target.superQuery<{ p: string }>(
        '17 schemas to quotes, spaces, unicode and a reserved word',
        `SHOW search_path`,
      )
    )[0] as unknown as { search_path: string };
    assert.equal(path.search_path, `"Häfen ""x""; y.z 'q' ⚓", "select", ext`);
  });
});

describe('public', () => {
  const make = `
    CREATE SCHEMA app; CREATE SCHEMA ext; CREATE EXTENSION citext; CREATE EXTENSION hstore SCHEMA ext;
    CREATE TABLE customers (id serial PRIMARY KEY, mail citext UNIQUE, more ext.hstore DEFAULT 'a=>1'::ext.hstore);
    CREATE TABLE app.orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, customer int REFERENCES customers, at date DEFAULT '2020-01-01');
    INSERT INTO customers (mail) SELECT 'A' || i || '@x' FROM generate_series(1, 50) i;
    INSERT INTO app.orders (customer) SELECT 1 + i % 50 FROM generate_series(1, 300) i;
    CREATE VIEW both_of AS SELECT c.mail, o.id FROM customers c JOIN app.orders o ON o.customer = c.id WHERE c.mail = 'a1@X';
    CREATE FUNCTION app.mails() RETURNS SETOF citext LANGUAGE sql AS 'SELECT mail FROM public.customers';
    COMMENT ON SCHEMA public IS 'ours'; GRANT USAGE ON SCHEMA public TO harbour_reader;`;
  const cases: Readonly<Record<string, Pick<ProjectDatabase, 'schemas'>>> = {
    'public becomes another': { schemas: { public: 'shop' } },
    'another becomes public, public something else': { schemas: { public: 'shop', app: 'public' } },
    'the schema of an extension': { schemas: { ext: 'Extension "schema"' } },
  };
  for (const [what, names] of Object.entries(cases))
    test(what, async () => {
      for (const source of sources) {
        const name = `public ${what}`.slice(0, 50);
        await source.createDatabase(name);
        await source.query(name, make);
        const database = { source: name, target: `${source.major} ${name}`, ...names };
        await move(source, database);
        const copy = await renamedCopy(source, database);
        const content = await assertSame(
          copy,
          { server: target, database: database.target },
          { except: strings },
        );
        assert.equal(content.get('shop.customers')?.rows ?? content.get('public.customers')?.rows, 50);
        const app = names.schemas?.['app'] ?? 'app';
        assert.equal(await one(database.target, `SELECT count(*)::int FROM ${app}.mails()`), 50);
        assert.equal(
          await one(database.target, `INSERT INTO ${app}.orders (customer) VALUES (1) RETURNING id`),
          '301',
        );
      }
    });

  test('into public beside what is there: several schemas become one', async () => {
    const source = sources[0] as TestServer;
    await source.createDatabase('several');
    await source.query(
      'several',
      `CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c; CREATE TABLE a.t1 (id serial); CREATE TABLE b.t2 (id serial PRIMARY KEY);
       CREATE TABLE c.t1 (id int REFERENCES b.t2); INSERT INTO a.t1 DEFAULT VALUES; INSERT INTO b.t2 DEFAULT VALUES; INSERT INTO c.t1 VALUES (1);
       COMMENT ON SCHEMA a IS 'first'; COMMENT ON SCHEMA b IS 'second'`,
    );
    await move(source, {
      source: 'several',
      target: 'several',
      schemas: { a: 'public', b: 'one "x"', c: 'one "x"' },
    });
    assert.deepEqual(
      await target.superQuery(
        'several',
        `SELECT (SELECT count(*)::int FROM public.t1) AS a, (SELECT max(id) FROM "one ""x""".t2) AS b, (SELECT count(*)::int FROM "one ""x""".t1) AS c`,
      ),
      [{ a: 1, b: 1, c: 1 }],
    );
  });
});

describe('renameOwned', () => {
  test('sequences, constraints and indexes follow their table', async () => {
    const source = sources[0] as TestServer;
    await source.createDatabase('owned');
    await source.query(
      'owned',
      `CREATE TABLE orders (id serial PRIMARY KEY, code text UNIQUE, n int CONSTRAINT orders_n_check CHECK (n > 0), other int CONSTRAINT mine CHECK (other > 0));
       CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY, order_id int CONSTRAINT lines_order_id_fkey REFERENCES orders, CONSTRAINT lines_pkey PRIMARY KEY (id));
       CREATE INDEX orders_code_n ON orders (code, n); CREATE INDEX by_n ON orders (n); CLUSTER orders USING orders_code_n;
       COMMENT ON INDEX orders_code_n IS 'x'; COMMENT ON CONSTRAINT orders_n_check ON orders IS 'positive'; COMMENT ON SEQUENCE orders_id_seq IS 's';
       CREATE TABLE next_one (at int DEFAULT nextval('orders_id_seq'));
       INSERT INTO orders (code, n) SELECT i, i FROM generate_series(1, 10) i; INSERT INTO lines (order_id) SELECT id FROM orders`,
    );
    const database = {
      source: 'owned',
      target: 'owned',
      tables: { 'public.orders': { name: 'Sales', schema: 'shop' }, 'public.lines': { name: 'sale_lines' } },
    };
    await move(source, { ...database, renameOwned: true });
    const copy = await renamedCopy(
      source,
      database,
      `ALTER SEQUENCE shop.orders_id_seq RENAME TO "Sales_id_seq"; ALTER INDEX shop.orders_pkey RENAME TO "Sales_pkey";
       ALTER INDEX shop.orders_code_key RENAME TO "Sales_code_key"; ALTER INDEX shop.orders_code_n RENAME TO "Sales_code_n";
       ALTER TABLE shop."Sales" RENAME CONSTRAINT orders_n_check TO "Sales_n_check"; ALTER SEQUENCE lines_id_seq RENAME TO sale_lines_id_seq;
       ALTER INDEX lines_pkey RENAME TO sale_lines_pkey; ALTER TABLE sale_lines RENAME CONSTRAINT lines_order_id_fkey TO sale_lines_order_id_fkey`,
    );
    await assertSame(copy, { server: target, database: 'owned' });
    assert.equal(await one('owned', `INSERT INTO shop."Sales" (code, n) VALUES ('x', 1) RETURNING id`), 11);
    assert.equal(await one('owned', `INSERT INTO public.next_one DEFAULT VALUES RETURNING at`), 12);
  });
});
