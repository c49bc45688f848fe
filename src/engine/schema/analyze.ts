import { chunks, forEachConcurrent } from '../../base/pool.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';

/** Tables below this many heap bytes are analyzed together, `batchCount` a message: they are mostly round trips. */
const smallTable = 1 << 20;
const batchCount = 40;

/** Gives the planner statistics of everything that was loaded. What fails is logged: autovacuum will do it later. */
export async function analyzeTables(context: DatabaseContext, tables: readonly SourceTable[]): Promise<void> {
  const { sessions, tracker, options, signal } = context;
  tracker.begin('analyze', tables.length);
  const batches = [
    ...tables.filter((t) => t.bytes >= smallTable).map((t) => [t]),
    ...chunks(
      tables.filter((t) => t.bytes < smallTable),
      batchCount,
    ),
  ];
  const jobs = Math.min(options.indexJobs, Math.max(1, batches.length));
  const open: (Promise<Session> | undefined)[] = [];
  try {
    await forEachConcurrent(batches, jobs, async (batch, index) => {
      signal.throwIfAborted();
      open[index] ??= sessions.open('target', 'analyze');
      const session = await open[index];
      await analyze(context, session, batch);
      tracker.advance('analyze', 'done', batch.length);
    });
  } finally {
    for (const opening of open) {
      const session = await opening?.catch(() => undefined);
      if (session) await sessions.close(session);
    }
  }
  tracker.end('analyze');
}

/** Together; where that fails one by one. */
async function analyze(
  context: DatabaseContext,
  session: Session,
  tables: readonly SourceTable[],
): Promise<void> {
  try {
    // One command: of several in a message every table would stay locked until the last one is done, and those who apply
    // changes wait for each other.
    await session.script(`ANALYZE ${tables.map((t) => qualified(t.target)).join(', ')}`);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    const [only] = tables;
    if (tables.length > 1) for (const table of tables) await analyze(context, session, [table]);
    else if (only) context.tracker.log('warning', `ANALYZE ${only.schema}.${only.name}: ${error.message}`);
  }
}
