import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DoneEvent, Finding, RunEvent } from '../../src/protocol/model.js';
import type { Report } from '../../src/protocol/report.js';
import type { TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';

const cli = resolve(process.env['FLEXFERRY_DIST'] ?? resolve(__dirname, '../../dist'), 'cli.js');
const waitLimitMs = 60_000;

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; a folder of its own by default. Give the same one again to resume. */
  readonly folder?: CliFolder;
  /** Adds `--json` and `--report`. Default true. */
  readonly json?: boolean;
}

/** Home, temporary folder, working folder and report of runs of the command line, all private to a test. */
export interface CliFolder extends Disposable {
  readonly path: string;
  readonly home: string;
  readonly temporary: string;
  readonly report: string;
}

export function cliFolder(): CliFolder {
  const path = mkdtempSync(join(tmpdir(), 'flexferry-cli-'));
  const folder = {
    path,
    home: join(path, 'home'),
    temporary: join(path, 'tmp'),
    report: join(path, 'report'),
  };
  mkdirSync(folder.home);
  mkdirSync(folder.temporary);
  return { ...folder, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) };
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly RunEvent[];
}

/** The command line as a process of its own, in a private environment. */
export class CliRun {
  stdout = '';
  stderr = '';
  readonly events: RunEvent[] = [];
  readonly child: ChildProcess;
  readonly folder: CliFolder;
  readonly result: Promise<CliResult>;

  constructor(args: readonly string[], options: CliOptions = {}) {
    this.folder = options.folder ?? cliFolder();
    const json = options.json ?? true;
    this.child = spawn(
      process.execPath,
      [cli, ...args, ...(json ? ['--json', '--report', this.folder.report] : [])],
      {
        cwd: this.folder.path,
        env: {
          PATH: process.env['PATH'],
          HOME: this.folder.home,
          TMPDIR: this.folder.temporary,
          ...options.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let line = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      if (!json) return;
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const one of lines) this.events.push(JSON.parse(one) as RunEvent);
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const overdue = setTimeout(() => this.child.kill('SIGKILL'), waitLimitMs);
    this.result = new Promise((settle) => {
      this.child.once('close', (code, signal) => {
        clearTimeout(overdue);
        settle({ code, signal, stdout: this.stdout, stderr: this.stderr, events: this.events });
      });
    });
  }

  /** Until an event has come; rejects when the process ends before. */
  async until(wanted: (event: RunEvent) => boolean, what: string): Promise<void> {
    await poll(() => {
      if (this.events.some(wanted)) return true;
      if (this.child.exitCode !== null)
        throw new Error(`ended before ${what}:\n${this.stdout}${this.stderr}`);
      return false;
    }, what);
  }
}

/** Runs it to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new CliRun(args, options).result;
}

export async function poll(
  check: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 60_000,
): Promise<void> {
  for (const end = Date.now() + limitMs; ; await sleep(20)) {
    if (await check()) return;
    if (Date.now() > end) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
  }
}

/** The last line, which must be `done`. */
export function doneOf(result: Pick<CliResult, 'events' | 'stdout' | 'stderr'>): DoneEvent {
  const last = result.events.at(-1);
  if (last?.event !== 'done') throw new Error(`no done line:\n${result.stdout}\n${result.stderr}`);
  return last;
}

export const problemsOf = (done: Pick<DoneEvent, 'findings'>): Finding[] =>
  done.findings.filter((f) => f.severity !== 'note');

export function reportOf(folder: CliFolder): Report {
  return JSON.parse(readFileSync(join(folder.report, 'report.json'), 'utf8')) as Report;
}

/** What a run may have left on the two servers and in its temporary folder: [] when it cleaned up behind itself. */
export async function leftovers(source: TestServer, target: TestTwin, folder: CliFolder): Promise<string[]> {
  const found = [
    ...(await serverLeftovers((d, sql) => source.query(d, sql), source.dataDir)).map((l) => `source: ${l}`),
    ...(await serverLeftovers((d, sql) => target.superQuery(d, sql), target.dataDir)).map(
      (l) => `target: ${l}`,
    ),
    ...readdirSync(folder.temporary).map((file) => `client: ${file}`),
  ];
  return found;
}

/** A backend that was told to end may take a moment: polled. */
export async function assertNothingLeft(
  source: TestServer,
  target: TestTwin,
  folder: CliFolder,
): Promise<void> {
  let left: string[] = [];
  await poll(
    async () => {
      left = await leftovers(source, target, folder);
      return left.length === 0;
    },
    'a clean end',
    5_000,
  ).catch(() => {
    throw new Error(`left behind:\n${left.join('\n')}`);
  });
}

async function serverLeftovers(
  query: (database: string, sql: string) => Promise<{ item: string }[]>,
  dataDir: string,
): Promise<string[]> {
  const rows = await query(
    'postgres',
    `SELECT 'session ' || application_name || ' ' || coalesce(query, '') AS item FROM pg_stat_activity WHERE application_name LIKE 'flexferry%'
     UNION ALL SELECT 'advisory lock ' || objid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE locktype = 'advisory' AND objid = 1718379896
     UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
     UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots`,
  );
  const temporary = join(dataDir, 'base/pgsql_tmp');
  const files = existsSync(temporary) ? readdirSync(temporary) : [];
  return [...rows.map((r) => r.item), ...files.map((f) => `file ${f}`)];
}
