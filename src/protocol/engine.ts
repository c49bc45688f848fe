/**
 * Messages between the extension host and the engine process (vscode-jsonrpc over IPC).
 * One typed constant per message, no string dispatch. Errors cross as ResponseError with {@link FaultData} in `data`.
 */
import { NotificationType, RequestType } from 'vscode-jsonrpc';
import type { ConnectionSpec, FaultData, ServerFacts } from './connection.js';
import type { RunEvent, RunSnapshot, TableSnapshot, WorkState } from './model.js';
import type { Project } from './project.js';

/** A connection as the user gave it. `password` comes from SecretStorage and lives in memory only. */
export interface ConnectionInput {
  /** URI or keyword string. */
  readonly text: string;
  readonly password?: string;
  /** Overrides the database of `text`. */
  readonly database?: string;
}

/** Reads any connection string as libpq does; the password, if it holds one, comes back apart. */
export const resolveConnection = new RequestType<
  ConnectionInput,
  {
    spec: Omit<ConnectionSpec, 'password'>;
    password?: string /** set where port 6432 or 8432 was given */;
    poolerPort?: number /** the same connection as keyword text, without password */;
    canonical: string;
  },
  FaultData
>('connection/resolve');

export const testConnection = new RequestType<ConnectionInput, ServerFacts, FaultData>('connection/test');

/** Where in the tree of a server: [] is the server, then database, then a folder kind, schema, … */
export type ObjectKind =
  | 'database'
  | 'schema'
  | 'folder'
  | 'table'
  | 'view'
  | 'materializedView'
  | 'foreignTable'
  | 'function'
  | 'sequence'
  | 'type'
  | 'extension'
  | 'column'
  | 'index'
  | 'role';

export interface ObjectNode {
  readonly kind: ObjectKind;
  readonly name: string;
  /** Sizes, row estimates, types, versions: what a tree shows after the label. */
  readonly description?: string;
  readonly tooltip?: string;
  readonly expandable: boolean;
  /** Path of this node; ask for its children with it. */
  readonly path: readonly string[];
}

export interface ChildrenParams {
  readonly connection: ConnectionInput;
  readonly path: readonly string[];
  /** Opaque cursor from the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** Children of a node of the server tree, one page. Cancellable. azure_maintenance and azure_sys are left out. */
export const listChildren = new RequestType<
  ChildrenParams,
  { nodes: ObjectNode[]; next?: string },
  FaultData
>('catalog/children');

export interface DatabaseSummary {
  readonly name: string;
  readonly bytes: number | null;
  readonly canConnect: boolean;
}
export const listDatabases = new RequestType<ConnectionInput, DatabaseSummary[], FaultData>(
  'catalog/databases',
);

export interface RunParams {
  readonly project: Project;
  /** Absolute path of the folder that takes ddl/ and runs/. */
  readonly directory: string;
  /** Folder of the report and the event log; `<directory>/runs/<time>` if absent. */
  readonly reportDirectory?: string;
  readonly sourcePassword?: string;
  readonly targetPassword?: string;
  readonly restart: boolean;
}

/** Starts a run; answers once it has ended, with its last snapshot. Cancelling the request stops it cleanly (resumable). */
export const runMigration = new RequestType<RunParams, RunSnapshot, FaultData>('migration/run');

/** Pushed at most four times a second, and at every change of state. */
export const runSnapshot = new NotificationType<RunSnapshot>('migration/snapshot');
/** Every event except `progress`. */
export const runEvent = new NotificationType<RunEvent>('migration/event');

export interface TablesParams {
  readonly database: string;
  readonly state?: WorkState;
  readonly text?: string;
  readonly offset: number;
  readonly limit: number;
}
/** Tables of the run of this engine process, running ones first, then largest first. */
export const listTables = new RequestType<
  TablesParams,
  { total: number; tables: TableSnapshot[] },
  FaultData
>('migration/tables');
