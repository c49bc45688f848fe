import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { rename } from '../../../src/ddl/rename/rename.js';
import type { Renames } from '../../../src/ddl/rename/renames.js';
import { renamed, renamesFor } from './renameSetup.js';

const sqlBodies: readonly (readonly [string, string])[] = [
  [
    'SELECT orders.id FROM app.orders WHERE orders.id = $1',
    'SELECT bookings.id FROM sales.bookings WHERE bookings.id = $1',
  ],
  ['SELECT orders FROM app.orders', 'SELECT orders FROM sales.bookings orders'],
  ['SELECT row_to_json(orders) FROM app.orders', 'SELECT row_to_json(bookings) FROM sales.bookings'],
  ['SELECT row_to_json(status) FROM app.status', 'SELECT row_to_json(status) FROM sales.status'],
  ['SELECT orders FROM misc.kept, app.orders', 'SELECT orders FROM misc.kept, sales.bookings'],
  [
    'SELECT orders FROM (SELECT 1 AS orders) x, app.orders',
    'SELECT «orders» FROM (SELECT 1 AS orders) x, sales.bookings',
  ],
  [
    'INSERT INTO app.orders SELECT * FROM app.moved; UPDATE app.orders SET id = orders.id + 1; SELECT 1;',
    'INSERT INTO sales.bookings SELECT * FROM elsewhere.moved; UPDATE sales.bookings SET id = bookings.id + 1; SELECT 1;',
  ],
  [
    '-- from app.orders\n/* app */ SELECT app.next_order() /* app.orders */',
    '-- from app.orders\n/* app */ SELECT sales.next_order() /* app.orders */',
  ],
  ['SELECT id FROM orders', 'SELECT id FROM «orders»'],
  ['SELECT next_order()', 'SELECT «next_order»()'],
  ['SELECT count(*), lower(name) FROM misc.kept', 'SELECT count(*), lower(name) FROM misc.kept'],
  [
    "SELECT 'app.orders', 'app', 'orders', 'APP', 'my app', 'misc.kept'",
    "SELECT '«app.orders»', '«app»', '«orders»', '«APP»', 'my app', 'misc.kept'",
  ],
  ["SELECT 'SELECT * FROM orders o'", "SELECT 'SELECT * FROM «orders» o'"],
  ['SELEC app.orders FROM app.status', 'SELEC «app.orders» FROM «app.status»'],
  [
    "SELECT 'app.orders'::regclass, NULL::app.orders, ('x'::app.mood)",
    "SELECT 'sales.bookings'::regclass, NULL::sales.bookings, ('x'::sales.mood)",
  ],
  [
    'SELECT x.id FROM app.orders AS x JOIN LATERAL app.f(x) AS app ON app.id = x.id',
    'SELECT x.id FROM sales.bookings AS x JOIN LATERAL sales.f(x) AS app ON app.id = x.id',
  ],
  [
    'WITH d AS (DELETE FROM ONLY app.orders USING misc.kept WHERE orders.id = kept.id RETURNING orders.*) SELECT * FROM d',
    'WITH d AS (DELETE FROM ONLY sales.bookings USING misc.kept WHERE bookings.id = kept.id RETURNING bookings.*) SELECT * FROM d',
  ],
];

