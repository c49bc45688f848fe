import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BrowseSessions } from '../../src/engine/catalog/browseSessions.js';
import { checkRowFilter, estimateRowFilter } from '../../src/engine/catalog/mappingRowFilter.js';
import { Fault } from '../../src/engine/errors/fault.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import {
  defaultMajors,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';

const tested: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const setUp = `
  CREATE SCHEMA "Ö 😀";
  CREATE TABLE "Ö 😀"."T x" (id int PRIMARY KEY, name text, paid boolean, "Order" int);
  INSERT INTO "Ö 😀"."T x" SELECT i, 'secret ' || i, i % 2 = 0, i FROM generate_series(1, 10000) i;
  CREATE TABLE parted (a int) PARTITION BY RANGE (a);
  CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
  CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (1000) TO (2000);
  INSERT INTO parted SELECT generate_series(0, 1999);
  CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent);
  INSERT INTO parent SELECT generate_series(1, 100); INSERT INTO child SELECT generate_series(1, 5000);
  CREATE VIEW v AS SELECT 1 AS a; CREATE SEQUENCE s;
  CREATE FUNCTION slow(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_catalog.pg_sleep(60); RETURN true; END';
  CREATE FUNCTION writes(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.parent VALUES (1); RETURN true; END';
  ANALYZE`;

for (const major of tested) {
  describe(`row filters tried on a PostgreSQL ${major}`, () => {
    const sessions = new BrowseSessions();
    let server: TestServer;

    before(async () => {
      server = await startServer({ major });
      await server.createDatabase('d');
      await server.query('d', setUp);
    });
    after(async () => {
      await sessions.close();
      await server.stop();
    });

    const attempt = async (where: string, name = 'T x', schema = name === 'T x' ? 'Ö 😀' : 'public') => {
      const filter = { schema, name, where };
      await checkRowFilter(filter);
      const { spec } = resolveConnectionInput({ text: server.uri('d') });
      return sessions.use(spec, new AbortController().signal, (session) =>
        estimateRowFilter(session, filter),
      );
    };
    const refused = async (where: string, name?: string): Promise<Fault> => {
      try {
        await attempt(where, name);
      } catch (error) {
        assert.ok(error instanceof Fault && error.code === 'FF705', String(error));
        assert.ok(!error.message.includes('secret'));
        return error;
      }
      assert.fail('taken');
    };

    test('estimates', async () => {
      const all = await attempt('true');
      assert.deepEqual(all, { rowsEstimated: 10_000, rowsTotal: 10_000 });
      const { rowsEstimated, rowsTotal } = await attempt('id <= 2500');
      assert.equal(rowsTotal, 10_000);
      assert.ok(rowsEstimated > 2_000 && rowsEstimated < 3_000, String(rowsEstimated));
      assert.ok((await attempt('NOT paid')).rowsEstimated < 6_000);
      assert.ok((await attempt('"T x"."Order" = 1 AND "Ö 😀"."T x".id = 1')).rowsEstimated < 5);
    });
    test('a partitioned table counts its partitions, a parent its own rows alone', async () => {
      const parted = await attempt('a < 500', 'parted');
      assert.ok(parted.rowsTotal > 1_900 && parted.rowsEstimated < 700, JSON.stringify(parted));
      assert.equal((await attempt('true', 'parent')).rowsTotal, 100);
    });
    test('what the server refuses: its own words and the place in the filter', async () => {
      const unknown = await refused("name <> '😀' AND nope = 1");
      assert.match(unknown.message, /column "nope" does not exist/);
      assert.equal(unknown.position, [..."name <> '😀' AND "].length + 1);
      assert.match((await refused('id')).message, /must be type boolean/);
      assert.match((await refused('name = 1')).message, /operator does not exist/);
      assert.match((await refused('own.max(id) > 1')).message, /schema "own" does not exist/);
      assert.match((await refused('generate_series(1, id) = 1')).message, /set-returning functions/);
      assert.match((await refused('1 / 0 = 1')).message, /division by zero/);
      assert.match((await refused("id = 'secret'")).message, /invalid input syntax/);
    });
    test('what is refused before anything is sent', async () => {
      assert.equal((await refused('id = 1 AND customers.id = 2')).position, 12);
      assert.match((await refused('id = (SELECT 1)')).message, /subquery/);
      assert.match((await refused('true) OR (true')).message, /parenthesis/);
      assert.match((await refused('true; DROP TABLE parent')).message, /semicolon/);
    });
    test('what is no table', async () => {
      for (const name of ['v', 's', 'missing'])
        assert.match((await refused('true', name)).message, /no table|There is no/);
    });
    test('nothing is written, whatever a function does', async () => {
      assert.match(
        (await refused('public.writes(1)', 'parent')).message,
        /read-only transaction|non-volatile/,
      );
      assert.match(
        (await refused("nextval('public.s') > 0 AND public.writes(1)")).message,
        /read-only|non-volatile/,
      );
      assert.deepEqual(await server.query('d', 'SELECT count(*)::int AS n FROM ONLY parent'), [{ n: 100 }]);
      assert.deepEqual(await server.query('d', 'SELECT is_called FROM s'), [{ is_called: false }]);
    });
    test('planning that does not end is ended', async () => {
      const began = performance.now();
      assert.match((await refused('id = 1 AND public.slow(1)')).message, /within 10 s/);
      assert.ok(performance.now() - began < 25_000);
      // The session goes on being of use.
      assert.equal((await attempt('true')).rowsTotal, 10_000);
    });
    test('a privilege that is missing is told', async () => {
      await server.query('d', 'CREATE ROLE stranger LOGIN');
      const { spec } = resolveConnectionInput({ text: server.uri('d').replace(/\/\/[^@]*@/, '//stranger@') });
      const filter = { schema: 'public', name: 'parent', where: 'a > 1' };
      await assert.rejects(
        sessions.use(spec, new AbortController().signal, (session) => estimateRowFilter(session, filter)),
        (e) => e instanceof Fault && /permission denied/.test(e.message),
      );
    });
  });
}
