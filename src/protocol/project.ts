/** The project file, `<name>.flexferry.json`: what is migrated, where to, and how. It never holds a password. */
import type { ErrorCode } from './errorCodes.js';

export const projectVersion = 2;

export interface ProjectServer {
  /** A URI or keyword string as libpq reads it, without password. */
  readonly connection: string;
  /** Id of the registered server whose password SecretStorage keeps; the command line ignores it. */
  readonly server?: string;
}

/**
 * Names of objects to take or leave. A schema or extension is its exact name or `~/regex/`; a table or index is
 * `schema.name` as SQL writes it (quoted where needed), `schema.~/regex/` or `~/regex/` over `schema.name` unquoted.
 * Regular expressions are RE2's (no backtracking) and match anywhere unless anchored.
 */
export interface IncludeFilter {
  readonly schemas?: readonly string[];
  /** Tables, partitioned and foreign tables, views and materialized views. */
  readonly tables?: readonly string[];
}
export interface ExcludeFilter {
  readonly schemas?: readonly string[];
  readonly tables?: readonly string[];
  /** The table is created, its rows stay behind. */
  readonly tableData?: readonly string[];
  readonly indexes?: readonly string[];
  readonly extensions?: readonly string[];
}

/** Where a table goes; names are plain, not quoted. */
export interface TableMapping {
  /** Schema on the target; that of its schema's mapping if absent. */
  readonly schema?: string;
  readonly name?: string;
  /** A condition over the table's own columns: only these rows are copied. */
  readonly where?: string;
}

export interface ProjectDatabase {
  readonly source: string;
  readonly target: string;
  /** `offline` if absent. */
  readonly mode?: 'offline' | 'online';
  readonly include?: IncludeFilter;
  readonly exclude?: ExcludeFilter;
  /** Target names of schemas by source name. */
  readonly schemas?: Readonly<Record<string, string>>;
  /** By `schema.name` of the source as SQL writes it. */
  readonly tables?: Readonly<Record<string, TableMapping>>;
  /** Sequences, constraints and indexes that carry the name of a renamed table are renamed with it. */
  readonly renameOwned?: boolean;
}

export interface ProjectOptions {
  /** Tables copied at the same time. */
  readonly jobs: number;
  /** Indexes built at the same time. */
  readonly indexJobs: number;
  readonly dumpTool: 'auto' | 'native' | 'builtin';
  /** Consent to create what is missing beside what a target database already holds. Nothing is overwritten. */
  readonly acceptNonEmptyTarget: boolean;
  /** `target`: everything belongs to the user of the target; `keep`: owners as on the source, after `roles`. */
  readonly owners: 'target' | 'keep';
  /** Role on the target by role of the source: in owners, grants, policies and default privileges. */
  readonly roles: Readonly<Record<string, string>>;
  /** Create the roles that are needed and missing on the target, without passwords. */
  readonly createRoles: boolean;
  readonly extensions: boolean;
  readonly grants: boolean;
  readonly comments: boolean;
  /** Publications are carried over. */
  readonly publications: boolean;
  /** Tablespaces are kept where the target has them; a Flexible Server never does. */
  readonly tablespaces: boolean;
}

export interface Project {
  readonly version: typeof projectVersion;
  readonly name: string;
  readonly source: ProjectServer;
  readonly target: ProjectServer;
  readonly databases: readonly ProjectDatabase[];
  readonly options: ProjectOptions;
}

export const defaultOptions: ProjectOptions = {
  jobs: 4,
  indexJobs: 4,
  dumpTool: 'auto',
  acceptNonEmptyTarget: false,
  owners: 'target',
  roles: {},
  createRoles: false,
  extensions: true,
  grants: true,
  comments: true,
  publications: false,
  tablespaces: false,
};

type Json = { readonly [key: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What an older file says in the words of this version; anything else comes back as it is, to be checked. Version 1
 * had `includeSchemas` and `excludeSchemas` in each database.
 */
export function upgradeProject(data: unknown): unknown {
  if (!isObject(data) || data['version'] !== 1) return data;
  const { databases } = data;
  return {
    ...data,
    version: projectVersion,
    databases: Array.isArray(databases) ? databases.map(upgradeDatabase) : databases,
  };
}

function upgradeDatabase(database: unknown): unknown {
  if (!isObject(database)) return database;
  const { includeSchemas, excludeSchemas, ...rest } = database;
  return {
    ...rest,
    ...(includeSchemas !== undefined && { include: { schemas: includeSchemas } }),
    ...(excludeSchemas !== undefined && { exclude: { schemas: excludeSchemas } }),
  };
}

/** What a database of a project is called in events, reports and folders: its source name unless that occurs twice. */
export function databaseKey(databases: readonly ProjectDatabase[], index: number): string {
  const database = databases[index];
  if (!database) return '';
  const twice = databases.filter((d) => d.source === database.source).length > 1;
  return twice ? `${database.source} → ${database.target}` : database.source;
}

/** The project with its keys in the order of the format, names of objects sorted: small diffs, whoever wrote it. */
export function orderedProject(project: Project): Project {
  return inOrder(project, projectOrder) as unknown as Project;
}

export function formatProject(project: Project): string {
  return `${JSON.stringify(orderedProject(project), null, 2)}\n`;
}

/** Keys in their order, each with that of its value; `sorted` for maps by the names of objects. */
type Order = 'value' | { readonly sorted: Order } | { readonly list: Order } | { readonly keys: Keys };
type Keys = readonly (readonly [key: string, order: Order])[];

const values = (...keys: readonly string[]): Keys => keys.map((key) => [key, 'value']);
const server: Order = { keys: values('connection', 'server') };
const database: Order = {
  keys: [
    ...values('source', 'target', 'mode'),
    ['include', { keys: values('schemas', 'tables') }],
    ['exclude', { keys: values('schemas', 'tables', 'tableData', 'indexes', 'extensions') }],
    ['schemas', { sorted: 'value' }],
    ['tables', { sorted: { keys: values('schema', 'name', 'where') } }],
    ...values('renameOwned'),
  ],
};
const options: Order = {
  keys: Object.keys(defaultOptions).map((key) => [key, key === 'roles' ? { sorted: 'value' } : 'value']),
};
const projectOrder: Order = {
  keys: [
    ...values('version', 'name'),
    ['source', server],
    ['target', server],
    ['databases', { list: database }],
    ['options', options],
  ],
};

function inOrder(value: unknown, order: Order): unknown {
  if (order === 'value') return value;
  if ('list' in order) return Array.isArray(value) ? value.map((item) => inOrder(item, order.list)) : value;
  if (!isObject(value)) return value;
  const keys: Keys =
    'keys' in order
      ? order.keys
      : Object.keys(value)
          .sort()
          .map((key) => [key, order.sorted] as const);
  return Object.fromEntries(
    keys.flatMap(([key, inner]) => (value[key] === undefined ? [] : [[key, inOrder(value[key], inner)]])),
  );
}

/** A place in a project file: keys and indexes from the root. */
export type ProjectPath = readonly (string | number)[];

/** Something wrong with a project, at its place. */
export interface ProjectProblem {
  /** Of a missing key: where it should stand. [] where the text is not JSON: then `offset` tells the place. */
  readonly path: ProjectPath;
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** UTF-16 offset of the problem: in the text where `path` is [], else in the value at `path`, e.g. a row filter. */
  readonly offset?: number;
  readonly message: string;
}