/** Statements of a body between BEGIN and END, with a declaration before it where there is one. */
const plpgsqlBodies: readonly (readonly [string, string])[] = [
  [
    'BEGIN SELECT id INTO STRICT r.a, b[1] FROM app.orders WHERE orders.id = 1; END',
    'BEGIN SELECT id INTO STRICT r.a, b[1] FROM sales.bookings WHERE bookings.id = 1; END',
  ],
  [
    'DECLARE r app.orders%ROWTYPE; t app.orders.id%TYPE := 1; u app.orders[] DEFAULT ARRAY[]::app.orders[]; v r%TYPE; w CONSTANT app.mood NOT NULL = app.f(1); c CURSOR (n app.mood) FOR SELECT * FROM app.orders; BEGIN RETURN; END',
    'DECLARE r sales.bookings%ROWTYPE; t sales.bookings.id%TYPE := 1; u sales.bookings[] DEFAULT ARRAY[]::sales.bookings[]; v r%TYPE; w CONSTANT sales.mood NOT NULL = sales.f(1); c CURSOR (n sales.mood) FOR SELECT * FROM sales.bookings; BEGIN RETURN; END',
  ],
  [
    'DECLARE r orders%ROWTYPE; t orders.id%TYPE; BEGIN END',
    'DECLARE r «orders»%ROWTYPE; t «orders».id%TYPE; BEGIN END',
  ],
  [
    'DECLARE orders record; BEGIN orders.id := app.next_order(); RETURN orders.id; END',
    'DECLARE orders record; BEGIN orders.id := sales.next_order(); RETURN orders.id; END',
  ],
  [
    'DECLARE app record; BEGIN app.orders := 1; RETURN app.orders; END',
    'DECLARE app record; BEGIN app.orders := 1; RETURN app.orders; END',
  ],
  [
    'DECLARE bookings integer; BEGIN SELECT orders.id INTO bookings FROM app.orders; END',
    'DECLARE bookings integer; BEGIN SELECT orders.id INTO bookings FROM sales.bookings orders; END',
  ],
  [
    'BEGIN IF EXISTS (SELECT FROM app.orders WHERE orders.id = NEW.id) THEN PERFORM app.f(orders.*) FROM app.orders; ELSIF app.g() = CASE WHEN true THEN 1 END THEN NULL; ELSE RETURN app.next_order(); END IF; END',
    'BEGIN IF EXISTS (SELECT FROM sales.bookings WHERE bookings.id = NEW.id) THEN PERFORM sales.f(bookings.*) FROM sales.bookings; ELSIF sales.g() = CASE WHEN true THEN 1 END THEN NULL; ELSE RETURN sales.next_order(); END IF; END',
  ],
  [
    'BEGIN FOR r IN SELECT * FROM app.orders LOOP INSERT INTO app.status VALUES (r.id) RETURNING id INTO x; END LOOP; FOR i IN REVERSE app.f(1) .. app.f(2) BY app.f(3) LOOP EXIT WHEN app.f(i); END LOOP; FOREACH x IN ARRAY app.g() LOOP CONTINUE a WHEN app.h(); END LOOP; WHILE app.f() LOOP NULL; END LOOP; END',
    'BEGIN FOR r IN SELECT * FROM sales.bookings LOOP INSERT INTO sales.status VALUES (r.id) RETURNING id INTO x; END LOOP; FOR i IN REVERSE sales.f(1) .. sales.f(2) BY sales.f(3) LOOP EXIT WHEN sales.f(i); END LOOP; FOREACH x IN ARRAY sales.g() LOOP CONTINUE a WHEN sales.h(); END LOOP; WHILE sales.f() LOOP NULL; END LOOP; END',
  ],
  [
    "BEGIN EXECUTE 'DELETE FROM app.orders' || x INTO y USING app.f(1), app.f(2); RETURN QUERY EXECUTE format('SELECT * FROM %I.%I', 'app', 'orders') USING app.f(3); FOR r IN EXECUTE 'TABLE app.status' USING app.f(4) LOOP NULL; END LOOP; END",
    "BEGIN EXECUTE 'DELETE FROM «app.orders»' || x INTO y USING sales.f(1), sales.f(2); RETURN QUERY EXECUTE format('SELECT * FROM %I.%I', '«app»', '«orders»') USING sales.f(3); FOR r IN EXECUTE 'TABLE «app.status»' USING sales.f(4) LOOP NULL; END LOOP; END",
  ],
  [
    "BEGIN RAISE NOTICE 'app.orders is % of %', app.f(1), (SELECT count(*) FROM app.orders) USING ERRCODE = app.f(2), HINT = 'no'; RAISE EXCEPTION USING message = app.f(3); RAISE; ASSERT app.f(4), 'text'; END",
    "BEGIN RAISE NOTICE 'app.orders is % of %', sales.f(1), (SELECT count(*) FROM sales.bookings) USING ERRCODE = sales.f(2), HINT = 'no'; RAISE EXCEPTION USING message = sales.f(3); RAISE; ASSERT sales.f(4), 'text'; END",
  ],
  [
    "BEGIN <<app>> BEGIN x := app.f(); EXCEPTION WHEN unique_violation OR SQLSTATE '22012' THEN GET STACKED DIAGNOSTICS y = MESSAGE_TEXT; x[app.f(1)] := app.f(2); END app; END",
    "BEGIN <<app>> BEGIN x := sales.f(); EXCEPTION WHEN unique_violation OR SQLSTATE '22012' THEN GET STACKED DIAGNOSTICS y = MESSAGE_TEXT; x[sales.f(1)] := sales.f(2); END app; END",
  ],
  [
    'BEGIN CASE app.f() WHEN app.g(), 2 THEN RETURN NEXT app.h(); ELSE NULL; END CASE; CASE WHEN app.f() THEN NULL; END CASE; OPEN c FOR SELECT * FROM app.orders; OPEN d(n := app.f()); FETCH c INTO r; CLOSE c; CALL app.p(1); RETURN QUERY SELECT * FROM app.orders; END',
    'BEGIN CASE sales.f() WHEN sales.g(), 2 THEN RETURN NEXT sales.h(); ELSE NULL; END CASE; CASE WHEN sales.f() THEN NULL; END CASE; OPEN c FOR SELECT * FROM sales.bookings; OPEN d(n := sales.f()); FETCH c INTO r; CLOSE c; CALL sales.p(1); RETURN QUERY SELECT * FROM sales.bookings; END',
  ],
  [
    'BEGIN SET search_path TO app, public; TRUNCATE app.orders; CREATE TEMP TABLE x AS SELECT * FROM app.orders; LOCK TABLE app.orders; ANALYZE app.orders; END',
    'BEGIN SET search_path TO sales, public; TRUNCATE sales.bookings; CREATE TEMP TABLE x AS SELECT * FROM sales.bookings; LOCK TABLE sales.bookings; ANALYZE sales.bookings; END',
  ],
  [
    "#variable_conflict use_column\nDECLARE\n  -- app.orders; 'quote\n  \"Ü ;\" text := 'ü🚚;';\nBEGIN\n  \"Ü ;\" := app.f('🚚'); PERFORM orders.id FROM app.orders; END;",
    "#variable_conflict use_column\nDECLARE\n  -- app.orders; 'quote\n  \"Ü ;\" text := 'ü🚚;';\nBEGIN\n  \"Ü ;\" := sales.f('🚚'); PERFORM bookings.id FROM sales.bookings; END;",
  ],
  [
    'BEGIN THIS IS app.orders NOT SQL; PERFORM app.f(); END',
    'BEGIN THIS IS «app.orders» NOT SQL; PERFORM sales.f(); END',
  ],
  [
    "BEGIN IF TG_TABLE_NAME = 'orders' AND TG_TABLE_SCHEMA = 'app' THEN NULL; END IF; END",
    "BEGIN IF TG_TABLE_NAME = '«orders»' AND TG_TABLE_SCHEMA = '«app»' THEN NULL; END IF; END",
  ],
  ['BEGIN x := (SELECT max(id) FROM orders); END', 'BEGIN x := (SELECT max(id) FROM «orders»); END'],
  [
    'BEGIN count(*) > 0; y := count(*) FROM app.orders WHERE orders.id = 1; END',
    'BEGIN count(*) > 0; y := count(*) FROM sales.bookings WHERE bookings.id = 1; END',
  ],
];

