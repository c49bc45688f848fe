/** Runs the saved globals.sql, statement by statement. */
import { classifyDump } from '../../ddl/classify.js';
import { applyRules } from '../../ddl/flexibleServerRules.js';
import { loadParser } from '../../ddl/parser.js';
import { redact } from '../../ddl/redact.js';
import { findingFor, type StatementFinding, type TargetFacts } from '../../ddl/rules/verdict.js';
import type { Statement } from '../../ddl/statement.js';
import { transactionControl } from '../../ddl/transactionControl.js';
import type { FaultData } from '../../protocol/connection.js';
import type { StatementState } from '../../protocol/ddl.js';
import type { ErrorCode } from '../../protocol/errorCodes.js';
import type { RoleTarget } from '../catalog/roles.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';

export interface GlobalResult {
  /** As in the file, passwords masked. */
  readonly text: string;
  /** UTF-16 offsets in the file. */
  readonly start: number;
  readonly end: number;
  readonly state: StatementState;
  readonly fault?: FaultData;
}

export interface GlobalsRun {
  readonly results: readonly GlobalResult[];
  readonly findings: readonly StatementFinding[];
}

/**
 * Every statement in a transaction of its own, in the order of the file. A role that is there already is done, and
 * everything else of the file may be repeated. A failure is a finding and the next statement runs; only a lost server
 * or an abort rejects (with a Fault, or the signal's reason).
 */
export async function runGlobals(
  target: Session,
  sql: string,
  facts: RoleTarget,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<GlobalsRun> {
  await loadParser();
  const results: GlobalResult[] = [];
  const findings: StatementFinding[] = [];
  for (const statement of classifyDump(sql)) {
    signal?.throwIfAborted();
    const { text, start, end } = statement;
    const left = transactionControl(statement);
    if (left) {
      findings.push(left);
      results.push({ text, start, end, state: 'skipped' });
      continue;
    }
    const fault = await run(target, statement);
    signal?.throwIfAborted();
    const failed = fault && explained(statement, fault, facts);
    if (failed) findings.push(failed.finding);
    results.push({
      text: redact(text),
      start,
      end,
      state: failed ? 'failed' : 'done',
      ...(failed && { fault: failed.fault.toData() }),
    });
  }
  return { results, findings };
}

/** duplicate_object */
const exists = '42710';

async function run(target: Session, { text }: Statement): Promise<Fault | undefined> {
  // The server would read no further than there.
  if (text.includes('\0')) return new Fault('FF500', 'the statement holds a NUL character');
  try {
    await target.script(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    return error.sqlstate === exists && /^\s*create\s+(role|user|group)\b/i.test(text) ? undefined : error;
  }
}

const undefinedObject = '42704';
const everyRole: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

function explained(
  statement: Statement,
  error: Fault,
  facts: RoleTarget,
): { fault: Fault; finding: StatementFinding } {
  const rules: TargetFacts = {
    versionNum: facts.versionNum,
    isFlexibleServer: facts.isFlexibleServer,
    allowedExtensions: null,
    availableExtensions: new Set(),
    // Those that the file itself makes are there by now.
    roles: error.sqlstate === undefinedObject ? facts.roles : everyRole,
    isSuperuser: facts.user.superuser,
  };
  const { finding, onFailure } = applyRules(statement, rules);
  const expected = onFailure ?? (finding?.severity === 'warning' ? finding : undefined);
  const code: ErrorCode = expected?.code ?? (error.sqlstate === '42501' ? 'FF214' : 'FF500');
  const object = objectOf(statement);
  // The server would repeat what is wrong, which may be a password.
  const isSecret = error.sqlstate === '42601' && /password/i.test(statement.text);
  const message = `${object}: ${isSecret ? 'syntax error' : error.message}`;
  const fault = new Fault(code, message, {
    sqlstate: error.sqlstate,
    object,
    cause: error,
    ...(error.position !== undefined && { position: error.position }),
  });
  return { fault, finding: findingFor(code, expected === undefined ? 'error' : 'warning', object, message) };
}

/** `CREATE ROLE "app"` of the text, where the classifier says no more than its kind. */
function objectOf({ object, kind, text }: Statement): string {
  if (kind !== 'other') return object.replace(/ in database ""$/, '');
  const name = /^\s*(?:create|alter|drop)\s+(?:role|user|group)\s+("(?:[^"]|"")+"|[^\s;]+)/i.exec(text)?.[1];
  return name === undefined ? object : `role ${name.replace(/^"([a-z_][a-z0-9_$]*)"$/, '$1')}`;
}
