// Builds every bundle into dist/. `node esbuild.mjs [--watch] [--production]`
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const production = process.argv.includes('--production');
const dist = join(root, 'dist');

/** `vscode` is external in the extension bundle alone, so that an import of it anywhere else breaks the build. */
const node = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outdir: dist,
  minify: production,
  sourcemap: !production,
  legalComments: 'none',
  absWorkingDir: root,
  logLevel: 'warning',
  external: ['pg-native'],
  // Its other build asks for its parts at run time, where they are not.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
};
/**
 * `import * as vscode` becomes a plain `require`. esbuild would copy the some 450 properties of `vscode` for each of the
 * importing files: 30 of the 50 ms that activation then took.
 * @type {import('esbuild').Plugin}
 */
const vscodeAsItIs = {
  name: 'vscode as it is',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]src[/\\]extension[/\\].*\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8').replace(
        /^import \* as vscode from 'vscode';$/m,
        "const vscode = require('vscode');",
      ),
    }));
  },
};
/** @type {import('esbuild').BuildOptions[]} */
const bundles = [
  {
    ...node,
    entryPoints: { extension: 'src/extension/extension.ts' },
    external: ['vscode', './languageClient.js'],
    plugins: [vscodeAsItIs],
    // What is imported late is required: `vscode` is found that way alone.
    supported: { 'dynamic-import': false },
  },
  {
    ...node,
    entryPoints: { languageClient: 'src/extension/editors/review/languageClient.ts' },
    external: ['vscode'],
  },
  { ...node, entryPoints: { engine: 'src/engine/main.ts' } },
  { ...node, entryPoints: { pgDumpWorker: 'src/engine/dump/worker.ts' }, external: ['./pgDumpFactory.mjs'] },
  { ...node, entryPoints: { planWorker: 'src/engine/schema/planWorker.ts' } },
  { ...node, entryPoints: { languageServer: 'src/languageServer/main.ts' } },
  { ...node, entryPoints: { cli: 'src/cli/main.ts' }, banner: { js: '#!/usr/bin/env node' } },
  {
    entryPoints: { dashboard: 'webview/dashboard/main.ts', mapping: 'webview/mapping/main.ts' },
    bundle: true,
    platform: 'browser',
    target: 'chrome128',
    format: 'iife',
    outdir: join(dist, 'webview'),
    minify: production,
    sourcemap: !production,
    legalComments: 'none',
    absWorkingDir: root,
    logLevel: 'warning',
    loader: { '.ttf': 'file' },
    tsconfig: 'webview/tsconfig.json',
  },
].filter((b) => Object.values(b.entryPoints).every((f) => existsSync(join(root, f))));

if (production) rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
copyFileSync(
  join(dirname(require.resolve('libpg-query')), 'libpg-query.wasm'),
  join(dist, 'libpg-query.wasm'),
);
if (existsSync(join(root, 'src/engine/dump/extract.mjs'))) {
  const { extractPgDump } = await import('./src/engine/dump/extract.mjs');
  extractPgDump(dist);
}

if (process.argv.includes('--watch')) {
  for (const b of bundles) await (await context(b)).watch();
} else {
  await Promise.all(bundles.map((b) => build(b)));
}
