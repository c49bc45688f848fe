import {
  accessSync,
  chownSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Who postgres runs as: it refuses root, so root drops to nobody. Undefined: as we are. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const repository = resolve(__dirname, '../../..');
/** A test database with its WAL stays far below; Docker's default /dev/shm of 64 MB does not do. */
const memoryNeededBytes = 2 * 1024 ** 3;

export const isRoot = process.getuid?.() === 0;

/** initdb calls getpwuid(), so the account must exist in /etc/passwd. */
export function serverAccount(): Account | undefined {
  if (!isRoot) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody');
  if (entry === undefined)
    throw new Error('running as root needs the user nobody, which PostgreSQL then runs as');
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** True when every folder on the way may be passed by other users: a clone below /root is closed to nobody. */
function openToAll(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}

function usable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    accessSync(folder, constants.W_OK);
    return (
      statSync(folder).uid === (process.getuid?.() ?? statSync(folder).uid) && (!isRoot || openToAll(folder))
    );
  } catch {
    return false;
  }
}

function firstUsable(folders: readonly string[]): string {
  const found = folders.find(usable);
  if (found === undefined)
    throw new Error(`none of these folders can hold test servers: ${folders.join(', ')}`);
  return found;
}

/** Kept between runs: prepared binaries and initdb templates. On a file system that may execute. */
export function cacheFolder(): string {
  const name = `flexferry-postgres-${process.getuid?.() ?? 0}`;
  return firstUsable([
    join(repository, '.cache', name),
    join(tmpdir(), name),
    join('/tmp', name),
    join('/var/tmp', name),
  ]);
}

/** True when /dev/shm is there and large enough to hold databases and shared memory segments. */
export function memoryIsRoomy(): boolean {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize >= memoryNeededBytes;
  } catch {
    return false;
  }
}

/** Field 22 of /proc/<pid>/stat: with it a reused pid is not mistaken for the owner. '0' where there is no /proc. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A new folder for one server, named by its owner's pid and start time, and owned by the server's account.
 * Short, as a Unix socket's path has 107 bytes. Folders of dead owners are removed on the way.
 */
export async function makeRunFolder(major: number, storage: 'memory' | 'disk'): Promise<string> {
  const name = `ffpg-${process.getuid?.() ?? 0}`;
  const bases = [join(tmpdir(), name), join('/tmp', name), join('/var/tmp', name)];
  const base = firstUsable(
    storage === 'memory' && memoryIsRoomy() ? [join('/dev/shm', name), ...bases] : bases,
  );
  removeStale(base);
  const folder = await mkdtemp(join(base, `${process.pid}-${startTime(process.pid)}-${major}-`));
  const account = serverAccount();
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  return folder;
}

function removeStale(base: string): void {
  for (const name of readdirSync(base)) {
    const [, pid, started] = /^(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || (alive(Number(pid)) && startTime(Number(pid)) === started)) continue;
    const folder = join(base, name);
    endPostmaster(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Where no parent-death signal exists, a server outlives its killed owner; its folder still names it. */
function endPostmaster(folder: string): void {
  try {
    const [pid, data] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (data !== undefined && command.includes(data)) process.kill(Number(pid), 'SIGQUIT');
  } catch {
    // No such server any more.
  }
}
