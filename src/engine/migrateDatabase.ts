import { loadParser } from '../ddl/parser.js';
import { errorCodes } from '../protocol/errorCodes.js';
import { joinRoles, leaveRoles } from './catalog/roles.js';
import { databaseIdentity, targetState } from './catalog/server.js';
import { existingTables, type SourceTable } from './catalog/tables.js';
import { copyTables } from './copy/copyTables.js';
import { copyAllLargeObjects } from './copy/largeObjects.js';
import type { DatabaseJob } from './databaseJob.js';
import { type DatabasePlan, editedSince, keepDdl, planDatabase } from './planDatabase.js';
import { ident } from './postgres/quote.js';
import type { Session } from './postgres/session.js';
import { exportSnapshot } from './postgres/snapshot.js';
import { ensureDatabase } from './projectGlobals.js';
import { Checkpoint, createRun, dropRun, readRuns, renamesText } from './run/checkpoint.js';
import { endOrphans, lockTarget, undoRun } from './run/claim.js';
import type { DatabaseContext } from './run/context.js';
import { tableKey } from './run/databaseTracker.js';
import { analyzeTables } from './schema/analyze.js';
import { copyDatabaseProperties } from './schema/databaseProperties.js';
import { addForeignKeys } from './schema/foreignKeys.js';
import { IndexBuilder } from './schema/indexBuilder.js';
import type { PlannedDdl } from './schema/planDdl.js';
import type { PlannedStatement } from './schema/plannedStatement.js';
import { type PostDataPlan, planPostData } from './schema/postData.js';
import { tellRanBefore } from './schema/ranBefore.js';
import { runStatements } from './schema/runStatements.js';
import { setSequences } from './schema/sequences.js';
import { waitForRows } from './schema/waitForRows.js';
import { verifyLargeObjects } from './verification/largeObjects.js';
import { verifyTables } from './verification/verify.js';

/**
 * Moves one database: dump → pre-data → copy ∥ indexes → constraints → post-data → sequences → analyze → verify, all
 * reading one snapshot of the source. Returns once everything was tried; what failed stands in the tracker. Rejects
 * when the run as a whole cannot go on: then the checkpoints in the target let a next run continue.
 */
export async function migrateDatabase(job: DatabaseJob): Promise<void> {
  const { sessions, tracker } = job;
  tracker.state = 'running';
  const source = await sessions.open('source', 'snapshot');
  const target = await claimTarget(job, source);
  const snapshot = await exportSnapshot(source);
  const context = await prepare(job, source, target, snapshot);
  const planned = await dump(job, context, source, target);
  const { ddl: plan, tables, filter } = planned;

  await joinOwners(context, target, plan);
  const work = await createSchema(context, target, plan, tables);
  await copyData(context, work, plan.settings, planned.filter.include.length > 0);
  const postData = waitForRows(context, work.postData, tables);
  await addConstraints(context, postData, target);
  await finishSchema(context, postData, target);
  if (job.isFirstOfTarget) await copyDatabaseProperties(context, source, target, job.mapping);
  await withSession(job, 'source', 'sequences', (fresh) =>
    setSequences(context, fresh, target, { filter, tables, targets: plan.sequences }),
  );
  await analyzeTables(context, [...work.present, ...tables.filter((t) => t.relkind === 'm')]);
  await verify(context, work, source, target);
  await leaveOwners(context, target);
  if (await editedSince(job, plan.saved)) tracker.finding(editedMeanwhile);

  tracker.state = tracker.hasProblems() ? 'failed' : 'done';
  await Promise.all([sessions.close(source), sessions.close(target)]);
}

/** Removes the checkpoints: the last thing of all, because from then on nothing can be resumed. */
export async function forgetRun(job: DatabaseJob): Promise<void> {
  const target = await job.sessions.open('target', 'control');
  try {
    await lockTarget(target, job.signal);
    await dropRun(target);
  } finally {
    await job.sessions.close(target);
  }
}

