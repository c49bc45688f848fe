import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderReport } from '../../../../src/engine/report/html.js';
import { errorCodes } from '../../../../src/protocol/errorCodes.js';
import { type Finding, phases, type RunState, type TableSnapshot } from '../../../../src/protocol/model.js';
import type { Report } from '../../../../src/protocol/report.js';
import { follow } from '../../../support/followed.js';

const table = (change: Partial<TableSnapshot> = {}): TableSnapshot => ({
  schema: 'harbour',
  name: 'ships',
  state: 'done',
  bytes: 1_000_000,
  bytesEstimated: 1_000_000,
  rows: 1000,
  rowsEstimated: 1000,
  startedAt: 1000,
  endedAt: 2000,
  indexesDone: 1,
  indexesTotal: 1,
  verification: {
    equal: true,
    sourceRows: 1000,
    targetRows: 1000,
    sourceChecksum: '123',
    targetChecksum: '123',
  },
  ...change,
});

function report(
  state: RunState,
  tables: readonly TableSnapshot[] = [table()],
  findings: readonly Finding[] = [],
): Report {
  const exitCode = ({ succeeded: 0, incomplete: 1, refused: 3 } as const)[state as 'succeeded'] ?? 4;
  return {
    version: 1,
    flexferry: '0.1.0',
    exitCode,
    totals: {
      databases: 1,
      tables: tables.length,
      rows: 1000,
      bytes: 1_000_000,
      largeObjects: 0,
      indexes: 1,
      statements: 5,
      skipped: 2,
      failed: 1,
      different: 0,
    },
    snapshot: {
      run: 'r',
      name: 'move <b>',
      source: 'a@h:1/d',
      target: 'b@h:2/d',
      state,
      startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      endedAt: Date.UTC(2026, 0, 2, 3, 5, 7),
      databases: [
        {
          source: 'd',
          target: 'e',
          state: 'done',
          phases: phases.map((phase) => ({
            phase,
            state: 'done',
            startedAt: 0,
            endedAt: 500,
            done: 1,
            total: 1,
            failed: 0,
            skipped: 0,
          })),
          tablesDone: 1,
          tablesTotal: 1,
          bytes: 1_000_000,
          bytesTotal: 1_000_000,
          rows: 1000,
        },
      ],
      bytes: 1_000_000,
      bytesTotal: 1_000_000,
      rows: 1000,
      bytesPerSecond: 0,
      fraction: 1,
      findings,
      reportDirectory: '/r',
      ddlDirectory: '/d',
    },
    databases: [
      {
        source: 'd',
        target: 'e',
        sourceVersion: '13.23',
        targetVersion: '17.10',
        dumpTool: 'built-in pg_dump 18.3',
        tables,
        statements: [],
        sequences: { total: 0, equal: 0 },
        largeObjects: { total: 0, copied: 0, bytes: 0, equal: null },
      },
    ],
  };
}

/** Text of the page without markup. */
const textOf = (html: string): string =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<wbr>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

describe('the first sentence', () => {
  test('says only what was proven', () => {
    assert.match(
      textOf(renderReport(report('succeeded'))),
      /Migrated and verified The table holds the same rows/,
    );
    const { verification: _, ...unverified } = table();
    const half = textOf(renderReport(report('incomplete', [table(), unverified])));
    assert.match(half, /1 of 2 tables are proven .* But 2 skipped, 1 failed, 0 different/);
    assert.match(half, /Verified equal|1 of 2 Verified equal/);
    assert.match(textOf(renderReport(report('succeeded', []))), /There were no tables/);
  });
  test('for every state of a run', () => {
    const heads = (['succeeded', 'incomplete', 'interrupted', 'refused', 'running', 'stopping'] as const).map(
      (state) => /<h1>(.*?)<\/h1>/.exec(renderReport(report(state)))?.[1],
    );
    assert.deepEqual(heads, [
      'Migrated and verified',
      'Finished, but not complete',
      'Interrupted',
      'Not started',
      'Running',
      'Stopping',
    ]);
  });
  test('of a migration that went back is not that it migrated', () => {
    const ended = report('succeeded');
    const databases = ended.snapshot.databases.map((one) => ({
      ...one,
      follow: follow({ state: 'finished', isWayBack: true, wentBack: true }),
    }));
    const page = renderReport({ ...ended, snapshot: { ...ended.snapshot, databases } });
    assert.equal(/<h1>(.*?)<\/h1>/.exec(page)?.[1], 'Applications are back on the source');
  });
  test('the fault that ended the run stands with its code and what to do', () => {
    const base = report('interrupted');
    const fault = { code: 'FF502', message: 'disk <full>', fix: errorCodes.FF502.help } as const;
    const page = renderReport({ ...base, snapshot: { ...base.snapshot, fault } });
    assert.match(page, /<b>FF502<\/b> disk &lt;full&gt;<small>The storage of the target is full/);
  });
});

