/** Messages between the extension host and the dashboard webview. The host pushes whole states; the page pulls tables. */
import type { Fence, FollowRequest } from './follow.js';
import type { FollowCan } from './followView.js';
import type { RelationName, RunSnapshot, TableSnapshot, WorkState } from './model.js';

/** Raised with every change of a message; a page of another version asks to be reloaded. */
export const webviewProtocolVersion = 3;

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  readonly text: string;
}

/** Milliseconds since the epoch, and bytes per second. */
export type ThroughputPoint = readonly [at: number, bytesPerSecond: number];

/** Milliseconds since the epoch, seconds, and bytes of the source's log. */
export type LagPoint = readonly [at: number, lagSeconds: number, lagBytes: number];

/** How the user wants to cut over. */
export interface CutoverChoices {
  readonly fence: Fence;
  readonly verify: Extract<FollowRequest, { command: 'cutover' }>['verify'];
  readonly wayBack: boolean;
  /** Also where a check says no. */
  readonly force: boolean;
}

/** What was taken away after an online migration, by database. */
export interface CleanUp {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly removed: readonly { readonly database: string; readonly what: readonly string[] }[];
}

export interface DashboardState {
  readonly type: 'state';
  readonly version: typeof webviewProtocolVersion;
  /** Name of the project. */
  readonly name: string;
  /** Text URI of the project file; the page keeps it to be restored after a reload. */
  readonly project: string;
  /** Absent before the first run. */
  readonly snapshot?: RunSnapshot;
  readonly history: readonly ThroughputPoint[];
  readonly log: readonly LogLine[];
  /** By key of the database, while it is followed. */
  readonly lag: Readonly<Record<string, readonly LagPoint[]>>;
  /** The user wants to see the cutover; it is shown anyway while one goes on. */
  readonly cutoverOpen: boolean;
  /** Something was asked of the run, which has not answered yet. */
  readonly asking: boolean;
  readonly cleanUp?: CleanUp;
  readonly can: FollowCan & {
    readonly cleanUp: boolean;
    readonly start: boolean;
    readonly stop: boolean;
    readonly resume: boolean;
    /** Only a new base copy helps. */
    readonly restart: boolean;
    readonly openReport: boolean;
    readonly openDdl: boolean;
  };
}

export interface TablesPage {
  readonly type: 'tables';
  /** Echo of the request. */
  readonly request: number;
  readonly offset: number;
  readonly total: number;
  readonly tables: readonly TableSnapshot[];
}

export type HostMessage = DashboardState | TablesPage;

export type DashboardAction =
  | 'start'
  | 'stop'
  | 'resume'
  | 'restart'
  | 'openReport'
  | 'openDdl'
  | 'showLog'
  | 'openProject'
  | 'cutOver'
  | 'goBack'
  | 'closeCutover'
  | 'confirm'
  | 'undo'
  | 'finish'
  | 'cleanUp';

/** What can be done about a table whose changes wait. */
export type StoppedTableAction = 'retry' | 'skip' | 'reviewDdl';

export type DashboardMessage =
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'action'; readonly action: DashboardAction }
  | { readonly type: 'startCutover'; readonly choices: CutoverChoices }
  | { readonly type: 'addTables' | 'copyConnection'; readonly database: string }
  | { readonly type: 'ddlDone'; readonly database: string; readonly through: number }
  | (RelationName & {
      readonly type: 'stoppedTable';
      readonly action: StoppedTableAction;
      readonly database: string;
    })
  | {
      readonly type: 'tables';
      readonly request: number;
      readonly database: string;
      readonly offset: number;
      readonly limit: number;
      readonly text?: string;
      readonly state?: WorkState;
    };

const actions: Readonly<Record<DashboardAction, true>> = {
  start: true,
  stop: true,
  resume: true,
  restart: true,
  openReport: true,
  openDdl: true,
  showLog: true,
  openProject: true,
  cutOver: true,
  goBack: true,
  closeCutover: true,
  confirm: true,
  undo: true,
  finish: true,
  cleanUp: true,
};

const isOneOf = (value: unknown, ...allowed: readonly string[]): boolean =>
  typeof value === 'string' && allowed.includes(value);

function isChoices(value: unknown): value is CutoverChoices {
  if (typeof value !== 'object' || value === null) return false;
  const choices = value as Record<string, unknown>;
  return (
    isOneOf(choices['fence'], 'none', 'readOnly') &&
    isOneOf(choices['verify'], 'full', 'sample', 'none') &&
    typeof choices['wayBack'] === 'boolean' &&
    typeof choices['force'] === 'boolean'
  );
}

/** Checks what came out of the page: it shows untrusted names, so the host trusts nothing it says. */
export function isDashboardMessage(value: unknown): value is DashboardMessage {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as Record<string, unknown>;
  const texts = (...keys: readonly string[]) => keys.every((key) => typeof message[key] === 'string');
  const count = (key: string) => Number.isInteger(message[key]) && (message[key] as number) >= 0;
  switch (message['type']) {
    case 'ready':
      return typeof message['version'] === 'number';
    case 'action':
      return isOneOf(message['action'], ...Object.keys(actions));
    case 'startCutover':
      return isChoices(message['choices']);
    case 'addTables':
    case 'copyConnection':
      return texts('database');
    case 'ddlDone':
      return texts('database') && count('through');
    case 'stoppedTable':
      return texts('database', 'schema', 'name') && isOneOf(message['action'], 'retry', 'skip', 'reviewDdl');
    case 'tables':
      return (
        texts('database') &&
        count('request') &&
        count('offset') &&
        count('limit') &&
        (message['text'] === undefined || typeof message['text'] === 'string') &&
        (message['state'] === undefined || typeof message['state'] === 'string')
      );
    default:
      return false;
  }
}
