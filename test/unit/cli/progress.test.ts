import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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
      (['FF110', 'FF112', 'FF700', 'FF701', 'FF702', 'FF703', 'FF109', 'FF900'] as const).map(failureCode),
      [2, 2, 2, 2, 2, 3, 3, 3],
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
