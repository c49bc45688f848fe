/**
 * Runs the suites of test/extension/suite inside the extension host of a real VS Code:
 * `node --import tsx test/extension/run.ts [newest|oldest] [--counts FILE]`. FLEXFERRY_TEST_GREP chooses tests by a
 * pattern; --counts takes how many passed, failed and were skipped, for test/run.mjs.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { type DemoServers, startDemoServers } from '../demo/servers.js';
import {
  launchBrowser,
  type Release,
  startServer,
  type WorkbenchServer,
  within,
} from '../support/workbench.js';
import type { ResultLine } from './results.js';

const root = resolve(__dirname, '../..');
/** Bounds one release's whole suite. */
const limit = 5 * 60_000;

/** Compiles the suites to CommonJS into `directory`, with `vscode` and mocha left to the host. */
async function compile(directory: string): Promise<void> {
  const suites = readdirSync(join(__dirname, 'suite')).filter((file) => file.endsWith('.test.ts'));
  await build({
    entryPoints: [join(__dirname, 'index.ts'), ...suites.map((file) => join(__dirname, 'suite', file))],
    outbase: __dirname,
    outdir: directory,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: 'inline',
    // Native packages and mocha are resolved from the project's node_modules at run time.
    external: ['vscode', 'mocha', 'pg-native'],
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    logLevel: 'warning',
    absWorkingDir: root,
  });
}

function readLines(file: string): ResultLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line): ResultLine => JSON.parse(line));
}

function report(lines: readonly ResultLine[]): void {
  for (const line of lines) {
    if (line.event === 'pass') console.log(`  ✔ ${line.title} (${line.milliseconds} ms)`);
    if (line.event === 'skip') console.log(`  ﹣ ${line.title} # SKIP`);
    if (line.event === 'fail') console.log(`  ✖ ${line.title}\n    ${line.error.replaceAll('\n', '\n    ')}`);
    if (line.event === 'note') console.log(`  ℹ ${line.text}`);
  }
}

/** Opens a workbench whose extension host runs the compiled suites; resolves to the code that VS Code gives. */
async function openHost(server: WorkbenchServer, browser: Browser, compiled: string): Promise<number> {
  const page = await browser.newPage();
  const ended = new Promise<number>((done, failed) => {
    page.exposeFunction('codeAutomationExit', (code: number) => done(code)).catch(failed);
  });
  await page.exposeFunction('codeAutomationLog', (type: string, parts: unknown[]) => {
    if (process.env['FLEXFERRY_TEST_DEBUG']) console.error(`[${type}]`, ...parts);
  });
  const payload = [
    ['extensionDevelopmentPath', server.remote(process.env['FLEXFERRY_TEST_EXTENSION'] ?? root)],
    ['extensionTestsPath', server.remote(join(compiled, 'index'))],
    ['skipWelcome', 'true'],
  ] as const;
  await page.goto(server.address(mkdirs(join(server.directory, 'workspace')), payload));
  return within(limit, Promise.race([ended, server.ended]), () => 'the extension host is still running');
}

/** What the suites find in their environment: a source with the sample, a Flexible Server twin, and their password. */
const serverVariables = (servers: DemoServers): Record<string, string> => ({
  FLEXFERRY_TEST_SOURCE: servers.source,
  FLEXFERRY_TEST_TARGET: servers.target,
  FLEXFERRY_TEST_PASSWORD: servers.password,
});

/** Runs the suites to their end or to the host's; says what went wrong with the host itself. */
async function runHost(
  release: Release,
  directory: string,
  results: string,
  compiled: string,
): Promise<number> {
  const servers = await startDemoServers();
  try {
    await compile(compiled);
    const variables = { FLEXFERRY_TEST_RESULTS: results, FLEXFERRY_TEST_RELEASE: release };
    const env = { ...variables, ...serverVariables(servers) };
    // Without the driver a built VS Code ignores the two extension paths of the address.
    const server = await startServer({ release, directory, env, args: ['--enable-smoke-test-driver'] });
    const browser = await launchBrowser(directory);
    try {
      return await openHost(server, browser, compiled);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      console.error(server.log().slice(-3000));
      return 2;
    } finally {
      await browser.close();
      await server.stop({ keep: true });
    }
  } finally {
    await servers.stop();
  }
}

async function runSuite(release: Release): Promise<number> {
  // Inside the project, so that the suites resolve mocha and the like from its node_modules.
  const compiled = mkdtempSync(join(mkdirs(join(root, 'out')), 'extension-'));
  const directory = mkdtempSync(join(tmpdir(), 'ff-host-'));
  const results = join(directory, 'results.jsonl');
  try {
    const exitCode = await runHost(release, directory, results, compiled);
    const lines = readLines(results);
    report(lines);
    // A host that was killed says 0: only the record of the end proves that every test ran.
    const reachedEnd = lines.some((line) => line.event === 'end');
    if (!reachedEnd) console.error('the extension host did not reach the end of the suite');
    const failed = count(lines, 'fail') + (reachedEnd ? 0 : 1);
    const counts = { passed: count(lines, 'pass'), failed, skipped: count(lines, 'skip') };
    if (countsFile === undefined) console.log(counts);
    else writeFileSync(countsFile, JSON.stringify(counts));
    return failed > 0 || exitCode !== 0 ? 1 : 0;
  } finally {
    rmSync(compiled, { recursive: true, force: true });
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

const count = (lines: readonly ResultLine[], event: ResultLine['event']): number =>
  lines.filter((line) => line.event === event).length;

function mkdirs(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

const [release = 'newest', flag, file] = process.argv.slice(2);
const countsFile = flag === '--counts' ? file : undefined;
if (release !== 'newest' && release !== 'oldest') throw new Error(`unknown release ${release}`);
runSuite(release).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
