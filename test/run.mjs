/**
 * `npm test`: installs what is missing, builds, runs every suite and ends with `N passed, N failed`.
 *
 *   npm test -- unit postgres          only these suites: unit, architecture, postgres, extension, extension-oldest, ui
 *   npm test -- test/unit/x.test.ts    only these files
 *   npm test -- unit --grep "splits"   only tests whose name matches
 *   npm test -- --all                  with every major of PostgreSQL, as CI=true does
 *
 * Plain Node: it works right after `git clone`, when nothing is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { installDependencies, root } from './support/prepare.mjs';

/** Bounds a suite that hangs, in milliseconds. */
const suiteLimit = 40 * 60_000;

/**
 * What each suite needs and how it is run. `folder`: node:test files below it; `release`: the extension-host suite in
 * that VS Code.
 */
const suites = {
  unit: { folder: 'test/unit', needs: ['build'] },
  architecture: { folder: 'test/architecture', needs: ['build', 'vsix'] },
  postgres: { folder: 'test/postgres', needs: ['build', 'majors'] },
  extension: { release: 'newest', needs: ['build', 'newest', 'browser'] },
  'extension-oldest': { release: 'oldest', needs: ['build', 'oldest', 'browser'] },
  ui: { folder: 'test/ui', concurrency: 1, needs: ['build', 'vsix', 'newest', 'oldest', 'browser'] },
};

function parseArguments(args) {
  const options = { suites: [], files: [], all: process.env.CI === 'true', grep: undefined };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i];
    if (argument === '--all') options.all = true;
    else if (argument === '--grep') options.grep = args[++i];
    else if (argument in suites) options.suites.push(argument);
    else if (argument.endsWith('.test.ts') && existsSync(argument))
      options.files.push(relative(root, join(process.cwd(), argument)));
    else
      throw new Error(
        `unknown argument ${argument}: ${Object.keys(suites).join(', ')}, a test file, --grep PATTERN or --all`,
      );
  }
  const ofFiles = Object.keys(suites).filter((name) => options.files.some((file) => inSuite(file, name)));
  const chosen = [...new Set([...options.suites, ...ofFiles])];
  return { ...options, suites: chosen.length > 0 ? chosen : Object.keys(suites) };
}

const inSuite = (file, name) =>
  suites[name].folder !== undefined && file.startsWith(`${suites[name].folder}/`);

function testFiles(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { recursive: true }).map(String);
  return entries
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file))
    .sort();
}

let running;

/** Runs a program with its output shown; its own process group, so that whatever it started ends with it. */
function run(command, args, env = {}, limit = suiteLimit) {
  const inherited = { ...process.env };
  delete inherited.NODE_TEST_CONTEXT;
  const child = spawn(command, args, {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
  });
  running = child;
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      console.error(`\nstopped after ${limit / 60_000} minutes: ${command} ${args.join(' ').slice(0, 200)}`);
      endGroup(child, 'SIGKILL');
    }, limit);
    const end = (code) => {
      clearTimeout(timer);
      running = undefined;
      resolve(code ?? 1);
    };
    child.once('error', (error) => {
      console.error(error.message);
      end(1);
    });
    child.once('exit', end);
  });
}

function endGroup(child, signal) {
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch {
    // It has ended already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    if (running) endGroup(running, signal);
    console.error(`\ninterrupted by ${signal}`);
    process.exit(130);
  });
}

async function prepare(options) {
  await installDependencies();
  const needs = new Set(options.suites.flatMap((name) => suites[name].needs));
  const host = await import('./vscode-host/install.mjs');
  await host.installParts(['newest', 'oldest', 'browser'].filter((part) => needs.has(part)));
  if (needs.has('majors') && options.all) {
    const majors = await import('./support/majors/install.mjs');
    if (!majors.installed()) console.log('installing every major of PostgreSQL …');
    await majors.install();
  }
  const env = { FLEXFERRY_TEST_MAJORS: options.all ? 'all' : 'default' };
  if (needs.has('vsix')) {
    const { packageExtension } = await import('./support/package.mjs');
    mkdirSync(join(root, 'out'), { recursive: true });
    const vsix = await packageExtension(join(root, 'out/flexferry-test.vsix'));
    console.log(`packaged ${relative(root, vsix.path)}, ${vsix.megabytes.toFixed(1)} MB`);
    return { ...env, FLEXFERRY_TEST_VSIX: vsix.path };
  }
  if ((await run(process.execPath, ['esbuild.mjs'])) !== 0) throw new Error('the build failed');
  return env;
}

function readCounts(file) {
  if (!existsSync(file) || statSync(file).size === 0) return undefined;
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
async function runSuite(name, options, env, counts) {
  const suite = suites[name];
  const command = commandOf(suite, name, options, counts);
  if (command === undefined) {
    console.error(`suite ${name} has no tests`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const code = await run(
    process.execPath,
    command,
    options.grep === undefined ? env : { ...env, FLEXFERRY_TEST_GREP: options.grep },
  );
  const result = readCounts(counts);
  if (result === undefined) {
    console.error(`suite ${name} ended with ${code} before it could say what it saw`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A non-zero end without a failed test is a failure that nobody counted.
  return code !== 0 && result.failed === 0 ? { ...result, failed: 1 } : result;
}

function commandOf(suite, name, options, counts) {
  if (suite.release !== undefined)
    return ['--import', 'tsx', 'test/extension/run.ts', suite.release, '--counts', counts];
  const chosen = options.files.filter((file) => inSuite(file, name));
  const files = chosen.length > 0 ? chosen : testFiles(suite.folder);
  if (files.length === 0) return undefined;
  return [
    ...['--import', 'tsx', '--test', `--test-concurrency=${suite.concurrency ?? 2}`],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=./test/support/countReporter.mjs', `--test-reporter-destination=${counts}`],
    ...(options.grep === undefined ? [] : [`--test-name-pattern=${options.grep}`]),
    ...files,
  ];
}

async function main() {
  const began = Date.now();
  const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(0)} s`;
  const options = parseArguments(process.argv.slice(2));
  const env = await prepare(options);
  const temporary = mkdtempSync(join(tmpdir(), 'ff-test-'));
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  try {
    for (const name of options.suites) {
      const start = Date.now();
      console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 60 - name.length))}`);
      const result = await runSuite(name, options, env, join(temporary, `${name}.json`));
      for (const key of Object.keys(total)) total[key] += result[key];
      lines.push(
        `${name.padEnd(18)} ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${seconds(start)}`,
      );
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  console.log(`\n${lines.join('\n')}\nall in ${seconds(began)}`);
  if (total.passed + total.failed === 0) {
    console.error('no test ran');
    process.exitCode = 1;
  }
  if (total.failed > 0) process.exitCode = 1;
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
}

main().catch((error) => {
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
});
