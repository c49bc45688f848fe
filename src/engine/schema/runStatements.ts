import { redact, redactSyntaxError } from '../../ddl/redact.js';
import { type ErrorCode, errorCodes } from '../../protocol/errorCodes.js';
import type { Phase } from '../../protocol/model.js';
import { statementTextKey } from '../../protocol/statementKey.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { isUndefinedName } from '../errors/undefinedName.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import type { PlannedStatement } from './plannedStatement.js';

/** Statements that go in one message: few round trips for a dump of thousands, few locks in one transaction. */
const batchCount = 50;
const batchCharacters = 256 * 1024;

/** duplicate_* of https://www.postgresql.org/docs/current/errcodes-appendix.html */
const alreadyExists = new Set(['42P07', '42710', '42723', '42P06', '42701', '42P16']);

export const withSemicolon = (sql: string): string => (sql.endsWith(';') ? sql : `${sql};`);

/**
 * Runs planned statements in their order, each with its checkpoint in its own transaction or that of its batch. A
 * batch that fails is run again one by one, so every statement ends as done, skipped or failed; faults that end the
 * run reject. Settings in between always run.
 */
export async function runStatements(
  context: DatabaseContext,
  session: Session,
  phase: Phase,
  planned: readonly PlannedStatement[],
): Promise<void> {
  let batch: PlannedStatement[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const statements = batch;
    batch = [];
    size = 0;
    await runBatch(context, session, phase, statements);
  };
  for (const item of planned) {
    context.signal.throwIfAborted();
    if (item.statement.section === 'session' && !item.skip) {
      await flush();
      await runSetting(context, session, phase, item);
    } else if (item.skip) reportSkipped(context, phase, item);
    else if (context.checkpoint.has('statement', item.key)) reportDone(context, phase, item);
    else if (isOpen(item)) reportFailed(context, phase, item, openFault(item));
    else {
      if (batch.length >= batchCount || size + item.sql.length > batchCharacters) await flush();
      batch.push(item);
      size += item.sql.length;
    }
  }
  await flush();
}

/** Its end was not found, so that what is sent behind it could become part of it. */
const isOpen = ({ statement }: PlannedStatement): boolean =>
  statement.unterminated === true && statement.parseError !== undefined;

function openFault({ statement }: PlannedStatement): Fault {
  const { message = '', offset = 0 } = statement.parseError ?? {};
  return new Fault('FF500', message, {
    sqlstate: '42601',
    position: [...statement.text.slice(0, offset)].length + 1,
  });
}

/** Always runs: it holds for this connection. */
async function runSetting(
  context: DatabaseContext,
  session: Session,
  phase: Phase,
  item: PlannedStatement,
): Promise<void> {
  try {
    await session.script(item.sql);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    reportFailed(context, phase, item, error);
  }
}

/** One statement with its checkpoint. True when it was done. */
export async function runStatement(
  context: DatabaseContext,
  session: Session,
  phase: Phase,
  item: PlannedStatement,
  sql = item.sql,
): Promise<boolean> {
  try {
    await runRecorded(context, session, item, sql);
    reportDone(context, phase, item);
    return true;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    reportFailed(context, phase, { ...item, sql }, error);
    return false;
  }
}

async function runRecorded(
  context: DatabaseContext,
  session: Session,
  item: PlannedStatement,
  sql: string,
): Promise<void> {
  const record = context.checkpoint.record('statement', item.key, undefined, item.undo);
  await runEitherWay(context, session, { ...item, sql }, record);
  context.checkpoint.remember('statement', item.key);
}

/**
 * Runs under the dump's empty search_path, as pg_restore would, and where that fails in a second way. `also` runs in
 * the same transaction.
 */
export async function runEitherWay(
  context: DatabaseContext,
  session: Session,
  item: PlannedStatement,
  also = '',
): Promise<void> {
  const { sql } = item;
  const before = item.around ? `${item.around.before}\n` : '';
  try {
    await session.script(`${before}${withSemicolon(sql)}\n${item.around?.after ?? ''}\n${also}`);
  } catch (caught) {
    const error = inStatement(caught, before);
    const around = error instanceof Fault ? secondWay(context, item, error) : undefined;
    if (!around) throw error;
    // The first error is the one worth telling: a second way that fails too says less.
    await session
      .script(
        `${around.before}; ${before}${withSemicolon(sql)}\n${item.around?.after ?? ''}\n${around.after}${also}`,
      )
      .catch((second: unknown) => {
        throw second instanceof Fault && endsRun(second) ? second : error;
      });
  }
}

