import { chunks, forEachConcurrent } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import { tableKey } from '../run/databaseTracker.js';
import type { PlannedStatement } from './plannedStatement.js';
import type { ForeignKeyWork } from './postData.js';
import { runStatements } from './runStatements.js';

interface Validation {
  readonly work: ForeignKeyWork;
  readonly sql: string;
}

/** foreign_key_violation */
const violated = '23503';

/** Validations that go in one message. */
const batchCount = 20;

/**
 * Adds foreign keys NOT VALID, which takes no look at the rows, then validates them at the same time on several
 * connections. A key that the rows violate stays NOT VALID and becomes a finding; not so with `mayWait`, where the rows
 * of two tables are of different moments until changes are followed, and the cutover validates again.
 */
export async function addForeignKeys(
  context: DatabaseContext,
  keys: readonly ForeignKeyWork[],
  target: Session,
  { mayWait = false }: { readonly mayWait?: boolean } = {},
): Promise<void> {
  await runStatements(context, target, 'constraints', keys.map(asAdded));
  await validateForeignKeys(context, keys, mayWait);
}

/** As it is run first: without a look at the rows where that is possible. */
export function asAdded({ item, notValid }: ForeignKeyWork): PlannedStatement {
  return notValid ? { ...item, sql: notValid.add } : item;
}

/** Those of the keys that are added and not yet valid. */
export async function validateForeignKeys(
  context: DatabaseContext,
  keys: readonly ForeignKeyWork[],
  mayWait = false,
): Promise<void> {
  const { checkpoint, tracker, options, signal } = context;
  const validations: Validation[] = [];
  for (const work of keys) {
    if (!work.notValid) continue;
    const added = checkpoint.has('statement', work.item.key);
    if (added && !checkpoint.has('index', validationItem(work)))
      validations.push({ work, sql: work.notValid.validate });
    else tracker.advance('constraints', added ? 'done' : 'skipped');
  }
  const batches = batchesByTable(validations);
  const jobs = Math.max(1, Math.min(options.indexJobs, batches.length));
  const open: (Session | undefined)[] = [];
  try {
    await forEachConcurrent(batches, jobs, async (batch, worker) => {
      signal.throwIfAborted();
      open[worker] ??= await context.sessions.open('target', 'validate');
      const session = open[worker];
      if (session) await validate(context, session, batch, mayWait);
    });
  } finally {
    for (const session of open) if (session) await context.sessions.close(session);
  }
}

/** Of the checkpoint that says that a key is valid; its kind is `index`. */
export const validationItem = (work: ForeignKeyWork): string => `validate ${work.item.key}`;

/** VALIDATE locks its table against another VALIDATE: all keys of one table stay in one batch, so no two batches wait. */
function batchesByTable(validations: readonly Validation[]): Validation[][] {
  const byTable = new Map<string, Validation[]>();
  for (const validation of validations) {
    const { relation, object } = validation.work.item.statement;
    const key = relation ? tableKey(relation) : object;
    byTable.set(key, [...(byTable.get(key) ?? []), validation]);
  }
  const few = [...byTable.values()].filter((group) => group.length < batchCount / 4);
  const many = [...byTable.values()].filter((group) => group.length >= batchCount / 4);
  const perBatch = validations.length > batchCount * 8 ? batchCount / 4 : 1;
  return [...many, ...chunks(few, perBatch).map((groups) => groups.flat())];
}

/** All of a batch in one message; where that fails one by one. */
async function validate(
  context: DatabaseContext,
  session: Session,
  batch: readonly Validation[],
  mayWait: boolean,
): Promise<void> {
  const { checkpoint, tracker, signal } = context;
  try {
    await session.script(
      batch
        .map(
          ({ work, sql }) => `${sql.replace(/;$/, '')}; ${checkpoint.record('index', validationItem(work))}`,
        )
        .join('; '),
    );
    for (const { work } of batch) checkpoint.remember('index', validationItem(work));
    tracker.advance('constraints', 'done', batch.length);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    const [only] = batch;
    if (batch.length > 1) for (const one of batch) await validate(context, session, [one], mayWait);
    else if (only && mayWait && error.sqlstate === violated) tracker.advance('constraints', 'done');
    else if (only) reportInvalid(context, only.work, error);
  }
}

function reportInvalid(context: DatabaseContext, work: ForeignKeyWork, error: Fault): void {
  const code = error.sqlstate === violated ? 'FF504' : 'FF500';
  const { object } = work.item.statement;
  context.tracker.advance('constraints', 'failed');
  context.tracker.finding({
    code,
    severity: 'error',
    object,
    message: `${object} is not valid: ${error.message}`,
    fix: errorCodes[code].help,
  });
}
