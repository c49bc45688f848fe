import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

/** Functions that find tables and functions by the search_path of the database alone, as many applications have them. */
const schema = `
CREATE SCHEMA app; CREATE TABLE app.codes (code text PRIMARY KEY);
SET search_path = app;
CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT 1 FROM codes WHERE code = $1)';
CREATE FUNCTION allowed(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN known(t); END';
CREATE FUNCTION lowered(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION normal(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lowered($1)';
CREATE TABLE orders (id int PRIMARY KEY, code text CHECK (allowed(code)));
INSERT INTO codes VALUES ('a'), ('b'); INSERT INTO orders VALUES (1, 'a'), (2, 'b');
CREATE INDEX orders_normal ON orders (normal(code));
CREATE MATERIALIZED VIEW known_codes AS SELECT code FROM codes WHERE known(code)`;

let old: TestServer;
let recent: TestTwin;

before(async () => {
  [old, recent] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  const name = 'paths';
  await old.createDatabase(name);
  await old.query(name, `ALTER DATABASE ${name} SET search_path = app, public`);
  await old.query(name, schema);
});
after(async () => {
  await Promise.all([old, recent].map((server) => server.stop()));
});

test('functions that rely on the search_path of the database move with it', async () => {
  const target = await startServer({ major: 13 });
  try {
    const { exitCode, done } = await clone(old.uri('paths'), target.uri('paths'));
    assert.equal(exitCode, 0, JSON.stringify(done?.findings));
    const rows = await target.query<{ n: number }>('paths', 'SELECT count(*)::int AS n FROM app.known_codes');
    assert.equal(rows[0]?.n, 2);
  } finally {
    await target.stop();
  }
});

test('what PostgreSQL 17 builds under a path of its own is named, with what to do; the rest moves', async () => {
  const { exitCode, done } = await clone(old.uri('paths'), recent.uri('paths'));
  assert.equal(exitCode, 1);
  const told = done?.findings
    .filter((f) => f.severity !== 'note')
    .map((f) => `${f.code} ${f.object}`)
    .sort();
  assert.deepEqual(told, [
    'FF511 index app.orders_normal on app.orders',
    'FF511 materialized view app.known_codes',
  ]);
  assert.deepEqual(done?.tables.map((t) => [t.table, t.rows, t.equal]).sort(), [
    ['codes', 2, true],
    ['orders', 2, true],
  ]);
});
