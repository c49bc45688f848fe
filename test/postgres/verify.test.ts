import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, explain, startClone } from '../support/migrate.js';
import { ensureMajor, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const tables = `
  CREATE TABLE ports (id int PRIMARY KEY, name text, depth float8, note text);
  INSERT INTO ports SELECT i, 'port ' || i, i / 3.0, CASE WHEN i % 2 = 0 THEN '' END FROM generate_series(1, 1000) i;
  CREATE TABLE ships (id int PRIMARY KEY, name text); INSERT INTO ships SELECT i, 'ship ' || i FROM generate_series(1, 1000) i;
  SELECT lo_from_bytea(4711, 'the same');`;

describe('verification', () => {
  let source: TestServer;
  let target: TestTwin;
  before(async () => {
    [source, target] = await Promise.all([
      startServer({ major: 13 }),
      startFlexibleServerTwin({ major: 17 }),
    ]);
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  /** A run that ends before its last phase, what someone does to the target then, and the run that resumes. */
  async function tampered(name: string, change: string) {
    const database = await source.createDatabase(name);
    await source.query(database, tables);
    const run = startClone(source.uri(database), target.uri(database), [], (e) => {
      if (e.event === 'phase' && e.phase === 'analyze' && e.state === 'done') run.child.kill('SIGKILL');
    });
    assert.equal((await run.ended).signal, 'SIGKILL');
    await target.query(database, change);
    return clone(source.uri(database), target.uri(database));
  }

  for (const [what, change, message] of [
    ['a changed value', `UPDATE ports SET name = 'Port 7' WHERE id = 7`, /contents differ/],
    ['NULL in place of an empty text', 'UPDATE ports SET note = NULL WHERE id = 8', /contents differ/],
    ['the last bit of a float', 'UPDATE ports SET depth = depth + 5e-17 WHERE id = 1', /contents differ/],
    ['a missing row', 'DELETE FROM ports WHERE id = 7', /1000 rows on the source, 999 on the target/],
    ['a row too many', `INSERT INTO ports VALUES (0, 'x')`, /1000 rows on the source, 1001 on the target/],
    [
      'a row twice in place of another',
      'ALTER TABLE ports DROP CONSTRAINT ports_pkey; DELETE FROM ports WHERE id = 7; INSERT INTO ports SELECT * FROM ports WHERE id = 8',
      /contents differ/,
    ],
    [
      'two values that changed places',
      `UPDATE ports SET name = 'port ' || (15 - id) WHERE id IN (7, 8)`,
      /contents differ/,
    ],
  ] as const) {
    test(`tells ${what}`, async () => {
      const result = await tampered(`tampered_${what.replaceAll(' ', '_')}`, change);
      assert.equal(result.exitCode, 1, explain(result));
      const found = result.done?.findings.filter((f) => f.code === 'FF600') ?? [];
      assert.deepEqual(
        found.map((f) => [f.object, f.severity]),
        [['table public.ports', 'error']],
      );
      assert.match(found[0]?.message ?? '', message);
      assert.equal(result.done?.totals.different, 1);
      assert.deepEqual(result.done.tables.map((t) => [t.table, t.equal]).sort(), [
        ['ports', false],
        ['ships', true],
      ]);
    });
  }

  test('tells a changed large object', async () => {
    const result = await tampered('tampered_large_object', `SELECT lo_put(4711, 2, 'X')`);
    assert.equal(result.exitCode, 1, explain(result));
    assert.deepEqual(
      result.done?.findings.filter((f) => f.severity === 'error').map((f) => [f.code, f.object]),
      [['FF600', 'large objects']],
    );
  });

  for (const major of process.env['FLEXFERRY_MAJORS'] === 'all' ? ([15, 17] as const) : ([13, 17] as const)) {
    test(`reads tables with FORCE ROW LEVEL SECURITY on a target on ${major}, and leaves them so`, async () => {
      await ensureMajor(major);
      const twin = await startFlexibleServerTwin({ major });
      try {
        const database = await source.createDatabase(`forced_${major}`);
        await source.query(
          database,
          `${tables} ALTER TABLE ports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
           CREATE POLICY few ON ports USING (id < 3);
           CREATE TABLE days (day int) PARTITION BY RANGE (day); CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (100);
           INSERT INTO days SELECT generate_series(1, 50);
           ALTER TABLE days_1 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
        );
        const done = assertSucceeded(await clone(source.uri(database), twin.uri(database)));
        assert.equal(done.tables.find((t) => t.table === 'ports')?.rows, 1000);
        await assertSame({ server: source, database }, { server: twin, database });
        await assertClean(twin, database);
      } finally {
        await twin.stop();
      }
    });
  }
});
