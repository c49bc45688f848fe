/**
 * What a script needs before the project's own dependencies are there: running npm, and telling whether an
 * installation is still the one that its lock file describes. Plain Node, no dependency.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Settings of an outer `npm run` that must not leak into an installation somewhere else. */
function npmEnvironment() {
  const env = { ...process.env };
  for (const key of Object.keys(env)) {
    if (/^npm_(package|lifecycle)_|^npm_config_(local_prefix|prefix|legacy_peer_deps|workspace)/.test(key))
      delete env[key];
  }
  return env;
}

/**
 * Runs npm and shows its output only where it fails.
 * @param {string} cwd
 * @param {string[]} args
 */
export function npm(cwd, args) {
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-update-notifier'];
  const result = spawnSync('npm', [...args, ...quiet], {
    cwd,
    env: npmEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    const why = result.error?.message ?? `${result.stdout}\n${result.stderr}`.trim();
    throw new Error(`npm ${args.join(' ')} failed in ${cwd}:\n${why}`);
  }
}

/** @param {string[]} files Missing files count as empty. */
export function fingerprint(files) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const file of files) hash.update(existsSync(file) ? readFileSync(file) : '');
  return hash.digest('hex').slice(0, 16);
}

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Two scripts may want the same installation at once: the second one waits for the first. */
async function exclusively(lock, work) {
  const end = Date.now() + 10 * 60_000;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (holder > 0 && !alive(holder)) rmSync(lock, { force: true });
    else if (Date.now() > end) throw new Error(`process ${holder} has held ${lock} for ten minutes`);
    else await new Promise((resolve) => setTimeout(resolve, 300));
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * Runs `install` unless it ended well before for the same inputs.
 * @param {{ name: string, folder: string, inputs: string[], install: () => void | Promise<void>, log?: (line: string) => void }} options
 * @returns {Promise<boolean>} whether something was installed
 */
export async function installOnce({ name, folder, inputs, install, log = console.log }) {
  const stamp = join(folder, '.ready');
  const wanted = fingerprint(inputs);
  const isReady = () => existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === wanted;
  if (isReady()) return false;
  mkdirSync(folder, { recursive: true });
  return exclusively(join(folder, '.installing'), async () => {
    if (isReady()) return false;
    rmSync(stamp, { force: true });
    const began = Date.now();
    log(`installing ${name} …`);
    await install();
    writeFileSync(stamp, wanted);
    log(`installed ${name} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
    return true;
  });
}

/** Whether node_modules holds what the lock file describes, by the lock file that npm leaves inside of it. */
function isInstalled(lockFile, modules) {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const here = (list, value) => list === undefined || list.includes(value);
  const ours = new Set(
    Object.keys(wanted[''].optionalDependencies ?? {}).map((name) => `node_modules/${name}`),
  );
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    if (present[path] !== undefined) return present[path].version === entry.version;
    // npm leaves out what does not build or is for another platform or C library: only what we need is looked at.
    return (
      entry.optional === true &&
      !(ours.has(path) && here(entry.os, process.platform) && here(entry.cpu, process.arch))
    );
  });
}

/** The extension's own dependencies, from the lock file; nothing happens where they are there already. */
export async function installDependencies(log = console.log) {
  const lock = join(root, 'package-lock.json');
  const modules = join(root, 'node_modules');
  if (isInstalled(lock, modules)) return;
  const cache = join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  await exclusively(join(cache, 'dependencies.installing'), () => {
    if (isInstalled(lock, modules)) return;
    const began = Date.now();
    log('installing the dependencies (npm ci) …');
    // No package needs its install scripts; one of them compiles for half a minute what is never used.
    npm(root, ['ci', '--include=dev', '--include=optional', '--ignore-scripts']);
    log(`installed the dependencies in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
}
