import type { DoneEvent, RunSnapshot } from '../../protocol/model.js';
import type { Report } from '../../protocol/report.js';
import { exitCodeOf } from '../run/migrationState.js';
import type { RunTracker } from '../run/runTracker.js';

/** The evidence of a run, from its state. */
export function buildReport(tracker: RunTracker, version: string): Report {
  const snapshot = tracker.snapshot();
  return {
    version: 1,
    flexferry: version,
    snapshot,
    exitCode: exitCodeOf(snapshot.state),
    totals: totalsOf(tracker, snapshot),
    databases: tracker.databases.map((d) => ({
      source: d.key,
      target: d.target,
      ...d.facts,
      tables: [...d.tables.values()].map((t) => ({ ...t })),
      statements: d.statements,
      sequences: d.sequences,
      largeObjects: {
        total: d.largeObjects.total,
        copied: d.largeObjects.copied,
        bytes: d.largeObjects.bytes,
        equal: d.largeObjects.equal,
      },
    })),
  };
}

function totalsOf(tracker: RunTracker, snapshot: RunSnapshot): DoneEvent['totals'] {
  const databases = tracker.databases;
  const sum = (pick: (d: (typeof databases)[number]) => number): number =>
    databases.reduce((total, d) => total + pick(d), 0);
  const phases = (pick: 'skipped' | 'failed'): number =>
    sum((d) =>
      [...d.phases.values()].filter((p) => p.phase !== 'verify').reduce((total, p) => total + p[pick], 0),
    );
  return {
    databases: databases.length,
    tables: sum((d) => [...d.tables.values()].filter((t) => t.state === 'done').length),
    rows: snapshot.rows,
    bytes: snapshot.bytes,
    largeObjects: sum((d) => d.largeObjects.copied),
    indexes: sum((d) => d.indexesDone),
    statements: sum((d) => d.statementsDone),
    skipped: phases('skipped'),
    failed: phases('failed'),
    different: sum(
      (d) =>
        [...d.tables.values()].filter((t) => t.verification?.equal === false).length +
        (d.largeObjects.equal === false ? 1 : 0),
    ),
  };
}

/** The last line of `--json`. */
export function doneEvent(report: Report, reportPath: string): DoneEvent {
  const { snapshot } = report;
  return {
    event: 'done',
    at: new Date(snapshot.endedAt ?? snapshot.startedAt).toISOString(),
    run: snapshot.run,
    state: snapshot.state,
    exitCode: report.exitCode,
    seconds: ((snapshot.endedAt ?? snapshot.startedAt) - snapshot.startedAt) / 1000,
    totals: report.totals,
    tables: report.databases.flatMap((d) =>
      d.tables.map((t) => ({
        database: d.source,
        schema: t.schema,
        table: t.name,
        state: t.state,
        rows: t.rows,
        bytes: t.bytes,
        sourceChecksum: t.verification?.sourceChecksum ?? null,
        targetChecksum: t.verification?.targetChecksum ?? null,
        equal: t.verification?.equal ?? null,
      })),
    ),
    findings: snapshot.findings,
    ...(snapshot.fault && { fault: snapshot.fault }),
    report: reportPath,
  };
}
