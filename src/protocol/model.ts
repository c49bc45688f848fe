/** The vocabulary of a migration: plain data, shared by the engine, the command line, the extension and the webviews. */
import type { FaultData } from './connection.js';
import type { StatementKey } from './ddl.js';
import type { ErrorCode } from './errorCodes.js';
import type { CutoverStep, CutoverStepSnapshot, FollowSnapshot, FollowState } from './follow.js';

/** The phases of one database, in the order in which they begin (copy and indexes overlap). */
export const phases = [
  'assess',
  'dump',
  'preData',
  'copy',
  'indexes',
  'constraints',
  'postData',
  'sequences',
  'analyze',
  'follow',
  'cutover',
  'verify',
] as const;
export type Phase = (typeof phases)[number];
/** Those that only an online database has. */
export type OnlinePhase = 'follow' | 'cutover';
export const onlinePhases: ReadonlySet<Phase> = new Set<OnlinePhase>(['follow', 'cutover']);

export type WorkState = 'pending' | 'running' | 'done' | 'skipped' | 'failed';

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

/**
 * Something the user should know.
 * `note`: an adaptation that loses nothing. `warning`: something is missing or different on the target.
 * `error`: a failure. Warnings and errors make the exit code 1.
 */
export interface Finding {
  readonly code: ErrorCode;
  /** The code of Azure's own migration service where one matches. */
  readonly azureCode?: string;
  readonly severity: 'note' | 'warning' | 'error';
  readonly database: string;
  /** What it is about, e.g. `table public.orders`. */
  readonly object?: string;
  readonly message: string;
  readonly fix: string;
}

export interface PhaseSnapshot {
  readonly phase: Phase;
  readonly state: WorkState;
  /** Milliseconds since the epoch; of a phase that was done again so late that the time between is its working time. */
  readonly startedAt?: number;
  /** Absent while it runs. */
  readonly endedAt?: number;
  /** Units of work (statements, tables, indexes …). */
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TableSnapshot extends RelationName {
  readonly state: WorkState;
  /** COPY bytes that went through, without framing. */
  readonly bytes: number;
  /** Estimate of the heap with TOAST on the source. */
  readonly bytesEstimated: number;
  readonly rows: number;
  readonly rowsEstimated: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly indexesDone: number;
  readonly indexesTotal: number;
  readonly verification?: TableVerification;
  readonly error?: FaultData;
}

export interface TableVerification {
  readonly equal: boolean;
  readonly sourceRows: number;
  readonly targetRows: number;
  /** Order-independent sums of row hashes, as decimal text; equal means equal rows whatever their order. */
  readonly sourceChecksum: string;
  readonly targetChecksum: string;
}

export interface DatabaseSnapshot {
  /** Its source database; with the target where that occurs twice: see databaseKey. */
  readonly source: string;
  readonly target: string;
  readonly state: WorkState;
  readonly phases: readonly PhaseSnapshot[];
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
  readonly rows: number;
  /** Of an online migration. */
  readonly follow?: FollowSnapshot;
}

/** `interrupted` can be resumed; `refused` changed nothing. */
export type RunState = 'running' | 'stopping' | 'succeeded' | 'incomplete' | 'interrupted' | 'refused';

/** The whole of a run except its tables, which are pulled by page. Pushed a few times a second. */
export interface RunSnapshot {
  readonly run: string;
  readonly name: string;
  /** user@host:port, never a password. */
  readonly source: string;
  readonly target: string;
  readonly state: RunState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly databases: readonly DatabaseSnapshot[];
  readonly bytes: number;
  readonly bytesTotal: number;
  readonly rows: number;
  /** Over the last seconds. */
  readonly bytesPerSecond: number;
  /** Of the copy; absent when unknown. */
  readonly etaSeconds?: number;
  /** One figure for a progress bar over all phases, 0 to 1, never falling. */
  readonly fraction: number;
  readonly findings: readonly Finding[];
  /** The fault that ended the run early. */
  readonly fault?: FaultData;
  /** Folder of report.html, report.json and events.jsonl. */
  readonly reportDirectory: string;
  /** Folder of the generated <database>/pre-data.sql and post-data.sql. */
  readonly ddlDirectory: string;
}

/** What becomes one line of `--json` and of events.jsonl. `at` is ISO 8601. */
export type RunEvent =
  | {
      readonly event: 'start';
      readonly at: string;
      readonly run: string;
      readonly source: string;
      readonly target: string;
      readonly databases: readonly { source: string; target: string }[];
    }
  | {
      readonly event: 'phase';
      readonly at: string;
      readonly database: string;
      readonly phase: Phase;
      readonly state: WorkState;
    }
  | {
      readonly event: 'table';
      readonly at: string;
      readonly database: string;
      readonly schema: string;
      readonly table: string;
      readonly state: WorkState;
      readonly rows: number;
      readonly bytes: number;
    }
  | {
      readonly event: 'statement';
      readonly at: string;
      readonly database: string;
      readonly section: 'preData' | 'postData';
      readonly index: number;
      readonly kind: string;
      readonly object: string;
      /** Of its text in the DDL file. */
      readonly key: StatementKey;
      readonly state: WorkState;
      readonly error?: FaultData;
    }
  | { readonly event: 'finding'; readonly at: string; readonly finding: Finding }
  | {
      readonly event: 'progress';
      readonly at: string;
      readonly phase: Phase;
      readonly bytes: number;
      readonly bytesTotal: number;
      readonly rows: number;
      readonly bytesPerSecond: number;
      readonly etaSeconds: number | null;
      readonly tablesDone: number;
      readonly tablesTotal: number;
      /** By key of the database, while it is followed. */
      readonly follow?: Readonly<Record<string, FollowSnapshot>>;
    }
  | {
      readonly event: 'follow';
      readonly at: string;
      readonly database: string;
      readonly state: FollowState;
    }
  | {
      readonly event: 'cutover';
      readonly at: string;
      readonly database: string;
      readonly step: CutoverStep;
      readonly state: CutoverStepSnapshot['state'];
      readonly detail?: string;
    }
  | {
      readonly event: 'log';
      readonly at: string;
      readonly level: 'debug' | 'info' | 'warning' | 'error';
      readonly message: string;
    }
  | DoneEvent;

export interface DoneEvent {
  readonly event: 'done';
  readonly at: string;
  readonly run: string;
  readonly state: RunState;
  readonly exitCode: 0 | 1 | 2 | 3 | 4;
  readonly seconds: number;
  readonly totals: {
    readonly databases: number;
    readonly tables: number;
    readonly rows: number;
    readonly bytes: number;
    readonly largeObjects: number;
    readonly indexes: number;
    readonly statements: number;
    readonly skipped: number;
    readonly failed: number;
    readonly different: number;
  };
  readonly tables: readonly {
    readonly database: string;
    readonly schema: string;
    readonly table: string;
    readonly state: WorkState;
    readonly rows: number;
    readonly bytes: number;
    readonly sourceChecksum: string | null;
    readonly targetChecksum: string | null;
    readonly equal: boolean | null;
  }[];
  readonly findings: readonly Finding[];
  readonly fault?: FaultData;
  readonly report: string;
}
