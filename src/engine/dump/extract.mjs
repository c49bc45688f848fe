// Build step. The npm package's own function cannot speak to a real server, but the Emscripten module inside it can;
// its factory is not exported, so it is re-exported here. Fails the build when the package changes its shape.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Writes pgDumpFactory.mjs, pg_dump.wasm and their licence into `distDir`. */
export function extractPgDump(distDir) {
  const source = dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite-tools'));
  const chunks = readdirSync(source).filter((name) => /^chunk-.*\.js$/.test(name));
  if (chunks.length !== 1) throw new Error(`@electric-sql/pglite-tools: one chunk expected, found ${chunks}`);
  const text = readFileSync(join(source, chunks[0]), 'utf8');
  const factory = /await ([\w$]+)\(\{noExitRuntime:/.exec(text)?.[1];
  const exported = /export\{[\w$]+ as \w+\};?/;
  if (factory === undefined || !exported.test(text)) {
    throw new Error('@electric-sql/pglite-tools: the module factory was not found in its bundle');
  }
  const module = text
    .replace(exported, `export{${factory} as default};`)
    .replace(/\/\/# sourceMappingURL.*$/m, '');
  mkdirSync(distDir, { recursive: true });
  writeFileSync(join(distDir, 'pgDumpFactory.mjs'), module);
  copyFileSync(join(source, 'pg_dump.wasm'), join(distDir, 'pg_dump.wasm'));
  copyFileSync(join(source, '..', 'LICENSE'), join(distDir, 'pg_dump.LICENSE.txt'));
}
