import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { failedBeforeStart, failureCode } from '../../../src/cli/failure.js';
import {
  currentPhase,
  JsonReporter,
  type Output,
  progressLine,
  summary,
  TextReporter,
} from '../../../src/cli/progress.js';
import { Fault } from '../../../src/engine/errors/fault.js';
import type { FollowSnapshot } from '../../../src/protocol/follow.js';
import { type DoneEvent, phases, type RunEvent, type RunSnapshot } from '../../../src/protocol/model.js';

const running: RunSnapshot = {
  run: 'r',
  name: 'harbour',
  source: 'a@h:1',
  target: 'b@h:2',
  state: 'running',
  startedAt: 0,
  databases: [
    {
      source: 'harbour',
      target: 'harbour',
      state: 'running',
      phases: phases.map((phase) => ({
        phase,
        state: phase === 'copy' ? 'running' : phase < 'copy' ? 'done' : 'pending',
        done: 0,
        total: 1,
        failed: 0,
        skipped: 0,
      })),
      tablesDone: 3,
      tablesTotal: 10,
      bytes: 1_200_000_000,
      bytesTotal: 2_400_000_000,
      rows: 10,
    },
  ],
  bytes: 1_200_000_000,
  bytesTotal: 2_400_000_000,
  rows: 10,
  bytesPerSecond: 300_000_000,
  etaSeconds: 4,
  fraction: 0.5,
  findings: [],
  reportDirectory: '/r',
  ddlDirectory: '/d',
};

const done: DoneEvent = {
  event: 'done',
  at: '2026-01-01T00:00:00.000Z',
  run: 'r',
  state: 'incomplete',
  exitCode: 1,
  seconds: 62,
  totals: {
    databases: 1,
    tables: 2,
    rows: 1234,
    bytes: 5_000_000,
    largeObjects: 0,
    indexes: 1,
    statements: 9,
    skipped: 1,
    failed: 1,
    different: 0,
  },
  tables: [
    {
      database: 'd',
      schema: 's',
      table: 'a',
      state: 'done',
      rows: 1234,
      bytes: 5_000_000,
      sourceChecksum: '1',
      targetChecksum: '1',
      equal: true,
    },
    {
      database: 'd',
      schema: 's',
      table: 'b',
      state: 'failed',
      rows: 0,
      bytes: 0,
      sourceChecksum: null,
      targetChecksum: null,
      equal: null,
    },
  ],
  findings: [],
  report: '/r/report.html',
};

function screen(isTTY: boolean): Output & { text: string } {
  return {
    text: '',
    isTTY,
    columns: 80,
    write(text) {
      this.text += text;
    },
  };
}

const phaseBegins: RunEvent = {
  event: 'phase',
  at: '',
  database: 'harbour',
  phase: 'copy',
  state: 'running',
};

