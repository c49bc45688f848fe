import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, type Place } from '../support/compare.js';
import {
  assertClean,
  assertSucceeded,
  clone,
  createSampleRoles,
  migrateHere,
  startClone,
} from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

/** Repeats a failure: FLEXFERRY_SEED=1234 npm test -- test/postgres/resume.test.ts; FLEXFERRY_KILLS for more of them. */
const seed = Number(process.env['FLEXFERRY_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['FLEXFERRY_KILLS'] ?? 6) / 3;

/** mulberry32: the same numbers for the same seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

let source: TestServer;
let target: TestTwin;
const from = (): Place => ({ server: source, database: 'harbour' });
const to = (database: string): Place => ({ server: target, database });

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await createSampleRoles(target);
  await source.createDatabase('harbour');
  await loadSample(source, 'harbour');
});
after(() => Promise.all([source.stop(), target.stop()]));

/** Tables whose checkpoint says done, with the file that holds their rows: a table copied again gets another one. */
async function finishedTables(database: string): Promise<Map<string, string>> {
  const there = await target
    .superQuery<{ there: boolean }>(database, `SELECT to_regclass('flexferry.work') IS NOT NULL AS there`)
    .catch(() => []);
  if (there[0]?.there !== true) return new Map();
  const rows = await target.superQuery<{ item: string; file: string }>(
    database,
    `SELECT item, pg_relation_filenode(item::regclass)::text AS file FROM flexferry.work WHERE kind = 'table'`,
  );
  return new Map(rows.map((r) => [r.item, r.file]));
}

async function assertNotCopiedAgain(database: string, finished: ReadonlyMap<string, string>): Promise<void> {
  for (const [item, file] of finished) {
    const [row] = await target.superQuery<{ file: string }>(
      database,
      `SELECT pg_relation_filenode($1::regclass)::text AS file`,
      [item],
    );
    assert.equal(row?.file, file, `${item} was copied again`);
  }
}

async function finish(database: string, finished: ReadonlyMap<string, string>): Promise<void> {
  const result = await clone(source.uri('harbour'), target.uri(database));
  assertSucceeded(result);
  const copied = result.events.flatMap((e) =>
    e.event === 'table' && e.state === 'running' ? [e.table] : [],
  );
  assert.equal(new Set(copied).size, copied.length);
  const done = result.done?.totals.tables ?? 0;
  assert.equal(copied.length, done - finished.size, 'what was done is not begun again');
  await assertNotCopiedAgain(database, finished);
  await assertSame(from(), to(database));
  await assertClean(source, 'harbour');
  await assertClean(target, database);
}

describe('a migration killed at any moment', () => {
  test(`is finished by the next run, seed ${seed}`, async () => {
    console.log(`seed ${seed}`);
    const random = randomFrom(seed);
    const whole = await clone(source.uri('harbour'), target.uri('whole'));
    assertSucceeded(whole);
    for (let round = 0; round < rounds; round++) {
      const database = `killed_${round}`;
      const finished = new Map<string, string>();
      for (let kill = 0; kill < 3; kill++) {
        // By the clock, so that nothing waits for us, and by the event, so that short phases are hit, too.
        const [after, events] = [
          random() * whole.seconds * 1000,
          1 + Math.floor(random() * whole.events.length),
        ];
        const byClock = random() < 0.5;
        let seen = 0;
        const run = startClone(source.uri('harbour'), target.uri(database), [], () => {
          if (!byClock && ++seen === events) run.child.kill('SIGKILL');
        });
        if (byClock) setTimeout(() => run.child.kill('SIGKILL'), after);
        const result = await run.ended;
        const phase = result.events.findLast((e) => e.event === 'phase');
        console.log(
          `  ${database}: ${result.signal ?? result.exitCode} after ${result.seconds.toFixed(2)} s, ${result.events.length} events, ${phase?.event === 'phase' ? `${phase.phase} ${phase.state}` : ''}`,
        );
        if (result.exitCode === 0) break;
        assert.equal(result.signal, 'SIGKILL', result.stderr);
        await assertNotCopiedAgain(database, finished);
        for (const [item, file] of await finishedTables(database)) finished.set(item, file);
      }
      if (
        (await target.superQuery('postgres', 'SELECT FROM pg_database WHERE datname = $1', [database]))
          .length > 0
      )
        await finishUnlessDone(database, finished);
    }
  });

  test('exactly between two phases, one after the other', async () => {
    const phases = [
      'assess',
      'dump',
      'preData',
      'copy',
      'indexes',
      'constraints',
      'postData',
      'sequences',
      'analyze',
      'verify',
    ];
    let finished = new Map<string, string>();
    for (const phase of phases) {
      const run = startClone(source.uri('harbour'), target.uri('between'), [], (e) => {
        if (e.event === 'phase' && e.phase === phase && e.state === 'done') run.child.kill('SIGKILL');
      });
      const result = await run.ended;
      // After the last phase the run may have ended before the signal came.
      if (phase === 'verify' && result.exitCode === 0) {
        await assertNotCopiedAgain('between', finished);
        await assertSame(from(), to('between'));
        return;
      }
      assert.equal(result.signal, 'SIGKILL', `${phase}: ${result.stderr}`);
      await assertNotCopiedAgain('between', finished);
      finished = new Map([...finished, ...(await finishedTables('between'))]);
    }
    assert.ok(finished.size > 30);
    await finish('between', finished);
  });
});

describe('a migration of two databases', () => {
  test('stopped in the second one is finished for both', async () => {
    await source.query('postgres', 'CREATE DATABASE small');
    await source.query(
      'small',
      `CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE VIEW v AS TABLE t`,
    );
    const databases = [
      { source: 'small', target: 'small' },
      { source: 'harbour', target: 'second' },
    ];
    const stop = new AbortController();
    const first = await migrateHere(source.uri(), target.uri(), databases, {
      signal: stop.signal,
      onEvent: (e) => {
        if (e.event === 'phase' && e.database === 'harbour' && e.phase === 'copy') stop.abort();
      },
    });
    assert.equal(first.done.exitCode, 4);
    const second = await migrateHere(source.uri(), target.uri(), databases);
    assert.equal(second.done.exitCode, 0, JSON.stringify(second.done.fault ?? second.done.findings));
    await assertSame({ server: source, database: 'small' }, to('small'));
    await assertSame(from(), to('second'));
    for (const database of ['small', 'second']) await assertClean(target, database);
  });
});

/** A run that was killed in its very last moment may have succeeded: then there is nothing to resume. */
async function finishUnlessDone(database: string, finished: ReadonlyMap<string, string>): Promise<void> {
  const [row] = await target.superQuery<{ tables: string; run: boolean }>(
    database,
    `SELECT count(*) AS tables, to_regclass('flexferry.run') IS NOT NULL AS run FROM pg_class WHERE relname = 'ships'`,
  );
  if (row?.tables === '1' && !row.run) {
    await assertNotCopiedAgain(database, finished);
    await assertSame(from(), to(database));
  } else await finish(database, finished);
}
