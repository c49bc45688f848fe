import { loadParser } from '../ddl/parser.js';
import type { RelationName } from '../protocol/model.js';
import type { SchemaFilter } from './catalog/filter.js';
import { joinRoles, leaveRoles } from './catalog/roles.js';
import { targetState } from './catalog/server.js';
import { existingTables, type SourceTable } from './catalog/tables.js';
import { tableItem } from './copy/copyTable.js';
import { copyTables } from './copy/copyTables.js';
import { copyAllLargeObjects } from './copy/largeObjects.js';
import type { DatabaseJob } from './databaseJob.js';
import { type DatabasePlan, keepDdl, planDatabase } from './planDatabase.js';
import type { Lsn } from './postgres/lsn.js';
import { ident } from './postgres/quote.js';
import type { Session } from './postgres/session.js';
import type { FormerIdentity } from './replication/replicaIdentity.js';
import { Checkpoint, type RunRow } from './run/checkpoint.js';
import type { DatabaseContext } from './run/context.js';
import { tableKey } from './run/databaseTracker.js';
import { analyzeTables } from './schema/analyze.js';
import { withoutCopiedTables } from './schema/copiedTables.js';
import { copyDatabaseProperties } from './schema/databaseProperties.js';
import { type Deferred, nothingDeferred, splitDeferred, splitForced } from './schema/deferred.js';
import { addForeignKeys } from './schema/foreignKeys.js';
import { IndexBuilder } from './schema/indexBuilder.js';
import { withLatePartitions } from './schema/latePartitions.js';
import type { PlannedDdl } from './schema/planDdl.js';
import type { PlannedStatement } from './schema/plannedStatement.js';
import { type PostDataPlan, planPostData } from './schema/postData.js';
import { tellRanBefore } from './schema/ranBefore.js';
import { runStatements } from './schema/runStatements.js';
import type { SavedDdl } from './schema/savedDdl.js';
import { waitForRows } from './schema/waitForRows.js';
import { verifyLargeObjects } from './verification/largeObjects.js';
import { verifyTables } from './verification/verify.js';

/** Where the rows come from. */
export interface BaseSource {
  readonly session: Session;
  /** Exported; every reader imports it. */
  readonly snapshot: string;
  /** Position of the log that the snapshot stands for, where changes are followed from there. */
  readonly snapshotLsn?: Lsn;
  readonly laterSnapshot?: NonNullable<DatabaseContext['laterSnapshot']>;
  /** Of the tables that are FULL for the time of the migration. */
  readonly identities?: readonly FormerIdentity[];
  /** A cutover is under way: the properties of the database were copied before, and its fence is none of them. */
  readonly isCuttingOver?: true;
}

/** What an online migration keeps back; see schema/deferred.ts. */
export interface Deferral {
  readonly replicaRole: boolean;
}

/** The state of a database after its base copy, with all that the rest needs to know. */
export interface BaseCopy {
  readonly context: DatabaseContext;
  readonly planned: {
    readonly filter: SchemaFilter;
    readonly tables: readonly SourceTable[];
    /** Names on the target of sequences that have another one there: see PlannedDdl. */
    readonly sequences: ReadonlyMap<string, RelationName>;
    /** What was read of the files that the user saved; absent where nothing was planned. */
    readonly saved?: SavedDdl;
  };
  readonly work: Work;
  readonly refreshes: readonly PlannedStatement[];
  readonly deferred: Deferred;
}

/** What the tables' statements and rows come to on this target. */
export interface Work {
  readonly postData: PostDataPlan;
  /** Tables with rows of their own: leaf partitions, not their parents. */
  readonly tables: readonly SourceTable[];
  /** Those of them that are on the target. */
  readonly present: readonly SourceTable[];
  readonly presentKeys: ReadonlySet<string>;
}

/**
 * Dump → pre-data → copy ∥ indexes → constraints → post-data, all reading one snapshot of the source. Returns once
 * everything was tried; what failed stands in the tracker. Work that an earlier run has recorded is not done again.
 */
export async function copyBase(
  job: DatabaseJob,
  run: RunRow,
  from: BaseSource,
  target: Session,
  deferral?: Deferral,
): Promise<BaseCopy> {
  const context = await prepare(job, run, from, target);
  const planned = await dump(job, context, from, target);
  const { ddl: plan, tables } = planned;
  await joinOwners(context, target, plan);
  const forced = deferral ? splitForced(plan.preData) : { now: plan.preData, later: [] };
  const work = await createSchema(context, target, { ...plan, preData: forced.now }, tables);
  await copyData(context, work, plan.settings, planned.filter.include.length > 0);
  const postData = waitForRows(context, work.postData, tables);
  const { now, later } = deferral
    ? splitDeferred(postData, { ...deferral, tables })
    : { now: postData, later: nothingDeferred };
  await addConstraints(context, now, target, deferral !== undefined);
  await finishSchema(context, now, target);
  if (job.isFirstOfTarget && !from.isCuttingOver)
    await copyDatabaseProperties(context, from.session, target, job.mapping);
  const deferred = { ...later, last: [...forced.later, ...later.last] };
  const { filter } = planned;
  const known = { filter, tables, sequences: plan.sequences, saved: plan.saved };
  return { context, planned: known, work, refreshes: now.refreshes, deferred };
}

