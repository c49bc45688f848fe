import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let source: TestServer;
let target: TestTwin;

const database = 'objects';
const contents = `SELECT oid::int, length(lo_get(oid)) AS size, hashtextextended(encode(lo_get(oid), 'base64'), 0)::text AS sum FROM pg_largeobject_metadata ORDER BY 1`;

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await source.createDatabase(database);
  await source.query(
    database,
    `CREATE ROLE reader LOGIN; CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO reader;
     SELECT lo_from_bytea(oid, decode(repeat(md5(oid::text), 1 + (oid % 97) * 40), 'hex')) FROM generate_series(50001, 50420) oid;
     SELECT lo_from_bytea(60000, decode(repeat('00ff10', 1200000), 'hex')), lo_from_bytea(60001, '')`,
  );
});
after(async () => {
  await Promise.all([source, target].map((server) => server.stop()));
});

test('one that may not be read is named and costs only itself; a later run brings it and what is new', async () => {
  await source.query(
    database,
    `DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata WHERE oid <> 50007 LOOP
       EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', o); END LOOP; END $$`,
  );
  await target.query('postgres', 'CREATE ROLE reader LOGIN');
  const first = await clone(source.uri(database, 'reader'), target.uri(database));
  assert.equal(first.exitCode, 1);
  const told = first.done?.findings.filter((f) => f.severity !== 'note').map((f) => `${f.code} ${f.object}`);
  assert.ok(told?.includes('FF508 large object 50007'), JSON.stringify(told));
  const there = await target.query<{ n: number }>(
    database,
    'SELECT count(*)::int AS n FROM pg_largeobject_metadata',
  );
  assert.equal(there[0]?.n, 421);

  await source.query(
    database,
    `GRANT SELECT ON LARGE OBJECT 50007 TO reader; SELECT lo_from_bytea(40000, 'x'); GRANT SELECT ON LARGE OBJECT 40000 TO reader`,
  );
  const second = await clone(source.uri(database, 'reader'), target.uri(database));
  assert.equal(second.exitCode, 0, JSON.stringify(second.done?.findings));
  assert.equal(second.done?.totals.largeObjects, 423);
  assert.deepEqual(await target.query(database, contents), await source.query(database, contents));
});