/** The server counts from the start of what was sent. */
function inStatement(error: unknown, before: string): unknown {
  if (before === '' || !(error instanceof Fault) || error.position === undefined) return error;
  const position = error.position - [...before].length;
  const { code, message, fix, sqlstate, object } = error;
  return new Fault(code, message, {
    fix,
    sqlstate,
    ...(object !== undefined && { object }),
    ...(position > 0 && { position }),
    cause: error,
  });
}

/** What to put around a statement that failed so that it may work, in the same transaction. */
function secondWay(
  context: DatabaseContext,
  item: PlannedStatement,
  error: Fault,
): { before: string; after: string } | undefined {
  if (isUndefinedName(error)) {
    return {
      before: `SELECT pg_catalog.set_config('search_path', ${literal(context.searchPath)}, true)`,
      after: '',
    };
  }
  // Default privileges of a role can be changed by its members alone; who administers the role may be one for a moment.
  if (item.statement.kind === 'defaultPrivileges' && error.sqlstate === '42501') {
    const roles = item.statement.details.forRoles.map(ident).join(', ');
    return { before: `GRANT ${roles} TO CURRENT_USER`, after: `REVOKE ${roles} FROM CURRENT_USER;\n` };
  }
  return undefined;
}

async function runBatch(
  context: DatabaseContext,
  session: Session,
  phase: Phase,
  items: readonly PlannedStatement[],
): Promise<void> {
  const { checkpoint } = context;
  const sql = items.map(
    (item) =>
      `${item.around?.before ?? ''}\n${withSemicolon(item.sql)}\n${item.around?.after ?? ''}\n${checkpoint.record('statement', item.key, undefined, item.undo)}`,
  );
  try {
    await session.script(sql.join(';\n'));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    for (const item of items) await runStatement(context, session, phase, item);
    return;
  }
  for (const item of items) {
    checkpoint.remember('statement', item.key);
    reportDone(context, phase, item);
  }
}

const named = ({ statement, textKey }: PlannedStatement) => ({
  kind: statement.kind,
  object: statement.object,
  key: textKey,
});

export function reportDone(context: DatabaseContext, phase: Phase, item: PlannedStatement): void {
  if (item.finding) context.tracker.finding(item.finding);
  context.tracker.advance(phase, 'done');
  context.tracker.statement(item.section, item.index, named(item), 'done');
}

export function reportSkipped(context: DatabaseContext, phase: Phase, item: PlannedStatement): void {
  const { tracker } = context;
  // Those of missing roles are told once a role.
  if (item.finding && item.finding.code !== 'FF413') tracker.finding(item.finding);
  tracker.advance(phase, item.finding && item.finding.severity !== 'note' ? 'skipped' : 'done');
  tracker.statement(item.section, item.index, named(item), 'skipped', {
    reason: item.finding?.message ?? 'It is there already.',
  });
}

export function reportFailed(
  context: DatabaseContext,
  phase: Phase,
  item: PlannedStatement,
  error: Fault,
): void {
  const { tracker } = context;
  const { object } = item.statement;
  const { code, skipped } = meaning(context, item, error);
  const fault = new Fault(code, `${object}: ${redactSyntaxError(error.message, item.sql)}`, {
    sqlstate: error.sqlstate,
    object,
    // Of the text that was sent: a constraint that is made of an index is not as it stands in the file.
    position: statementTextKey(redact(item.sql)) === item.textKey ? error.position : undefined,
    cause: error,
  });
  tracker.finding({
    ...(item.onFailure ?? { code, fix: errorCodes[code].help }),
    severity: skipped ? 'warning' : 'error',
    object,
    message: fault.message,
  });
  tracker.advance(phase, skipped ? 'skipped' : 'failed');
  tracker.statement(item.section, item.index, named(item), skipped ? 'skipped' : 'failed', {
    error: fault.toData(),
  });
}

/** What the failure of a statement comes to: one that a Flexible Server may refuse, or that is there, is left out. */
function meaning(
  context: DatabaseContext,
  item: PlannedStatement,
  error: Fault,
): { code: ErrorCode; skipped: boolean } {
  const { kind } = item.statement;
  if (item.onFailure) return { code: item.onFailure.code, skipped: true };
  if (alreadyExists.has(error.sqlstate ?? '')) return { code: 'FF416', skipped: true };
  const maintained = kind === 'createIndex' || kind === 'refreshMaterializedView';
  if (maintained && isUndefinedName(error) && context.target.versionNum >= 170000)
    return { code: 'FF511', skipped: false };
  if (kind === 'refreshMaterializedView') return { code: 'FF506', skipped: false };
  return { code: error.code === 'FF504' ? 'FF504' : 'FF500', skipped: false };
}
