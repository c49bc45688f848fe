import { randomInt } from 'node:crypto';
import { formatRelation } from '../protocol/mapping.js';
import { assessSource, assessTarget } from './assessment/assess.js';
import { assessOnline } from './assessment/online.js';
import { chosenSchemas } from './catalog/filter.js';
import { databaseIdentity, targetState } from './catalog/server.js';
import { listOtherRelations, listSourceTables, type SourceTable, type TargetName } from './catalog/tables.js';
import type { DatabaseJob } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { withinLockWait } from './lockedTable.js';
import { requireGiven } from './online/onlineAttach.js';
import { isPastHandOver } from './online/wayBackRow.js';
import type { Session } from './postgres/session.js';
import { type RunRow, readRuns, renamesText } from './run/checkpoint.js';
import { type FollowRow, isHandedOver, readFollow, readFollows } from './run/followState.js';

/** The database through which others are created. https://www.postgresql.org/docs/current/manage-ag-createdb.html */
export const maintenanceDatabase = 'postgres';

/**
 * Looks at both sides of one database and changes nothing. What can be lived with becomes findings; rejects with the
 * Fault that forbids the start.
 */
export async function assessDatabase(job: DatabaseJob): Promise<void> {
  const { sessions, tracker, database, mapping } = job;
  tracker.begin('assess', 1);
  const source = await sessions.open('source', 'assess');
  const { target, exists } = await openTarget(job);
  const end = async (): Promise<void> => {
    await Promise.all([sessions.close(source), sessions.close(target)]);
    tracker.advance('assess', 'done');
    tracker.end('assess');
  };
  const found = await targetState(target);
  const state = exists ? found : { ...found, objects: [] };
  const sourceId = await databaseIdentity(source);
  if (exists && sourceId === (await databaseIdentity(target)) && (await isSameDatabase(source, target))) {
    throw new Fault(
      'FF209',
      `Source and target are the same database: ${job.target.database} on one server.`,
    );
  }
  if (!exists) await requireCreateDatabase(target);
  const runs = exists ? await readRuns(target) : [];
  const follows = exists ? await readFollows(target) : [];
  if (job.restart && follows.some(isHandedOver))
    throw new Fault('FF896', `The database ${job.target.database} was handed over to its applications.`);
  requireOwnRuns(job, sourceId, runs);
  requireNotCancelled(
    job,
    follows.find((row) => row.source === sourceId),
  );
  tracker.facts = {
    ...tracker.facts,
    sourceVersion: await version(source),
    targetVersion: await version(target),
  };
  // Nothing is copied any more, and both databases may look different by now.
  if (follows.some((row) => row.source === sourceId && isPastHandOver(row))) return end();
  const filter = await chosenSchemas(source, database, mapping);
  const { tables, assessed } = await withinLockWait(source, async () => {
    const listed = await listSourceTables(source, filter, mapping);
    // What an extension brings is there once, whoever has it.
    const own = listed.filter((t) => t.extensionCondition === undefined);
    claimNames(job, [...own, ...(await listOtherRelations(source, filter, mapping))]);
    return { tables: listed, assessed: await assessSource(source, listed, filter, job) };
  });
  // Into tables that are there nothing else is carried over; how tables without identity are followed is told by itself.
  for (const finding of assessed.findings)
    if (!job.online?.skipCopy && !(job.online && finding.code === 'FF213')) tracker.finding(finding);
  assessTarget(
    { versionNum: source.versionNum, extensions: assessed.extensions },
    { session: target, state },
    {
      resumed: runs.length > 0,
      acceptNonEmpty: job.options.acceptNonEmptyTarget || job.online?.skipCopy !== undefined,
    },
  );
  if (job.online) await assessFollowing(job, source, target, exists ? sourceId : undefined, tables);
  await end();
}

/**
 * A copy of a server (from a backup, or a promoted replica) has the system identifier of the original. A lock that is
 * held in the one and cannot be had in the other tells them apart.
 */
