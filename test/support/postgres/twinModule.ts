import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Major } from './embedded.js';

const code = join(__dirname, 'twinReplication.c');

/**
 * The module that lets the twin's admin give itself REPLICATION, compiled once for each major; undefined where there
 * is no C compiler. Then the twin refuses it, as any PostgreSQL does.
 */
export function replicationModule(major: Major): string | undefined {
  const text = readFileSync(code);
  const stamp = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `flexferry-twin-${process.getuid?.() ?? 'user'}-${stamp}`);
  const file = join(folder, `replication-${major}.so`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // A server loads it: nobody else may have put it there.
  if (statSync(folder).uid !== process.getuid?.()) return undefined;
  if (existsSync(file)) return file;
  const made = `${file}.${process.pid}`;
  const args = ['-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', `-DPG_MAJOR=${major}`, '-o', made, code];
  if (spawnSync('cc', args, { stdio: 'ignore' }).status !== 0) return undefined;
  chmodSync(made, 0o755);
  renameSync(made, file);
  return file;
}
