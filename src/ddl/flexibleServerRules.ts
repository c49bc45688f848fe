/** What becomes of a statement on a given target. */
import { type ErrorCode, type ErrorCodeEntry, errorCodes } from '../protocol/errorCodes.js';
import type { Finding } from '../protocol/model.js';
import { checkExtension } from './extensionRule.js';
import { displayName } from './identifier.js';
import { withoutAttver, withoutTablespace } from './rewrite.js';
import { flexibleServerRules } from './ruleTable.js';
import type { Statement } from './statement.js';

export interface TargetFacts {
  /** server_version_num. */
  readonly versionNum: number;
  readonly isFlexibleServer: boolean;
  /** azure.extensions; null where the target has no such setting. */
  readonly allowedExtensions: readonly string[] | null;
  readonly availableExtensions: ReadonlySet<string>;
  readonly installedExtensions?: ReadonlySet<string>;
  /** pg_roles. */
  readonly roles: ReadonlySet<string>;
}

export type StatementFinding = Omit<Finding, 'database'>;

export interface Verdict {
  readonly action: 'run' | 'skip';
  /** To report whatever happens. A skip without one loses nothing worth a word. */
  readonly finding?: StatementFinding;
  /** To report instead of the server's refusal: then the statement counts as skipped, not as failed. */
  readonly onFailure?: StatementFinding;
  /** What to run instead of the original text. */
  readonly text?: string;
}

export function findingFor(
  code: ErrorCode,
  severity: Finding['severity'],
  object: string,
  message: string,
): StatementFinding {
  const entry: ErrorCodeEntry = errorCodes[code];
  const azure = entry.azure === undefined ? {} : { azureCode: entry.azure };
  return { code, ...azure, severity, object, message, fix: entry.help };
}

export function applyRules(statement: Statement, target: TargetFacts): Verdict {
  return (
    settingVerdict(statement, target) ??
    extensionVerdict(statement, target) ??
    ruleVerdict(statement, target) ??
    roleVerdict(statement, target) ??
    textVerdict(statement, target) ?? { action: 'run' }
  );
}

/** Settings by the server_version_num that has them: a dump by a newer pg_dump sets what older servers do not know. */
const settingRanges: Readonly<Record<string, { readonly from?: number; readonly below?: number }>> = {
  transaction_timeout: { from: 170000 },
  default_table_access_method: { from: 120000 },
  default_with_oids: { below: 120000 },
};

function settingVerdict(statement: Statement, target: TargetFacts): Verdict | undefined {
  if (statement.kind === 'setting') {
    const { from = 0, below = Number.MAX_SAFE_INTEGER } = settingRanges[statement.details.name] ?? {};
    return target.versionNum < from || target.versionNum >= below ? { action: 'skip' } : undefined;
  }
  if (statement.kind !== 'sessionAuthorization') return undefined;
  const { role } = statement.details;
  if (role === undefined) return { action: 'skip' };
  const message = `Privileges granted by ${displayName(role)} are granted by the target user.`;
  return { action: 'skip', finding: findingFor('FF418', 'note', `role ${displayName(role)}`, message) };
}

function extensionVerdict(statement: Statement, target: TargetFacts): Verdict | undefined {
  if (statement.kind !== 'createExtension') return undefined;
  const check = checkExtension(statement.details.name, {
    allowList: target.allowedExtensions,
    available: target.availableExtensions,
    installed: target.installedExtensions ?? [],
  });
  if (check.usable) return undefined;
  return { action: 'skip', finding: findingFor(check.code, 'warning', statement.object, check.message) };
}

function ruleVerdict(statement: Statement, target: TargetFacts): Verdict | undefined {
  const rule = flexibleServerRules.find(
    ({ applies, matches }) => (target.isFlexibleServer || applies === 'everywhere') && matches(statement),
  );
  if (rule === undefined) return undefined;
  const finding = findingFor(rule.code, rule.severity, statement.object, rule.message(statement));
  return rule.action === 'skip' ? { action: 'skip', finding } : { action: 'run', onFailure: finding };
}

/** Words in place of a role that are no names of roles. */
const pseudoRoles: ReadonlySet<string> = new Set([
  '',
  'PUBLIC',
  'CURRENT_USER',
  'CURRENT_ROLE',
  'SESSION_USER',
]);

/** The roles that a statement names and the target does not have. */
export function missingGrantees(statement: Statement, roles: ReadonlySet<string>): string[] {
  return [...new Set(rolesOf(statement))].filter((role) => !roles.has(role) && !pseudoRoles.has(role));
}

function rolesOf(statement: Statement): readonly string[] {
  switch (statement.kind) {
    case 'grant':
    case 'revoke':
      return [...statement.details.grantees, ...statement.details.roles];
    case 'defaultPrivileges':
      return [...statement.details.forRoles, ...statement.details.grantees];
    case 'createPolicy':
      return statement.details.roles;
    case 'ownerChange':
      return [statement.details.owner];
    case 'userMapping':
      return [statement.details.user];
    default:
      return [];
  }
}

function roleVerdict(statement: Statement, target: TargetFacts): Verdict | undefined {
  const missing = missingGrantees(statement, target.roles);
  if (missing.length === 0) return undefined;
  const names = missing.map((role) => displayName(role)).join(', ');
  const message = `${statement.object}: the target has no role ${names}.`;
  // What is not granted to a role that does not exist need not be revoked from it.
  const severity = statement.kind === 'revoke' ? 'note' : 'warning';
  return { action: 'skip', finding: findingFor('FF413', severity, statement.object, message) };
}

/** Statements that work once a word of theirs is gone. */
function textVerdict(statement: Statement, target: TargetFacts): Verdict | undefined {
  if (statement.parseError !== undefined) return undefined;
  if (statement.kind === 'alterTable' && statement.text.includes('pg_attver')) {
    const text = withoutAttver(statement.text);
    return text === undefined ? { action: 'skip' } : { action: 'run', text };
  }
  if (!target.isFlexibleServer || !/\btablespace\b/i.test(statement.text)) return undefined;
  if (!mayHaveTablespace.has(statement.kind)) return undefined;
  const text = withoutTablespace(statement.text);
  if (text === statement.text) return undefined;
  const message = `The tablespace of ${statement.object} is left out.`;
  return { action: 'run', text, finding: findingFor('FF407', 'note', statement.object, message) };
}

const mayHaveTablespace: ReadonlySet<string> = new Set([
  'createTable',
  'createIndex',
  'createMaterializedView',
  'primaryKey',
  'unique',
  'exclusion',
]);