/** What the planner needs, of all that was loaded, but for what `before` had. */
export async function analyzeBase({ context, work, planned }: BaseCopy, before?: BaseCopy): Promise<void> {
  const known = new Set(before?.work.present.map(({ oid }) => oid));
  const present = work.present.filter(({ oid }) => !known.has(oid));
  await analyzeTables(context, [...present, ...planned.tables.filter((t) => t.relkind === 'm')]);
}

export async function prepare(
  job: DatabaseJob,
  run: RunRow,
  { session: source, snapshot, snapshotLsn, laterSnapshot }: BaseSource,
  target: Session,
): Promise<DatabaseContext> {
  await target.script(`SET lc_monetary = 'C'; SET synchronous_commit = off`);
  const { rows } = await source.query<{ path: string }>(
    `SELECT reset_val AS path FROM pg_settings WHERE name = 'search_path'`,
  );
  return {
    options: job.options,
    sessions: job.sessions,
    tracker: job.tracker,
    checkpoint: await Checkpoint.load(target, run, snapshotLsn),
    target: await targetState(target),
    snapshot,
    ...(laterSnapshot && { laterSnapshot }),
    searchPath: rows[0]?.path ?? '',
    resumed: run.run !== job.run,
    leftOut: new Set(),
    signal: job.signal,
  };
}

/** Reads the schema with pg_dump and decides about every statement; what the user saved in the DDL files counts. */
async function dump(
  job: DatabaseJob,
  context: DatabaseContext,
  { session: source, identities }: BaseSource,
  target: Session,
): Promise<DatabasePlan> {
  const { tracker } = job;
  tracker.begin('dump', 1);
  const preexisting = new Set(context.checkpoint.run.preexisting);
  const from = { snapshot: context.snapshot, preexisting, purpose: 'run', identities } as const;
  const planned = await planDatabase(job, source, context.target, from);
  tracker.facts = { ...tracker.facts, dumpTool: planned.tool };
  await keepDdl(job, planned, context.target);
  const { checkpoint } = context;
  const copied = job.online ? planned.tables.filter((t) => checkpoint.has('table', tableItem(t))) : [];
  const names = copied.map((table) => table.target);
  const { preData, objects } = withoutCopiedTables(planned.ddl.preData, names, checkpoint);
  const { plan, findings } = await tellRanBefore({ ...planned.ddl, preData }, checkpoint, target);
  const told = findings.filter(({ object }) => object === undefined || !objects.has(object));
  for (const finding of [...plan.findings, ...told]) tracker.finding(finding);
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

export async function leaveOwners(
  { checkpoint }: Pick<DatabaseContext, 'checkpoint'>,
  target: Session,
): Promise<void> {
  const joined = checkpoint.items('role').map(([role]) => role);
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
  const preData = withLatePartitions(plan.preData, plan.postData, context.checkpoint);
  tracker.begin('preData', tracked(preData));
  await runStatements(context, target, 'preData', preData);
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
    if (t) Object.assign(t, { indexesDone: 0, indexesTotal: own.length });
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

/**
 * Tables that were copied as of different moments agree only once changes have been followed: what their foreign keys
 * have to say waits for the cutover then (`early` of schema/deferred.ts).
 */
async function addConstraints(
  context: DatabaseContext,
  postData: PostDataPlan,
  target: Session,
  isFollowed: boolean,
): Promise<void> {
  const { structural } = postData;
  const positions = new Set(context.checkpoint.items('table').map(([, { lsn }]) => lsn));
  const mayWait = isFollowed && positions.size > 1;
  const foreignKeys = postData.foreignKeys.filter(({ item, notValid }) => item.skip || notValid || !mayWait);
  const { tracker } = context;
  tracker.begin('constraints', structural.length + foreignKeys.reduce((n, k) => n + (k.notValid ? 2 : 1), 0));
  await runStatements(context, target, 'constraints', structural);
  await addForeignKeys(context, foreignKeys, target, { mayWait });
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

/** Compares what was copied with a snapshot of the source. */
export async function verifyBase(
  context: DatabaseContext,
  work: Work,
  source: Session,
  target: Session,
): Promise<void> {
  const { tracker } = context;
  const copied = work.tables.filter((t) => tracker.table(t)?.state === 'done');
  tracker.begin('verify', copied.length);
  await verifyTables(context, copied);
  await verifyLargeObjects(context, source, target);
  tracker.end('verify');
}
