import type { CutProxy } from '../postgres/cutProxy.js';
import type { Major, TestServer } from '../postgres/embedded.js';
import type { TestTwin } from '../postgres/twin.js';
import type { Disturbance, DisturbanceKind } from './disturbances.js';
import type { OnlineRun } from './onlineRun.js';
import type { Workload } from './sessions.js';

export interface Pair {
  readonly source: TestServer;
  readonly target: TestServer | TestTwin;
  /** A role of the target that is not its administrator and may create databases. */
  readonly plainRole?: string;
}

/** How a migration ends. */
export const endings = ['cutover', 'fenced cutover', 'endpos'] as const;
export type Ending = (typeof endings)[number];

export interface SeedOptions {
  readonly seed: number;
  /** Replaces what the seed would choose: to find out what a failure needs. */
  readonly only?: readonly string[];
  readonly without?: readonly string[];
  readonly size?: number;
  readonly sessions?: number;
  readonly disturbances?: readonly DisturbanceKind[];
  readonly ending?: Ending;
  /** Whether a table is added while changes are followed. */
  readonly late?: boolean;
  /** How long changes are made while they are followed, milliseconds. Default 700. */
  readonly followMs?: number;
  /** Keeps the log of the source, for the trace of a failure. */
  readonly decode?: boolean;
  /** Where the trace of a failure goes. Default out/online. */
  readonly traces?: string;
}

/** A seed under way. */
export interface Running {
  readonly pair: Pair;
  readonly options: SeedOptions;
  readonly database: string;
  /** The database on the target. */
  readonly copy: string;
  readonly run: OnlineRun;
  readonly workload: Workload;
  readonly plan: readonly Disturbance[];
  readonly ending: Ending;
  readonly proxies: readonly CutProxy[];
}

/** Settings of a source whose transactions are prepared, streamed and followed; synchronous, so that they are sent. */
export function sourceSettings(major: Major): Record<string, string> {
  return {
    synchronous_commit: 'on',
    max_prepared_transactions: '20',
    ...(major >= 13 && { logical_decoding_work_mem: '64kB' }),
  };
}
