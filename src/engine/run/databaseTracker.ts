import type { FaultData } from '../../protocol/connection.js';
import type { CutoverStepSnapshot, FollowSnapshot } from '../../protocol/follow.js';
import {
  type DatabaseSnapshot,
  type Finding,
  onlinePhases,
  type Phase,
  type PhaseSnapshot,
  phases,
  type RelationName,
  type RunEvent,
  type TableSnapshot,
  type TableVerification,
  type WorkState,
} from '../../protocol/model.js';
import type { ReportStatement } from '../../protocol/report.js';
import { phaseWeight, step } from './migrationState.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** An event without its time. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'at'> : never) : never;

/** What a database tells the run that it is part of. */
export interface RunSink {
  readonly findings: readonly Finding[];
  now(): number;
  emit(body: EventBody): void;
  finding(finding: Finding): void;
  /** Takes findings out again. */
  withdraw(which: (finding: Finding) => boolean): void;
  addBytes(bytes: number): void;
  changed(): void;
}

export const tableKey = (table: RelationName): string => `${table.schema}\u0000${table.name}`;

/** The state of one database of a run. All changes go through here, so that every change is seen. */
export class DatabaseTracker {
  readonly phases: Map<Phase, Mutable<PhaseSnapshot>>;
  readonly tables = new Map<string, Mutable<TableSnapshot>>();
  /** Statements worth reporting: skipped or failed ones. */
  readonly statements: ReportStatement[] = [];
  state: WorkState = 'pending';
  statementsDone = 0;
  indexesDone = 0;
  facts = { sourceVersion: '', targetVersion: '', dumpTool: '' };
  sequences = { total: 0, equal: 0 };
  /** While changes are followed. */
  follow: FollowSnapshot | undefined;
  largeObjects: {
    total: number;
    copied: number;
    bytes: number;
    equal: boolean | null;
    oids: readonly string[];
  } = { total: 0, copied: 0, bytes: 0, equal: null, oids: [] };

  constructor(
    /** What the database is called in events, reports and folders: see databaseKey. */
    readonly key: string,
    readonly source: string,
    readonly target: string,
    private readonly run: RunSink,
    isOnline = false,
  ) {
    const own = phases.filter((phase) => isOnline || !onlinePhases.has(phase));
    this.phases = new Map(
      own.map((phase) => [phase, { phase, state: 'pending', done: 0, total: 0, failed: 0, skipped: 0 }]),
    );
  }

  phase(phase: Phase): Mutable<PhaseSnapshot> {
    const found = this.phases.get(phase);
    if (!found) throw new Error(`unknown phase ${phase}`);
    return found;
  }

  begin(phase: Phase, total: number): void {
    const p = this.phase(phase);
    p.state = step(p.state, 'running');
    // What is done again goes on counting: the pause between is no part of its time.
    const now = this.run.now();
    p.startedAt = (p.startedAt ?? now) + now - (p.endedAt ?? now);
    delete p.endedAt;
    p.done = 0;
    p.total = total;
    this.run.emit({ event: 'phase', database: this.key, phase, state: 'running' });
  }

  /** One unit of the phase has ended. */
  advance(phase: Phase, state: 'done' | 'failed' | 'skipped', count = 1): void {
    const p = this.phase(phase);
    p.done += count;
    if (state === 'failed') p.failed += count;
    if (state === 'skipped') p.skipped += count;
    this.run.changed();
  }

  end(phase: Phase, state: 'done' | 'failed' | 'pending' = 'done'): void {
    const p = this.phase(phase);
    if (p.state !== 'running') return;
    p.state = step(p.state, state);
    p.endedAt = this.run.now();
    this.run.emit({ event: 'phase', database: this.key, phase, state });
  }

  /** The run ends early: what was running is to be done again. */
  stop(): void {
    for (const p of this.phases.values()) if (p.state === 'running') this.end(p.phase, 'pending');
    for (const t of this.tables.values()) if (t.state === 'running') this.setTable(t, 'pending');
    if (this.state === 'running') this.state = 'pending';
  }

  /** What was done is done once more: tables are added to a database that is followed, or a cutover is repeated. */
  again(...again: readonly Phase[]): void {
    for (const phase of again) {
      const p = this.phase(phase);
      if (p.state !== 'running') p.state = 'pending';
      p.done = 0;
    }
  }

  /** What was begun {@link again} is taken back: what it had come to before stands. */
  stand(...before: readonly Phase[]): void {
    for (const phase of before) {
      const p = this.phase(phase);
      p.state = step(p.state, 'done');
      p.done = p.total;
    }
    this.run.changed();
  }

  now(): number {
    return this.run.now();
  }

  /** A phase that this run does without. */
  leaveOut(phase: Phase): void {
    const p = this.phase(phase);
    if (p.state === 'pending') p.state = 'skipped';
    this.run.changed();
  }

