/** `npm run lint`: types, lint and format, import rules. Every check runs to its end; the exit code tells of all. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installDependencies, root } from '../support/prepare.mjs';

const bin = (path) => join(root, 'node_modules', path);
const tsc = bin('typescript/bin/tsc');
const cruiser = bin('dependency-cruiser/bin/dependency-cruise.mjs');

const checks = [
  ['types of src and test', [tsc, '-p', '.']],
  ['types of webview', [tsc, '-p', 'webview']],
  ['types of test/extension', [tsc, '-p', 'test/extension']],
  ['lint and format', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']],
  ['import rules', [cruiser, '--config', '.dependency-cruiser.cjs', 'src', 'webview']],
];

function run([name, args]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ name, ok: false, output: error.message }));
    child.once('close', (code) => resolve({ name, ok: code === 0, output }));
  });
}

async function main() {
  await installDependencies();
  const results = await Promise.all(checks.map(run));
  for (const { name, ok, output } of results) {
    console.log(`${ok ? '✔' : '✖'} ${name}`);
    if (!ok) console.log(output.trim());
  }
  const failed = results.filter((result) => !result.ok).length;
  console.log(
    failed === 0 ? 'lint: nothing found' : `lint: ${failed} of ${results.length} checks found something`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