const editedMeanwhile = {
  code: 'FF424',
  severity: 'warning',
  object: 'saved DDL',
  message: 'The DDL was edited and saved while it was running.',
  fix: errorCodes.FF424.help,
} as const;

/** What the tables' statements and rows come to on this target. */
interface Work {
  readonly postData: PostDataPlan;
  /** Tables with rows of their own: leaf partitions, not their parents. */
  readonly tables: readonly SourceTable[];
  /** Those of them that are on the target. */
  readonly present: readonly SourceTable[];
  readonly presentKeys: ReadonlySet<string>;
}

/** Connects to the target database, creates it if need be, locks it and clears what a killed run left busy. */
async function claimTarget(job: DatabaseJob, source: Session): Promise<Session> {
  const target = await ensureDatabase(job);
  await lockTarget(target, job.signal);
  await endOrphans(target, job.sessions.purposePrefix);
  if (job.restart) {
    const own = await databaseIdentity(source);
    const runs = (await readRuns(target)).map((run) => run.source);
    // One may stand on what the other made: the first takes back all, last first. What it makes itself stays.
    const undone = job.isFirstOfTarget ? runs : runs.filter((of) => of === own);
    if (undone.length > 0) await undoRun(target, undone);
  }
  return target;
}

async function prepare(
  job: DatabaseJob,
  source: Session,
  target: Session,
  snapshot: string,
): Promise<DatabaseContext> {
  const state = await targetState(target);
  const identity = await databaseIdentity(source);
  let row = (await readRuns(target)).find((run) => run.source === identity);
  if (row) job.tracker.log('info', `resuming run ${row.run}`);
  else {
    const extensions = [...state.installedExtensions].map((name) => `extension ${name}`);
    row = {
      run: job.run,
      source: identity,
      renames: renamesText(job.database),
      preexisting: [...state.objects, ...extensions],
    };
    await createRun(target, row);
  }
  await target.script(`SET lc_monetary = 'C'; SET synchronous_commit = off`);
  const { rows } = await source.query<{ path: string }>(
    `SELECT reset_val AS path FROM pg_settings WHERE name = 'search_path'`,
  );
  return {
    options: job.options,
    sessions: job.sessions,
    tracker: job.tracker,
    checkpoint: await Checkpoint.load(target, row),
    target: state,
    snapshot,
    searchPath: rows[0]?.path ?? '',
    resumed: row.run !== job.run,
    leftOut: new Set(),
    signal: job.signal,
  };
}

/** Reads the schema with pg_dump and decides about every statement; what the user saved in the DDL files counts. */
async function dump(
  job: DatabaseJob,
  context: DatabaseContext,
  source: Session,
  target: Session,
): Promise<DatabasePlan> {
  const { tracker } = job;
  tracker.begin('dump', 1);
  const preexisting = new Set(context.checkpoint.run.preexisting);
  const from = { snapshot: context.snapshot, preexisting, purpose: 'run' } as const;
  const planned = await planDatabase(job, source, context.target, from);
  tracker.facts = { ...tracker.facts, dumpTool: planned.tool };
  await keepDdl(job, planned, context.target);
  const { plan, findings } = await tellRanBefore(planned.ddl, context.checkpoint, target);
  for (const finding of [...plan.findings, ...findings]) tracker.finding(finding);
  for (const object of plan.leftOut) context.leftOut.add(object);
  tracker.advance('dump', 'done');
  tracker.end('dump');
  await loadParser();
  return { ...planned, ddl: plan };
}

/** Who gives an object to a role has to be a member of it; only for the time of the run, which the checkpoints know. */
async function joinOwners(context: DatabaseContext, target: Session, plan: PlannedDdl): Promise<void> {
  const owners = [...plan.preData, ...plan.postData].flatMap(({ statement, skip }) =>
    !skip && statement.kind === 'ownerChange' ? [statement.details.owner] : [],
  );
  if (owners.length === 0) return;
  for (const role of await joinRoles(target, owners)) {
    await target.script(
      context.checkpoint.record('role', role, undefined, `REVOKE ${ident(role)} FROM CURRENT_USER`),
    );
    context.checkpoint.remember('role', role);
  }
}

