import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunHooks, runMigration } from '../../src/engine/migration.js';
import type { DoneEvent, RunEvent } from '../../src/protocol/model.js';
import { defaultOptions, type ProjectDatabase, type ProjectOptions } from '../../src/protocol/project.js';
import { distDir } from './distDir.js';
import type { TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';
import { sampleRoles } from './sample/sample.js';

export { distDir };

/** A folder for reports and generated files; gone with the process. */
export const reports = mkdtempSync(join(tmpdir(), 'flexferry-runs-'));
process.once('exit', () => rmSync(reports, { recursive: true, force: true }));
let made = 0;
export const newReportFolder = (): string => join(reports, `run-${++made}`);

export interface CloneResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly RunEvent[];
  /** The last event where it is `done`. */
  readonly done: DoneEvent | undefined;
  readonly stderr: string;
  readonly report: string;
  readonly seconds: number;
  /** Largest resident memory of the process, bytes. */
  readonly memory: number;
}

export interface RunningClone {
  readonly child: ChildProcess;
  readonly ended: Promise<CloneResult>;
}

/** Starts `node dist/cli.js clone … --json`. `onEvent` sees every line as it comes. */
export function startClone(
  source: string,
  target: string,
  args: readonly string[] = [],
  onEvent: (event: RunEvent) => void = () => {},
): RunningClone {
  const report = newReportFolder();
  const began = Date.now();
  const child = spawn(
    process.execPath,
    [
      '--import',
      `data:text/javascript,process.on('exit',()=>process.stderr.write('\\nrss '+process.resourceUsage().maxRSS))`,
      join(distDir, 'cli.js'),
      'clone',
      '--source',
      source,
      '--target',
      target,
      '--json',
      '--report',
      report,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: reports },
  );
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const events: RunEvent[] = [];
  let [rest, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as RunEvent;
      events.push(event);
      onEvent(event);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<CloneResult>((done, fail) => {
    child.once('error', fail);
    child.once('close', (exitCode, signal) => {
      process.removeListener('exit', kill);
      const last = events.at(-1);
      done({
        exitCode,
        signal,
        events,
        done: last?.event === 'done' ? last : undefined,
        stderr: stderr.replace(/\n?rss \d+$/, ''),
        report,
        seconds: (Date.now() - began) / 1000,
        memory: Number(/rss (\d+)$/.exec(stderr)?.[1] ?? 0) * 1024,
      });
    });
  });
  return { child, ended };
}

/** Runs the command line to its end. */
export function clone(source: string, target: string, args: readonly string[] = []): Promise<CloneResult> {
  return startClone(source, target, args).ended;
}

/** Everything a failed expectation should show. */
export function explain(result: CloneResult): string {
  const findings = result.done?.findings.filter((f) => f.severity !== 'note') ?? [];
  return [
    `exit code ${result.exitCode}, signal ${result.signal}`,
    result.stderr,
    ...(result.done?.fault ? [`${result.done.fault.code}: ${result.done.fault.message}`] : []),
    ...findings.map((f) => `${f.severity} ${f.code} ${f.object ?? ''}: ${f.message}`),
  ].join('\n');
}

/** The clone succeeded in every sense of the word. */
export function assertSucceeded(result: CloneResult): DoneEvent {
  assert.equal(result.exitCode, 0, explain(result));
  const { done } = result;
  assert.ok(done);
  assert.equal(done.state, 'succeeded');
  assert.equal(done.exitCode, 0);
  assert.equal(done.totals.different + done.totals.failed + done.totals.skipped, 0);
  assert.ok(
    done.tables.every((t) => t.state === 'done' && t.equal === true && t.sourceChecksum === t.targetChecksum),
  );
  assert.equal(done.totals.tables, done.tables.length);
  assert.equal(
    done.totals.rows,
    done.tables.reduce((n, t) => n + t.rows, 0),
  );
  return done;
}

/** Runs the engine in this process. */
export async function migrateHere(
  source: string,
  target: string,
  database: ProjectDatabase | readonly ProjectDatabase[],
  change: Partial<ProjectOptions> & {
    restart?: boolean;
    signal?: AbortSignal;
    onEvent?: (event: RunEvent) => void;
  } = {},
): Promise<{ done: DoneEvent; events: RunEvent[] }> {
  const { restart = false, signal = new AbortController().signal, onEvent, ...options } = change;
  const databases = 'source' in database ? [database] : database;
  const events: RunEvent[] = [];
  const hooks: RunHooks = {
    onSnapshot: () => {},
    onEvent: (e) => {
      events.push(e);
      onEvent?.(e);
    },
    signal,
    distDir,
  };
  await runMigration(
    {
      project: {
        version: 2,
        name: 'test',
        source: { connection: source },
        target: { connection: target },
        databases,
        options: { ...defaultOptions, ...options },
      },
      directory: newReportFolder(),
      restart,
    },
    hooks,
  );
  const done = events.at(-1);
  assert.ok(done?.event === 'done');
  return { done, events };
}

/** The roles that the sample grants to, as the target's admin makes them; again costs nothing. */
export async function createSampleRoles(target: TestServer): Promise<void> {
  for (const role of sampleRoles)
    await target.query(
      'postgres',
      `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    );
}

const asSuperuser = (server: TestServer | TestTwin) =>
  'superQuery' in server ? server.superQuery.bind(server) : server.query.bind(server);

/** Nothing of ours is left on a server: no session and no checkpoint schema. Polls, because a backend takes a moment to end. */
export async function assertClean(server: TestServer | TestTwin, database: string): Promise<void> {
  const query = asSuperuser(server);
  const sessions = `SELECT pid, application_name, state FROM pg_stat_activity WHERE application_name LIKE 'flexferry%'`;
  let left = await query('postgres', sessions);
  for (
    const end = Date.now() + 6000;
    left.length > 0 && Date.now() < end;
    left = await query('postgres', sessions)
  )
    await sleep(50);
  assert.deepEqual(left, [], `sessions left on ${server.major}`);
  assert.deepEqual(await query(database, `SELECT nspname FROM pg_namespace WHERE nspname = 'flexferry'`), []);
  const prepared = await query('postgres', 'SELECT slot_name FROM pg_replication_slots');
  assert.deepEqual(prepared, []);
}
