import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exitCodeOf, phaseWeight, step } from '../../../../src/engine/run/migrationState.js';
import { RunTracker } from '../../../../src/engine/run/runTracker.js';
import { phases, type RunEvent, type RunSnapshot, type WorkState } from '../../../../src/protocol/model.js';

const states: readonly WorkState[] = ['pending', 'running', 'done', 'skipped', 'failed'];

describe('states', () => {
  test('every step is in the table or throws', () => {
    const allowed = states.flatMap((from) =>
      states
        .filter((to) => {
          try {
            step(from, to);
            return from !== to;
          } catch {
            return false;
          }
        })
        .map((to) => `${from} ${to}`),
    );
    assert.deepEqual(allowed.sort(), [
      'failed running',
      'pending done',
      'pending failed',
      'pending running',
      'pending skipped',
      'running done',
      'running failed',
      'running pending',
      'running skipped',
    ]);
  });
  test('exit codes', () => {
    const all = ['succeeded', 'incomplete', 'refused', 'interrupted', 'running', 'stopping'] as const;
    assert.deepEqual(all.map(exitCodeOf), [0, 1, 3, 4, 4, 4]);
  });
  test('the weights of the phases are a whole', () => {
    assert.ok(Math.abs(phases.reduce((sum, p) => sum + phaseWeight[p], 0) - 1) < 1e-9);
  });
});

function tracker(): { run: RunTracker; events: RunEvent[]; clock: { now: number }; last: () => RunSnapshot } {
  const events: RunEvent[] = [];
  const clock = { now: 1_000_000 };
  const run = new RunTracker(
    { run: 'r', name: 'n', source: 's', target: 't', reportDirectory: '', ddlDirectory: '' },
    { now: () => clock.now, onEvent: (e) => events.push(e), onSnapshot: () => undefined },
  );
  return { run, events, clock, last: () => run.snapshot() };
}

describe('the tracker', () => {
  test('counts bytes, rows and tables, and a rate over the last seconds', () => {
    const { run, clock, last } = tracker();
    const database = run.addDatabase('d', 'd', 'd');
    const table = { schema: 's', name: 't' };
    database.addTable(table, 1000, 10);
    database.begin('copy', 1);
    database.setTable(table, 'running');
    last();
    clock.now += 1000;
    database.addBytes(table, 400);
    assert.deepEqual([last().bytes, last().bytesTotal, last().bytesPerSecond], [400, 1000, 400]);
    assert.equal(last().etaSeconds, 1.5);
    database.setTable(table, 'done', { rows: 7, bytes: 600 });
    assert.deepEqual(
      [last().bytes, last().bytesTotal, last().rows],
      [600, 600, 7],
      'the real size replaces the estimate',
    );
    run.push();
  });
  test('the fraction never falls and is 1 at the end alone', () => {
    const { run, last } = tracker();
    const database = run.addDatabase('d', 'd', 'd', true);
    let before = 0;
    for (const phase of phases) {
      database.begin(phase, 2);
      database.advance(phase, 'done');
      assert.ok(last().fraction >= before);
      before = last().fraction;
      database.end(phase);
    }
    run.state = 'succeeded';
    assert.equal(last().fraction, 1);
    run.push();
  });
  test('what was running when a run stops is to be done again', () => {
    const { run } = tracker();
    const database = run.addDatabase('d', 'd', 'd');
    database.addTable({ schema: 's', name: 'a' }, 1, 1);
    database.begin('copy', 1);
    database.setTable({ schema: 's', name: 'a' }, 'running');
    database.stop();
    assert.equal(database.phase('copy').state, 'pending');
    assert.equal(database.table({ schema: 's', name: 'a' })?.state, 'pending');
    run.push();
  });
  test('a phase that is done again takes the time of both, not that between', () => {
    const { run, clock } = tracker();
    const database = run.addDatabase('d', 'd', 'd');
    const timed = (milliseconds: number): number => {
      database.begin('constraints', 1);
      clock.now += milliseconds;
      assert.equal(database.phase('constraints').endedAt, undefined);
      database.end('constraints');
      const { startedAt, endedAt } = database.phase('constraints');
      return (endedAt ?? 0) - (startedAt ?? 0);
    };
    assert.equal(timed(300), 300);
    clock.now += 60_000;
    database.again('constraints');
    assert.equal(timed(20), 320);
  });
  test('what was found can be withdrawn, and is told again where it is found again', () => {
    const { run, events } = tracker();
    const [database, other] = [run.addDatabase('d', 'd', 'd'), run.addDatabase('e', 'e', 'e')];
    const finding = { code: 'FF600', severity: 'error', message: 'm', fix: 'f' } as const;
    for (const one of [database, other]) one.finding(finding);
    database.statement('postData', 0, { kind: 'createView', object: 'view v', key: 'k' }, 'failed');
    database.withdraw(({ code }) => code === 'FF600', new Set(['k']));
    assert.deepEqual(
      [database.findings.length, other.findings.length, database.statements.length],
      [0, 1, 0],
    );
    assert.ok(!database.hasProblems());
    database.finding(finding);
    other.finding(finding);
    assert.equal(events.filter((e) => e.event === 'finding').length, 3);
    run.push();
  });
  test('the same finding is told once', () => {
    const { run, events } = tracker();
    const finding = { code: 'FF417', severity: 'warning', message: 'm', fix: 'f' } as const;
    const database = run.addDatabase('d', 'd', 'd');
    database.finding(finding);
    database.finding(finding);
    run.addDatabase('e', 'e', 'e').finding(finding);
    assert.equal(run.findings.length, 2);
    assert.equal(events.filter((e) => e.event === 'finding').length, 2);
    assert.ok(database.hasProblems());
    run.push();
  });
});
