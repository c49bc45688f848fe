import { forEachConcurrent } from '../../base/pool.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';

/** Gives the planner statistics of everything that was loaded. What fails is logged: autovacuum will do it later. */
export async function analyzeTables(context: DatabaseContext, tables: readonly SourceTable[]): Promise<void> {
  const { sessions, tracker, options, signal } = context;
  tracker.begin('analyze', tables.length);
  const jobs = Math.min(options.indexJobs, Math.max(1, tables.length));
  const open: (Promise<Session> | undefined)[] = [];
  try {
    await forEachConcurrent(tables, jobs, async (table, index) => {
      signal.throwIfAborted();
      open[index] ??= sessions.open('target', 'analyze');
      const session = await open[index];
      try {
        await session.script(`ANALYZE ${qualified(table)}`);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Fault) || endsRun(error)) throw error;
        tracker.log('warning', `ANALYZE ${table.schema}.${table.name}: ${error.message}`);
      }
      tracker.advance('analyze', 'done');
    });
  } finally {
    for (const opening of open) {
      const session = await opening?.catch(() => undefined);
      if (session) await sessions.close(session);
    }
  }
  tracker.end('analyze');
}
