/** The demo itself, once everything is installed and built; started by start.mjs, which has the usage. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { privateEnvironment } from '../support/privateEnvironment.js';
import { hostPaths } from '../vscode-host/install.mjs';
import { hasDesktop } from './localCode.mjs';
import { type DemoServers, database, startDemoServers } from './servers.js';

const root = resolve(__dirname, '../..');
const preferredPort = 8765;

/** Resolves at Ctrl-C or another wish to end. */
const interrupted = new Promise<void>((done) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done());
});

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code ?? 1));
  });

/** Runs the migration in the terminal; the exit code is the command line's. */
async function headless(servers: DemoServers): Promise<number> {
  const report = join(root, '.demo/report');
  const target = servers.target.replace('/postgres?', `/${database}?`);
  const args = ['dist/cli.js', 'clone', '--source', servers.source, '--target', target, '--report', report];
  console.log(`\n$ node ${args.join(' ')}\n`);
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PGPASSWORD: servers.password },
    // A Ctrl-C reaches it once, from us: the terminal sends its own to the whole foreground group.
    detached: true,
  });
  void interrupted.then(() => child.kill('SIGINT'));
  const code = await ended(child);
  const result = code === 0 ? 'migrated and verified' : `ended with exit code ${code}`;
  console.log(
    `\ndemo: ${database}, PostgreSQL 13 to a Flexible Server twin on 17: ${result}; report in ${report}`,
  );
  return code;
}

/** What the extension reads once and deletes; only this user may read it. */
function writeServersFile(directory: string, servers: DemoServers): string {
  const file = join(directory, 'servers.json');
  const { password, source, target } = servers;
  const list = [
    { name: 'Harbour (PostgreSQL 13)', role: 'source', connection: source, password },
    { name: 'Flexible Server (PostgreSQL 17)', role: 'target', connection: target, password },
  ];
  writeFileSync(file, JSON.stringify(list), { mode: 0o600 });
  return file;
}

const settings = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
};

function makeFolders(directory: string): {
  workspace: string;
  data: string;
  extensions: string;
  home: string;
} {
  const folders = {
    workspace: join(directory, 'workspace'),
    data: join(directory, 'data'),
    extensions: join(directory, 'extensions'),
    home: join(directory, 'home'),
  };
  for (const folder of [...Object.values(folders), join(folders.data, 'User')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(folders.data, 'User/settings.json'), JSON.stringify(settings, null, 2));
  return folders;
}

function install(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const result = spawnSync(command, args, {
    env,
    encoding: 'utf8',
    timeout: 120_000,
    shell: command.endsWith('.cmd'),
  });
  if (result.status !== 0)
    throw new Error(
      `the extension cannot be installed: ${result.error?.message ?? result.stderr.trim().split('\n').slice(-8).join('\n')}`,
    );
}

/** The local VS Code, with folders of its own, so that the user's own settings and extensions stay untouched. */
async function desktop(servers: DemoServers, directory: string, vsix: string, code: string): Promise<number> {
  const { workspace, data, extensions } = makeFolders(directory);
  const common = ['--user-data-dir', data, '--extensions-dir', extensions];
  if (process.getuid?.() === 0) common.push('--no-sandbox');
  install(code, [...common, '--install-extension', vsix, '--force'], process.env);
  const child = spawn(code, [...common, '--disable-workspace-trust', '--new-window', '--wait', workspace], {
    env: { ...process.env, FLEXFERRY_DEMO_SERVERS: writeServersFile(directory, servers) },
    stdio: 'ignore',
    shell: code.endsWith('.cmd'),
  });
  console.log(
    '\nVS Code opens: click the Flexferry icon in its activity bar. Close its window or press Ctrl-C to end.',
  );
  await Promise.race([ended(child), interrupted]);
  child.kill();
  console.log('\ndemo: ended, both servers are stopped');
  return 0;
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });

const anyPort = (): Promise<number> =>
  new Promise((done) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

async function choosePort(wanted: number): Promise<number> {
  if (wanted > 0) {
    if (await isFree(wanted)) return wanted;
    throw new Error(`port ${wanted} is taken: choose another one with --port`);
  }
  return (await isFree(preferredPort)) ? preferredPort : anyPort();
}

/** VS Code in the browser; code-server's own front end keeps secrets across reloads. */
async function browser(
  servers: DemoServers,
  directory: string,
  vsix: string,
  wantedPort: number,
  open: boolean,
): Promise<number> {
  const { node, frontEnd } = hostPaths('newest');
  const { workspace, data, extensions, home } = makeFolders(directory);
  const port = await choosePort(wantedPort);
  const config = join(directory, 'config.yaml');
  writeFileSync(config, 'auth: none\ncert: false\n');
  const common = [frontEnd, '--config', config, '--user-data-dir', data, '--extensions-dir', extensions];
  const env = privateEnvironment(home);
  install(node, [...common, '--install-extension', vsix, '--force'], env);
  const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'];
  const bind = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-workspace-trust'];
  const child = spawn(node, [...common, ...bind, ...quiet], {
    env: { ...env, FLEXFERRY_DEMO_SERVERS: writeServersFile(directory, servers) },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that its extension hosts end with it.
    detached: true,
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-3000);
  });
  const end = ended(child);
  const endGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has ended already.
    }
  };
  process.on('exit', () => endGroup('SIGKILL'));
  const address = `http://localhost:${port}/?folder=${encodeURIComponent(workspace)}`;
  const isUp = await Promise.race([
    waitFor(`http://127.0.0.1:${port}/healthz`),
    end.then(() => false),
    interrupted.then(() => false),
  ]);
  if (isUp) {
    announce(address, open);
    await Promise.race([end, interrupted]);
  }
  const wasAlive = child.exitCode === null;
  endGroup('SIGTERM');
  await Promise.race([end, new Promise((done) => setTimeout(done, 3000))]);
  endGroup('SIGKILL');
  if (!wasAlive) throw new Error(`VS Code ended by itself:\n${errors}`);
  console.log('\ndemo: ended, VS Code and both servers are stopped');
  return 0;
}

function announce(address: string, open: boolean): void {
  console.log(`
  VS Code with Flexferry is ready. Open this address in a browser of this machine:

      ${address}

  1. Click the Flexferry icon in the activity bar: both servers are registered.
  2. Open the source, right-click the database "${database}" and choose "Migrate to Flexible Server…".
  Everyone who is logged in to this machine can open this address. Press Ctrl-C to end: everything is removed then.
`);
  if (!open || !hasDesktop()) return;
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  spawn(opener, [address], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}

/** Polls until the address answers. */
async function waitFor(address: string): Promise<boolean> {
  const limit = Date.now() + 60_000;
  while (Date.now() < limit) {
    const answered = await fetch(address).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('VS Code does not answer after a minute');
}

async function main(): Promise<number> {
  const [mode, vsix = '', third = '', fourth = ''] = process.argv.slice(2);
  const directory = mkdtempSync(join(tmpdir(), 'ff-demo-'));
  console.log('starting PostgreSQL 13 with the sample database and a Flexible Server twin on 17 …');
  const servers = await startDemoServers();
  try {
    if (mode === 'headless') return await headless(servers);
    if (mode === 'desktop') return await desktop(servers, directory, vsix, third);
    return await browser(servers, directory, vsix, Number(third), fourth === 'true');
  } finally {
    await servers.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  },
);
