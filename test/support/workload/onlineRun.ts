import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DoneEvent, RunEvent } from '../../../src/protocol/model.js';
import { distDir } from '../distDir.js';
import { poll } from '../flexferry.js';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const cli = join(distDir, 'cli.js');

/** Runs the command line in a folder of its own, without anything of ours in its environment. */
export function startCli(
  folder: string,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Started {
  const began = Date.now();
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, TMPDIR: join(folder, 'tmp') },
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  let [stdout, stderr, rest] = ['', '', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      process.removeListener('exit', kill);
      done({ code, signal, stdout, stderr, seconds: (Date.now() - began) / 1000 });
    });
  });
  return { child, ended };
}

function stoppedTables(event: RunEvent): string | undefined {
  if (event.event !== 'progress') return undefined;
  const all = Object.values(event.follow ?? {}).flatMap(({ stopped }) => stopped);
  return all.length === 0 ? undefined : `tables stopped: ${JSON.stringify(all, undefined, 1)}`;
}

/** An online migration by the command line, started again by the same command as often as it is killed. */
export class OnlineRun implements Disposable {
  /** Of all processes so far. */
  readonly events: RunEvent[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'flexferry-online-'));
  /** What the other commands said. */
  readonly said: string[] = [];
  /** Processes started. */
  starts = 0;
  /** Of the newest process: it follows now. */
  isFollowing = false;
  /** Why a table does not take changes any more: none should, as nothing changes what tables look like. */
  stopped: string | undefined;
  #current: Started | undefined;
  #last: Ended | undefined;

  constructor(
    private readonly source: string,
    private readonly target: string,
  ) {
    mkdirSync(join(this.folder, 'tmp'));
  }

  get #pair(): string[] {
    return ['--source', this.source, '--target', this.target];
  }

  get hasEnded(): boolean {
    return this.#last !== undefined;
  }

  get lastDone(): DoneEvent | undefined {
    return this.events.findLast((event) => event.event === 'done');
  }

  /** `onEvent` sees every event as it comes. */
  start(args: readonly string[], onEvent: (event: RunEvent) => void): void {
    this.starts += 1;
    this.isFollowing = false;
    this.#last = undefined;
    const report = join(this.folder, 'report');
    const all = [...args, ...this.#pair, '--json', '--report', report];
    const started = startCli(this.folder, all, (line) => {
      const event = JSON.parse(line) as RunEvent;
      this.events.push(event);
      this.stopped ??= stoppedTables(event);
      // What a process says that was told to end does not count.
      if (event.event === 'follow' && !started.child.killed) this.isFollowing = event.state === 'following';
      onEvent(event);
    });
    this.#current = started;
    void started.ended.then((ended) => {
      if (this.#current === started) this.#last = ended;
    });
  }

  kill(signal: 'SIGKILL' | 'SIGINT'): void {
    this.isFollowing = false;
    this.#current?.child.kill(signal);
  }

  async ended(limitMs = 60_000): Promise<Ended> {
    await poll(() => this.#last !== undefined, 'the end of the run', limitMs).catch((error: unknown) => {
      this.kill('SIGKILL');
      throw error;
    });
    if (this.#last === undefined) throw new Error('it has not ended');
    return this.#last;
  }

  /** Another command of the command line, for the same pair, to its end. */
  async command(name: string, args: readonly string[], limitMs = 60_000): Promise<Ended> {
    const { child, ended } = startCli(this.folder, [name, ...this.#pair, ...args]);
    const overdue = setTimeout(() => child.kill('SIGKILL'), limitMs);
    try {
      const result = await ended;
      this.said.push(`${name} ${args.join(' ')}: code ${result.code}`, result.stdout, result.stderr);
      return result;
    } finally {
      clearTimeout(overdue);
    }
  }

  [Symbol.dispose](): void {
    this.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
