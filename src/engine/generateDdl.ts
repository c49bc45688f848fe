import { randomUUID } from 'node:crypto';
import { describeServer } from '../protocol/connection.js';
import type { GeneratedDdl, GenerateParams } from '../protocol/engine.js';
import { parseIdentifiers } from '../protocol/mapping.js';
import { maintenanceDatabase } from './assessDatabase.js';
import { databaseIdentity, type TargetState, targetState } from './catalog/server.js';
import { type DatabaseJob, makeJobs, resolveServers } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { planDatabase, writeDdl } from './planDatabase.js';
import type { Session } from './postgres/session.js';
import { exportSnapshot } from './postgres/snapshot.js';
import { readGlobals, writeGlobals } from './projectGlobals.js';
import { type FormerIdentity, notedIdentities } from './replication/replicaIdentity.js';
import { readRuns } from './run/checkpoint.js';
import { readFollow } from './run/followState.js';
import { RunTracker } from './run/runTracker.js';
import { ddlPaths, globalsPaths, readText } from './schema/ddlFiles.js';

export interface GenerateHooks {
  readonly signal: AbortSignal;
  /** Folder of the bundles. */
  readonly distDir: string;
  onMessage(message: string): void;
}

type FileResult = GeneratedDdl['files'][number];

/**
 * Writes the DDL files of a project, merged with what the user edited. Reads both servers and changes neither. Rejects
 * with the Fault of a connection or of pg_dump.
 */
export async function generateDdl(params: GenerateParams, hooks: GenerateHooks): Promise<GeneratedDdl> {
  const servers = resolveServers(params);
  const run = randomUUID();
  const names = { source: describeServer(servers.source), target: describeServer(servers.target) };
  const tracker = new RunTracker(
    { run, name: params.project.name, ...names, reportDirectory: '', ddlDirectory: '' },
    {
      now: Date.now,
      onSnapshot: () => {},
      onEvent: (event) => {
        if (event.event === 'log') hooks.onMessage(event.message);
      },
    },
  );
  const jobs = makeJobs(run, params, servers, tracker, hooks);
  const stop = (): void => {
    for (const job of jobs) void job.sessions.stopAll();
  };
  hooks.signal.addEventListener('abort', stop, { once: true });
  const files: FileResult[] = [];
  try {
    const globals = await readGlobals(jobs);
    for (const finding of globals.findings) tracker.finding({ ...finding, database: '' });
    const { saved } = globalsPaths(params.directory);
    const written = await writeGlobals(params.directory, globals);
    if (written) files.push({ path: saved, ...written });
    const roles = rolesMadeBy((await readText(saved)) ?? '');
    for (const job of jobs) files.push(...(await generate(job, roles)));
    return { files, findings: tracker.findings };
  } catch (error) {
    throw hooks.signal.aborted ? new Fault('FF509', 'Generating the DDL was stopped.') : error;
  } finally {
    hooks.signal.removeEventListener('abort', stop);
    await Promise.all(jobs.map((job) => job.sessions.stopAll()));
    tracker.push();
  }
}

/** Roles that globals.sql will have made before the DDL runs. */
function rolesMadeBy(sql: string): string[] {
  const found = sql.matchAll(/^\s*create\s+(?:role|user|group)\s+("(?:[^"]|"")+"|[^\s;]+)/gim);
  return [...found].flatMap(([, name = '']) => parseIdentifiers(name) ?? []);
}

async function generate(job: DatabaseJob, roles: readonly string[]): Promise<FileResult[]> {
  const source = await job.sessions.open('source', 'generate');
  const { state: found, preexisting, identities } = await lookAtTarget(job, source);
  const state = { ...found, roles: new Set([...found.roles, ...roles]) };
  const snapshot = await exportSnapshot(source);
  const planned = await planDatabase(job, source, state, {
    snapshot,
    preexisting,
    purpose: 'generate',
    identities,
  });
  for (const finding of planned.ddl.findings) job.tracker.finding(finding);
  for (const item of [...planned.ddl.preData, ...planned.ddl.postData])
    if (item.finding && item.finding.code !== 'FF413') job.tracker.finding(item.finding);
  const outcome = await writeDdl(job, planned, state);
  await job.sessions.close(source);
  const { saved } = ddlPaths(job.directory, job.tracker.key);
  const database = job.tracker.key;
  return [
    { path: saved.preData, database, ...outcome.preData },
    { path: saved.postData, database, ...outcome.postData },
  ];
}

/** The target database, or its server where the database is still to be created. */
async function lookAtTarget(
  job: DatabaseJob,
  source: Session,
): Promise<{
  state: TargetState;
  preexisting: ReadonlySet<string>;
  identities: readonly FormerIdentity[];
}> {
  let exists = true;
  const target = await job.sessions.open('target', 'generate').catch((error: unknown) => {
    if (!(error instanceof Fault) || error.code !== 'FF103') throw error;
    exists = false;
    return job.sessions.open('target', 'generate', maintenanceDatabase);
  });
  const found = await targetState(target);
  const own = await databaseIdentity(source);
  const run = exists ? (await readRuns(target)).find(({ source: of }) => of === own) : undefined;
  const row = exists ? await readFollow(target, own) : undefined;
  await job.sessions.close(target);
  const state = exists
    ? found
    : { ...found, objects: [], installedExtensions: new Set<string>(), extensionSchemas: new Map() };
  const extensions = [...state.installedExtensions].map((name) => `extension ${name}`);
  return {
    state,
    preexisting: new Set(run?.preexisting ?? [...state.objects, ...extensions]),
    identities: notedIdentities(row),
  };
}
