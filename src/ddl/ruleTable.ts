/**
 * What a Flexible Server refuses, as data. No superuser, no files of one's own, no tablespaces:
 * https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-limits
 */
import { type ErrorCodeEntry, errorCodes } from '../protocol/errorCodes.js';
import { clauseRules } from './rules/clauses.js';
import { expressionRules } from './rules/expressions.js';
import { extensionRules } from './rules/extensions.js';
import { objectRules } from './rules/objects.js';
import { roleAttributeRules } from './rules/roleAttributes.js';
import { roleRules } from './rules/roles.js';
import type { Rule } from './rules/rule.js';
import { settingRules } from './rules/settings.js';
import { statementRules } from './rules/statements.js';
import { versionRules } from './rules/versions.js';
import type { StatementKind } from './statement.js';

/** Of rules that leave a statement out the first that matches decides; of the others each says its own. */
export const flexibleServerRules: readonly Rule[] = [
  ...settingRules,
  ...extensionRules,
  ...objectRules,
  ...statementRules,
  ...roleRules,
  ...roleAttributeRules,
  ...clauseRules,
  ...expressionRules,
  ...versionRules,
];

const byKind = new Map<StatementKind, Rule[]>();
for (const rule of flexibleServerRules) {
  for (const kind of rule.kinds) {
    const list = byKind.get(kind);
    if (list === undefined) byKind.set(kind, [rule]);
    else list.push(rule);
  }
}

export function rulesFor(kind: StatementKind): readonly Rule[] {
  return byKind.get(kind) ?? [];
}

/** A line of the table of all rules, for documentation. */
export interface RuleDoc {
  readonly code: string;
  readonly azureCode?: string;
  readonly title: string;
  readonly explanation: string;
  readonly severity: Rule['severity'];
  readonly action: Rule['action'];
  readonly applies: Rule['applies'];
  readonly statements: readonly StatementKind[];
  readonly fix: string;
}

export function ruleDocs(): RuleDoc[] {
  return flexibleServerRules.map(({ code, title, explanation, severity, action, applies, kinds }) => {
    const entry: ErrorCodeEntry = errorCodes[code];
    const azure = entry.azure === undefined ? {} : { azureCode: entry.azure };
    return {
      code,
      ...azure,
      title,
      explanation,
      severity,
      action,
      applies,
      statements: kinds,
      fix: entry.help,
    };
  });
}
