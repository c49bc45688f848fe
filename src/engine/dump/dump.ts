import type { ConnectionSpec } from '../../protocol/connection.js';
import type { RelationName } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import { dumpBuiltin } from './builtin.js';
import { redact } from './dumpFault.js';
import { addExtensionSchemas, exactPattern, removeAttver, removeRestrict } from './dumpText.js';
import { extensionsOf } from './extensions.js';
import { dumpNative, findNativePgDump, type NativePgDump, ToolNotStarted } from './native.js';

export interface DumpSchema {
  readonly spec: ConnectionSpec;
  /** server_version_num of the source. */
  readonly versionNum: number;
  /** Of pg_export_snapshot(), by a session that stays open meanwhile. */
  readonly snapshot?: string;
  readonly tool: 'auto' | 'native' | 'builtin';
  /** Exact names; all schemas when absent or empty. */
  readonly includeSchemas?: readonly string[];
  readonly excludeSchemas?: readonly string[];
  /** Left out, and not locked either. */
  readonly excludeRelations?: readonly RelationName[];
  /** What is in the dump beside the objects themselves; {@link defaultContents} if absent. */
  readonly contents?: DumpContents;
  readonly signal: AbortSignal;
  /** Folder of pgDumpWorker.js, pgDumpFactory.mjs and pg_dump.wasm. */
  readonly distDir: string;
  readonly log: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

export interface DumpContents {
  readonly owners: boolean;
  readonly grants: boolean;
  readonly comments: boolean;
  readonly publications: boolean;
  readonly tablespaces: boolean;
}
const defaultContents: DumpContents = {
  owners: false,
  grants: true,
  comments: true,
  publications: false,
  tablespaces: false,
};

/**
 * pg_dump waits for a lock at most so long: an ALTER TABLE that never commits on the source must not hold a migration
 * for ever.
 */
const lockWaitMs = 120_000;
/** The first pg_dump with --extension, needed once schemas are chosen. */
const firstWithExtensionOption = 14;

/**
 * The DDL of one database, pre-data and post-data, as plain SQL text without psql commands: no large objects,
 * subscriptions or security labels; owners, privileges, comments, publications and tablespaces as `contents` says.
 * Nothing is written to disk.
 * @throws Fault FF300 (pg_dump failed), FF301 (no native one), FF1xx, FF509 when aborted.
 */
export async function dumpSchema(options: DumpSchema): Promise<{ sql: string; tool: string }> {
  const args = await dumpArguments(options);
  const native = await chooseNative(options);
  if (native !== undefined) {
    try {
      const { spec, snapshot, signal, env } = options;
      const onMessage = (line: string) => options.log(redact(line, spec));
      const sql = await dumpNative({
        tool: native,
        spec,
        args,
        signal,
        onMessage,
        ...(snapshot !== undefined && { snapshot }),
        ...(env && { env }),
      });
      return { sql: finish(removeAttver(sql)), tool: `${native.file} ${native.version}` };
    } catch (error) {
      if (!(error instanceof ToolNotStarted)) throw error;
      const message = `${native.file} cannot be started: ${redact(error.message, options.spec)}`;
      if (options.tool === 'native') throw new Fault('FF301', message);
      options.log(`${message}; the built-in pg_dump is used instead`);
    }
  }
  const { spec, snapshot, signal, distDir, log } = options;
  const onMessage = (line: string) => log(redact(line, spec));
  const sql = await dumpBuiltin({
    spec,
    args,
    signal,
    distDir,
    onMessage,
    ...(snapshot !== undefined && { snapshot }),
  });
  const version = /^-- Dumped by pg_dump version (\S+)/m.exec(sql)?.[1] ?? '';
  return { sql: finish(sql), tool: `built-in pg_dump ${version}`.trim() };
}

async function chooseNative(options: DumpSchema): Promise<NativePgDump | undefined> {
  if (options.tool === 'builtin') return undefined;
  const schemas = [
    ...(options.includeSchemas ?? []),
    ...(options.excludeSchemas ?? []),
    ...(options.excludeRelations ?? []).flatMap(({ schema, name }) => [schema, name]),
  ];
  // argv of a Windows program loses what the code page of the system lacks.
  const nameSafe = process.platform !== 'win32' || schemas.every((name) => /^[ -~]*$/.test(name));
  const filtered = (options.includeSchemas?.length ?? 0) > 0;
  const sourceMajor = Math.floor(options.versionNum / 10_000);
  const minMajor = Math.max(
    sourceMajor,
    filtered ? firstWithExtensionOption : 0,
    options.tool === 'auto' ? firstWithBatchedLocks : 0,
  );
  const found = nameSafe ? await findNativePgDump(minMajor, options.env) : undefined;
  if (found !== undefined || options.tool === 'auto') return found;
  throw new Fault('FF301', `no native pg_dump of version ${minMajor} or newer was found`);
}

/** Older ones lock one table a round trip: over a distance the built-in one is several times as fast. */
const firstWithBatchedLocks = 16;

async function dumpArguments(options: DumpSchema): Promise<string[]> {
  const { contents = defaultContents, includeSchemas: include = [] } = options;
  const extensions = include.length === 0 ? [] : await neededExtensions(options, include);
  return [
    '--section=pre-data',
    '--section=post-data',
    ...(contents.owners ? [] : ['--no-owner']),
    ...(contents.grants ? [] : ['--no-privileges']),
    ...(contents.comments ? [] : ['--no-comments']),
    ...(contents.publications ? [] : ['--no-publications']),
    ...(contents.tablespaces ? [] : ['--no-tablespaces']),
    '--no-subscriptions',
    '--no-security-labels',
    '-B',
    '--encoding=UTF8',
    `--lock-wait-timeout=${lockWaitMs}`,
    ...include.map((name) => `--schema=${exactPattern(name)}`),
    ...(options.excludeSchemas ?? []).map((name) => `--exclude-schema=${exactPattern(name)}`),
    ...(options.excludeRelations ?? []).map(
      ({ schema, name }) => `--exclude-table=${exactPattern(schema)}.${exactPattern(name)}`,
    ),
    ...extensions.map((name) => `--extension=${exactPattern(name)}`),
  ];
}

async function neededExtensions(options: DumpSchema, schemas: readonly string[]): Promise<readonly string[]> {
  const session = await connect(options.spec, 'dump', { signal: options.signal, side: 'source' });
  try {
    return await extensionsOf(session, schemas);
  } finally {
    await session.close();
  }
}

function finish(sql: string): string {
  return addExtensionSchemas(removeRestrict(sql));
}
