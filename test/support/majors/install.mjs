// Installs the PostgreSQL majors of the whole matrix (see package.json beside it). Does nothing when they are there.
// Plain Node without dependencies: it runs before anything is installed. Safe to run several times at once.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const lock = join(folder, '.installing');
const waitLimitMs = 15 * 60_000;

/** True when each package of the lock file is installed in the version it names, or this platform has none. */
export function installed() {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).every(([path, entry]) => {
    if (path === '' || !entry.os.includes(process.platform) || !entry.cpu.includes(process.arch)) return true;
    const manifest = join(folder, path, 'package.json');
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === entry.version;
  });
}

/** Runs `npm ci` there once, whoever calls; resolves when the majors are installed, rejects after 15 minutes. */
export async function install() {
  const started = Date.now();
  while (!installed()) {
    if (takeLock()) {
      try {
        if (!installed()) await npmCi();
        return;
      } finally {
        rmSync(lock, { recursive: true, force: true });
      }
    }
    if (Date.now() - started > waitLimitMs) throw new Error(`gave up waiting for ${lock}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function takeLock() {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (ownerIsGone()) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function ownerIsGone() {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // The owner makes the folder first and its pid file a moment later; only an old folder without one is left over.
    return error.code === 'ENOENT' && existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 10_000;
  }
}

function npmCi() {
  return new Promise((resolve, reject) => {
    // Postinstall steps only make symbolic links, which the tests make themselves where npm skips them.
    const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      shell: process.platform === 'win32',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (data) => {
      errors = (errors + data).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci in ${folder} ended with ${code}: ${errors}`)),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await install();
