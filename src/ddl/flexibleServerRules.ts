/** What becomes of a statement on a given target. */
import { displayName } from './identifier.js';
import { withoutAttver } from './rewrite.js';
import { applyEdits, commentOut, mergeEdits, offered } from './rules/fixes.js';
import { aroundOwner } from './rules/owner.js';
import type { Match, Rule } from './rules/rule.js';
import { type Subject, subjectOf } from './rules/subject.js';
import {
  type Fix,
  findingFor,
  type PlacedFinding,
  type StatementFinding,
  type TargetFacts,
  type Verdict,
} from './rules/verdict.js';
import { rulesFor } from './ruleTable.js';
import type { Statement } from './statement.js';

export { missingGrantees } from './rules/rolesOf.js';
export { type Fix, findingFor, type PlacedFinding, type StatementFinding, type TargetFacts, type Verdict };

/**
 * Needs {@link loadParser} before. Never throws. A statement that cannot be parsed is judged by what its header or its
 * tokens say.
 */
export function applyRules(statement: Statement, target: TargetFacts): Verdict {
  const subject = subjectOf(statement, target);
  const silent = settingVerdict(statement, target);
  if (silent?.finding !== undefined) return silent;
  const found = matches(subject);
  const skipped = found.find(({ rule }) => rule.action === 'skip');
  if (skipped !== undefined) return skipVerdict(subject, skipped);
  return silent ?? attverVerdict(statement) ?? runVerdict(subject, found);
}

interface Found {
  readonly rule: Rule;
  readonly match: Match;
}

/** Up to and with the first that leaves the statement out. */
function matches(subject: Subject): Found[] {
  const { statement, target } = subject;
  const found: Found[] = [];
  for (const rule of rulesFor(statement.kind)) {
    if (!target.isFlexibleServer && rule.applies === 'flexibleServer') continue;
    if (target.versionNum < (rule.from ?? 0) || target.versionNum >= (rule.below ?? Number.MAX_SAFE_INTEGER))
      continue;
    if (rule.mentions?.test(statement.text) === false) continue;
    const match = rule.match(subject);
    if (match === undefined) continue;
    found.push({ rule, match });
    if (rule.action === 'skip') break;
  }
  return found;
}

function placed(subject: Subject, { rule, match }: Found): PlacedFinding {
  const { text, object } = subject.statement;
  const finding = findingFor(rule.code, match.severity ?? rule.severity, object, match.message);
  const own = match.fixes ?? [];
  // Where something better is done by default, leaving the statement out is only offered.
  const out = {
    ...commentOut(text, { code: rule.code, message: match.message }),
    isDefault: rule.action === 'skip',
  };
  const fixes: Fix[] =
    rule.action === 'skip' ? [out, ...own.map(offered)] : rule.action === 'tell' ? [...own] : [...own, out];
  return { finding, fixes, ...(match.place !== undefined && { place: match.place }) };
}

function skipVerdict(subject: Subject, found: Found): Verdict {
  return { action: 'skip', ...placed(subject, found) };
}

function runVerdict(subject: Subject, found: readonly Found[]): Verdict {
  const { text, kind } = subject.statement;
  const around = aroundOwner(subject);
  if (found.length === 0) return around === undefined ? { action: 'run' } : { action: 'run', ...around };
  const tried = found.find(({ rule }) => rule.action === 'try' || rule.mayFail?.includes(kind) === true);
  const [first, ...also] = found
    .filter(({ rule }) => rule.action !== 'try')
    .map((each) => placed(subject, each));
  const main = first ?? (tried && placed(subject, tried));
  const onFailure = tried && placed(subject, tried);
  const edits = mergeEdits(
    [first, ...also].flatMap((each) =>
      (each?.fixes ?? []).filter((fix) => fix.isDefault).flatMap((fix) => fix.edits),
    ),
  );
  const { finding: _, ...mainPlace } = main ?? { finding: undefined, fixes: [] };
  return {
    action: 'run',
    ...(first !== undefined && { finding: first.finding }),
    ...(onFailure !== undefined && { onFailure: onFailure.finding }),
    ...(edits.length > 0 && { text: applyEdits(text, edits) }),
    ...mainPlace,
    ...(also.length > 0 && { also }),
    ...around,
  };
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
    return target.versionNum < from || target.versionNum >= below ? silentSkip(statement) : undefined;
  }
  if (statement.kind !== 'sessionAuthorization') return undefined;
  const { role } = statement.details;
  if (role === undefined) return silentSkip(statement);
  const message = `Privileges granted by ${displayName(role)} are granted by the target user.`;
  return {
    action: 'skip',
    finding: findingFor('FF418', 'note', `role ${displayName(role)}`, message),
    fixes: [{ ...commentOut(statement.text, { code: 'FF418', message }), isDefault: true }],
  };
}

/** Nothing is lost that were worth a word. */
function silentSkip({ text }: Statement): Verdict {
  return { action: 'skip', fixes: [{ ...commentOut(text), isDefault: true }] };
}

/** A trace of the source's minor version, not worth a word. */
function attverVerdict(statement: Statement): Verdict | undefined {
  if (statement.kind !== 'alterTable' || statement.parseError !== undefined) return undefined;
  if (!statement.text.includes('pg_attver')) return undefined;
  const text = withoutAttver(statement.text);
  if (text === undefined) return silentSkip(statement);
  if (text === statement.text) return undefined;
  return { action: 'run', text };
}
