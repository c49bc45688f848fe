/**
 * `npm start`: two embedded PostgreSQL servers, a sample database, and a real VS Code with the extension in it.
 *
 *   npm start                          opens a local VS Code if there is one, else one in the browser
 *   npm start -- --browser             the one in the browser, whatever is there
 *   npm start -- --port 8080 --no-open the address to open by hand
 *   npm start -- --headless            runs the migration in the terminal instead and prints what was verified
 *
 * Plain Node: it works right after `git clone`, when nothing is installed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installDependencies, root } from '../support/prepare.mjs';

const usage = 'npm start -- [--headless] [--browser] [--port N] [--no-open]';

function parse(args) {
  const options = { headless: false, browser: false, open: true, port: undefined };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--headless') options.headless = true;
    else if (args[i] === '--browser') options.browser = true;
    else if (args[i] === '--no-open') options.open = false;
    else if (args[i] === '--port' && Number(args[i + 1]) > 0) options.port = Number(args[++i]);
    else throw new Error(`${args[i]} is not understood: ${usage}`);
  }
  return options;
}

/** Runs a program to its end. A Ctrl-C reaches it, too: it cleans up and ends, and so do we. */
function run(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const forward = (signal) => child.kill(signal);
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  process.on('SIGINT', () => undefined);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 1)));
  });
}

async function main() {
  const options = parse(process.argv.slice(2));
  await installDependencies();
  const folder = join(root, '.demo');
  mkdirSync(folder, { recursive: true });
  const demo = ['--import', 'tsx', 'test/demo/demo.ts'];
  if (options.headless) {
    if ((await run(['esbuild.mjs'])) !== 0) throw new Error('the build failed');
    return run([...demo, 'headless']);
  }
  const { packageExtension } = await import('../support/package.mjs');
  const { path } = await packageExtension(join(folder, 'flexferry.vsix'));
  console.log('built and packaged the extension');
  const { findLocalCode } = await import('./localCode.mjs');
  const code = options.browser || options.port !== undefined ? undefined : findLocalCode();
  if (code !== undefined) return run([...demo, 'desktop', path, code]);
  const { installHost } = await import('../vscode-host/install.mjs');
  await installHost('newest');
  return run([...demo, 'browser', path, String(options.port ?? 0), String(options.open)]);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(`demo: ${error.message}`);
    process.exitCode = 1;
  },
);
