/** Writes pgDumpFactory.mjs, pg_dump.wasm and their licence into `distDir`. */
export function extractPgDump(distDir: string): void;