  /** A step of the cutover began or ended. */
  cutoverStep({ step, state, detail }: CutoverStepSnapshot): void {
    const told = { event: 'cutover', database: this.key, step, state } as const;
    this.run.emit({ ...told, ...(detail !== undefined && { detail }) });
  }

  setFollow(follow: FollowSnapshot): void {
    const state = this.follow?.state;
    this.follow = follow;
    if (state !== follow.state) this.run.emit({ event: 'follow', database: this.key, state: follow.state });
    else this.run.changed();
  }

  addTable(table: RelationName, bytesEstimated: number, rowsEstimated: number): void {
    if (this.tables.has(tableKey(table))) return;
    this.tables.set(tableKey(table), {
      schema: table.schema,
      name: table.name,
      state: 'pending',
      bytes: 0,
      bytesEstimated,
      rows: 0,
      rowsEstimated,
      indexesDone: 0,
      indexesTotal: 0,
    });
  }

  table(table: RelationName): Mutable<TableSnapshot> | undefined {
    return this.tables.get(tableKey(table));
  }

  setTable(
    table: RelationName,
    state: WorkState,
    change: { rows?: number; bytes?: number; error?: FaultData } = {},
  ): void {
    const t = this.table(table);
    if (!t) return;
    t.state = step(t.state, state);
    if (state === 'running') {
      t.startedAt = this.run.now();
      t.bytes = 0;
    }
    if (state === 'done' || state === 'failed') t.endedAt = this.run.now();
    Object.assign(t, change);
    this.run.emit({
      event: 'table',
      database: this.key,
      schema: t.schema,
      table: t.name,
      state,
      rows: t.rows,
      bytes: t.bytes,
    });
  }

  addBytes(table: RelationName, bytes: number): void {
    const t = this.table(table);
    if (t) t.bytes += bytes;
    this.run.addBytes(bytes);
  }

  setVerification(table: RelationName, verification: TableVerification): void {
    const t = this.table(table);
    if (t) t.verification = verification;
  }

  finding(finding: Omit<Finding, 'database'>): void {
    this.run.finding({ ...finding, database: this.key });
  }

  get findings(): readonly Finding[] {
    return this.run.findings.filter((f) => f.database === this.key);
  }

  /** What is found out anew: a cutover that was undone is repeated. `keys`: of statements that are run again. */
  withdraw(which: (finding: Finding) => boolean, keys: ReadonlySet<string>): void {
    this.run.withdraw((f) => f.database === this.key && which(f));
    const kept = this.statements.filter((statement) => !keys.has(statement.key));
    this.statements.splice(0, this.statements.length, ...kept);
  }

  /** Something is missing, failed or different: the run is not a success. */
  hasProblems(): boolean {
    return this.findings.some((f) => f.severity !== 'note');
  }

  log(level: 'debug' | 'info' | 'warning' | 'error', message: string): void {
    this.run.emit({ event: 'log', level, message: `${this.key}: ${message}` });
  }

  statement(
    section: 'preData' | 'postData',
    index: number,
    statement: { kind: string; object: string; key: string },
    state: WorkState,
    why: { reason?: string; error?: FaultData } = {},
  ): void {
    if (state === 'done') this.statementsDone += 1;
    else if (state !== 'running') this.statements.push({ section, ...statement, state, ...why });
    this.run.emit({
      event: 'statement',
      database: this.key,
      section,
      index,
      ...statement,
      state,
      ...(why.error && { error: why.error }),
    });
  }

  snapshot(): DatabaseSnapshot {
    let [tablesDone, bytes, bytesTotal, rows] = [0, 0, 0, 0];
    for (const t of this.tables.values()) {
      if (t.state === 'done' || t.state === 'failed' || t.state === 'skipped') tablesDone += 1;
      bytes += t.bytes;
      // The size on disk is not that of the COPY data: once a table has ended its real figure counts.
      bytesTotal += t.state === 'done' ? t.bytes : Math.max(t.bytesEstimated, t.bytes);
      rows += t.rows;
    }
    return {
      source: this.key,
      target: this.target,
      state: this.state,
      phases: [...this.phases.values()].map((p) => ({ ...p })),
      tablesDone,
      tablesTotal: this.tables.size,
      bytes,
      bytesTotal,
      rows,
      ...(this.follow && { follow: this.follow }),
    };
  }

  /** 0 to 1. */
  fraction(snapshot: DatabaseSnapshot): number {
    let sum = 0;
    for (const p of snapshot.phases) {
      const share =
        p.state === 'done'
          ? 1
          : p.phase === 'copy' && snapshot.bytesTotal > 0
            ? snapshot.bytes / snapshot.bytesTotal
            : p.total > 0
              ? p.done / p.total
              : 0;
      sum += phaseWeight[p.phase] * Math.min(1, share);
    }
    return sum;
  }
}
