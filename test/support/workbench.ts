/**
 * A real VS Code for tests, screenshots and the demo: its server from npm, opened in Chromium.
 * What has to be installed for it is test/vscode-host/install.mjs.
 */
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { browserPaths, hostPaths } from '../vscode-host/install.mjs';
import { privateEnvironment } from './privateEnvironment.js';

export type Release = 'newest' | 'oldest';

/** A workbench that shows the extension and nothing else. */
const quietSettings: Readonly<Record<string, unknown>> = {
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.editor.useModal': 'off',
  'window.menuBarVisibility': 'compact',
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  // The web workbench saves after a delay by default: it would write into the files of a test.
  'files.autoSave': 'off',
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'remote.autoForwardPorts': false,
};

/** Installs a packaged extension into the folder of a server that is then started on it. */
export async function installVsix(
  vsix: string,
  directory: string,
  release: Release = 'newest',
): Promise<void> {
  const { node, serverMain } = hostPaths(release);
  const home = join(directory, 'home');
  const args = [serverMain, '--accept-server-license-terms', '--server-data-dir', directory];
  args.push('--extensions-dir', join(directory, 'extensions'), '--install-extension', vsix, '--force');
  await promisify(execFile)(node, args, { env: privateEnvironment(home), timeout: 60_000 });
}

export interface ServerOptions {
  readonly release?: Release;
  /** The server's own folder, made (and at the end removed) if not given. */
  readonly directory?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** False leaves workspace trust on, so that a folder opens restricted. */
  readonly trusted?: boolean;
}

export interface WorkbenchServer {
  readonly directory: string;
  readonly port: number;
  readonly url: string;
  /** The address of a workbench with this folder, or an empty window. `payload` are VS Code's own start options. */
  address(folder?: string, payload?: readonly (readonly [string, string])[]): string;
  /** A path of this machine as the workbench names it. */
  remote(path: string): string;
  /** What the server has written so far. */
  log(): string;
  /** Rejects when the server ends by itself; never resolves. */
  readonly ended: Promise<never>;
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}

/** A process with a group of its own, so that ending it also ends a hung extension host. */
function startGroup(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, name);
    } catch {
      return false;
    }
  };
  const killAtExit = () => void signal('SIGKILL');
  process.on('exit', killAtExit);
  const stop = async () => {
    process.off('exit', killAtExit);
    signal('SIGTERM');
    for (let i = 0; i < 50 && signal(0); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    signal('SIGKILL');
  };
  return { child, stop };
}

function serverArguments(options: ServerOptions, serverMain: string, directory: string): string[] {
  const args = [serverMain, '--host', '127.0.0.1', '--port', '0', '--without-connection-token'];
  args.push('--accept-server-license-terms', '--telemetry-level', 'off');
  args.push('--server-data-dir', directory, '--extensions-dir', join(directory, 'extensions'));
  if (options.trusted !== false) args.push('--disable-workspace-trust');
  return [...args, ...(options.args ?? [])];
}

/** Starts VS Code's own server on a free port of the loopback interface. */
export async function startServer(options: ServerOptions = {}): Promise<WorkbenchServer> {
  const { node, serverMain, vscode } = hostPaths(options.release ?? 'newest');
  if (!existsSync(serverMain))
    throw new Error(`no VS Code at ${vscode}: run node test/vscode-host/install.mjs`);
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'ff-code-'));
  for (const name of ['home', 'data/User', 'data/Machine', 'extensions'])
    mkdirSync(join(directory, name), { recursive: true });
  const settings = JSON.stringify({ ...quietSettings, ...options.settings }, null, 2);
  writeFileSync(join(directory, 'data/User/settings.json'), settings);
  // Settings of the scope "machine" are read from there alone.
  writeFileSync(join(directory, 'data/Machine/settings.json'), JSON.stringify(options.settings ?? {}));
  const env = privateEnvironment(join(directory, 'home'), options.env);
  const { child, stop } = startGroup(node, serverArguments(options, serverMain, directory), env);
  let output = '';
  const file = createWriteStream(join(directory, 'server.log'));
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the VS Code server ended (${code})\n${output}`)));
  });
  ended.catch(() => undefined);
  const listening = new Promise<number>((resolve) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      file.write(chunk);
      const found = /Extension host agent listening on (\d+)/.exec(output);
      if (found) resolve(Number(found[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
  });
  const late = () => `the VS Code server does not start\n${output}`;
  const port = await within(60_000, Promise.race([listening, ended]), late).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    directory,
    port,
    url: `http://localhost:${port}`,
    ended,
    log: () => output,
    remote: (path) => `vscode-remote://localhost:${port}${path}`,
    address: (folder, payload = []) => workbenchAddress(port, folder, payload),
    stop: async ({ keep = false } = {}) => {
      await stop();
      file.end();
      if (!keep) rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

function workbenchAddress(
  port: number,
  folder: string | undefined,
  payload: readonly (readonly [string, string])[],
): string {
  const address = new URL(`http://localhost:${port}`);
  if (folder !== undefined) address.searchParams.set('folder', folder);
  else address.searchParams.set('ew', 'true');
  if (payload.length > 0) address.searchParams.set('payload', JSON.stringify(payload));
  return address.href;
}

/** Rejects with what `message` says where `work` takes longer than `milliseconds`. */
export async function within<T>(milliseconds: number, work: Promise<T>, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A browser without a window. `directory` takes its profile and goes away with the server's. */
export async function launchBrowser(directory: string): Promise<Browser> {
  const { executablePath, env } = browserPaths();
  const home = join(directory, 'browser');
  mkdirSync(home, { recursive: true });
  const quiet = [
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({
    executablePath,
    env: definedValues(privateEnvironment(home, env)),
    // Root may not have a sandbox; containers have neither a GPU nor a large /dev/shm.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', ...quiet],
  });
}

function definedValues(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export interface ContextOptions {
  /** Pixels of one CSS pixel: 2 for sharp screenshots. */
  readonly scale?: number;
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/**
 * A browser context whose workbench keeps its secrets across reloads: the front ends of VS Code's hosts give the
 * browser a key for them, the bare server does not.
 */
export async function newContext(browser: Browser, options: ContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    deviceScaleFactor: options.scale ?? 1,
    colorScheme: options.colorScheme ?? 'dark',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(20_000);
  const key = Buffer.alloc(32, 7);
  await context.route('**/mint-key', (route) =>
    route.fulfill({ status: 200, contentType: 'application/octet-stream', body: key }),
  );
  return context;
}
