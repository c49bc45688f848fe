import { chunks } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import { type Deferred, switching, type TakenBack, takenBack } from './deferred.js';
import { asAdded, validateForeignKeys, validationItem } from './foreignKeys.js';
import type { ForeignKeyWork } from './postData.js';
import { runStatements } from './runStatements.js';

/** Statements that go in one message. */
const batchCount = 50;

/**
 * Adds what was kept back while changes were applied: foreign keys NOT VALID, then validated at the same time; triggers
 * and rules switched off.
 * @returns the objects that failed, with findings; `added` counts what is there now and was not before.
 */
export async function addDeferred(
  context: DatabaseContext,
  target: Session,
  later: Deferred,
): Promise<{ readonly added: number; readonly failed: readonly string[] }> {
  const { checkpoint, tracker } = context;
  const isAdded = ({ item }: ForeignKeyWork): boolean => checkpoint.has('statement', item.key);
  const isValid = (work: ForeignKeyWork): boolean =>
    isAdded(work) && (!work.notValid || checkpoint.has('index', validationItem(work)));
  const keys = [...later.early, ...later.foreignKeys].filter((work) => !isValid(work));
  const statements = later.statements.filter(({ key }) => !checkpoint.has('statement', key));
  tracker.again('constraints', 'postData');
  tracker.begin(
    'constraints',
    keys.reduce((n, key) => n + (key.notValid ? 1 : 0) + (isAdded(key) ? 0 : 1), 0),
  );
  await runStatements(context, target, 'constraints', keys.filter((key) => !isAdded(key)).map(asAdded));
  await validateForeignKeys(context, keys);
  tracker.end('constraints');
  tracker.begin('postData', statements.length);
  await runStatements(context, target, 'postData', statements);
  tracker.end('postData');
  const failedText = new Set(tracker.statements.filter((s) => s.state === 'failed').map((s) => s.key));
  const failed = [
    ...keys.filter((key) => (isAdded(key) ? !isValid(key) : failedText.has(key.item.textKey))),
    ...statements.filter(({ textKey }) => failedText.has(textKey)).map((item) => ({ item })),
  ].map(({ item }) => item.statement.object);
  return { added: keys.length + statements.length - failed.length, failed };
}

/**
 * Switches on what {@link addDeferred} left off, and runs what acts at once. What fails becomes a finding: from the
 * hand-over on nothing is taken back.
 */
export async function finishDeferred(
  context: DatabaseContext,
  target: Session,
  { statements, last }: Deferred,
): Promise<void> {
  const { checkpoint, tracker } = context;
  const saidLater = new Set(
    last.flatMap(({ statement }) => (statement.kind === 'enableTrigger' ? [statement.object] : [])),
  );
  const switches = statements.flatMap(({ statement, key }) => {
    const sql = switching(statement, 'ENABLE');
    const wanted = checkpoint.has('statement', key) && !saidLater.has(statement.object);
    return wanted && sql !== undefined ? [{ object: statement.object, sql }] : [];
  });
  const failed = await inBatches(context, target, switches, ({ sql }) => sql);
  for (const [{ object }, fault] of failed)
    tracker.finding({
      code: 'FF852',
      severity: 'error',
      object,
      message: `${object} could not be switched on: ${fault.message}`,
      fix: errorCodes.FF852.help,
    });
  tracker.again('postData');
  tracker.begin('postData', last.length);
  await runStatements(context, target, 'postData', last);
  tracker.end('postData');
}

/**
 * Takes back what {@link addDeferred} made, with its checkpoints in the same transaction, so that the next cutover
 * makes it again. Rejects with FF849 where something stays, after everything was tried.
 */
export async function takeBackDeferred(
  context: DatabaseContext,
  target: Session,
  later: Deferred,
): Promise<void> {
  const { checkpoint } = context;
  const made = takenBack(later).filter(({ checkpoints: [first] }) => first && checkpoint.has(...first));
  const script = ({ sql, checkpoints }: TakenBack): string =>
    [sql?.replace(/;\s*$/, '') ?? '', ...checkpoints.map((one) => checkpoint.unrecord(...one))]
      .filter((text) => text !== '')
      .join('; ');
  const failed = await inBatches(context, target, made, script);
  const stays = new Set([...failed].map(([one]) => one));
  for (const one of made)
    if (!stays.has(one)) for (const [kind, item] of one.checkpoints) checkpoint.forget(kind, item);
  const [first] = failed;
  if (first) {
    const [{ object }, fault] = first;
    throw new Fault('FF849', `${object} could not be taken back: ${fault.message}`, {
      sqlstate: fault.sqlstate,
      object,
      cause: fault,
    });
  }
}

/** Many in one message and one transaction; where that fails one by one. @returns what failed alone. */
async function inBatches<T>(
  { signal }: DatabaseContext,
  target: Session,
  items: readonly T[],
  sqlOf: (item: T) => string,
): Promise<[T, Fault][]> {
  const failed: [T, Fault][] = [];
  const attempt = async (batch: readonly T[]): Promise<void> => {
    try {
      await target.script(batch.map((item) => sqlOf(item).replace(/;\s*$/, '')).join(';\n'));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault) || endsRun(error)) throw error;
      const [only] = batch;
      if (batch.length > 1) for (const item of batch) await attempt([item]);
      else if (only !== undefined) failed.push([only, error]);
    }
  };
  for (const batch of chunks(items, batchCount)) await attempt(batch);
  return failed;
}
