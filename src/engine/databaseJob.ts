import type { ConnectionSpec } from '../protocol/connection.js';
import type { ProjectOptions } from '../protocol/project.js';
import type { SchemaFilter } from './catalog/filter.js';
import type { DatabaseTracker } from './run/databaseTracker.js';
import type { RunSessions } from './run/sessions.js';

/** One database of a run, with everything that is known before the first connection. */
export interface DatabaseJob {
  readonly run: string;
  readonly source: ConnectionSpec;
  readonly target: ConnectionSpec;
  readonly filter: SchemaFilter;
  readonly options: ProjectOptions;
  readonly restart: boolean;
  readonly sessions: RunSessions;
  readonly tracker: DatabaseTracker;
  readonly signal: AbortSignal;
  /** Folder of the bundles: the worker and the WebAssembly files are beside them. */
  readonly distDir: string;
  readonly ddlDirectory: string;
}
