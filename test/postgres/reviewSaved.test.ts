/** What people do to saved DDL beside repairing a statement: nothing of it may go by in silence. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { ProjectDatabase, ProjectOptions } from '../../src/protocol/project.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { edit, type Ran, ReviewPlace, read } from '../support/reviewPlace.js';

let source: TestServer;
let target: TestTwin;

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await source.createDatabase('shop');
  await source.query(
    'shop',
    `CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, note varchar(40));
     CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric);
     CREATE INDEX orders_total ON orders (total);
     CREATE VIEW big AS SELECT * FROM orders WHERE total > 50;
     CREATE VIEW biggest AS SELECT max(total) AS total FROM big;
     CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM biggest;
     CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
     COMMENT ON TABLE orders IS 'what was ordered';
     GRANT SELECT ON orders TO PUBLIC;
     INSERT INTO customers (name) SELECT 'c' || i FROM generate_series(1, 100) i;
     INSERT INTO orders SELECT i, i, i FROM generate_series(1, 100) i;`,
  );
});
after(() => Promise.all([source?.stop(), target?.stop()]));

const newPlace = (database: Partial<ProjectDatabase> = {}, options: Partial<ProjectOptions> = {}) =>
  new ReviewPlace(source, target, 'shop', database, options);
const found = (ran: Ran, code: string): string[] =>
  ran.done.findings
    .filter((f) => f.code === code)
    .map((f) => f.object ?? '')
    .sort();
const addTo = (path: string, sql: string): void => writeFileSync(path, `${read(path)}\n${sql}\n`);

describe('edited after it ran', () => {
  test('what stays behind on the target is told, and --restart takes it back', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.post, 'btree (total)', 'btree (no_such_column)');
    assert.equal((await place.run()).code, 1);
    edit(place.post, 'no_such_column', 'total');
    edit(place.pre, 'SELECT 42', 'SELECT 43');
    edit(place.pre, /CREATE VIEW public\.biggest[^;]*;\n/, '');
    edit(place.pre, /CREATE MATERIALIZED VIEW public\.counted[^;]*;\n/, '');
    edit(place.post, /REFRESH MATERIALIZED VIEW[^;]*;/, '');
    edit(place.post, 'GRANT SELECT ON TABLE public.orders', 'GRANT INSERT ON TABLE public.orders');
    const second = await place.run();
    assert.equal(second.code, 1, second.shown);
    assert.deepEqual(
      found(second, 'FF425'),
      [
        'function public.answer()',
        'materialized view public.counted',
        'privileges on table public.orders',
        'view public.biggest',
      ],
      second.shown,
    );
    assert.ok(!found(second, 'FF421').includes('view public.biggest'), 'it is not left out: it is there');
    const last = await place.run(['--restart']);
    assert.equal(last.code, 0, last.shown);
    assert.deepEqual(found(last, 'FF425'), []);
    assert.deepEqual(
      await place.ask(
        `SELECT public.answer() AS a, to_regclass('public.biggest') AS b,
           has_table_privilege('public', 'public.orders', 'SELECT') AS c,
           has_table_privilege('public', 'public.orders', 'INSERT') AS d`,
      ),
      [{ a: 43, b: null, c: false, d: true }],
    );
  });

  test('a table that was copied and then taken out of the files is told', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.post, 'btree (total)', 'btree (no_such_column)');
    await place.run();
    edit(place.pre, /CREATE TABLE public\.orders [^;]*;\n/, '');
    const second = await place.run();
    assert.equal(second.code, 1);
    assert.ok(found(second, 'FF425').includes('table public.orders'), second.shown);
  });

  test('what changed on the source between two attempts is told, too', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.post, 'btree (total)', 'btree (no_such_column)');
    await source.query('shop', 'CREATE VIEW passing AS SELECT 1 AS one');
    try {
      await place.generate();
      await place.run();
    } finally {
      await source.query('shop', 'DROP VIEW passing');
    }
    await place.generate();
    edit(place.post, 'no_such_column', 'total');
    const second = await place.run();
    assert.equal(second.code, 1, second.shown);
    assert.deepEqual(found(second, 'FF425'), ['view public.passing'], second.shown);
  });

  test('an attempt that changes nothing has nothing to tell', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.post, 'btree (total)', 'btree (no_such_column)');
    await place.run();
    const again = await place.run();
    assert.deepEqual(found(again, 'FF425'), [], again.shown);
    edit(place.post, 'no_such_column', 'total');
    const last = await place.run();
    assert.equal(last.code, 0, last.shown);
  });
});

describe('statements as people write them', () => {
  test('serials become identity columns', async () => {
    using place = newPlace();
    await place.generate();
    edit(
      place.pre,
      'id integer NOT NULL,\n    name',
      'id integer GENERATED BY DEFAULT AS IDENTITY,\n    name',
    );
    for (const gone of [
      /CREATE SEQUENCE public\.customers_id_seq[^;]*;\n/,
      /ALTER SEQUENCE public\.customers_id_seq OWNED BY[^;]*;\n/,
      /ALTER TABLE ONLY public\.customers ALTER COLUMN id SET DEFAULT[^;]*;\n/,
    ])
      edit(place.pre, gone, '');
    const ran = await place.run();
    assert.equal(ran.code, 0, ran.shown);
    const [row] = await place.ask<{ id: number }>(`INSERT INTO customers (name) VALUES ('new') RETURNING id`);
    assert.equal(row?.id, 101);
  });

  test('the same, of a table with another name', async () => {
    using place = newPlace({ tables: { 'public.customers': { name: 'clients' } } });
    await place.generate();
    edit(
      place.pre,
      'id integer NOT NULL,\n    name',
      'id integer GENERATED BY DEFAULT AS IDENTITY,\n    name',
    );
    for (const gone of [
      /CREATE SEQUENCE public\.customers_id_seq[^;]*;\n/,
      /ALTER SEQUENCE public\.customers_id_seq OWNED BY[^;]*;\n/,
      /ALTER TABLE ONLY public\.clients ALTER COLUMN id SET DEFAULT[^;]*;\n/,
    ])
      edit(place.pre, gone, '');
    const ran = await place.run();
    assert.equal(ran.code, 0, ran.shown);
    const [row] = await place.ask<{ id: number }>(`INSERT INTO clients (name) VALUES ('new') RETURNING id`);
    assert.equal(row?.id, 101);
  });

  test('twice the same statement runs twice', async () => {
    using place = newPlace();
    await place.generate();
    addTo(
      place.post,
      `${/GRANT SELECT ON TABLE public\.orders[^;]*;/.exec(read(place.post))?.[0]}\nCOMMENT ON TABLE public.customers IS 'x';\nCOMMENT ON TABLE public.customers IS 'x';`,
    );
    const ran = await place.run();
    assert.equal(ran.code, 0, ran.shown);
  });

  test('the last one without its semicolon, a comment behind it', async () => {
    using place = newPlace();
    await place.generate();
    addTo(place.post, 'CREATE INDEX mine ON public.orders (customer) -- mine');
    const ran = await place.run();
    assert.equal(ran.code, 0, ran.shown);
    assert.equal((await place.ask(`SELECT FROM pg_indexes WHERE indexname = 'mine'`)).length, 1);
  });

  test('BEGIN, COMMIT, ROLLBACK and their like are left out: every statement has its transaction', async () => {
    for (const [first, last] of [
      ['BEGIN;', 'COMMIT;'],
      ['START TRANSACTION;', ''],
      ['', 'ROLLBACK;'],
      ['begin work;\nSAVEPOINT s;', "ROLLBACK TO s;\nPREPARE TRANSACTION 'x';"],
    ] as const) {
      using place = newPlace();
      await place.generate();
      writeFileSync(place.pre, `${first}\n${read(place.pre)}\n${last}\n`);
      const ran = await place.run();
      const told = found(ran, 'FF426');
      assert.equal(told.length, `${first}${last}`.split(';').length - 1, ran.shown);
      assert.equal(ran.done.totals.failed, 0, ran.shown);
      assert.equal(ran.code, 1, ran.shown);
      assert.equal((await place.ask('SELECT FROM orders')).length, 100);
      assert.deepEqual(await place.ask('SELECT answer() AS a'), [{ a: 42 }]);
      assert.deepEqual(await place.target.superQuery('postgres', 'SELECT gid FROM pg_prepared_xacts'), []);
    }
  });

  test('what is taken out takes along what needs it, and what needs that', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.pre, /CREATE TABLE public\.orders [^;]*;\n/, '');
    const ran = await place.run();
    assert.equal(ran.code, 1);
    assert.deepEqual(
      ran.done.findings.filter((f) => f.severity === 'error'),
      [],
      ran.shown,
    );
    const needing = found(ran, 'FF417');
    for (const view of ['view public.big', 'view public.biggest', 'materialized view public.counted'])
      assert.ok(needing.includes(view), `${view}: ${ran.shown}`);
  });

  test('a view that becomes a materialized one is there for what needs it', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.pre, 'CREATE VIEW public.big AS', 'CREATE MATERIALIZED VIEW public.big AS');
    edit(place.pre, '> (50)::numeric)', '> (50)::numeric)\nWITH NO DATA');
    edit(
      place.post,
      'REFRESH MATERIALIZED VIEW',
      'REFRESH MATERIALIZED VIEW public.big;\nREFRESH MATERIALIZED VIEW',
    );
    const ran = await place.run();
    assert.equal(ran.code, 0, ran.shown);
    assert.deepEqual(await place.ask('SELECT total::int FROM biggest'), [{ total: 100 }]);
  });
});

describe('generating again', () => {
  test('a file in another encoding is refused and stays as it is, byte by byte', async () => {
    using place = newPlace();
    await place.generate();
    const text = read(place.pre).replace('CREATE VIEW', '-- M\u00e4rz\nCREATE VIEW');
    const bytes = Buffer.from(text, 'latin1');
    writeFileSync(place.pre, bytes);
    place.map({ exclude: { tables: ['public.customers'] } });
    const { code, shown } = await place.generate();
    assert.notEqual(code, 0, shown);
    assert.match(shown, /FF303/);
    assert.deepEqual(readFileSync(place.pre), bytes);
  });

  test('a conflict that is not decided is told each time, and nothing is put on top of it', async () => {
    using place = newPlace();
    await place.generate();
    edit(place.pre, 'note character varying(40)', 'note text');
    place.map({ tables: { 'public.customers': { name: 'clients' } } });
    assert.equal((await place.generate()).outcomes[0], 'conflict');
    const text = read(place.pre);
    for (const name of ['clients', 'kunden']) {
      place.map({ tables: { 'public.customers': { name } } });
      const again = await place.generate();
      assert.equal(again.code, 1, again.shown);
      assert.deepEqual([again.files[0]?.outcome, again.files[0]?.conflicts], ['conflict', 1], again.shown);
      assert.equal(read(place.pre), text);
    }
    // Decided for the own side, under the name of today: what was generated since comes in by the next merge.
    writeFileSync(
      place.pre,
      text.replace(/^<<<<<<< yours\n([\s\S]*?)^=======\n[\s\S]*?^>>>>>>> generated\n/gm, '$1'),
    );
    const decided = await place.generate();
    assert.notEqual(decided.outcomes[0], 'kept', decided.shown);
  });
});

describe('globals.sql', () => {
  test('BEGIN and COMMIT in it lose nothing', async () => {
    await source.query('postgres', 'CREATE ROLE review_saved NOLOGIN');
    await source.query('shop', 'GRANT SELECT ON customers TO review_saved');
    try {
      using place = newPlace({}, { createRoles: true });
      await place.generate();
      assert.match(read(place.globals), /CREATE ROLE "review_saved"/);
      writeFileSync(place.globals, `BEGIN;\n${read(place.globals)}`);
      const ran = await place.run();
      assert.equal(
        (await target.superQuery('postgres', `SELECT FROM pg_roles WHERE rolname = 'review_saved'`)).length,
        1,
        ran.shown,
      );
    } finally {
      await source.query('shop', 'REVOKE ALL ON customers FROM review_saved');
      await source.query('postgres', 'DROP ROLE review_saved');
    }
  });
});
