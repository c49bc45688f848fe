import type { FaultData } from '../../protocol/connection.js';
import type { DatabaseSnapshot, Finding, RunEvent, RunSnapshot, RunState } from '../../protocol/model.js';
import { DatabaseTracker, type EventBody, type RunSink } from './databaseTracker.js';

/** Time between two pushed snapshots and the span over which the rate is taken, milliseconds. */
const pushInterval = 250;
const rateSpan = 5000;

const findingKey = ({ code, database, object, message }: Finding): string =>
  JSON.stringify([code, database, object, message]);

export interface TrackerHooks {
  onSnapshot(snapshot: RunSnapshot): void;
  onEvent(event: RunEvent): void;
  now(): number;
}

/** The state of a run: makes snapshots, events and the rate. */
export class RunTracker implements RunSink {
  readonly databases: DatabaseTracker[] = [];
  readonly findings: Finding[] = [];
  /** What was found twice is told once. */
  private readonly told = new Set<string>();
  state: RunState = 'running';
  fault: FaultData | undefined;
  endedAt: number | undefined;
  readonly startedAt: number;
  private readonly samples: { at: number; bytes: number }[] = [];
  private moved = 0;
  private best = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly fixed: Pick<
      RunSnapshot,
      'run' | 'name' | 'source' | 'target' | 'reportDirectory' | 'ddlDirectory'
    >,
    private readonly hooks: TrackerHooks,
  ) {
    this.startedAt = hooks.now();
  }

  now(): number {
    return this.hooks.now();
  }

  addDatabase(key: string, source: string, target: string, isOnline = false): DatabaseTracker {
    const database = new DatabaseTracker(key, source, target, this, isOnline);
    this.databases.push(database);
    return database;
  }

  addBytes(bytes: number): void {
    this.moved += bytes;
    this.changed();
  }

  finding(finding: Finding): void {
    const key = findingKey(finding);
    if (this.told.has(key)) return;
    this.told.add(key);
    this.findings.push(finding);
    this.emit({ event: 'finding', finding });
  }

  withdraw(which: (finding: Finding) => boolean): void {
    const kept = this.findings.filter((finding) => !which(finding));
    if (kept.length === this.findings.length) return;
    this.findings.splice(0, this.findings.length, ...kept);
    this.told.clear();
    for (const finding of kept) this.told.add(findingKey(finding));
    this.changed();
  }

  emit(body: EventBody): void {
    this.hooks.onEvent({ ...body, at: new Date(this.hooks.now()).toISOString() } as RunEvent);
    this.changed();
  }

  /** A snapshot is pushed soon. */
  changed(): void {
    this.timer ??= setTimeout(() => this.push(), pushInterval);
  }

  /** Pushes what is now. */
  push(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.hooks.onSnapshot(this.snapshot());
  }

  snapshot(): RunSnapshot {
    const databases = this.databases.map((d) => d.snapshot());
    const sum = (pick: (d: DatabaseSnapshot) => number): number =>
      databases.reduce((total, d) => total + pick(d), 0);
    const bytes = sum((d) => d.bytes);
    const bytesTotal = sum((d) => d.bytesTotal);
    const rate = this.rate();
    const shares = this.databases.map((d, i) => (databases[i] ? d.fraction(databases[i]) : 0));
    const fraction = shares.reduce((total, f) => total + f, 0) / Math.max(1, shares.length);
    this.best =
      this.state === 'succeeded' || this.state === 'incomplete'
        ? 1
        : Math.max(this.best, Math.min(1, fraction));
    const copying = databases.some((d) => d.phases.some((p) => p.phase === 'copy' && p.state === 'running'));
    return {
      ...this.fixed,
      state: this.state,
      startedAt: this.startedAt,
      ...(this.endedAt !== undefined && { endedAt: this.endedAt }),
      databases,
      bytes,
      bytesTotal,
      rows: sum((d) => d.rows),
      bytesPerSecond: rate,
      ...(copying && rate > 0 && { etaSeconds: Math.max(0, bytesTotal - bytes) / rate }),
      fraction: this.best,
      findings: this.findings,
      ...(this.fault && { fault: this.fault }),
    };
  }

  private rate(): number {
    const at = this.hooks.now();
    this.samples.push({ at, bytes: this.moved });
    while (this.samples.length > 2 && at - (this.samples[0]?.at ?? at) > rateSpan) this.samples.shift();
    const first = this.samples[0];
    if (!first || at <= first.at) return 0;
    return ((this.moved - first.bytes) * 1000) / (at - first.at);
  }
}