describe('the progress line', () => {
  test('bytes, rate, time left and what is done now', () => {
    assert.equal(
      progressLine(running, 200),
      '[##########----------]  50 %  1.2 GB of 2.4 GB  300 MB/s  4.0 s left  Copying data (harbour)',
    );
  });
  test('fits the terminal, and stays readable on a tiny one', () => {
    assert.equal(progressLine(running, 60).length, 60);
    assert.ok(progressLine(running, 0).length >= 20);
  });
  test('says nothing about time that is not known, and never 100 % before the end', () => {
    const { etaSeconds: _, ...unknown } = running;
    assert.ok(!progressLine(unknown, 200).includes('left'));
    assert.match(progressLine({ ...running, fraction: 0.9999 }, 200), / 99 %/);
    assert.match(progressLine({ ...running, fraction: 1 }, 200), /\[#{20}\] 100 %/);
    assert.match(progressLine({ ...running, fraction: 0 }, 200), /\[-{20}\] {3}0 %/);
  });
  test('the phase that runs', () => {
    assert.deepEqual(currentPhase(running), { phase: 'copy', database: 'harbour' });
    assert.equal(currentPhase({ ...running, databases: [] }), undefined);
  });
});

describe('text', () => {
  test('on a terminal the bar is redrawn in place and makes room for lines', () => {
    const out = screen(true);
    const reporter = new TextReporter(out);
    reporter.snapshot(running);
    reporter.snapshot(running);
    reporter.event(phaseBegins);
    assert.equal(out.text.split('\r\u001b[K').length, 4, 'two bars and one that is wiped');
    assert.ok(out.text.endsWith('harbour: Copying data\n'));
    assert.ok(progressLine(running, 79).length <= 79, 'a full line would wrap');
  });
  test('elsewhere plain lines, without control characters and not many', () => {
    const out = screen(false);
    const reporter = new TextReporter(out);
    for (let i = 0; i < 100; i++) reporter.snapshot(running);
    reporter.event(phaseBegins);
    reporter.event(done);
    assert.ok(![...out.text].some((c) => c < ' ' && c !== '\n'));
    assert.equal(out.text.split('\n').filter((l) => l.startsWith('[')).length, 1);
  });
  test('findings say what to do; notes do not shout', () => {
    const out = screen(false);
    const reporter = new TextReporter(out);
    const finding = { code: 'FF417', database: 'd', message: 'It is gone.', fix: 'Bring it back.' } as const;
    reporter.event({ event: 'finding', at: '', finding: { ...finding, severity: 'warning' } });
    reporter.event({ event: 'finding', at: '', finding: { ...finding, severity: 'note' } });
    assert.equal(out.text, 'WARNING FF417: It is gone.\n    Bring it back.\nnote FF417: It is gone.\n');
  });
});

describe('the end', () => {
  test('of a run with failures', () => {
    assert.equal(
      summary(done),
      'Finished, but not complete: 2 tables, 1,234 rows, 5.0 MB in 1 min 02 s; 1 of 2 tables verified equal; 1 skipped, 1 failed, 0 different.\nReport: /r/report.html',
    );
  });
  test('of an interrupted one begins with the fault', () => {
    const fault = new Fault('FF509', 'The migration was stopped.').toData();
    const text = summary({ ...done, exitCode: 4, state: 'interrupted', fault });
    assert.match(
      text,
      /^FF509: The migration was stopped\.\n {4}.*Resume it.*\nInterrupted; the same command resumes/,
    );
  });
  test('before there was a run', () => {
    const event = failedBeforeStart(new Fault('FF702', 'No.'), new Date(0));
    assert.deepEqual(
      [event.event, event.state, event.exitCode, event.fault?.code],
      ['done', 'refused', 2, 'FF702'],
    );
    assert.deepEqual(
      (['FF110', 'FF112', 'FF700', 'FF701', 'FF702', 'FF703', 'FF109', 'FF900', 'FF509'] as const).map(
        failureCode,
      ),
      [2, 2, 2, 2, 2, 3, 3, 3, 4],
    );
  });
});

test('JSON: one object a line, progress at most once a second', () => {
  const out = screen(false);
  const reporter = new JsonReporter(out);
  for (let i = 0; i < 10; i++) reporter.snapshot(running);
  reporter.event({ ...phaseBegins, database: 'line\nbreak' });
  reporter.event(done);
  const lines = out.text.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as RunEvent).event),
    ['progress', 'phase', 'done'],
  );
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    event: 'progress',
    at: (JSON.parse(lines[0] ?? '') as RunEvent).at,
    phase: 'copy',
    bytes: 1_200_000_000,
    bytesTotal: 2_400_000_000,
    rows: 10,
    bytesPerSecond: 300_000_000,
    etaSeconds: 4,
    tablesDone: 3,
    tablesTotal: 10,
  });
});

