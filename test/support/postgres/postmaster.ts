import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Distribution, serverEnvironment } from './distribution.js';
import { serverAccount } from './runFolder.js';

const readyLimitMs = 30_000;

/** Below the range the kernel gives to outgoing connections, so that those do not take it first. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** setpriv's parent-death signal takes the server down even when we get SIGKILL. */
function launcher(): { command: string; args: string[] } | undefined {
  const command = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (process.platform !== 'linux' || command === undefined) return undefined;
  const account = serverAccount();
  const drop =
    account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return { command, args: [...drop, '--pdeathsig', 'QUIT', '--'] };
}

/** Starts `<folder>/data`; resolves when it takes connections, rejects with the end of its log. */
export async function startPostmaster(
  distribution: Distribution,
  folder: string,
  port: number,
): Promise<ChildProcess> {
  const dataDir = join(folder, 'data');
  const logFile = join(folder, 'log');
  const args = ['-D', dataDir, '-p', String(port)];
  const wrapper = launcher();
  const log = openSync(logFile, 'a');
  const child = spawn(
    wrapper?.command ?? distribution.postgres,
    wrapper === undefined ? args : [...wrapper.args, distribution.postgres, ...args],
    {
      stdio: ['ignore', log, log],
      cwd: folder,
      env: serverEnvironment,
      ...(wrapper === undefined ? serverAccount() : {}),
    },
  );
  closeSync(log);
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  for (const end = Date.now() + readyLimitMs; ; ) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`PostgreSQL did not start: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
    }
    if (isReady(dataDir, child.pid)) return child;
    await sleep(5);
  }
}

/** Line 8 of postmaster.pid is the postmaster's state; line 1 tells an earlier server's file from this one's. */
function isReady(dataDir: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}
