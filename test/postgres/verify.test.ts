import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, explain, startClone } from '../support/migrate.js';
import { ensureMajor, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const ports = (name: string): string => `
  CREATE TABLE ${name} (id int, name text, depth float8, note text, CONSTRAINT ${name}_pkey PRIMARY KEY (id));
  INSERT INTO ${name} SELECT i, 'port ' || i, i / 3.0, CASE WHEN i % 2 = 0 THEN '' END FROM generate_series(1, 1000) i;`;

/** What someone does to a table, by its name, and what is said about it. */
const changes: Readonly<Record<string, readonly [string, RegExp]>> = {
  value: [`UPDATE value SET name = 'Port 7' WHERE id = 7`, /contents differ/],
  null_for_empty: ['UPDATE null_for_empty SET note = NULL WHERE id = 8', /contents differ/],
  last_bit: ['UPDATE last_bit SET depth = depth + 5e-17 WHERE id = 1', /contents differ/],
  missing: ['DELETE FROM missing WHERE id = 7', /1000 rows on the source, 999 on the target/],
  too_many: [`INSERT INTO too_many VALUES (0, 'x')`, /1000 rows on the source, 1001 on the target/],
  twice: [
    'ALTER TABLE twice DROP CONSTRAINT twice_pkey; DELETE FROM twice WHERE id = 7; INSERT INTO twice SELECT * FROM twice WHERE id = 8',
    /contents differ/,
  ],
  swapped: [`UPDATE swapped SET name = 'port ' || (15 - id) WHERE id IN (7, 8)`, /contents differ/],
  columns: ['UPDATE columns SET name = note, note = name WHERE id = 8', /contents differ/],
};

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

  test('tells every kind of difference, and no other', async () => {
    const database = await source.createDatabase('tampered');
    await source.query(
      database,
      [...Object.keys(changes), 'untouched', 'rewritten'].map(ports).join('\n') +
        `SELECT lo_from_bytea(4711, 'the same')`,
    );
    const run = startClone(source.uri(database), target.uri(database), [], (e) => {
      if (e.event === 'phase' && e.phase === 'analyze' && e.state === 'done') run.child.kill('SIGKILL');
    });
    assert.equal((await run.ended).signal, 'SIGKILL');
    // In another order on disk the rows are the same.
    await target.query(database, 'UPDATE rewritten SET id = id WHERE id % 3 = 0');
    for (const [change] of Object.values(changes)) await target.query(database, change);
    await target.query(database, `SELECT lo_put(4711, 2, 'X')`);

    const result = await clone(source.uri(database), target.uri(database));
    assert.equal(result.exitCode, 1, explain(result));
    const found = new Map(
      result.done?.findings.filter((f) => f.severity !== 'note').map((f) => [f.object, f]),
    );
    const names = Object.keys(changes).map((name) => `table public.${name}`);
    assert.deepEqual([...found.keys()].sort(), ['large objects', ...names].sort());
    for (const [name, [, message]] of Object.entries(changes)) {
      const finding = found.get(`table public.${name}`);
      assert.equal(`${finding?.code} ${finding?.severity}`, 'FF600 error');
      assert.match(finding?.message ?? '', message, name);
    }
    assert.equal(result.done?.totals.different, names.length + 1);
    for (const { table, equal } of result.done.tables) assert.equal(equal, !(table in changes), table);
  });

  for (const major of process.env['FLEXFERRY_MAJORS'] === 'all' ? ([15, 17] as const) : ([13, 17] as const)) {
    test(`reads tables with FORCE ROW LEVEL SECURITY on a target on ${major}, and leaves them so`, async () => {
      await ensureMajor(major);
      const twin = await startFlexibleServerTwin({ major });
      try {
        const database = await source.createDatabase(`forced_${major}`);
        await source.query(
          database,
          `${ports('ports')} ALTER TABLE ports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
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