describe('while changes are followed', () => {
  const follow: FollowSnapshot = {
    state: 'following',
    appliedLsn: '0/100',
    sourceLsn: '0/200',
    lagBytes: 1_500_000,
    lagSeconds: 0.4,
    transactions: 10,
    changes: 40,
    transactionsPerSecond: 12.4,
    changesPerSecond: 1234,
    appliedBytesPerSecond: 1000,
    sourceBytesPerSecond: 2000,
    fallingBehind: false,
    spooledBytes: 0,
    slot: { name: 'flexferry_1', retainedBytes: 45_000_000 },
    stopped: [],
    newTables: [],
  };
  const [database] = running.databases;
  assert.ok(database);
  const following: RunSnapshot = {
    ...running,
    databases: [
      {
        ...database,
        phases: phases.map((phase) => ({
          phase,
          state: phase === 'follow' || phase === 'copy' ? 'running' : 'done',
          done: 0,
          total: 1,
          failed: 0,
          skipped: 0,
        })),
        follow,
      },
    ],
  };
  const progressOf = (text: string): RunEvent[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent);

  test('following, and more so a cutover, is what the user waits for', () => {
    assert.deepEqual(currentPhase(following), { phase: 'follow', database: 'harbour' });
    const cutting = {
      ...following,
      databases: following.databases.map((d) => ({
        ...d,
        phases: d.phases.map((p) => (p.phase === 'cutover' ? { ...p, state: 'running' as const } : p)),
      })),
    };
    assert.deepEqual(currentPhase(cutting), { phase: 'cutover', database: 'harbour' });
  });
  test('JSON: a line at least once a second, also where nothing happens, with the state of each database', () => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_000_000 });
    try {
      const out = screen(false);
      const reporter = new JsonReporter(out);
      reporter.snapshot(running);
      reporter.snapshot(following);
      const began = progressOf(out.text).length;
      for (let i = 0; i < 50; i++) mock.timers.tick(100);
      reporter.snapshot({ ...following, bytes: 7 });
      for (let i = 0; i < 10; i++) mock.timers.tick(100);
      const lines = progressOf(out.text).slice(began);
      assert.equal(lines.length, 7);
      const times = lines.map((line) => Date.parse(line.at));
      assert.ok(times.every((at, i) => at - (times[i - 1] ?? 1_000_000) <= 1000));
      const last = lines.at(-1);
      assert.ok(last?.event === 'progress');
      assert.deepEqual([last.phase, last.bytes, last.follow], ['follow', 7, { harbour: follow }]);
      reporter.event(done);
      const ended = out.text;
      mock.timers.tick(5000);
      assert.equal(out.text, ended, 'done is the last line');
    } finally {
      mock.timers.reset();
    }
  });
  test('JSON: as often after a hand-over, until the run has ended', () => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_000_000 });
    try {
      const out = screen(false);
      const reporter = new JsonReporter(out);
      reporter.snapshot(following);
      const over = following.databases.map((d) => ({
        ...d,
        follow: { ...follow, state: 'handedOver' as const },
      }));
      reporter.snapshot({ ...following, databases: over });
      const lines = progressOf(out.text).length;
      for (let i = 0; i < 50; i++) mock.timers.tick(100);
      assert.equal(progressOf(out.text).length, lines + 6);
      reporter.snapshot({ ...following, databases: over, endedAt: 1_005_000 });
      const ended = out.text;
      mock.timers.tick(5000);
      assert.equal(out.text, ended);
    } finally {
      mock.timers.reset();
    }
  });
  test('text: lag, rates and what the source keeps, and once how to cut over', () => {
    assert.equal(
      progressLine(following, 200),
      'Following changes (harbour): lag 1.5 MB, 0.4 s  1,234 changes/s  12 tx/s  log kept 45.0 MB',
    );
    const out = screen(false);
    const reporter = new TextReporter(out);
    for (const state of ['copying', 'following', 'copying', 'following'] as const)
      reporter.event({ event: 'follow', at: '', database: 'harbour', state });
    assert.equal(out.text.split('flexferry cutover').length, 2);
    reporter.event({
      event: 'cutover',
      at: '',
      database: 'harbour',
      step: 'drain',
      state: 'done',
      detail: 'Up to 0/200.',
    });
    assert.ok(out.text.endsWith('harbour: cutover: apply the last changes: done. Up to 0/200.\n'));
  });
  test('text: what is not as it should be is said', () => {
    const line = progressLine(
      {
        ...following,
        databases: following.databases.map((d) => ({
          ...d,
          follow: {
            ...follow,
            fallingBehind: true,
            slot: { ...follow.slot, lostInSeconds: 3600 },
            stopped: [
              { schema: 's', name: 't', fault: new Fault('FF864', 'x').toData(), waiting: 1, since: 0 },
            ],
          },
        })),
      },
      300,
    );
    assert.match(line, /FALLING BEHIND: 2\.0 kB\/s written, 1\.0 kB\/s applied/);
    assert.match(line, /1 table STOPPED/);
    assert.match(line, /slot lost in 1 h 00 min/);
  });
});
