import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OnlinePhase, Phase } from '../../src/protocol/model.js';
import {
  assertNothingLeft,
  type CliFolder,
  CliRun,
  cliFolder,
  doneOf,
  problemsOf,
  reportOf,
} from '../support/flexferry.js';
import {
  foreignKeyGate,
  gatedSchema,
  gates,
  type Hold,
  hold,
  holdGate,
  untilBlocked,
} from '../support/gates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({ major: 13 });
  target = await startFlexibleServerTwin({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

type OfflinePhase = Exclude<Phase, OnlinePhase>;

/** Where and by what each phase is made to wait. Each needs only what the phases before it have made. */
const holds: Readonly<Record<OfflinePhase, (database: string) => Promise<[TestServer, Hold]>>> = {
  // Its size is asked for.
  assess: async (d) => [source, await hold(source, d, 'LOCK TABLE app.plain')],
  // The size of a partitioned table is not, but pg_dump locks it.
  dump: async (d) => [source, await hold(source, d, 'LOCK TABLE ONLY app.parted')],
  // A name that somebody else is about to make.
  preData: async (d) => [target, await hold(target, d, 'CREATE SCHEMA app')],
  copy: async (d) => [target, await holdGate(target, d, gates.copy)],
  indexes: async (d) => [target, await holdGate(target, d, gates.indexes)],
  constraints: async (d) => [target, await holdGate(target, d, gates.constraints)],
  postData: async (d) => [target, await holdGate(target, d, gates.postData)],
  sequences: async (d) => [target, await hold(target, d, 'ALTER SEQUENCE app.numbers CACHE 2')],
  analyze: async (d) => [
    target,
    await hold(target, d, 'LOCK TABLE app.plain IN SHARE UPDATE EXCLUSIVE MODE'),
  ],
  verify: async (d) => [target, await hold(target, d, 'LOCK TABLE app.plain IN SHARE UPDATE EXCLUSIVE MODE')],
};

/** A run that stands still in a phase; disposing of it ends it and what held it. */
class StoppedRun implements AsyncDisposable {
  private readonly held: Hold[] = [];
  private constructor(readonly run: CliRun) {}

  static async in(
    phase: OfflinePhase,
    database: string,
    args: readonly string[],
    folder: CliFolder,
  ): Promise<StoppedRun> {
    const [server, held] = await holds[phase](database);
    const stopped = new StoppedRun(new CliRun(args, { folder }));
    stopped.held.push(held);
    try {
      await stopped.reach(phase === 'verify' ? 'analyze' : phase, server);
      if (phase === 'verify') await stopped.goOnToVerify(database);
      return stopped;
    } catch (error) {
      await stopped[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What verify reads on the source, assess and dump read too: it is locked once they are over. */
  private async goOnToVerify(database: string): Promise<void> {
    this.held.push(await hold(source, database, 'LOCK TABLE app.plain'));
    await this.held[0]?.release();
    await this.reach('verify', source);
  }

  private async reach(phase: OfflinePhase, server: TestServer): Promise<void> {
    await this.run.until((e) => e.event === 'phase' && e.phase === phase && e.state === 'running', phase);
    await untilBlocked(server, phase);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run.child.kill('SIGKILL');
    await this.run.result;
    for (const held of this.held) await held.release();
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  describe(`${signal} at every phase of one migration`, () => {
    const folder = cliFolder();
    let args: string[];
    let database: string;
    before(async () => {
      database = await source.createDatabase();
      await source.query(database, gatedSchema);
      await target.createDatabase(database);
      await target.superQuery(database, foreignKeyGate);
      args = ['clone', '--source', source.uri(database), '--target', target.uri(database)];
    });
    after(() => folder[Symbol.dispose]());

    for (const phase of Object.keys(holds) as OfflinePhase[]) {
      test(`during ${phase}: exit 4, nothing left`, async () => {
        await using stopped = await StoppedRun.in(phase, database, args, folder);
        const { run } = stopped;
        const asked = Date.now();
        run.child.kill(signal);
        const result = await run.result;
        const done = doneOf(result);
        assert.equal(result.code, 4, result.stderr);
        assert.deepEqual([done.state, done.exitCode, done.fault?.code], ['interrupted', 4, 'FF509']);
        assert.match(done.fault?.fix ?? '', /Resume/);
        assert.ok(Date.now() - asked < 8_000, 'stops soon');
        const report = reportOf(folder);
        assert.equal(report.snapshot.state, 'interrupted');
        const states = new Map(report.snapshot.databases[0]?.phases.map((p) => [p.phase, p.state]));
        assert.equal(states.get(phase), 'pending', 'what was interrupted is not called done');
        assert.match(readFileSync(join(folder.report, 'report.html'), 'utf8'), /Interrupted/);
        // The lock is still held: nobody waits for it any more.
        await assertNothingLeft(source, target, folder);
      });
    }

    test('the same command then finishes the migration', async () => {
      const result = await new CliRun(args, { folder }).result;
      const done = doneOf(result);
      assert.deepEqual(problemsOf(done), []);
      assert.equal(result.code, 0);
      assert.ok(done.tables.length === 6 && done.tables.every((t) => t.equal));
      const [content] = await target.query(
        database,
        `SELECT (SELECT last_value::int FROM app.numbers) AS numbers, (SELECT v FROM app.summary) AS summary,
           (SELECT count(*)::int FROM pg_constraint WHERE contype = 'f' AND convalidated) AS keys,
           to_regclass('app.indexed_gate') IS NOT NULL AS index, to_regnamespace('flexferry') IS NULL AS clean`,
      );
      assert.deepEqual(content, { numbers: 4711, summary: 1, keys: 1, index: true, clean: true });
      await assertNothingLeft(source, target, folder);
    });
  });
}

test('SIGHUP stops as well, and a second signal ends at once', async () => {
  using folder = cliFolder();
  const database = await source.createDatabase();
  await source.query(database, gatedSchema);
  await target.createDatabase(database);
  const args = ['clone', '--source', source.uri(database), '--target', target.uri(database)];
  await using stopped = await StoppedRun.in('copy', database, args, folder);
  const { run } = stopped;
  // A server that answers nothing any more: a stop cannot be clean, and the user does not wait for it.
  process.kill(target.pid, 'SIGSTOP');
  try {
    run.child.kill('SIGHUP');
    await new Promise((resolve) => run.child.stderr?.once('data', resolve));
    run.child.kill('SIGINT');
    assert.equal((await run.result).code, 4);
  } finally {
    process.kill(target.pid, 'SIGCONT');
  }
  await assertNothingLeft(source, target, folder);
});