async function isSameDatabase(source: Session, target: Session): Promise<boolean> {
  const key = randomInt(2 ** 47);
  await source.query(`SELECT pg_advisory_lock(${key})`);
  const { rows } = await target.query<{ free: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS free`);
  await source.query(`SELECT pg_advisory_unlock(${key})`);
  if (rows[0]?.free) await target.query(`SELECT pg_advisory_unlock(${key})`);
  return rows[0]?.free !== true;
}

/** What was followed before was assessed before it began. `sourceId` is undefined where the target is still to be made. */
async function assessFollowing(
  { tracker, online }: DatabaseJob,
  source: Session,
  target: Session,
  sourceId: string | undefined,
  tables: readonly SourceTable[],
): Promise<void> {
  const row = sourceId === undefined ? undefined : await readFollow(target, sourceId);
  if (online?.skipCopy) await requireGiven(source, online.skipCopy, row);
  else if (row?.ownsSlot === false)
    throw new Fault(
      'FF210',
      `The slot ${row.slot} is being followed into this database, without a base copy.`,
      {
        fix: 'Go on with follow, or use --restart to begin anew.',
      },
    );
  if (row?.startLsn !== undefined) return;
  const slot = row && { slot: row.slot };
  const { findings } = await assessOnline(source, target, tables, { ...online, ...slot });
  for (const finding of findings) tracker.finding(finding);
}

/** Two relations in one would overwrite each other. Throws FF704. */
function claimNames({ claims, database, target }: DatabaseJob, relations: readonly TargetName[]): void {
  for (const relation of relations) {
    const name = `${formatRelation(relation)} of ${database.source}`;
    const other = claims.get(relation.target);
    if (other !== undefined)
      throw new Fault(
        'FF704',
        `${other} and ${name} both become ${formatRelation(relation.target)} of ${target.database}.`,
      );
    claims.set(relation.target, name);
  }
}

/** The target database, or the maintenance database of its server where it is still to be created. */
async function openTarget(job: DatabaseJob): Promise<{ target: Session; exists: boolean }> {
  try {
    return { target: await job.sessions.open('target', 'assess'), exists: true };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'FF103') throw error;
    return { target: await job.sessions.open('target', 'assess', maintenanceDatabase), exists: false };
  }
}

async function version(session: Session): Promise<string> {
  const { rows } = await session.query<{ v: string }>(`SELECT current_setting('server_version') AS v`);
  return rows[0]?.v ?? '';
}

async function requireCreateDatabase(maintenance: Session): Promise<void> {
  const { rows } = await maintenance.query<{ can: boolean }>(
    'SELECT rolcreatedb OR rolsuper AS can FROM pg_roles WHERE rolname = current_user',
  );
  if (!rows[0]?.can)
    throw new Fault('FF205', `The user ${maintenance.spec.user} may not create databases on the target.`);
}

/** Checkpoints in the target are of this project, and of the names that it has now. */
function requireOwnRuns(job: DatabaseJob, source: string, runs: readonly RunRow[]): void {
  if (job.restart) return;
  const { database } = job.target;
  if (runs.some((run) => run.source !== source && !job.siblings.has(run.source)))
    throw new Fault(
      'FF210',
      `The database ${database} holds the checkpoints of a migration from another source.`,
    );
  const own = runs.find((run) => run.source === source);
  if (own && own.renames !== renamesText(job.database))
    throw new Fault('FF216', `The unfinished run into the database ${database} used other names.`);
}

/** What the source kept for it is gone. */
function requireNotCancelled(job: DatabaseJob, row: FollowRow | undefined): void {
  if (!job.online || job.restart || row?.state !== 'finished') return;
  if (row.wayBack || isHandedOver(row) || isPastHandOver(row)) return;
  throw new Fault('FF866', `The online migration into the database ${job.target.database} was cancelled.`);
}
