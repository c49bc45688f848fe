import { plural } from '../../base/format.js';
import { dependsOnSkipped } from '../../ddl/dependsOnSkipped.js';
import { dropStatement } from '../../ddl/drops.js';
import { applyRules, missingGrantees } from '../../ddl/flexibleServerRules.js';
import type { Statement } from '../../ddl/statement.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { Finding } from '../../protocol/model.js';
import type { TargetState } from '../catalog/server.js';
import { statementKey } from '../run/checkpoint.js';

/** A statement of the dump with what will be done about it. */
export interface PlannedStatement {
  readonly statement: Statement;
  readonly section: 'preData' | 'postData';
  /** Place in its section, from 0. */
  readonly index: number;
  /** Key of its checkpoint. */
  readonly key: string;
  readonly skip: boolean;
  /** What runs: the original text, or that without a clause the target does not take. */
  readonly sql: string;
  /** What a failure means where it is to be expected on a Flexible Server. */
  readonly onFailure?: Omit<Finding, 'database'>;
  /** A note with what is run, or the reason why it is not. */
  readonly finding?: Omit<Finding, 'database'>;
  /** What takes the statement back on --restart. */
  readonly undo?: string;
}

export interface StatementPlan {
  /** With the settings that stand between statements, in the order of the dump. */
  readonly preData: readonly PlannedStatement[];
  readonly postData: readonly PlannedStatement[];
  /** What concerns many statements at once. */
  readonly findings: readonly Omit<Finding, 'database'>[];
  /** Settings at the head of the dump: every connection that runs statements begins with them. */
  readonly settings: readonly string[];
}

/** Decides for every statement of a dump whether it runs on this target, and why not. */
export function planStatements(
  statements: readonly Statement[],
  target: TargetState,
  preexisting: ReadonlySet<string>,
): StatementPlan {
  const preData: PlannedStatement[] = [];
  const postData: PlannedStatement[] = [];
  const settings: string[] = [];
  const occurrences = new Map<string, number>();
  const skipped = new Set<string>();
  let section: 'preData' | 'postData' = 'preData';
  for (const statement of statements) {
    if (statement.section !== 'session') section = statement.section;
    const occurrence = occurrences.get(statement.text) ?? 0;
    occurrences.set(statement.text, occurrence + 1);
    const list = section === 'preData' ? preData : postData;
    const decision = decide(statement, target, preexisting, skipped);
    const leading = preData.every((p) => p.statement.section === 'session');
    if (statement.section === 'session' && leading && !decision.skip) settings.push(decision.sql);
    if (decision.skip && decision.finding?.severity !== 'note') skipped.add(statement.object);
    const undo = decision.skip || preexisting.has(statement.object) ? undefined : dropStatement(statement);
    list.push({
      statement,
      section,
      index: list.length,
      key: statementKey(statement.text, occurrence),
      ...decision,
      ...(undo !== undefined && { undo }),
    });
  }
  return { preData, postData, settings, findings: missingRoles([...preData, ...postData], target.roles) };
}

type Decision = Pick<PlannedStatement, 'skip' | 'sql' | 'finding' | 'onFailure'>;

function decide(
  statement: Statement,
  target: TargetState,
  preexisting: ReadonlySet<string>,
  skipped: ReadonlySet<string>,
): Decision {
  const sql = statement.text;
  if (
    statement.kind === 'createSchema' &&
    (statement.details.name === 'public' || preexisting.has(statement.object))
  )
    return { skip: true, sql };
  const rule = applyRules(statement, target);
  if (rule.action === 'skip') return { skip: true, sql, ...(rule.finding && { finding: rule.finding }) };
  const needed = dependsOnSkipped(statement, skipped);
  if (needed !== undefined) {
    return {
      skip: true,
      sql,
      finding: {
        code: 'FF417',
        severity: 'warning',
        object: statement.object,
        message: `${statement.object} needs ${needed}, which was left out.`,
        fix: errorCodes.FF417.help,
      },
    };
  }
  return {
    skip: false,
    sql: rule.text ?? sql,
    ...(rule.finding && { finding: rule.finding }),
    ...(rule.onFailure && { onFailure: rule.onFailure }),
  };
}

/** One finding a role instead of one a grant: hundreds of grants say the same. Each statement still says why it is skipped. */
function missingRoles(
  planned: readonly PlannedStatement[],
  roles: ReadonlySet<string>,
): Omit<Finding, 'database'>[] {
  const byRole = new Map<string, { first: PlannedStatement; count: number }>();
  for (const item of planned) {
    if (item.finding?.code !== 'FF413') continue;
    for (const role of missingGrantees(item.statement, roles)) {
      const known = byRole.get(role);
      byRole.set(role, { first: known?.first ?? item, count: (known?.count ?? 0) + 1 });
    }
  }
  return [...byRole].map(([role, { first, count }]) => ({
    code: 'FF413',
    severity: 'warning',
    object: `role ${role}`,
    message: `The role ${role} does not exist on the target: ${plural(count, 'statement')} left out, the first: ${first.statement.object}.`,
    fix: errorCodes.FF413.help,
  }));
}
