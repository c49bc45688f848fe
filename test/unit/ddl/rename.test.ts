import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { rename } from '../../../src/ddl/rename/rename.js';
import type { Renames } from '../../../src/ddl/rename/renames.js';
import { splitStatements } from '../../../src/ddl/split.js';
import { ddl, renamed, renamesFor } from './renameSetup.js';

/** Each statement with what it becomes; «» stands around what is left undecided. */
const statements: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'tables and their parts': [
    ['CREATE SCHEMA app;', 'CREATE SCHEMA sales;'],
    ['CREATE TABLE app.orders (id integer);', 'CREATE TABLE sales.bookings (id integer);'],
    [
      'CREATE TABLE app.o2 (CONSTRAINT c CHECK ((orders IS NOT NULL))) INHERITS (app.orders, misc.kept);',
      'CREATE TABLE sales.o2 (CONSTRAINT c CHECK ((orders IS NOT NULL))) INHERITS (sales.bookings, misc.kept);',
    ],
    ['CREATE TABLE misc.l (LIKE app.orders);', 'CREATE TABLE misc.l (LIKE sales.bookings);'],
    ['CREATE TABLE misc.l OF app.mood;', 'CREATE TABLE misc.l OF sales.mood;'],
    [
      'ALTER TABLE ONLY app.orders ATTACH PARTITION app.moved FOR VALUES IN (1);',
      'ALTER TABLE ONLY sales.bookings ATTACH PARTITION elsewhere.moved FOR VALUES IN (1);',
    ],
    [
      'ALTER TABLE ONLY misc.kept ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES app.orders(id);',
      'ALTER TABLE ONLY misc.kept ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES sales.bookings(id);',
    ],
    [
      "ALTER TABLE ONLY app.orders ALTER COLUMN id SET DEFAULT nextval('app.orders_id_seq'::regclass);",
      "ALTER TABLE ONLY sales.bookings ALTER COLUMN id SET DEFAULT nextval('sales.orders_id_seq'::regclass);",
    ],
    [
      'ALTER SEQUENCE app.orders_id_seq OWNED BY app.orders.id;',
      'ALTER SEQUENCE sales.orders_id_seq OWNED BY sales.bookings.id;',
    ],
    [
      'ALTER TABLE app.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME app.orders_id_seq\n);',
      'ALTER TABLE sales.bookings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME sales.orders_id_seq\n);',
    ],
    [
      'ALTER TABLE app.orders ADD CONSTRAINT c CHECK ((app.f(orders.*) AND ((orders.id)::app.mood IS NOT NULL)));',
      'ALTER TABLE sales.bookings ADD CONSTRAINT c CHECK ((sales.f(bookings.*) AND ((bookings.id)::sales.mood IS NOT NULL)));',
    ],
    [
      'CREATE INDEX orders_customer_idx ON app.orders USING btree (customer COLLATE app."German" app.ops, (((app.next_order() OPERATOR(app.+) 1))));',
      'CREATE INDEX orders_customer_idx ON sales.bookings USING btree (customer COLLATE sales."German" sales.ops, (((sales.next_order() OPERATOR(sales.+) 1))));',
    ],
    [
      'ALTER INDEX app.by_note ATTACH PARTITION app.x;',
      'ALTER INDEX elsewhere.by_note ATTACH PARTITION sales.x;',
    ],
    [
      'COMMENT ON INDEX app.by_note IS $$app.orders$$;',
      'COMMENT ON INDEX elsewhere.by_note IS $$app.orders$$;',
    ],
    [
      'CREATE STATISTICS app.s ON a, b FROM app.orders;',
      'CREATE STATISTICS sales.s ON a, b FROM sales.bookings;',
    ],
    [
      "COMMENT ON COLUMN app.orders.id IS 'app.orders';",
      "COMMENT ON COLUMN sales.bookings.id IS 'app.orders';",
    ],
    [
      'COMMENT ON CONSTRAINT orders ON app.orders IS NULL;',
      'COMMENT ON CONSTRAINT orders ON sales.bookings IS NULL;',
    ],
    ['COMMENT ON SCHEMA app IS NULL;', 'COMMENT ON SCHEMA sales IS NULL;'],
    [
      'CREATE TRIGGER app AFTER INSERT ON app.orders FOR EACH ROW WHEN ((new.id > 1)) EXECUTE FUNCTION app.f();',
      'CREATE TRIGGER app AFTER INSERT ON sales.bookings FOR EACH ROW WHEN ((new.id > 1)) EXECUTE FUNCTION sales.f();',
    ],
    [
      "CREATE TRIGGER t BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('v', 'app.english', 'note');",
      "CREATE TRIGGER t BEFORE INSERT ON sales.bookings FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('v', 'sales.english', 'note');",
    ],
    [
      "CREATE TRIGGER t BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.f('app.orders');",
      "CREATE TRIGGER t BEFORE INSERT ON sales.bookings FOR EACH ROW EXECUTE FUNCTION sales.f('«app.orders»');",
    ],
  ],
  'all other kinds of objects': [
    [
      'CREATE DOMAIN app.d AS app.mood DEFAULT app.f() CONSTRAINT app CHECK (app.ok(VALUE));',
      'CREATE DOMAIN sales.d AS sales.mood DEFAULT sales.f() CONSTRAINT app CHECK (sales.ok(VALUE));',
    ],
    [
      'COMMENT ON CONSTRAINT app ON DOMAIN app.d IS NULL;',
      'COMMENT ON CONSTRAINT app ON DOMAIN sales.d IS NULL;',
    ],
    [
      'CREATE TYPE app.r AS RANGE (subtype = app.orders, subtype_diff = app.orders, collation = app.c);',
      'CREATE TYPE sales.r AS RANGE (subtype = sales.bookings, subtype_diff = sales.orders, collation = sales.c);',
    ],
    ["CREATE TYPE app.e AS ENUM ('app.orders');", "CREATE TYPE sales.e AS ENUM ('app.orders');"],
    [
      'CREATE TYPE misc.c AS (a app.orders, b app.mood[]);',
      'CREATE TYPE misc.c AS (a sales.bookings, b sales.mood[]);',
    ],
    [
      'CREATE CAST (app.orders AS app.mood) WITH FUNCTION app.orders(app.orders);',
      'CREATE CAST (sales.bookings AS sales.mood) WITH FUNCTION sales.orders(sales.bookings);',
    ],
    [
      'CREATE AGGREGATE app.a(app.orders) (SFUNC = app.orders, STYPE = app.orders, SORTOP = OPERATOR(app.<));',
      'CREATE AGGREGATE sales.a(sales.bookings) (SFUNC = sales.orders, STYPE = sales.bookings, SORTOP = OPERATOR(sales.<));',
    ],
    [
      'CREATE OPERATOR app.* (FUNCTION = app.f, LEFTARG = app.orders, COMMUTATOR = OPERATOR(app.*));',
      'CREATE OPERATOR sales.* (FUNCTION = sales.f, LEFTARG = sales.bookings, COMMUTATOR = OPERATOR(sales.*));',
    ],
    [
      'COMMENT ON OPERATOR app.* (app.orders, NONE) IS NULL;',
      'COMMENT ON OPERATOR sales.* (sales.bookings, NONE) IS NULL;',
    ],
    [
      'ALTER OPERATOR FAMILY app.f USING btree ADD OPERATOR 1 app.<(app.orders,app.mood) FOR ORDER BY app.o;',
      'ALTER OPERATOR FAMILY sales.f USING btree ADD OPERATOR 1 sales.<(sales.bookings,sales.mood) FOR ORDER BY sales.o;',
    ],
    [
      'CREATE OPERATOR CLASS app.c DEFAULT FOR TYPE app.orders USING btree FAMILY app.f AS STORAGE app.mood, FUNCTION 1 (app.orders, app.orders) app.cmp(app.orders,app.orders);',
      'CREATE OPERATOR CLASS sales.c DEFAULT FOR TYPE sales.bookings USING btree FAMILY sales.f AS STORAGE sales.mood, FUNCTION 1 (sales.bookings, sales.bookings) sales.cmp(sales.bookings,sales.bookings);',
    ],
    [
      'COMMENT ON OPERATOR CLASS app.c USING btree IS NULL;',
      'COMMENT ON OPERATOR CLASS sales.c USING btree IS NULL;',
    ],
    ['CREATE COLLATION app.c FROM app.d;', 'CREATE COLLATION sales.c FROM sales.d;'],
    [
      "CREATE CONVERSION app.c FOR 'LATIN1' TO 'UTF8' FROM app.f;",
      "CREATE CONVERSION sales.c FOR 'LATIN1' TO 'UTF8' FROM sales.f;",
    ],
    [
      'CREATE TEXT SEARCH DICTIONARY app.d (TEMPLATE = app.t);',
      'CREATE TEXT SEARCH DICTIONARY sales.d (TEMPLATE = sales.t);',
    ],
    [
      'ALTER TEXT SEARCH CONFIGURATION app.c ADD MAPPING FOR word WITH app.d, simple;',
      'ALTER TEXT SEARCH CONFIGURATION sales.c ADD MAPPING FOR word WITH sales.d, simple;',
    ],
    [
      'CREATE EVENT TRIGGER app ON ddl_command_end EXECUTE FUNCTION app.f();',
      'CREATE EVENT TRIGGER app ON ddl_command_end EXECUTE FUNCTION sales.f();',
    ],
    [
      'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA app;',
      'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA sales;',
    ],
    [
      'CREATE PUBLICATION p FOR TABLES IN SCHEMA app, TABLE ONLY app.orders WHERE ((orders.id > 1));',
      'CREATE PUBLICATION p FOR TABLES IN SCHEMA sales, TABLE ONLY sales.bookings WHERE ((bookings.id > 1));',
    ],
    [
      'CREATE TRANSFORM FOR app.orders LANGUAGE l (FROM SQL WITH FUNCTION app.f(internal), TO SQL WITH FUNCTION app.g(internal));',
      'CREATE TRANSFORM FOR sales.bookings LANGUAGE l (FROM SQL WITH FUNCTION sales.f(internal), TO SQL WITH FUNCTION sales.g(internal));',
    ],
    [
      'CREATE LANGUAGE l HANDLER app.h INLINE app.i VALIDATOR app.v;',
      'CREATE LANGUAGE l HANDLER sales.h INLINE sales.i VALIDATOR sales.v;',
    ],
    [
      'CREATE FOREIGN DATA WRAPPER w HANDLER app.h VALIDATOR app.v;',
      'CREATE FOREIGN DATA WRAPPER w HANDLER sales.h VALIDATOR sales.v;',
    ],
    [
      "CREATE FOREIGN TABLE app.orders (id app.mood DEFAULT nextval('app.free_seq'::regclass)) SERVER app OPTIONS (schema_name 'app', table_name 'orders');",
      "CREATE FOREIGN TABLE sales.bookings (id sales.mood DEFAULT nextval('sales.free_seq'::regclass)) SERVER app OPTIONS (schema_name 'app', table_name 'orders');",
    ],
    [
      'CREATE ACCESS METHOD app TYPE TABLE HANDLER app.h;',
      'CREATE ACCESS METHOD app TYPE TABLE HANDLER sales.h;',
    ],
  ],
  'privileges, roles, settings': [
    [
      'GRANT SELECT(id) ON TABLE app.orders TO reader, PUBLIC;',
      'GRANT SELECT(id) ON TABLE sales.bookings TO leser, PUBLIC;',
    ],
    ['GRANT USAGE ON SCHEMA app, misc TO reader;', 'GRANT USAGE ON SCHEMA sales, misc TO leser;'],
    [
      'GRANT ALL ON FUNCTION app.f(a app.orders) TO reader GRANTED BY reader;',
      'GRANT ALL ON FUNCTION sales.f(a sales.bookings) TO leser GRANTED BY leser;',
    ],
    ['GRANT USAGE ON TYPE app.mood TO reader;', 'GRANT USAGE ON TYPE sales.mood TO leser;'],
    [
      'GRANT SELECT ON ALL TABLES IN SCHEMA app TO reader;',
      'GRANT SELECT ON ALL TABLES IN SCHEMA sales TO leser;',
    ],
    ['GRANT reader TO reader;', 'GRANT leser TO leser;'],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE reader IN SCHEMA app GRANT SELECT ON TABLES TO reader;',
      'ALTER DEFAULT PRIVILEGES FOR ROLE leser IN SCHEMA sales GRANT SELECT ON TABLES TO leser;',
    ],
    ['ALTER TABLE app.orders OWNER TO reader;', 'ALTER TABLE sales.bookings OWNER TO leser;'],
    ['ALTER SCHEMA app OWNER TO reader;', 'ALTER SCHEMA sales OWNER TO leser;'],
    [
      'CREATE POLICY app ON app.orders TO reader USING (true);',
      'CREATE POLICY app ON sales.bookings TO leser USING (true);',
    ],
    [
      'ALTER ROLE reader IN DATABASE d SET search_path TO \'app\', "$user", misc;',
      'ALTER ROLE leser IN DATABASE d SET search_path TO \'sales\', "$user", misc;',
    ],
    ['ALTER DATABASE app SET search_path TO app;', 'ALTER DATABASE app SET search_path TO sales;'],
    [
      "SELECT pg_catalog.set_config('search_path', 'app, \"misc\",app', false);",
      "SELECT pg_catalog.set_config('search_path', 'sales, \"misc\",sales', false);",
    ],
    ["SET SESSION AUTHORIZATION 'reader';", "SET SESSION AUTHORIZATION 'leser';"],
    ["SET default_text_search_config = 'app.english';", "SET default_text_search_config = 'sales.english';"],
  ],
  queries: [
    [
      'CREATE VIEW app.v AS\n SELECT orders.id,\n    o2.id AS x\n   FROM (app.orders\n     JOIN app.orders o2 ON ((orders.id = o2.id)));',
      'CREATE VIEW sales.v AS\n SELECT bookings.id,\n    o2.id AS x\n   FROM (sales.bookings\n     JOIN sales.bookings o2 ON ((bookings.id = o2.id)));',
    ],
    [
      'CREATE VIEW misc.v AS SELECT app.orders.id, app.orders.* FROM app.orders;',
      'CREATE VIEW misc.v AS SELECT sales.bookings.id, sales.bookings.* FROM sales.bookings;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT app.id FROM misc.kept app;',
      'CREATE VIEW misc.v AS SELECT app.id FROM misc.kept app;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT orders.id FROM misc.kept orders;',
      'CREATE VIEW misc.v AS SELECT orders.id FROM misc.kept orders;',
    ],
    [
      'CREATE VIEW misc.v AS WITH orders AS (SELECT orders.id FROM app.orders) SELECT orders.id FROM orders;',
      'CREATE VIEW misc.v AS WITH orders AS (SELECT bookings.id FROM sales.bookings) SELECT orders.id FROM orders;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT 1 FROM app.orders WHERE EXISTS (SELECT 1 FROM misc.kept WHERE kept.id = orders.id AND orders.id IN (SELECT orders.id FROM other.orders));',
      'CREATE VIEW misc.v AS SELECT 1 FROM sales.bookings WHERE EXISTS (SELECT 1 FROM misc.kept WHERE kept.id = bookings.id AND bookings.id IN (SELECT orders.id FROM other.orders));',
    ],
    [
      'CREATE VIEW misc.v AS SELECT orders.id FROM app.orders UNION SELECT orders.id FROM other.orders ORDER BY 1;',
      'CREATE VIEW misc.v AS SELECT bookings.id FROM sales.bookings UNION SELECT orders.id FROM other.orders ORDER BY 1;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT orders.*::app.orders AS orders FROM app.orders, LATERAL ( SELECT orders.id) x;',
      'CREATE VIEW misc.v AS SELECT bookings.*::sales.bookings AS orders FROM sales.bookings, LATERAL ( SELECT bookings.id) x;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT orders.id, bookings.id FROM app.orders JOIN misc.kept bookings ON true;',
      'CREATE VIEW misc.v AS SELECT orders.id, bookings.id FROM sales.bookings orders JOIN misc.kept bookings ON true;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT count(*) AS orders FROM app.orders ORDER BY orders;',
      'CREATE VIEW misc.v AS SELECT count(*) AS orders FROM sales.bookings ORDER BY orders;',
    ],
    [
      'CREATE VIEW misc.v AS SELECT orders.id FROM app.orders FOR UPDATE OF orders;',
      'CREATE VIEW misc.v AS SELECT bookings.id FROM sales.bookings FOR UPDATE OF bookings;',
    ],
    [
      "CREATE VIEW misc.v AS SELECT 'app.orders'::regclass, ('app.orders'::text)::regclass, 'app.orders[]'::regtype, 'app.next_order(app.orders)'::regprocedure, 'app.+(app.orders,integer)'::regoperator, 'app'::regnamespace, 'app.next_order'::regproc, 'app.+'::regoper, 'app.english'::regconfig, 'reader'::regrole;",
      "CREATE VIEW misc.v AS SELECT 'sales.bookings'::regclass, ('sales.bookings'::text)::regclass, 'sales.bookings[]'::regtype, 'sales.next_order(sales.bookings)'::regprocedure, 'sales.+(sales.bookings,integer)'::regoperator, 'sales'::regnamespace, 'sales.next_order'::regproc, 'sales.+'::regoper, 'sales.english'::regconfig, 'leser'::regrole;",
    ],
    [
      "CREATE VIEW misc.v AS SELECT to_regclass('app.orders'::text), pg_get_serial_sequence('app.orders', 'app'), currval('app.free_seq'), has_schema_privilege('reader', 'app', 'USAGE'), to_tsvector('app.english', 'app');",
      "CREATE VIEW misc.v AS SELECT to_regclass('sales.bookings'::text), pg_get_serial_sequence('sales.bookings', '«app»'), currval('sales.free_seq'), has_schema_privilege('leser', 'sales', 'USAGE'), to_tsvector('sales.english', '«app»');",
    ],
    [
      "CREATE VIEW misc.v AS SELECT 'app.orders'::text AS t, 'apple.orders'::text;",
      "CREATE VIEW misc.v AS SELECT '«app.orders»'::text AS t, 'apple.orders'::text;",
    ],
    [
      "CREATE VIEW misc.v AS SELECT nextval('free_seq'::regclass);",
      "CREATE VIEW misc.v AS SELECT nextval('«free_seq»'::regclass);",
    ],
    [
      'CREATE VIEW misc.v AS SELECT (k.c).orders, (k.app).orders.id FROM misc.kept k;',
      'CREATE VIEW misc.v AS SELECT (k.c).orders, (k.app).orders.id FROM misc.kept k;',
    ],
    [
      'CREATE RULE r AS ON UPDATE TO app.open_orders DO INSTEAD ( UPDATE app.orders SET id = new.id WHERE (orders.id = old.id); DELETE FROM app.orders WHERE (orders.id = old.id) RETURNING orders.id; INSERT INTO app.orders (id) VALUES (new.id) ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE (orders.id > 1));',
      'CREATE RULE r AS ON UPDATE TO sales.open_orders DO INSTEAD ( UPDATE sales.bookings SET id = new.id WHERE (bookings.id = old.id); DELETE FROM sales.bookings WHERE (bookings.id = old.id) RETURNING bookings.id; INSERT INTO sales.bookings (id) VALUES (new.id) ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE (bookings.id > 1));',
    ],
    [
      'CREATE POLICY p ON app.orders USING ((EXISTS ( SELECT 1 FROM app.customers WHERE (customers.id = orders.customer))));',
      'CREATE POLICY p ON sales.bookings USING ((EXISTS ( SELECT 1 FROM sales.customers WHERE (customers.id = bookings.customer))));',
    ],
    [
      'CREATE POLICY p ON app.orders USING ((EXISTS ( SELECT 1 FROM misc.bookings WHERE (bookings.id = orders.customer))));',
      'CREATE POLICY p ON sales.bookings USING ((EXISTS ( SELECT 1 FROM misc.bookings bookings_1 WHERE (bookings_1.id = bookings.customer))));',
    ],
    [
      'MERGE INTO app.orders USING app.status ON orders.id = status.id WHEN MATCHED AND orders.id > 1 THEN UPDATE SET note = status.status;',
      'MERGE INTO sales.bookings USING sales.status ON bookings.id = status.id WHEN MATCHED AND bookings.id > 1 THEN UPDATE SET note = status.status;',
    ],
  ],
};

