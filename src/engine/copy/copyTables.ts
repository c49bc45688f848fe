import { chunks, forEachConcurrent } from '../../base/pool.js';
import { displayRelation } from '../../ddl/identifier.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { DatabaseContext } from '../run/context.js';
import { tableKey } from '../run/databaseTracker.js';
import { batchCount, isSmall } from './copySmallTables.js';
import { type CopyMode, tableItem } from './copyTable.js';
import { CopyWorker } from './copyWorker.js';

/**
 * Copies the tables, `jobs` at a time in the order given. A table that fails becomes a finding and the others go on;
 * a fault that ends the run (lost connection, full or read-only target) rejects. `onLoaded` is called for every table
 * that is complete, also for those of an earlier run.
 */
export async function copyTables(
  context: DatabaseContext,
  tables: readonly SourceTable[],
  present: ReadonlySet<string>,
  onLoaded: (table: SourceTable) => void,
): Promise<void> {
  const { checkpoint, tracker, options, signal } = context;
  const preexisting = new Set(checkpoint.run.preexisting);
  const todo: SourceTable[] = [];
  for (const table of tables) {
    const known = checkpoint.find('table', tableItem(table));
    if (known) {
      tracker.setTable(table, 'done', { rows: known.rows, bytes: known.bytes });
      tracker.advance('copy', 'done');
      onLoaded(table);
    } else if (!present.has(tableKey(table.target))) skipMissing(context, table);
    else if (!table.withData) {
      skip(
        context,
        table,
        'FF419',
        `The rows of ${table.schema}.${table.name} stay behind: exclude.tableData.`,
      );
      onLoaded(table);
    } else {
      if (table.where !== undefined) noteFilter(context, table, table.where);
      todo.push(table);
    }
  }
  const modeOf = (table: SourceTable): CopyMode =>
    preexisting.has(`table ${displayRelation(table.target)}`) ? 'foreign' : 'own';
  const together = (table: SourceTable): boolean => isSmall(table) && modeOf(table) === 'own';
  const batches = [
    ...todo.filter((t) => !together(t)).map((t) => [t]),
    ...chunks(todo.filter(together), batchCount),
  ];
  const workers = Array.from(
    { length: Math.max(1, Math.min(options.jobs, batches.length)) },
    (_, i) => new CopyWorker(context, i),
  );
  try {
    await forEachConcurrent(batches, workers.length, async (batch, index) => {
      signal.throwIfAborted();
      const worker = workers[index];
      if (!worker || (batch.length > 1 && (await copyBatch(context, worker, batch, onLoaded)))) return;
      for (const table of batch) await copyOne(context, worker, table, modeOf(table), onLoaded);
    });
  } finally {
    await Promise.all(workers.map((w) => w.close()));
  }
}

/** True when the whole batch is copied. */
async function copyBatch(
  context: DatabaseContext,
  worker: CopyWorker,
  batch: readonly SourceTable[],
  onLoaded: (table: SourceTable) => void,
): Promise<boolean> {
  const { tracker } = context;
  for (const table of batch) tracker.setTable(table, 'running');
  const results = await worker.copyTogether(batch);
  for (const [i, table] of batch.entries()) {
    const result = results?.[i];
    if (!result) continue;
    tracker.addBytes(table, result.bytes);
    tracker.setTable(table, 'done', result);
    tracker.advance('copy', 'done');
    onLoaded(table);
  }
  return results !== undefined;
}

async function copyOne(
  context: DatabaseContext,
  worker: CopyWorker,
  table: SourceTable,
  mode: CopyMode,
  onLoaded: (table: SourceTable) => void,
): Promise<void> {
  const { tracker, signal } = context;
  try {
    // Also a table of our own may be in use since an earlier run.
    if ((mode === 'foreign' || context.resumed) && (await worker.hasRows(table))) {
      skip(
        context,
        table,
        'FF507',
        `The table ${displayRelation(table.target)} of the target has rows; nothing was copied into it.`,
      );
      return;
    }
    tracker.setTable(table, 'running');
    const result = await worker.copy(table, mode);
    tracker.setTable(table, 'done', result);
    tracker.advance('copy', 'done');
    onLoaded(table);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    const fault = new Fault('FF501', `Copying table ${table.schema}.${table.name} failed: ${error.message}`, {
      sqlstate: error.sqlstate,
      cause: error,
    });
    tracker.setTable(table, 'failed', { error: fault.toData() });
    tracker.advance('copy', 'failed');
    tracker.finding({
      code: 'FF501',
      severity: 'error',
      object: `table ${table.schema}.${table.name}`,
      message: fault.message,
      fix: error.code === 'FF500' ? fault.fix : error.fix,
    });
  }
}

function skipMissing(context: DatabaseContext, table: SourceTable): void {
  if (context.leftOut.has(`table ${displayRelation(table.target)}`))
    skip(context, table, 'FF419', `The saved DDL does not create ${displayRelation(table.target)}.`);
  else
    skip(
      context,
      table,
      'FF417',
      `The table ${displayRelation(table.target)} does not exist on the target; its data was not copied.`,
    );
}

function noteFilter(context: DatabaseContext, table: SourceTable, where: string): void {
  context.tracker.finding({
    code: 'FF423',
    severity: 'note',
    object: `table ${table.schema}.${table.name}`,
    message: `Of ${table.schema}.${table.name} only the rows where ${where.trim()} are copied.`,
    fix: errorCodes.FF423.help,
  });
}

/** FF419 is a choice of the user, and nothing is missing for it. */
function skip(
  context: DatabaseContext,
  table: SourceTable,
  code: 'FF417' | 'FF419' | 'FF507',
  message: string,
): void {
  context.tracker.setTable(table, 'skipped');
  context.tracker.advance('copy', code === 'FF419' ? 'done' : 'skipped');
  context.tracker.finding({
    code,
    severity: code === 'FF419' ? 'note' : 'warning',
    object: `table ${table.schema}.${table.name}`,
    message,
    fix: errorCodes[code].help,
  });
}