describe('figures', () => {
  const page = textOf(renderReport(report('succeeded')));
  test('time, rate of the copy, rows', () => {
    for (const figure of [
      '1 min 02 s Time',
      '1.0 MB Data',
      '2.0 MB/s Copy rate',
      '1,000 Rows',
      '1 of 1 Tables copied',
      '1 of 1 Verified equal',
    ])
      assert.ok(page.includes(figure), figure);
    assert.ok(page.includes('2026-01-02 03:04:05 UTC'));
  });
  test('a table that an earlier run had copied makes the rate no faster', () => {
    const { startedAt: _, endedAt: __, ...resumed } = table({ name: 'before', bytes: 9_000_000 });
    assert.ok(textOf(renderReport(report('succeeded', [table(), resumed]))).includes('2.0 MB/s Copy rate'));
  });
});

test('one self-contained page: no script, nothing from outside, names escaped', () => {
  const evil = `<script>alert("1")</script>&`;
  const finding: Finding = { code: 'FF417', severity: 'warning', database: evil, message: evil, fix: evil };
  const page = renderReport(
    report(
      'incomplete',
      [
        table({
          schema: evil,
          name: evil,
          state: 'failed',
          error: { code: 'FF501', message: evil, fix: evil },
        }),
      ],
      [finding],
    ),
  );
  assert.ok(!/<script|<link|<img|<iframe|@import|url\(|javascript:|\son\w+=/i.test(page));
  assert.ok(!/(href|src)=/.test(page));
  assert.ok(page.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;'));
  assert.match(page, /<title>Flexferry report: move &lt;b&gt;<\/title>/);
});

test('findings: gravest first, what to do said once for all that share it', () => {
  const make = (severity: Finding['severity'], code: Finding['code'], message: string): Finding => ({
    severity,
    code,
    message,
    database: 'd',
    fix: errorCodes[code].help,
  });
  const page = renderReport(
    report(
      'incomplete',
      [],
      [
        make('note', 'FF213', 'a note'),
        make('warning', 'FF417', 'first'),
        make('error', 'FF500', 'bad'),
        make('warning', 'FF417', 'second'),
      ],
    ),
  );
  const text = textOf(page);
  assert.match(text, /1 error, 2 warnings, 1 note\./);
  assert.ok(
    text.indexOf(' bad') < text.indexOf(' first') && text.indexOf(' second') < text.indexOf(' a note'),
  );
  assert.equal(page.split(errorCodes.FF417.help).length, 2);
});

test('tables: trouble first, then the largest; thousands stay a page', () => {
  const many = Array.from({ length: 6000 }, (_, i) => table({ name: `t${i}`, bytes: i }));
  many.push(
    table({ name: 'broken', bytes: 0, state: 'failed', error: { code: 'FF501', message: 'why', fix: 'f' } }),
  );
  const different = { equal: false, sourceRows: 5, targetRows: 4, sourceChecksum: '1', targetChecksum: '2' };
  many.push(table({ name: 'other', bytes: 1, verification: different }));
  const page = renderReport(report('incomplete', many));
  const names = [...page.matchAll(/harbour\.<wbr>(\w+)/g)].map((m) => m[1]);
  assert.deepEqual(names.slice(0, 3), ['other', 'broken', 't5999']);
  assert.equal(names.length, 5000);
  assert.match(textOf(page), /1,002 more tables are in report\.json/);
  assert.match(textOf(page), /different: 5 rows on the source, 4 on the target/);
  assert.ok(page.length < 2_000_000);
});

test('a refused run shows no empty tables', () => {
  const page = textOf(renderReport({ ...report('refused', []), databases: [] }));
  assert.ok(!page.includes('Copy rate') && !page.includes('Phase'));
});
