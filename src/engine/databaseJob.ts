import type { ConnectionSpec } from '../protocol/connection.js';
import type { OnlineParams, RunParams } from '../protocol/engine.js';
import { compileMapping, type Mapping } from '../protocol/mapping.js';
import { databaseKey, type Project, type ProjectDatabase, type ProjectOptions } from '../protocol/project.js';
import { RelationMap } from '../protocol/relationMap.js';
import { databaseIdentity } from './catalog/server.js';
import { Fault } from './errors/fault.js';
import { resolveConnectionInput } from './postgres/connectionString.js';
import type { DatabaseTracker } from './run/databaseTracker.js';
import type { RunTracker } from './run/runTracker.js';
import { RunSessions } from './run/sessions.js';

/** One database of a run, with everything that is known before the first connection. */
export interface DatabaseJob {
  readonly run: string;
  readonly source: ConnectionSpec;
  readonly target: ConnectionSpec;
  readonly database: ProjectDatabase;
  readonly mapping: Mapping;
  /** Identities of the other sources of the project that go into the same target database. */
  readonly siblings: Set<string>;
  /** Several go into the same target database: what belongs to the database itself comes from the first alone. */
  readonly isFirstOfTarget: boolean;
  /** Another database of the run holds the target database already, for as long as it follows. */
  readonly sharesLock: boolean;
  /** Where extensions lie in the target database, shared by all jobs into it: the first that makes one decides. */
  readonly extensionSchemas: Map<string, string>;
  /** Names that are taken in the target database by relations of the project, with whose; shared in the same way. */
  readonly claims: RelationMap<string>;
  readonly options: ProjectOptions;
  readonly restart: boolean;
  /** Undefined: offline. */
  readonly online: OnlineParams | undefined;
  readonly sessions: RunSessions;
  readonly tracker: DatabaseTracker;
  readonly signal: AbortSignal;
  /** Folder of the bundles: the worker and the WebAssembly files are beside them. */
  readonly distDir: string;
  /** The folder beside the project file: see src/protocol/ddl.ts. */
  readonly directory: string;
}

/** Both servers of a project. Throws FF110, FF112 or FF109 where a connection cannot be read. */
export function resolveServers(params: Pick<RunParams, 'project' | 'sourcePassword' | 'targetPassword'>): {
  source: ConnectionSpec;
  target: ConnectionSpec;
} {
  const resolve = (text: string, password: string | undefined): ConnectionSpec =>
    resolveConnectionInput({ text, ...(password !== undefined && { password }) }).spec;
  const { source, target } = params.project;
  return {
    source: resolve(source.connection, params.sourcePassword),
    target: resolve(target.connection, params.targetPassword),
  };
}

/** Refuses what cannot be run, before anything is begun. Throws FF704. */
export function requireRunnable(project: Project): void {
  for (const database of project.databases) {
    try {
      compileMapping(database);
    } catch (error) {
      throw new Fault('FF704', `${database.source}: ${error instanceof Error ? error.message : ''}`);
    }
  }
}

interface JobHooks {
  readonly signal: AbortSignal;
  readonly distDir: string;
}

export function makeJobs(
  run: string,
  params: Omit<RunParams, 'restart'> & { readonly restart?: boolean },
  servers: { readonly source: ConnectionSpec; readonly target: ConnectionSpec },
  tracker: RunTracker,
  { signal, distDir }: JobHooks,
): DatabaseJob[] {
  const { databases, options } = params.project;
  const shared = new Map(
    databases.map(({ target }) => [
      target,
      { extensionSchemas: new Map<string, string>(), claims: new RelationMap<string>() },
    ]),
  );
  const firstOf = ({ target }: ProjectDatabase): number => databases.findIndex((d) => d.target === target);
  return databases.map((database, index) => {
    const source = { ...servers.source, database: database.source };
    const target = { ...servers.target, database: database.target };
    return {
      run,
      source,
      target,
      database,
      mapping: compileMapping(database),
      siblings: new Set(),
      isFirstOfTarget: firstOf(database) === index,
      sharesLock: firstOf(database) !== index && databases[firstOf(database)]?.mode === 'online',
      extensionSchemas: new Map(),
      claims: new RelationMap(),
      ...shared.get(database.target),
      options,
      restart: params.restart === true,
      online: database.mode === 'online' ? (params.online ?? {}) : undefined,
      sessions: new RunSessions(run, { source, target }, signal),
      tracker: tracker.addDatabase(
        databaseKey(databases, index),
        database.source,
        database.target,
        database.mode === 'online',
      ),
      signal,
      distDir,
      directory: params.directory,
    };
  });
}

/** Several databases may go into one: each has to know the others' checkpoints from strangers'. */
export async function findSiblings(jobs: readonly DatabaseJob[]): Promise<void> {
  for (const job of jobs) {
    for (const other of jobs)
      if (other !== job && other.target.database === job.target.database)
        job.siblings.add(await identifySource(other));
  }
}

async function identifySource(job: DatabaseJob): Promise<string> {
  const source = await job.sessions.open('source', 'identify');
  try {
    return await databaseIdentity(source);
  } finally {
    await job.sessions.close(source);
  }
}
