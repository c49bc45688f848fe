import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FollowSnapshot } from '../../protocol/follow.js';
import type { RunEvent, RunSnapshot, TableSnapshot, WorkState } from '../../protocol/model.js';
import type { Report } from '../../protocol/report.js';
import type { CleanUp, LogLine, ThroughputPoint } from '../../protocol/webview.js';
import { eventLine } from './runText.js';

/** The last run of a project as its files tell it. */
export interface SavedRun {
  /** Where its report and its events stand now; a project may have been moved since. */
  readonly folder: string;
  readonly snapshot: RunSnapshot;
  readonly history: readonly ThroughputPoint[];
  readonly log: readonly LogLine[];
  readonly follows: readonly FollowPoint[];
  /** Nothing of it can be taken up again. */
  readonly cleanUp?: CleanUp;
  /** False while the run has written no report: it is still ending, or its machine went down. */
  readonly complete: boolean;
  readonly databases: readonly { readonly source: string; readonly tables: readonly TableSnapshot[] }[];
}

/** How a followed database was doing, in milliseconds since the epoch. */
export type FollowPoint = readonly [at: number, database: string, follow: FollowSnapshot];

const tailBytes = 256 * 1024;
const logLines = 200;

async function readTail(path: string): Promise<RunEvent[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    if (start > 0) lines.shift(); // cut in its middle
    return lines.flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as RunEvent];
      } catch {
        return []; // a last line that was being written
      }
    });
  } finally {
    await file.close();
  }
}

function historyOf(events: readonly RunEvent[]): ThroughputPoint[] {
  return events.flatMap((event): ThroughputPoint[] =>
    event.event === 'progress' ? [[Date.parse(event.at), event.bytesPerSecond]] : [],
  );
}

function followsOf(events: readonly RunEvent[]): FollowPoint[] {
  return events.flatMap((event): FollowPoint[] =>
    event.event === 'progress'
      ? Object.entries(event.follow ?? {}).map(([database, follow]) => [
          Date.parse(event.at),
          database,
          follow,
        ])
      : [],
  );
}

/** What a clean-up removed is kept beside the report of the run that it ended. */
const cleanUpFile = 'cleanUp.json';

async function readCleanUp(folder: string): Promise<CleanUp | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, cleanUpFile), 'utf8')) as CleanUp;
  } catch {
    return undefined;
  }
}

export async function writeCleanUp(folder: string, cleanUp: CleanUp): Promise<void> {
  await writeFile(join(folder, cleanUpFile), `${JSON.stringify(cleanUp, null, 2)}\n`);
}

/** A run that ended without a report, as far as its first event tells. */
function lostSnapshot(directory: string, run: string, events: readonly RunEvent[]): RunSnapshot | undefined {
  const start = events.find((event) => event.event === 'start');
  const follows = new Map(followsOf(events).map(([, database, follow]) => [database, follow]));
  if (start?.event !== 'start') return undefined;
  return {
    run: start.run,
    name: start.run,
    source: start.source,
    target: start.target,
    state: 'interrupted',
    startedAt: Date.parse(start.at),
    databases: start.databases.map((database) => ({
      ...database,
      ...followOf(follows.get(database.source)),
      state: 'pending' as const,
      phases: [],
      tablesDone: 0,
      tablesTotal: 0,
      bytes: 0,
      bytesTotal: 0,
      rows: 0,
    })),
    bytes: 0,
    bytesTotal: 0,
    rows: 0,
    bytesPerSecond: 0,
    fraction: 0,
    findings: [],
    reportDirectory: join(directory, 'runs', run),
    ddlDirectory: join(directory, 'ddl'),
  };
}

const followOf = (follow: FollowSnapshot | undefined) => (follow ? { follow } : {});

/** Reads the newest run below a project's folder; undefined where there is none. */
export async function readSavedRun(directory: string): Promise<SavedRun | undefined> {
  const runs = (await readdir(join(directory, 'runs')).catch(() => [])).sort();
  const run = runs.at(-1);
  if (run === undefined) return undefined;
  const folder = join(directory, 'runs', run);
  const events = await readTail(join(folder, 'events.jsonl'));
  const log = events.flatMap((event) => eventLine(event) ?? []).slice(-logLines);
  const cleanUp = await readCleanUp(folder);
  const told = {
    folder,
    log,
    history: historyOf(events),
    follows: followsOf(events),
    ...(cleanUp && { cleanUp }),
  };
  try {
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
    return { ...told, snapshot: report.snapshot, databases: report.databases, complete: true };
  } catch {
    const snapshot = lostSnapshot(directory, run, events);
    return snapshot && { ...told, snapshot, databases: [], complete: false };
  }
}

const order: Record<WorkState, number> = { running: 0, failed: 1, pending: 2, done: 3, skipped: 4 };

export interface TablesQuery {
  readonly database: string;
  readonly offset: number;
  readonly limit: number;
  readonly text?: string;
  readonly state?: WorkState;
}

/** A page of the tables of a saved run, in the order a live engine gives them: running first, then largest first. */
export function savedTables(
  run: SavedRun | undefined,
  query: TablesQuery,
): { total: number; tables: TableSnapshot[] } {
  const text = query.text?.toLowerCase() ?? '';
  const found = (run?.databases.find((database) => database.source === query.database)?.tables ?? [])
    .filter((table) => query.state === undefined || table.state === query.state)
    .filter((table) => `${table.schema}.${table.name}`.toLowerCase().includes(text))
    .sort((a, b) => order[a.state] - order[b.state] || b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  return { total: found.length, tables: found.slice(query.offset, query.offset + query.limit) };
}