async function leaveOwners(context: DatabaseContext, target: Session): Promise<void> {
  const joined = context.checkpoint.items('role').map(([role]) => role);
  if (joined.length === 0) return;
  await leaveRoles(target, joined);
  await target.query(`DELETE FROM flexferry.work WHERE kind = 'role'`);
}

const tracked = (items: readonly PlannedStatement[]): number =>
  items.filter((i) => i.skip || i.statement.section !== 'session').length;

async function createSchema(
  context: DatabaseContext,
  target: Session,
  plan: PlannedDdl,
  all: readonly SourceTable[],
): Promise<Work> {
  const { tracker } = context;
  tracker.begin('preData', tracked(plan.preData));
  await runStatements(context, target, 'preData', plan.preData);
  tracker.end('preData');
  const presentKeys = await existingTables(target);
  const tables = all.filter((t) => t.relkind === 'r');
  for (const table of tables) tracker.addTable(table, table.bytes, table.rowsEstimated);
  const present = tables.filter((t) => presentKeys.has(tableKey(t.target)));
  return { postData: planPostData(plan.postData, all, plan.preData), tables, present, presentKeys };
}

/** Rows of all tables, and indexes as soon as their table has them; large objects beside. */
async function copyData(
  context: DatabaseContext,
  work: Work,
  settings: readonly string[],
  filtered: boolean,
): Promise<void> {
  const { tracker } = context;
  let indexes = 0;
  for (const { table, indexes: own, constraints } of work.postData.byTable.values()) {
    indexes += own.length + constraints.length;
    const t = tracker.table(table);
    if (t) t.indexesTotal = own.length;
  }
  tracker.begin('copy', work.tables.length);
  tracker.begin('indexes', indexes);
  const builder = new IndexBuilder(context, work.postData.byTable, settings);
  const copied = await Promise.allSettled([
    copyTables(context, work.tables, work.presentKeys, (table) => builder.tableLoaded(table)).then(() =>
      tracker.end('copy'),
    ),
    copyAllLargeObjects(context, filtered),
  ]);
  const built = await Promise.allSettled([builder.finish()]);
  for (const result of [...copied, ...built]) if (result.status === 'rejected') throw result.reason;
  tracker.end('indexes');
}

async function addConstraints(
  context: DatabaseContext,
  postData: PostDataPlan,
  target: Session,
): Promise<void> {
  const { structural, foreignKeys } = postData;
  const { tracker } = context;
  tracker.begin('constraints', structural.length + foreignKeys.reduce((n, k) => n + (k.notValid ? 2 : 1), 0));
  await runStatements(context, target, 'constraints', structural);
  await addForeignKeys(context, foreignKeys, target);
  tracker.end('constraints');
}

/** Views and materialized views read what is loaded; triggers, rules and policies come last so that they act on nothing. */
async function finishSchema(
  context: DatabaseContext,
  postData: PostDataPlan,
  target: Session,
): Promise<void> {
  const { views, refreshes, rest } = postData;
  const { tracker } = context;
  tracker.begin('postData', views.length + refreshes.length + tracked(rest));
  for (const part of [views, refreshes, rest]) await runStatements(context, target, 'postData', part);
  tracker.end('postData');
}

async function verify(context: DatabaseContext, work: Work, source: Session, target: Session): Promise<void> {
  const { tracker } = context;
  const copied = work.tables.filter((t) => tracker.table(t)?.state === 'done');
  tracker.begin('verify', copied.length);
  await verifyTables(context, copied);
  await verifyLargeObjects(context, source, target);
  tracker.end('verify');
}

async function withSession<T>(
  job: DatabaseJob,
  side: 'source' | 'target',
  purpose: string,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await job.sessions.open(side, purpose);
  try {
    return await use(session);
  } finally {
    await job.sessions.close(session);
  }
}