describe('bodies of functions are renamed', () => {
  let renames: Renames;
  before(async () => {
    await loadParser();
    renames = renamesFor();
  });

  for (const [from, to] of sqlBodies) {
    it(`sql: ${from}`, () => {
      const wrap = (body: string) =>
        `CREATE FUNCTION misc.f(integer) RETURNS integer LANGUAGE sql AS $_$${body}$_$;`;
      assert.equal(renamed(wrap(from), renames), wrap(to));
    });
  }

  for (const [from, to] of plpgsqlBodies) {
    it(`plpgsql: ${from}`, () => {
      const wrap = (body: string) =>
        `CREATE OR REPLACE FUNCTION misc.f(a integer) RETURNS integer LANGUAGE plpgsql AS $body$ ${body} $body$;`;
      assert.equal(renamed(wrap(from), renames), wrap(to));
      // The same body in quotes.
      const quote = (body: string) => `DO LANGUAGE plpgsql '${body.replaceAll("'", "''")}';`;
      assert.equal(renamed(quote(from), renames), quote(to));
    });
  }

  it('with the search_path of the function', () => {
    const wrap = (path: string, body: string) =>
      `CREATE FUNCTION misc.f() RETURNS integer LANGUAGE sql SET search_path TO ${path} AS $_$${body}$_$;`;
    assert.equal(
      renamed(wrap("'app', 'pg_temp'", 'SELECT orders.id, next_order() FROM orders, status, moved'), renames),
      wrap("'sales', 'pg_temp'", 'SELECT bookings.id, next_order() FROM bookings, status, elsewhere.moved'),
    );
    assert.equal(
      renamed(wrap("'other'", 'SELECT id FROM orders'), renames),
      wrap("'other'", 'SELECT id FROM orders'),
    );
    const temporary = 'CREATE TEMP TABLE orders (); SELECT id FROM orders';
    assert.equal(
      renamed(wrap("'app'", temporary), renames),
      wrap("'sales'", 'CREATE TEMP TABLE «orders» (); SELECT id FROM «orders»'),
    );
  });

  it('of the SQL standard, by their tree', () => {
    assert.equal(
      renamed(
        'CREATE FUNCTION app.f(orders app.orders) RETURNS app.orders LANGUAGE sql BEGIN ATOMIC SELECT orders.id, (f.orders).id FROM app.orders; INSERT INTO app.orders DEFAULT VALUES; END;',
        renames,
      ),
      'CREATE FUNCTION sales.f(orders sales.bookings) RETURNS sales.bookings LANGUAGE sql BEGIN ATOMIC SELECT bookings.id, (f.orders).id FROM sales.bookings; INSERT INTO sales.bookings DEFAULT VALUES; END;',
    );
  });

  it('in other languages not at all', () => {
    const body = (mention: string) =>
      `CREATE FUNCTION app.f() RETURNS integer LANGUAGE plperl AS $_$ spi_exec_query("SELECT * FROM ${mention}") $_$;`;
    const inPerl = (from: string, to: string) =>
      assert.equal(renamed(body(from), renames), body(to).replace('app.f', 'sales.f'));
    inPerl('app.orders', '«app.orders»');
    inPerl('\\"app\\".\\"orders\\" o', '\\"«app\\".\\"orders»\\" o');
    inPerl('orders, misc.kept', '«orders», misc.kept');
    inPerl('x WHERE orders > 1', 'x WHERE orders > 1');
    assert.equal(
      renamed("CREATE FUNCTION app.f() RETURNS integer LANGUAGE c AS '$libdir/app', 'orders';", renames),
      "CREATE FUNCTION sales.f() RETURNS integer LANGUAGE c AS '$libdir/app', 'orders';",
    );
  });

  it('and nothing else in any of them', () => {
    const same = renamesFor({});
    for (const [from] of [...sqlBodies, ...plpgsqlBodies])
      assert.deepEqual(rename(`DO $x$${from}$x$;`, same), { text: `DO $x$${from}$x$;`, undecided: [] });
  });
});