describe('a statement is renamed in place', () => {
  let renames: Renames;
  before(async () => {
    await loadParser();
    renames = renamesFor();
  });

  for (const [group, cases] of Object.entries(statements)) {
    for (const [from, to] of cases) it(`${group}: ${from}`, () => assert.equal(renamed(from, renames), to));
  }

  it('with names that need quotes, and places behind characters of several bytes', () => {
    const odd = renamesFor({
      schemas: { app: 'Größe "x".y 🚚' },
      tables: { 'app.orders': { schema: 'Größe "x".y 🚚', name: "it's; $$" } },
    });
    assert.equal(
      renamed(
        "CREATE VIEW misc.\"🚚ü\" AS SELECT '🚚ü' AS \"ü\", orders.id, 'app.orders'::regclass, E'\\\\app.orders'::regclass FROM app.orders;",
        odd,
      ),
      'CREATE VIEW misc."🚚ü" AS SELECT \'🚚ü\' AS "ü", "it\'s; $$".id, \'"Größe ""x"".y 🚚"."it\'\'s; $$"\'::regclass, E\'«\\\\app.orders»\'::regclass FROM "Größe ""x"".y 🚚"."it\'s; $$";',
    );
    const body = 'CREATE FUNCTION misc.f() RETURNS void LANGUAGE sql AS $$ DELETE FROM app.orders $$;';
    assert.equal(
      renamed(body, odd),
      'CREATE FUNCTION misc.f() RETURNS void LANGUAGE sql AS $body$ DELETE FROM "Größe ""x"".y 🚚"."it\'s; $$" $body$;',
    );
  });

  it('quotes what is a keyword, as pg_dump does', () => {
    const to = (name: string) =>
      renamed(
        'CREATE TABLE misc.kept ();',
        renamesFor({ tables: { 'misc.kept': { schema: 'misc', name } } }),
      );
    assert.equal(to('order'), 'CREATE TABLE misc."order" ();');
    assert.equal(to('between'), 'CREATE TABLE misc."between" ();');
    assert.equal(to('left'), 'CREATE TABLE misc."left" ();');
    assert.equal(to('schema'), 'CREATE TABLE misc.schema ();');
    assert.equal(to('a$'), 'CREATE TABLE misc."a$" ();');
    assert.equal(to('ä'), 'CREATE TABLE misc."ä" ();');
    const longest = 'ä'.repeat(31);
    assert.equal(to(longest), `CREATE TABLE misc."${longest}" ();`);
  });

  it('gives what cannot be parsed back as it is, with a place', () => {
    const { text, undecided } = rename('CREATE TABL app.orders (id integer);', renames);
    assert.equal(text, 'CREATE TABL app.orders (id integer);');
    assert.deepEqual(
      undecided.map(({ start, end }) => text.slice(start, end)),
      ['app.orders'],
    );
    assert.deepEqual(rename('', renames), { text: '', undecided: [] });
    assert.equal(rename('SELECT app.\0orders;', renames).text, 'SELECT app.\0orders;');
  });

  it('reads names in Unicode escapes', () => {
    assert.equal(
      renamed('CREATE VIEW misc.v AS SELECT U&"ord\\0065rs".id FROM U&"\\0061pp".orders;', renames),
      'CREATE VIEW misc.v AS SELECT "bookings".id FROM "sales".bookings;',
    );
  });

  it('back and forth gives the text it was', () => {
    const there = renamesFor({
      schemas: { app: 'Sales "x"' },
      tables: { 'app.orders': { schema: 'Sales "x"', name: 'bookings' } },
      roles: { reader: 'Leser' },
    });
    const back = renamesFor(
      {
        schemas: { 'Sales "x"': 'app' },
        tables: { 'Sales "x".bookings': { schema: 'app', name: 'orders' } },
        roles: { Leser: 'reader' },
      },
      renamedDdl(there),
    );
    const same = renamesFor({});
    for (const [from] of Object.values(statements).flat()) {
      assert.equal(rename(from, same).text, from);
      // An alias of a table that a policy's own table hides stays.
      if (from.includes('FROM misc.bookings WHERE')) continue;
      assert.equal(rename(rename(from, there).text, back).text, from);
    }
  });
});

function renamedDdl(renames: Renames): string {
  return splitStatements(ddl)
    .map(({ text }) => rename(text, renames).text)
    .join('\n');
}
