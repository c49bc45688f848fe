import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Usage {
  readonly seconds: number;
  /** User and system, of the process itself. */
  readonly cpuSeconds: number;
  /** Largest resident memory, in MB of 2^20. */
  readonly peakMegabytes: number;
}

export interface Watched {
  readonly child: ChildProcess;
  /** Rejects where it does not end with 0. */
  readonly ended: Promise<Usage>;
  /** So far. */
  readonly usage: () => Usage;
}

/** Starts a process and measures it through /proc. `onLine` sees its standard output. */
export function watchProcess(
  command: string,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Watched {
  const began = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PGSSLMODE: 'disable' },
  });
  let [peak, ticks] = [0, 0];
  const look = (): void => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      ticks = Number(stat[11]) + Number(stat[12]);
    } catch {
      // It has ended between two looks.
    }
  };
  const timer = setInterval(look, 50);
  let [rest, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    said = (said + text).slice(-4000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const usage = (): Usage => ({
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: ticks / 100,
    peakMegabytes: peak,
  });
  const ended = new Promise<Usage>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(timer);
      if (code === 0) resolve(usage());
      else reject(new Error(`${command} ${args.slice(0, 2).join(' ')} ended with ${code}:\n${said}`));
    });
  });
  ended.catch(() => undefined);
  return { child, ended, usage };
}

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** The value that a share of all stays below, e.g. 0.95. */
export const percentile = (numbers: readonly number[], share: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? 0;
