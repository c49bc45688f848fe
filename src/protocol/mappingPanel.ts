/**
 * Messages between the extension host and the mapping panel. The host holds the catalogs and the document; the page
 * pulls windows of visible rows and sends gestures, each of which becomes one edit of the project file.
 */
import type { FaultData } from './connection.js';
import type { ProjectOptions } from './project.js';

/** Raised with every change of a message; a page of another version is not answered. */
export const mappingPanelVersion = 1;

/** The most rows that one window holds. */
export const largestWindow = 500;

export type RowKind =
  | 'database'
  | 'schema'
  | 'table'
  | 'partitioned table'
  | 'view'
  | 'materialized view'
  | 'foreign table'
  | 'index'
  | 'extensions'
  | 'extension'
  /** A catalog that is being read, could not be read, or holds nothing. */
  | 'status';

export type Checked = 'true' | 'false' | 'mixed';

export interface RowIssue {
  readonly severity: 'error' | 'warning' | 'note';
  readonly text: string;
}

export interface MappingRow {
  /** Stays the same while the source keeps the object: JSON of database, schema, table … */
  readonly key: string;
  /** From 1. */
  readonly level: number;
  readonly kind: RowKind;
  readonly label: string;
  /** Index of the row above it in the tree, -1 at the top. */
  readonly parent: number;
  /** Absent where it cannot be expanded. */
  readonly expanded?: boolean;
  /** Absent where nothing is to be decided. */
  readonly checked?: Checked;
  readonly bytes?: number;
  /** Planner's estimate. */
  readonly rows?: number;
  /** Absent where the target name cannot be changed. */
  readonly target?: { readonly schema?: string; readonly name: string; readonly changed: boolean };
  /** Absent where no row filter is possible. */
  readonly where?: string;
  /** What a try of the row filter found. */
  readonly estimate?: { readonly rowsEstimated: number; readonly rowsTotal: number } | 'trying';
  /** Whether rows are copied; absent where there are none. */
  readonly data?: boolean;
  readonly mode?: 'offline' | 'online';
  readonly status?: {
    readonly state: 'loading' | 'failed' | 'empty' | 'refused';
    readonly fault?: FaultData;
  };
  readonly issues: readonly RowIssue[];
}

export interface MappingFilter {
  readonly text: string;
  readonly regex: boolean;
  readonly onlyWithoutKey: boolean;
  readonly onlyFindings: boolean;
}
export const noFilter: MappingFilter = { text: '', regex: false, onlyWithoutKey: false, onlyFindings: false };

/** What the page keeps: its own view of the document. Sent keys are of rows that are not as `base` has them. */
export interface MappingView {
  readonly filter: MappingFilter;
  /** `standard`: databases are open, and the schemas of small ones. */
  readonly base: 'standard' | 'open' | 'closed';
  readonly toggled: readonly string[];
  /** The same for a filtered list, where everything is open else. */
  readonly toggledFiltered: readonly string[];
}

export const filterLists = [
  'include.schemas',
  'include.tables',
  'exclude.schemas',
  'exclude.tables',
  'exclude.tableData',
  'exclude.indexes',
  'exclude.extensions',
] as const;
export type FilterList = (typeof filterLists)[number];

export interface DatabaseState {
  readonly key: string;
  readonly source: string;
  readonly target: string;
  readonly mode: 'offline' | 'online';
  readonly renameOwned: boolean;
  readonly filters: Readonly<Record<FilterList, readonly string[]>>;
}

export interface PanelIssue extends RowIssue {
  /** The row it is about. */
  readonly key?: string;
  /** The line of the file it is about, from 0. */
  readonly line?: number;
}

export type PanelNotice =
  /** The text cannot be read; what is shown is the last state that could be. */
  | { readonly kind: 'broken'; readonly message: string; readonly line: number }
  | { readonly kind: 'newer' | 'older' | 'readonly' | 'untrusted'; readonly message: string };

export interface MappingState {
  readonly type: 'state';
  readonly version: typeof mappingPanelVersion;
  /** Raised whenever rows may have changed. */
  readonly revision: number;
  readonly name: string;
  /** user@host:port/database as the project has it, without a password. */
  readonly source: string;
  readonly target: string;
  /** False while gestures are refused. */
  readonly editable: boolean;
  /** False where there is nothing to show a tree of. */
  readonly readable: boolean;
  readonly notice?: PanelNotice;
  readonly databases: readonly DatabaseState[];
  readonly options: ProjectOptions;
  /** Roles of the source that own or are granted something. */
  readonly roles: readonly string[];
  readonly issues: readonly PanelIssue[];
  /** More than `issues` where there are very many. */
  readonly issuesTotal: number;
  readonly totals: { readonly taken: number; readonly tables: number; readonly bytes: number };
  /** Why the filter's regular expression cannot be used. */
  readonly filterProblem?: string;
}

export interface MappingRows {
  readonly type: 'rows';
  /** Echo of the request. */
  readonly request: number;
  readonly revision: number;
  readonly offset: number;
  readonly total: number;
  readonly rows: readonly MappingRow[];
  /** Where the row is that the request asked for; -1 where it is not shown. */
  readonly activeIndex: number;
}

/** A gesture came to an end. */
export interface GestureDone {
  readonly type: 'done';
  readonly request: number;
  /** Why nothing was changed. */
  readonly problem?: string;
}
/** Shows a row, after what hides it was opened. */
export interface RevealRow {
  readonly type: 'reveal';
  readonly key: string;
  readonly index: number;
  readonly view: MappingView;
}

export type MappingHostMessage = MappingState | MappingRows | GestureDone | RevealRow;

export type MappingGesture =
  | { readonly kind: 'check'; readonly key: string; readonly checked: boolean }
  /** Empty names go back to those of the source. */
  | { readonly kind: 'rename'; readonly key: string; readonly schema?: string; readonly name: string }
  | { readonly kind: 'where'; readonly key: string; readonly where: string }
  | { readonly kind: 'data'; readonly key: string; readonly data: boolean }
  | { readonly kind: 'mode'; readonly key: string; readonly mode: 'offline' | 'online' }
  | { readonly kind: 'renameOwned'; readonly key: string; readonly on: boolean }
  | {
      readonly kind: 'filter';
      readonly key: string;
      readonly list: FilterList;
      readonly entries: readonly string[];
    }
  | { readonly kind: 'option'; readonly name: string; readonly value: boolean | number | string }
  /** Without a target the role goes back to its own name. */
  | { readonly kind: 'role'; readonly role: string; readonly target?: string }
  | { readonly kind: 'addDatabase' }
  | { readonly kind: 'removeDatabase'; readonly key: string }
  | { readonly kind: 'upgrade' };

export const mappingActions = [
  'openAsText',
  'reviewDdl',
  'start',
  'save',
  'showLog',
  'refresh',
  'trust',
] as const;
export type MappingAction = (typeof mappingActions)[number];

export type MappingMessage =
  | { readonly type: 'ready'; readonly version: number; readonly view: MappingView }
  | { readonly type: 'view'; readonly view: MappingView }
  | {
      readonly type: 'rows';
      readonly request: number;
      readonly offset: number;
      readonly limit: number;
      /** Key of the active row. */
      readonly active?: string;
    }
  | { readonly type: 'gesture'; readonly request: number; readonly gesture: MappingGesture }
  | { readonly type: 'action'; readonly action: MappingAction; readonly line?: number }
  /** What a status row offers. */
  | {
      readonly type: 'catalog';
      readonly key: string;
      readonly action: 'retry' | 'cancel' | 'password';
    }
  | { readonly type: 'reveal'; readonly key: string };
