import { classifyAll } from '../../ddl/classify.js';
import { loadParser } from '../../ddl/parser.js';
import { splitStatements } from '../../ddl/split.js';
import { RelationMap } from '../../protocol/relationMap.js';
import { type BaseCopy, prepare } from '../baseCopy.js';
import { refreshOrder } from '../catalog/materializedViews.js';
import { existingTables, listSourceTables, type SourceTable } from '../catalog/tables.js';
import { tableItem } from '../copy/copyTable.js';
import type { DatabaseJob } from '../databaseJob.js';
import { qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { RunRow } from '../run/checkpoint.js';
import { tableKey } from '../run/databaseTracker.js';
import type { FollowRow } from '../run/followState.js';
import { nothingDeferred } from '../schema/deferred.js';
import { complete, type PlannedStatement } from '../schema/plannedStatement.js';
import { planPostData } from '../schema/postData.js';
import { keptNames, type MappingBack, mappingBack, type WayBackNames } from './wayBackNames.js';

/** The job the other way round: its source is the target of the migration. */
export interface JobBack extends Pick<BackParts, 'names' | 'back'> {
  readonly job: DatabaseJob;
}
interface BackParts {
  readonly names: WayBackNames;
  readonly back: MappingBack;
}

/** `target`: of the migration. */
export async function jobBack(job: DatabaseJob, row: FollowRow, target: Session): Promise<JobBack> {
  const names = keptNames(row);
  const back = await mappingBack(names, target);
  return {
    names,
    back,
    job: {
      ...job,
      source: job.target,
      target: job.source,
      database: { source: job.database.target, target: job.database.source, mode: 'online' },
      mapping: back.mapping,
      siblings: new Set(),
      isFirstOfTarget: true,
      sharesLock: false,
      extensionSchemas: new Map(),
      claims: new RelationMap(),
      restart: false,
      online: { onFailure: job.online?.onFailure ?? 'table' },
      sessions: job.sessions.reversed(),
    },
  };
}

/** There is nothing to be copied: the rows are on both sides as of the position with which the way back begins. */
export async function baseBack(
  { job, names, back }: JobBack,
  run: RunRow,
  row: FollowRow,
  source: Session,
  target: Session,
): Promise<BaseCopy> {
  const filter = { include: back.schemas, exclude: [] };
  const known = new Set(names.tables.map(({ oid }) => oid));
  const tables = (await listSourceTables(source, filter, job.mapping))
    .filter(({ oid }) => known.has(oid))
    .map((table): SourceTable => (table.where === undefined ? table : { ...table, onBothSides: true }));
  const presentKeys = await existingTables(target);
  const context = await prepare(job, run, { session: source, snapshot: '' }, target);
  const { startLsn } = row;
  const ofRows = tables.filter(({ relkind }) => relkind === 'r');
  if (startLsn !== undefined)
    for (const table of ofRows)
      context.checkpoint.remember('table', tableItem(table), { rows: 0, bytes: 0, lsn: startLsn });
  return {
    context,
    planned: { filter, tables, sequences: back.sequences },
    work: {
      postData: planPostData([], tables),
      tables: ofRows,
      present: ofRows.filter((table) => presentKeys.has(tableKey(table.target))),
      presentKeys,
    },
    refreshes: await refreshesOf(target, names),
    deferred: nothingDeferred,
  };
}

async function refreshesOf(target: Session, { views }: WayBackNames): Promise<PlannedStatement[]> {
  const order = await refreshOrder(target, views);
  if (order.length === 0) return [];
  await loadParser();
  const sql = order.map((view) => `REFRESH MATERIALIZED VIEW ${qualified(view)};`).join('\n');
  const occurrences = new Map<string, number>();
  return classifyAll(splitStatements(sql)).map((statement, index) =>
    complete({ statement, skip: false, sql: statement.text }, 'postData', index, occurrences, new Set()),
  );
}
