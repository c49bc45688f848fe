import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(__dirname, '../..');
const configFile = join(root, '.dependency-cruiser.cjs');

interface Rule {
  readonly name: string;
  readonly from: { readonly path: string };
  readonly to: { readonly path?: string };
}
interface Cruise {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly { resolved: string }[];
  }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { name: string } }[];
  };
}

const { forbidden: rules } = createRequire(__filename)(configFile) as { forbidden: readonly Rule[] };

/** One forbidden import for each rule: a file and what it imports. The imported file is made, too. */
const plants: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'base-imports-upward': ['src/base/a.ts', 'src/protocol/b.ts'],
  'protocol-imports-upward': ['src/protocol/a.ts', 'src/ddl/b.ts'],
  'ddl-imports-upward': ['src/ddl/a.ts', 'src/engine/errors/b.ts'],
  'errors-imports-upward': ['src/engine/errors/a.ts', 'src/engine/postgres/b.ts'],
  'postgres-imports-upward': ['src/engine/postgres/a.ts', 'src/engine/catalog/b.ts'],
  'catalog-imports-upward': ['src/engine/catalog/a.ts', 'src/engine/run/b.ts'],
  'run-imports-upward': ['src/engine/run/a.ts', 'src/engine/copy/b.ts'],
  'phase-imports-upward': ['src/engine/copy/a.ts', 'src/engine/migration.ts'],
  'engine-imports-upward': ['src/engine/a.ts', 'src/cli/b.ts'],
  'cli-imports-upward': ['src/cli/a.ts', 'src/extension/b.ts'],
  'phase-imports-phase': ['src/engine/copy/a.ts', 'src/engine/schema/b.ts'],
  'extension-imports-engine': ['src/extension/a.ts', 'src/engine/errors/b.ts'],
  'webview-imports-host': ['webview/dashboard/a.ts', 'src/extension/b.ts'],
  'only-extension-imports-vscode': ['src/engine/copy/a.ts', 'vscode'],
  'only-postgres-imports-pg': ['src/engine/copy/a.ts', 'pg'],
  'only-ddl-imports-parser': ['src/engine/schema/a.ts', 'libpg-query'],
  'product-imports-tests': ['src/engine/a.ts', 'test/support/b.ts'],
  circular: ['src/ddl/a.ts', 'src/ddl/a.ts'],
  unresolvable: ['src/ddl/a.ts', 'src/ddl/nowhere.ts'],
};

/** Runs dependency-cruiser with the project's rules over a tree. */
async function cruise(directory: string, ...args: readonly string[]): Promise<Cruise> {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const options = ['--config', configFile, '--output-type', 'json', ...args];
  const child = spawn(process.execPath, [program, ...options], { cwd: directory });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  await new Promise((done) => child.once('close', done));
  assert.notEqual(output, '', errors);
  return JSON.parse(output);
}

function write(directory: string, file: string, text: string): void {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), text);
}

/** Makes a tree that holds nothing but one import. */
function plant(directory: string, [file, imported]: readonly [string, string]): void {
  write(directory, 'tsconfig.json', '{"compilerOptions":{"module":"preserve","moduleResolution":"bundler"}}');
  for (const folder of ['src', 'webview']) mkdirSync(join(directory, folder), { recursive: true });
  if (!imported.includes('/')) {
    if (imported !== 'vscode') {
      write(directory, `node_modules/${imported}/package.json`, `{"name":"${imported}","main":"index.js"}`);
      write(directory, `node_modules/${imported}/index.js`, 'exports.b = 1;');
    }
    write(directory, file, `import * as b from '${imported}';\nexport const a = b;\n`);
    return;
  }
  const isSelf = imported === file;
  const target = isSelf ? file.replace('a.ts', 'b.ts') : imported;
  const specifier = (from: string, to: string) => {
    const path = relative(dirname(from), to).replace(/\.ts$/, '.js');
    return path.startsWith('.') ? path : `./${path}`;
  };
  write(directory, file, `import { b } from '${specifier(file, target)}';\nexport const a = b;\n`);
  const back = `import { a } from '${specifier(target, file)}';\nexport const b = (): unknown => a;\n`;
  if (!imported.includes('nowhere')) write(directory, target, isSelf ? back : 'export const b = 1;\n');
}

const sourceFiles = ['src', 'webview'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true }).map((file) => `${folder}/${String(file)}`),
);

test('the project keeps its import rules', async () => {
  const { summary, modules } = await cruise(root, 'src', 'webview');
  assert.ok(modules.length > 50, `only ${modules.length} modules were looked at`);
  assert.deepEqual(
    summary.violations.map((violation) => `${violation.rule.name}: ${violation.from}`),
    [],
  );
});

test('every rule has a planted violation', () => {
  assert.deepEqual(Object.keys(plants).sort(), rules.map((rule) => rule.name).sort());
});

for (const rule of rules) {
  test(`${rule.name} is about files that exist`, () => {
    const matches = (pattern: string) => sourceFiles.some((file) => new RegExp(pattern).test(file));
    assert.ok(matches(rule.from.path), `no file matches "from" ${rule.from.path}`);
    const to = rule.to.path;
    // Packages and tests are no source files: that they are found is what the planted violation shows.
    if (to === undefined || /node_modules|test\//.test(to)) return;
    for (const part of to.split('|^')) {
      const pattern = part.startsWith('^') ? part : `^${part}`;
      if (hasBalancedParentheses(pattern)) assert.ok(matches(pattern), `no file matches "to" ${pattern}`);
    }
    assert.ok(matches(to), `no file matches "to" ${to}`);
  });

  test(`${rule.name} is caught`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ff-rule-'));
    try {
      const planted = plants[rule.name];
      assert.ok(planted, 'no planted violation');
      plant(directory, planted);
      const { summary } = await cruise(directory, 'src', 'webview');
      const caught = summary.violations.map((violation) => violation.rule.name);
      assert.ok(caught.includes(rule.name), `caught ${JSON.stringify(caught)}`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

const hasBalancedParentheses = (text: string): boolean =>
  [...text].filter((c) => c === '(').length === [...text].filter((c) => c === ')').length;
