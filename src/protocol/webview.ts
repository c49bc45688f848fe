/** Messages between the extension host and the dashboard webview. The host pushes whole states; the page pulls tables. */
import type { RunSnapshot, TableSnapshot, WorkState } from './model.js';

/** Raised with every change of a message; a page of another version asks to be reloaded. */
export const webviewProtocolVersion = 1;

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  readonly text: string;
}

/** Milliseconds since the epoch, and bytes per second. */
export type ThroughputPoint = readonly [at: number, bytesPerSecond: number];

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
  readonly can: {
    readonly start: boolean;
    readonly stop: boolean;
    readonly resume: boolean;
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
  | 'openReport'
  | 'openDdl'
  | 'showLog'
  | 'openProject';

export type DashboardMessage =
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'action'; readonly action: DashboardAction }
  | {
      readonly type: 'tables';
      readonly request: number;
      readonly database: string;
      readonly offset: number;
      readonly limit: number;
      readonly text?: string;
      readonly state?: WorkState;
    };

const actions: readonly string[] = [
  'start',
  'stop',
  'resume',
  'openReport',
  'openDdl',
  'showLog',
  'openProject',
];

/** Checks what came out of the page: it shows untrusted names, so the host trusts nothing it says. */
export function isDashboardMessage(value: unknown): value is DashboardMessage {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as Record<string, unknown>;
  if (message['type'] === 'ready') return typeof message['version'] === 'number';
  if (message['type'] === 'action')
    return typeof message['action'] === 'string' && actions.includes(message['action']);
  const count = (key: string) => Number.isInteger(message[key]) && (message[key] as number) >= 0;
  return (
    message['type'] === 'tables' &&
    typeof message['database'] === 'string' &&
    count('request') &&
    count('offset') &&
    count('limit') &&
    (message['text'] === undefined || typeof message['text'] === 'string') &&
    (message['state'] === undefined || typeof message['state'] === 'string')
  );
}
