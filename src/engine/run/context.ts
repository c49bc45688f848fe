import type { ProjectOptions } from '../../protocol/project.js';
import type { TargetState } from '../catalog/server.js';
import type { Lsn } from '../postgres/lsn.js';
import type { Checkpoint } from './checkpoint.js';
import type { DatabaseTracker } from './databaseTracker.js';
import type { RunSessions } from './sessions.js';

/** Exported; to be released once it is imported. */
export interface LaterSnapshot {
  readonly snapshot: string;
  readonly lsn: Lsn;
  release(): Promise<void>;
}

/** What every phase of one database needs. */
export interface DatabaseContext {
  readonly options: ProjectOptions;
  readonly sessions: RunSessions;
  readonly tracker: DatabaseTracker;
  readonly checkpoint: Checkpoint;
  readonly target: TargetState;
  /** Exported snapshot of the source that every reader imports. */
  readonly snapshot: string;
  /** Online: another snapshot with its position in the log, for a table that has to be copied as of a later moment. */
  readonly laterSnapshot?: () => Promise<LaterSnapshot>;
  /** search_path that a new session of the source database gets: for functions that rely on it. */
  readonly searchPath: string;
  /** An earlier run began here: what it left undone may have been touched since. */
  readonly resumed: boolean;
  /** Objects (of the target) that the saved DDL of the user does not create: `table public.orders`. */
  readonly leftOut: Set<string>;
  readonly signal: AbortSignal;
}
