/**
 * Messages between the extension host and the engine process (vscode-jsonrpc over IPC).
 * One typed constant per message, no string dispatch. Errors cross as ResponseError with {@link FaultData} in `data`.
 */
import { NotificationType, RequestType } from 'vscode-jsonrpc';
import type { ConnectionSpec, FaultData, ServerFacts } from './connection.js';
import type { FollowRequest, FollowStatus } from './follow.js';
import type { Finding, RelationName, RunEvent, RunSnapshot, TableSnapshot, WorkState } from './model.js';
import type { Project, ProjectProblem } from './project.js';

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
  /** For its online databases. */
  readonly online?: OnlineParams;
}

export interface OnlineParams {
  /** Ends by itself once everything up to this position of the source's log is applied: `16/B374D848`, or `current`. */
  readonly endpos?: string;
  /** After the hand-over changes of the target are applied to the source, until `finish`. */
  readonly wayBack?: boolean;
  /** What a change that cannot be applied stops: its table (default), or the run. */
  readonly onFailure?: 'table' | 'run';
  /** Follows what is there already, into tables that are there already. */
  readonly skipCopy?: { readonly slot: string; readonly publications: readonly string[] };
  /** Tables without a key become REPLICA IDENTITY FULL on the source until the clean-up, on the target for the way back. */
  readonly identityFull?: boolean;
  /** A function and event triggers on the source tell of its DDL (14), until the clean-up. */
  readonly ddlTrigger?: boolean;
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

// --- mapping and DDL review

/** Checks the text of a project file whole: JSON, schema, mapping, regular expressions, syntax of row filters. */
export const checkProject = new RequestType<
  { readonly text: string },
  { readonly problems: readonly ProjectProblem[]; readonly project?: Project },
  FaultData
>('project/check');

/** A relation that a mapping decides about. */
export interface MappingTable extends RelationName {
  readonly kind: 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';
  /** Heap with TOAST, without indexes; 0 where it has none. */
  readonly bytes: number;
  /** Planner's estimate. */
  readonly rows: number;
  /** Has a primary key or a replica identity that tells rows apart. */
  readonly hasKey: boolean;
  readonly partitionOf?: RelationName;
}

/** Everything of a source database that the mapping panel shows. */
export interface MappingCatalog {
  readonly schemas: readonly string[];
  /** By schema and name. */
  readonly tables: readonly MappingTable[];
  readonly indexes: readonly (RelationName & { readonly table: string })[];
  readonly extensions: readonly string[];
  /** Roles that own something or are granted something here. */
  readonly roles: readonly string[];
  /** What cannot be without a relation: views, foreign keys, functions, policies … */
  readonly dependencies: readonly MappingDependency[];
}
export interface MappingDependency {
  /** For human readers, e.g. `view public.v` or `foreign key orders_customer_fkey on public.orders`. */
  readonly object: string;
  /** The relation that the object is, or that it is a part of; it need not be left out with it. */
  readonly on?: RelationName;
  /** The object is `on` itself: what needs that cannot be without the object. */
  readonly whole?: true;
  /** Its name where the object is an index of `on`. */
  readonly index?: string;
  /** Schema of an object that is neither a relation nor part of one, e.g. a function. */
  readonly schema?: string;
  readonly needs: RelationName;
  /**
   * What is needed where it is no table, view, materialized or foreign table. An index is its schema and name; a type,
   * function or sequence goes with its schema, so only other schemas' are listed; an extension has the schema ''.
   */
  readonly needsKind?: 'index' | 'type' | 'function' | 'sequence' | 'extension';
  /** A foreign key holds only where the rows it refers to come, too. */
  readonly needsRows?: true;
}
export const mappingCatalog = new RequestType<ConnectionInput, MappingCatalog, FaultData>('mapping/catalog');

/** What stands on the target already; `exists` is false where the database is still to be created. */
export interface MappingTarget {
  readonly exists: boolean;
  /** Whatever has a name that a table could have: indexes, sequences and composite types, too. */
  readonly relations: readonly RelationName[];
  readonly schemas: readonly string[];
}
export const mappingTarget = new RequestType<ConnectionInput, MappingTarget, FaultData>('mapping/target');

export interface RowFilterParams extends RelationName {
  readonly connection: ConnectionInput;
  readonly where: string;
}
/**
 * Tries a row filter on the source, read-only and bounded in time; FF705 where it cannot be one, with the position in
 * code points from 1. Both figures are the planner's estimates.
 */
export const tryRowFilter = new RequestType<
  RowFilterParams,
  { readonly rowsEstimated: number; readonly rowsTotal: number },
  FaultData
>('mapping/rowFilter');

export interface GenerateParams extends Omit<RunParams, 'restart' | 'reportDirectory'> {}
export interface GeneratedDdl {
  readonly files: readonly {
    /** Absolute path. */
    readonly path: string;
    /** Key of the database; absent for globals.sql. */
    readonly database?: string;
    /** `merged`: the user's edits and what is new were put together. `kept`: nothing new. */
    readonly outcome: 'written' | 'kept' | 'merged' | 'conflict';
    readonly conflicts: number;
  }[];
  readonly findings: readonly Finding[];
}
/** Writes the DDL files of a project and changes nothing on either server. Cancellable. */
export const generateDdl = new RequestType<GenerateParams, GeneratedDdl, FaultData>('ddl/generate');

/** Runs SQL text on a server in one transaction and under an empty search_path, as a run does; the Fault has the position. */
export const runSql = new RequestType<
  { readonly connection: ConnectionInput; readonly sql: string },
  { readonly milliseconds: number },
  FaultData
>('ddl/runSql');

/** The DDL that a database has now, in the sections of the generated files. For comparing the target with what will run. */
export const readDdl = new RequestType<
  ConnectionInput,
  { readonly preData: string; readonly postData: string },
  FaultData
>('ddl/read');

// --- online migration

/** Both ends of a followed database; passwords as in {@link RunParams}. */
export interface FollowPair {
  readonly source: ConnectionInput;
  readonly target: ConnectionInput;
}

/** Leaves a request for the run that follows; answers once it is written. */
export const requestFollow = new RequestType<
  FollowPair & { readonly request: FollowRequest },
  void,
  FaultData
>('follow/request');

export const followStatus = new RequestType<FollowPair, FollowStatus, FaultData>('follow/status');

/**
 * Removes what an online migration left on both servers: says each thing that it removed. FF862 while a run is at work,
 * unless `cancel` says that it is to be cancelled first.
 */
export const cleanUpFollow = new RequestType<
  FollowPair & { readonly cancel?: boolean },
  { readonly removed: readonly string[] },
  FaultData
>('follow/cleanUp');
