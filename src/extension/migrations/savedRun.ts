import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent, RunSnapshot, TableSnapshot, WorkState } from '../../protocol/model.js';
import { type Report, snapshotFile } from '../../protocol/report.js';
import type { CleanUp, LogLine } from '../../protocol/webview.js';
import { lostSnapshot } from './lostRun.js';
import { eventLine } from './runText.js';

/** The last run of a project as its files tell it. */
export interface SavedRun {
  /** Where its report and its events stand now; a project may have been moved since. */
  readonly folder: string;
  readonly snapshot: RunSnapshot;
  readonly log: readonly LogLine[];
  /** Nothing of it can be taken up again. */
  readonly cleanUp?: CleanUp;
  /** False while the run has written no report: it is still ending, or its machine went down. */
  readonly complete: boolean;
  readonly databases: readonly { readonly source: string; readonly tables: readonly TableSnapshot[] }[];
}

const tailBytes = 256 * 1024;
const headBytes = 64 * 1024;
const logLines = 200;

/** The first event, which says what a run is of, and the last ones. */
async function readEvents(path: string): Promise<RunEvent[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - tailBytes);
    const linesFrom = async (position: number, length: number): Promise<string[]> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.toString('utf8', 0, bytesRead).split('\n');
    };
    const lines = await linesFrom(start, size - start);
    // What is cut in its middle is none.
    if (start > 0) lines.splice(0, 1, ...(await linesFrom(0, Math.min(start, headBytes))).slice(0, 1));
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

/** As the run last wrote them down; undefined where it ended before. */
async function readFigures(folder: string): Promise<RunSnapshot | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, snapshotFile), 'utf8')) as RunSnapshot;
  } catch {
    return undefined;
  }
}

/** Reads the newest run below a project's folder; undefined where there is none. */
export async function readSavedRun(directory: string): Promise<SavedRun | undefined> {
  const runs = (await readdir(join(directory, 'runs')).catch(() => [])).sort();
  const run = runs.at(-1);
  if (run === undefined) return undefined;
  const folder = join(directory, 'runs', run);
  const events = await readEvents(join(folder, 'events.jsonl'));
  const log = events.flatMap((event) => eventLine(event) ?? []).slice(-logLines);
  const cleanUp = await readCleanUp(folder);
  const told = {
    folder,
    log,
    ...(cleanUp && { cleanUp }),
  };
  try {
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
    return { ...told, snapshot: report.snapshot, databases: report.databases, complete: true };
  } catch {
    const snapshot = lostSnapshot(directory, run, events, await readFigures(folder));
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
