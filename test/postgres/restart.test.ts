import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, contentsOf } from '../support/compare.js';
import {
  assertClean,
  assertSucceeded,
  clone,
  createSampleRoles,
  explain,
  startClone,
} from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

describe('--restart', () => {
  let source: TestServer;
  let target: TestTwin;
  before(async () => {
    [source, target] = await Promise.all([
      startServer({ major: 13 }),
      startFlexibleServerTwin({ major: 17 }),
    ]);
    await createSampleRoles(target);
    await source.createDatabase('harbour');
    await loadSample(source, 'harbour');
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  /** A run that is killed as soon as that phase has ended. */
  async function killedAfter(phase: string, database: string, args: readonly string[] = []): Promise<void> {
    const run = startClone(source.uri('harbour'), target.uri(database), args, (e) => {
      if (e.event === 'phase' && e.phase === phase && e.state === 'done') run.child.kill('SIGKILL');
    });
    assert.equal((await run.ended).signal, 'SIGKILL');
  }

  /** Everything in the database that is nobody's but a user's, with its content. */
  const objects = async (database: string): Promise<string[]> =>
    (
      await target.superQuery<{ o: string }>(
        database,
        `SELECT pg_describe_object('pg_class'::regclass, c.oid, 0) AS o FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
           WHERE nspname !~ '^(pg_|information_schema)' UNION ALL
         SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
           WHERE nspname !~ '^(pg_|information_schema)' UNION ALL
         SELECT pg_describe_object('pg_type'::regclass, t.oid, 0) FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
           WHERE nspname !~ '^(pg_|information_schema)' UNION ALL
         SELECT 'schema ' || nspname FROM pg_namespace UNION ALL SELECT 'extension ' || extname FROM pg_extension UNION ALL
         SELECT 'large object ' || oid FROM pg_largeobject_metadata UNION ALL
         SELECT 'default acl ' || oid FROM pg_default_acl UNION ALL SELECT 'statistics ' || stxname FROM pg_statistic_ext ORDER BY 1`,
      )
    ).map((r) => r.o);

  for (const phase of ['preData', 'postData', 'analyze']) {
    test(`takes back what a run made until ${phase}, and only that`, async () => {
      const database = await target.createDatabase(`restart_${phase.toLowerCase()}`);
      await target.query(
        database,
        `CREATE TABLE mine (id int PRIMARY KEY, note text); INSERT INTO mine VALUES (1, 'keep me');
         CREATE SCHEMA archive; CREATE TABLE archive.old (a int); INSERT INTO archive.old VALUES (7);
         CREATE EXTENSION hstore; SELECT lo_from_bytea(4711, 'mine')`,
      );
      const before = await objects(database);
      await killedAfter(phase, database, ['--yes']);
      assert.ok((await objects(database)).length > before.length + 50);
      // Beside what the run made, but not upon it.
      await target.query(database, `CREATE TABLE public.later (a int); INSERT INTO later VALUES (1)`);
      const mine = await contentsOf({ server: target, database });

      // From a source in which nothing is left, so that the target shows what was taken back.
      const empty = await source.createDatabase();
      const result = await clone(source.uri(empty), target.uri(database), ['--restart', '--yes']);
      assertSucceeded(result);
      assert.deepEqual(
        (await objects(database)).filter((o) => !/later/.test(o)),
        before,
      );
      const after = await contentsOf({ server: target, database });
      for (const table of ['public.mine', 'archive.old', 'public.later'])
        assert.deepEqual(after.get(table), mine.get(table), table);
      await assertClean(target, database);
    });
  }

  test('begins anew and ends as a first run does', async () => {
    await killedAfter('copy', 'anew');
    const first = await target.superQuery<{ oid: string }>(
      'anew',
      `SELECT 'harbour.ships'::regclass::oid AS oid`,
    );
    assertSucceeded(await clone(source.uri('harbour'), target.uri('anew'), ['--restart']));
    const second = await target.superQuery<{ oid: string }>(
      'anew',
      `SELECT 'harbour.ships'::regclass::oid AS oid`,
    );
    assert.notDeepEqual(second, first, 'made again');
    await assertSame({ server: source, database: 'harbour' }, { server: target, database: 'anew' });
    await assertClean(target, 'anew');
  });

  test('is refused where a user has built upon what the run made', async () => {
    await killedAfter('postData', 'built_upon');
    await target.query('built_upon', 'CREATE VIEW public.my_view AS SELECT name FROM harbour.ships');
    const result = await clone(source.uri('harbour'), target.uri('built_upon'), ['--restart']);
    assert.equal(result.exitCode === 3 || result.exitCode === 4, true, explain(result));
    assert.equal(result.done?.fault?.code, 'FF215', explain(result));
    assert.match(result.done.fault.message, /harbour\.ships|my_view/);
    const [view] = await target.query<{ n: string }>(
      'built_upon',
      'SELECT count(*) AS n FROM public.my_view',
    );
    assert.ok(Number(view?.n) > 0, 'the view and its rows are there');
    await target.query('built_upon', 'DROP VIEW public.my_view');
    assertSucceeded(await clone(source.uri('harbour'), target.uri('built_upon'), ['--restart']));
    await assertSame({ server: source, database: 'harbour' }, { server: target, database: 'built_upon' });
    await assertClean(target, 'built_upon');
  });

  test('never touches a target that no run of ours began', async () => {
    const database = await target.createDatabase();
    await target.query(database, 'CREATE TABLE theirs (a int); INSERT INTO theirs VALUES (1)');
    const result = await clone(source.uri('harbour'), target.uri(database), ['--restart']);
    assert.equal(result.exitCode, 3, explain(result));
    assert.equal(result.done?.fault?.code, 'FF202');
    assert.equal((await target.query(database, 'TABLE theirs')).length, 1);
  });
});
