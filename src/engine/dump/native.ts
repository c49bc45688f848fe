import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { dumpFault } from './dumpFault.js';

export interface NativePgDump {
  readonly file: string;
  /** e.g. 17.10 */
  readonly version: string;
  readonly major: number;
}

const versionWithinMs = 5_000;
const killAfterMs = 3_000;

/**
 * The newest pg_dump of at least this major version, on PATH or in a usual place of the platform; undefined if there
 * is none. Relative entries of PATH are passed over: they depend on the folder that happens to be open.
 */
export async function findNativePgDump(
  minMajor: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<NativePgDump | undefined> {
  const found = await Promise.all(candidates(env).map((file) => askVersion(file, env)));
  return found
    .filter((tool) => tool !== undefined)
    .filter((tool) => tool.major >= minMajor)
    .sort((a, b) => compareVersions(b.version, a.version))
    .at(0);
}

function candidates(env: NodeJS.ProcessEnv): string[] {
  const onPath = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const name = process.platform === 'win32' ? 'pg_dump.exe' : 'pg_dump';
  const files = [...onPath, ...usualFolders(env)].map((folder) => join(folder, name));
  return [...new Set(files)].filter(isExecutable);
}

/** Where installers put the client tools: below a folder per version. */
function usualFolders(env: NodeJS.ProcessEnv): string[] {
  switch (process.platform) {
    case 'win32': {
      const roots = [env['ProgramFiles'], env['ProgramW6432'], env['ProgramFiles(x86)']];
      return roots
        .filter((root) => root !== undefined && isAbsolute(root))
        .flatMap((root) => expand([join(String(root), 'PostgreSQL'), 'bin']));
    }
    case 'darwin':
      return [
        ['/opt/homebrew/opt', 'bin'],
        ['/usr/local/opt', 'bin'],
        ['/Applications/Postgres.app/Contents/Versions', 'bin'],
        ['/Library/PostgreSQL', 'bin'],
        ['/opt/local/lib', 'bin'], // MacPorts,
      ].flatMap(expand);
    default:
      return [
        ['/usr/lib/postgresql', 'bin'],
        ['/usr', 'bin'],
        ['/usr/lib64', 'bin'],
        ['/usr/local', 'bin'],
        ['/opt', 'bin'],
        ['/opt/PostgreSQL', 'bin'],
        ['/home/linuxbrew/.linuxbrew/opt', 'bin'],
      ].flatMap(expand);
  }
}

/** Only folders whose name speaks of PostgreSQL or is a version are looked into. */
function expand([root = '', ...rest]: readonly string[]): string[] {
  try {
    return readdirSync(root)
      .filter((name) => /^(pgsql|postgres|libpq|\d+(\.\d+)*$|latest$)/i.test(name))
      .map((name) => join(root, name, ...rest));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `pg_dump (PostgreSQL) 17.10 (Debian 17.10-1)`; undefined for whatever does not answer like that. */
function askVersion(file: string, env: NodeJS.ProcessEnv): Promise<NativePgDump | undefined> {
  return new Promise((resolve) => {
    execFile(file, ['--version'], { env, timeout: versionWithinMs }, (_error, stdout) => {
      const version = /^pg_dump \([^)]*\) (\d+(?:\.\d+)*)/.exec(stdout)?.[1];
      resolve(version === undefined ? undefined : { file, version, major: Number.parseInt(version, 10) });
    });
  });
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

export interface NativeDump {
  readonly tool: NativePgDump;
  readonly spec: ConnectionSpec;
  readonly snapshot?: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly onMessage: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

/** The program could not be started at all (missing library, wrong architecture …): another tool may do. */
export class ToolNotStarted extends Error {}

/**
 * Runs a native pg_dump and gives its output, kept in memory: DDL may hold secrets. The password goes by environment,
 * which other users cannot read, never by argv.
 * @throws Fault FF300; FF509 when aborted, after the program ended. {@link ToolNotStarted}.
 */
export function dumpNative(options: NativeDump): Promise<string> {
  const { tool, spec, snapshot, args, signal, onMessage } = options;
  const snapshotArgs = snapshot === undefined ? [] : [`--snapshot=${snapshot}`];
  const child = spawn(tool.file, ['--no-password', ...args, ...snapshotArgs], {
    env: childEnvironment(spec, options.env ?? process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const output: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return new Promise((resolve, reject) => {
    let killer: NodeJS.Timeout | undefined;
    // On SIGTERM pg_dump cancels its query at the server before it ends.
    const onAbort = () => {
      child.kill('SIGTERM');
      killer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = () => {
      clearTimeout(killer);
      signal.removeEventListener('abort', onAbort);
    };
    child.on('error', (error) => {
      settle();
      reject(new ToolNotStarted(error.message));
    });
    child.on('close', (code) => {
      settle();
      const lines = stderr.split(/\r?\n/).filter((line) => line !== '');
      for (const line of lines) onMessage(line);
      if (signal.aborted) reject(new Fault('FF509', 'the dump was interrupted'));
      else if (code === 0) resolve(unixLines(Buffer.concat(output).toString('utf8')));
      else if (code === 127 || code === 126) reject(new ToolNotStarted(lines.join('; ')));
      else reject(dumpFault(lines, spec));
    });
  });
}

/** On Windows the C library makes CR LF of every LF on stdout; undoing it leaves the CR LF of string literals whole. */
function unixLines(text: string): string {
  return text.startsWith('--\r\n') ? text.replaceAll('\r\n', '\n') : text;
}

/** The connection by PG* variables, and none of those the user happens to have set. */
function childEnvironment(spec: ConnectionSpec, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const clean = Object.entries(env).filter(([name]) => !/^PG[A-Z]/i.test(name));
  const hostaddr = spec.hosts.some((host) => host.hostaddr !== undefined)
    ? { PGHOSTADDR: spec.hosts.map((host) => host.hostaddr ?? '').join(',') }
    : {};
  return {
    ...Object.fromEntries(clean),
    LC_ALL: 'C',
    PGAPPNAME: 'flexferry dump',
    PGHOST: spec.hosts.map((host) => host.host).join(','),
    PGPORT: spec.hosts.map((host) => host.port).join(','),
    ...hostaddr,
    PGUSER: spec.user,
    PGDATABASE: spec.database,
    PGSSLMODE: spec.sslmode,
    PGCONNECT_TIMEOUT: String(spec.connectTimeout || 15),
    PGCLIENTENCODING: 'UTF8',
    ...(spec.password !== undefined && { PGPASSWORD: spec.password }),
    ...(spec.sslrootcert !== undefined && { PGSSLROOTCERT: spec.sslrootcert }),
    ...(spec.sslcert !== undefined && { PGSSLCERT: spec.sslcert }),
    ...(spec.sslkey !== undefined && { PGSSLKEY: spec.sslkey }),
    ...(spec.options !== undefined && { PGOPTIONS: spec.options }),
    ...(spec.channelBinding !== undefined && { PGCHANNELBINDING: spec.channelBinding }),
    ...(spec.targetSessionAttrs !== undefined && { PGTARGETSESSIONATTRS: spec.targetSessionAttrs }),
  };
}
