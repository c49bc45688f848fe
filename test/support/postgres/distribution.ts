import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chown, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { cacheFolder, serverAccount } from './runFolder.js';

/** The majors there are embedded servers for. */
export const majors = [10, 11, 12, 13, 14, 15, 16, 17, 18] as const;
export type Major = (typeof majors)[number];

/** Installed with the root package; {@link ensureMajor} installs the others. */
export const defaultMajors: readonly Major[] = [13, 17];

/** Ready to run: binaries with their links, and a data folder as initdb leaves it. */
export interface Distribution {
  readonly postgres: string;
  /** initdb's result, UTF8, trust; to be copied. */
  readonly template: string;
  readonly superuser: string;
}

/**
 * `twin`: a copy whose extensions are all trusted, as a Flexible Server lets its admin create them, and whose superuser
 * is azuresu: there is no role postgres there, which dumps like to mention.
 */
export type Variant = 'plain' | 'twin';

const repository = resolve(__dirname, '../../..');

function packageFolder(major: Major): string {
  const owner = defaultMajors.includes(major) ? repository : join(repository, 'test/support/majors');
  return join(owner, 'node_modules', `postgres-${major}`);
}

/** Installs a major that is not there yet (npm, up to a minute); fast otherwise. */
export async function ensureMajor(major: Major): Promise<void> {
  if (existsSync(join(packageFolder(major), 'package.json'))) return;
  if (!defaultMajors.includes(major))
    await run('node', [join(repository, 'test/support/majors/install.mjs')], false);
  if (existsSync(join(packageFolder(major), 'package.json'))) return;
  throw new Error(
    `no embedded PostgreSQL ${major} for ${process.platform}-${process.arch}: npm skips it on other platforms than linux-x64`,
  );
}

export const serverEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  HOME: tmpdir(),
};

/** Runs a program to its end; rejects with its output. */
export async function run(
  command: string,
  args: readonly string[],
  asServer: boolean,
  cwd?: string,
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(asServer ? { ...serverAccount(), env: serverEnvironment } : {}),
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += String(data);
  });
  child.stderr.on('data', (data) => {
    output += String(data);
  });
  await new Promise<void>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`${basename(command)} ended with ${code}: ${output}`)),
    );
  });
}

const prepared = new Map<string, Promise<Distribution>>();

/** Prepares a major once per machine, version and variant: 1.5 s the first time, then nothing. */
export function prepareDistribution(major: Major, variant: Variant = 'plain'): Promise<Distribution> {
  const key = `${major}-${variant}`;
  const known = prepared.get(key) ?? prepare(major, variant);
  prepared.set(key, known);
  known.catch(() => prepared.delete(key));
  return known;
}

async function prepare(major: Major, variant: Variant): Promise<Distribution> {
  await ensureMajor(major);
  const source = packageFolder(major);
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const cache = cacheFolder();
  const native = join(cache, `${version}-${variant}`);
  await once(native, (folder) => copyNative(source, folder, major, variant));
  const superuser = variant === 'twin' ? 'azuresu' : 'postgres';
  const template = join(cache, `${version}-data-${superuser}`);
  await once(template, async (folder) => {
    const account = serverAccount();
    if (account !== undefined) await chown(folder, account.uid, account.gid);
    const options = ['-U', superuser, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
    await run(join(native, 'bin/initdb'), ['-D', folder, ...options], true, folder);
  });
  return { postgres: join(native, 'bin/postgres'), template, superuser };
}

/** Makes a folder by a step that several processes may take at once: the first to rename its own wins. */
async function once(folder: string, make: (temporary: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const temporary = await mkdtemp(`${folder}.`);
  try {
    chmodSync(temporary, 0o755);
    await make(temporary);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/**
 * Links (or copies) the binaries out of node_modules, which may lie below a folder closed to `nobody` and is not ours
 * to change. npm tarballs carry no symbolic links and newer npm skips the postinstall step that makes them.
 */
async function copyNative(source: string, folder: string, major: Major, variant: Variant): Promise<void> {
  const from = `${join(source, 'native')}/.`;
  await run('cp', ['-al', from, folder], false).catch(async () => {
    await run('cp', ['-a', from, folder], false);
  });
  const links = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const target = join(folder, relative('native', link.target));
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) continue;
    await symlink(relative(dirname(target), join(folder, relative('native', link.source))), target);
  }
  for (const program of ['postgres', 'initdb']) chmodSync(join(folder, 'bin', program), 0o755);
  const extensions = join(folder, 'share/postgresql/extension');
  for (const name of readdirSync(extensions)) {
    if (name.endsWith('.control')) rewriteControl(join(extensions, name), major, variant);
  }
}

/** PG10's tarball carries control files of newer majors, whose `trusted` line it does not know. */
function rewriteControl(path: string, major: Major, variant: Variant): void {
  const text = readFileSync(path, 'utf8');
  const untouched = text.replace(/^trusted.*\n?/gm, '');
  const wanted = variant === 'twin' && major >= 13 ? `${untouched.trimEnd()}\ntrusted = true\n` : untouched;
  if (variant === 'plain' && major >= 13) return;
  rmSync(path); // it may be a hard link into node_modules
  writeFileSync(path, wanted, { mode: 0o644 });
}
