import type { FaultData } from './connection.js';
import type { StatementKey } from './ddl.js';
import type { DoneEvent, RunSnapshot, TableSnapshot, WorkState } from './model.js';

/** In the folder of a run that has no report yet: its figures as they were a moment ago. */
export const snapshotFile = 'snapshot.json';

/** `report.json`: the evidence of one run. Written always, also after a failure. */
export interface Report {
  readonly version: 1;
  /** Version of Flexferry. */
  readonly flexferry: string;
  readonly snapshot: RunSnapshot;
  readonly exitCode: DoneEvent['exitCode'];
  readonly totals: DoneEvent['totals'];
  readonly databases: readonly ReportDatabase[];
}

export interface ReportDatabase {
  readonly source: string;
  readonly target: string;
  readonly sourceVersion: string;
  readonly targetVersion: string;
  /** E.g. "built-in pg_dump 18.3". */
  readonly dumpTool: string;
  readonly tables: readonly TableSnapshot[];
  /** Statements that were skipped or failed, and notes. */
  readonly statements: readonly ReportStatement[];
  readonly sequences: { readonly total: number; readonly equal: number };
  readonly largeObjects: {
    readonly total: number;
    readonly copied: number;
    readonly bytes: number;
    readonly equal: boolean | null;
  };
}

export interface ReportStatement {
  readonly section: 'preData' | 'postData';
  readonly kind: string;
  readonly object: string;
  /** Of its text in the DDL file. */
  readonly key: StatementKey;
  readonly state: WorkState;
  readonly reason?: string;
  readonly error?: FaultData;
}
