import { maintenanceDatabase } from './assessDatabase.js';
import { roleTarget } from './catalog/roles.js';
import type { DatabaseJob } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { type Globals, generateGlobals } from './globals/globals.js';
import { runGlobals } from './globals/runGlobals.js';
import type { Session } from './postgres/session.js';
import type { RunTracker } from './run/runTracker.js';
import { createDatabase } from './schema/createDatabase.js';
import {
  type FileOutcome,
  globalsPaths,
  readSaved,
  readText,
  writeGenerated,
  writeText,
} from './schema/ddlFiles.js';

/** The roles that the databases need, as SQL. Reads both servers and changes neither. */
export async function readGlobals(jobs: readonly DatabaseJob[]): Promise<Globals> {
  const [first] = jobs;
  if (!first) return { sql: '', findings: [] };
  const { roles, createRoles, owners, comments } = first.options;
  return withBoth(first, async (source, target) =>
    generateGlobals(source, await roleTarget(target), {
      databases: jobs.map((job) => ({ source: job.source.database, target: job.target.database })),
      roles,
      createRoles,
      owners,
      comments,
      schema: (name, database) =>
        jobs.find((job) => database === undefined || job.source.database === database)?.mapping.schema(name)
          .target ?? name,
    }),
  );
}

/** Writes globals.sql, merged with what the user edited. Roles that were made since are no reason to take them out. */
export async function writeGlobals(directory: string, globals: Globals): Promise<FileOutcome | undefined> {
  const paths = globalsPaths(directory);
  if (globals.sql !== '') return writeGenerated(paths, globals.sql);
  return (await readText(paths.saved)) === undefined ? undefined : { outcome: 'kept', conflicts: 0 };
}

/**
 * Creates the databases of the target and runs globals.sql as it is saved, or as it is generated now where nobody edited
 * it. What fails becomes a finding.
 */
export async function runProjectGlobals(jobs: readonly DatabaseJob[], tracker: RunTracker): Promise<void> {
  const [first] = jobs;
  if (!first) return;
  const globals = await readGlobals(jobs);
  const paths = globalsPaths(first.directory);
  const saved = await readSaved(paths.saved);
  const isEdited = saved !== undefined && saved !== globals.sql && saved !== (await readText(paths.base));
  if (!isEdited && globals.sql !== '') {
    await writeText(paths.saved, globals.sql);
    await writeText(paths.base, globals.sql);
  }
  for (const finding of isEdited ? [] : globals.findings) tracker.finding({ ...finding, database: '' });
  const sql = isEdited ? saved : globals.sql;
  if (sql.trim() === '') return;
  for (const job of jobs) await job.sessions.close(await ensureDatabase(job));
  await withBoth(first, async (_, target) => {
    const { results, findings } = await runGlobals(target, sql, await roleTarget(target), {
      signal: first.signal,
    });
    if (results.length > 0)
      tracker.emit({ event: 'log', level: 'info', message: `globals.sql: ${results.length} statements` });
    for (const finding of findings) tracker.finding({ ...finding, database: '' });
  });
}

/** Opens the target database and creates it where it is missing. */
export async function ensureDatabase(job: DatabaseJob): Promise<Session> {
  const open = (): Promise<Session> => job.sessions.open('target', 'control');
  return open().catch(async (error: unknown) => {
    if (!(error instanceof Fault) || error.code !== 'FF103') throw error;
    const source = await job.sessions.open('source', 'create database');
    const maintenance = await job.sessions.open('target', 'create database', maintenanceDatabase);
    for (const finding of await createDatabase(source, maintenance, job.target.database))
      job.tracker.finding(finding);
    await Promise.all([job.sessions.close(source), job.sessions.close(maintenance)]);
    return open();
  });
}

async function withBoth<T>(
  job: DatabaseJob,
  use: (source: Session, target: Session) => Promise<T>,
): Promise<T> {
  const source = await job.sessions.open('source', 'globals');
  const target = await job.sessions.open('target', 'globals', maintenanceDatabase);
  try {
    return await use(source, target);
  } finally {
    await Promise.all([job.sessions.close(source), job.sessions.close(target)]);
  }
}
