import { forEachConcurrent } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { DatabaseContext } from '../run/context.js';
import type { ForeignKeyWork } from './postData.js';
import { reportDone, runStatement } from './runStatements.js';

/**
 * Adds foreign keys NOT VALID, which takes no look at the rows, then validates them at the same time on several
 * connections. A key that the rows violate stays NOT VALID and becomes a finding.
 */
export async function addForeignKeys(
  context: DatabaseContext,
  keys: readonly ForeignKeyWork[],
  settings: readonly string[],
): Promise<void> {
  const { sessions, checkpoint, options, tracker, signal } = context;
  const validate: { work: ForeignKeyWork; sql: string }[] = [];
  const session = await sessions.open('target', 'constraints');
  await session.script(settings.join('\n'));
  for (const work of keys) {
    signal.throwIfAborted();
    const done = checkpoint.has('statement', work.item.key);
    if (done) reportDone(context, 'constraints', work.item);
    const added =
      done || (await runStatement(context, session, 'constraints', work.item, work.notValid?.add));
    if (!work.notValid) continue;
    if (!added || checkpoint.has('index', validationItem(work)))
      tracker.advance('constraints', added ? 'done' : 'skipped');
    else validate.push({ work, sql: work.notValid.validate });
  }
  await sessions.close(session);
  await forEachConcurrent(
    validate,
    Math.min(options.indexJobs, Math.max(1, validate.length)),
    async ({ work, sql }) => {
      signal.throwIfAborted();
      await validateKey(context, work, sql);
    },
  );
}

const validationItem = (work: ForeignKeyWork): string => `validate ${work.item.key}`;

async function validateKey(context: DatabaseContext, work: ForeignKeyWork, sql: string): Promise<void> {
  const { sessions, checkpoint, tracker, signal } = context;
  const session = await sessions.open('target', 'validate');
  try {
    await session.script(`${sql.replace(/;$/, '')}; ${checkpoint.record('index', validationItem(work))}`);
    tracker.advance('constraints', 'done');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    tracker.advance('constraints', 'failed');
    const code = error.sqlstate === '23503' ? 'FF504' : 'FF500';
    tracker.finding({
      code,
      severity: 'error',
      object: work.item.statement.object,
      message: `${work.item.statement.object} is not valid: ${error.message}`,
      fix: errorCodes[code].help,
    });
  } finally {
    await sessions.close(session);
  }
}
