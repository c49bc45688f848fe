import { formatBytes, formatCount, formatSeconds, plural } from '../base/format.js';
import type { DoneEvent, Phase, RunEvent, RunSnapshot } from '../protocol/model.js';

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

/** Shows a run while it goes and what came of it. */
export interface Reporter {
  snapshot(snapshot: RunSnapshot): void;
  event(event: RunEvent): void;
}

const phaseTitles: Readonly<Record<Phase, string>> = {
  assess: 'Assessing',
  dump: 'Reading the schema',
  preData: 'Creating the schema',
  copy: 'Copying data',
  indexes: 'Building indexes',
  constraints: 'Adding constraints',
  postData: 'Finishing the schema',
  sequences: 'Setting sequences',
  analyze: 'Analyzing',
  follow: 'Following changes',
  cutover: 'Cutting over',
  verify: 'Verifying',
};

/** The last phase that has begun and not ended: what the user waits for. */
export function currentPhase(snapshot: RunSnapshot): { phase: Phase; database: string } | undefined {
  for (const d of snapshot.databases) {
    const running = d.phases.find((p) => p.state === 'running');
    if (running) return { phase: running.phase, database: d.source };
  }
  return undefined;
}

/** One JSON object a line; `progress` about once a second. */
export class JsonReporter implements Reporter {
  private last = 0;

  constructor(private readonly out: Output) {}

  snapshot(snapshot: RunSnapshot): void {
    const now = Date.now();
    const current = currentPhase(snapshot);
    if (!current || now - this.last < 1000) return;
    this.last = now;
    const sum = (pick: 'tablesDone' | 'tablesTotal'): number =>
      snapshot.databases.reduce((n, d) => n + d[pick], 0);
    this.event({
      event: 'progress',
      at: new Date(now).toISOString(),
      phase: current.phase,
      bytes: snapshot.bytes,
      bytesTotal: snapshot.bytesTotal,
      rows: snapshot.rows,
      bytesPerSecond: Math.round(snapshot.bytesPerSecond),
      etaSeconds: snapshot.etaSeconds === undefined ? null : Math.round(snapshot.etaSeconds),
      tablesDone: sum('tablesDone'),
      tablesTotal: sum('tablesTotal'),
    });
  }

  event(event: RunEvent): void {
    this.out.write(`${JSON.stringify(event)}\n`);
  }
}

/** A bar on a terminal, plain lines elsewhere. */
export class TextReporter implements Reporter {
  private lastLine = 0;
  private bar = false;

  constructor(private readonly out: Output) {}

  snapshot(snapshot: RunSnapshot): void {
    if (this.out.isTTY) {
      this.out.write(`\r\u001b[K${progressLine(snapshot, this.out.columns - 1)}`);
      this.bar = true;
      return;
    }
    const now = Date.now();
    if (now - this.lastLine < 5000) return;
    this.lastLine = now;
    this.out.write(`${progressLine(snapshot, 200)}\n`);
  }

  event(event: RunEvent): void {
    if (event.event === 'phase' && event.state === 'running')
      this.line(`${event.database}: ${phaseTitles[event.phase]}`);
    if (event.event === 'finding') {
      const { severity, code, message, fix } = event.finding;
      this.line(
        `${severity === 'note' ? 'note' : severity.toUpperCase()} ${code}: ${message}${severity === 'note' ? '' : `\n    ${fix}`}`,
      );
    }
    if (event.event === 'table' && event.state === 'failed')
      this.line(`${event.database}: table ${event.schema}.${event.table} failed`);
    if (event.event === 'log' && event.level !== 'debug') this.line(event.message);
    if (event.event === 'done') this.done(event);
  }

  private line(text: string): void {
    if (this.bar) this.out.write('\r\u001b[K');
    this.bar = false;
    this.out.write(`${text}\n`);
  }

  private done(event: DoneEvent): void {
    this.line(summary(event));
  }
}

/** "[#######-----]  58 %  1.2 GB of 2.1 GB  310 MB/s  3 s left  Copying data". */
export function progressLine(snapshot: RunSnapshot, width: number): string {
  const filled = Math.round(snapshot.fraction * 20);
  const current = currentPhase(snapshot);
  const parts = [
    `[${'#'.repeat(filled)}${'-'.repeat(20 - filled)}] ${String(Math.floor(snapshot.fraction * 100)).padStart(3)} %`,
    `${formatBytes(snapshot.bytes)} of ${formatBytes(snapshot.bytesTotal)}`,
    `${formatBytes(snapshot.bytesPerSecond)}/s`,
    ...(snapshot.etaSeconds === undefined ? [] : [`${formatSeconds(snapshot.etaSeconds)} left`]),
    ...(current ? [`${phaseTitles[current.phase]} (${current.database})`] : []),
  ];
  return parts.join('  ').slice(0, Math.max(20, width));
}

export function summary(event: DoneEvent): string {
  const { totals } = event;
  const words: Record<DoneEvent['exitCode'], string> = {
    0: 'Migrated and verified',
    1: 'Finished, but not complete',
    2: 'Wrong usage',
    3: 'Not started',
    4: 'Interrupted; the same command resumes',
  };
  const equal = event.tables.filter((t) => t.equal).length;
  return [
    ...(event.fault ? [`${event.fault.code}: ${event.fault.message}`, `    ${event.fault.fix}`] : []),
    `${words[event.exitCode]}: ${plural(totals.tables, 'table')}, ${plural(totals.rows, 'row')}, ${formatBytes(totals.bytes)} in ${formatSeconds(event.seconds)}; ` +
      `${formatCount(equal)} of ${formatCount(event.tables.length)} tables verified equal; ${totals.skipped} skipped, ${totals.failed} failed, ${totals.different} different.`,
    `Report: ${event.report}`,
  ].join('\n');
}
