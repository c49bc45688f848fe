/** What is wrong with a single statement, and what can be done about it. Offsets are UTF-16, within the statement. */

import { nameChains } from '../ddl/documentNames.js';
import { applyRules, type Fix, type PlacedFinding, type TargetFacts } from '../ddl/flexibleServerRules.js';
import { fromCodePoints } from '../ddl/parser.js';
import type { Statement } from '../ddl/statement.js';
import type { FaultData } from '../protocol/connection.js';

export interface Problem {
  readonly start: number;
  readonly end: number;
  readonly severity: 'error' | 'warning' | 'note';
  /** FF… of ours, SQLSTATE of PostgreSQL's. */
  readonly code?: string;
  readonly message: string;
  /** What the rules offer. */
  readonly fixes: readonly Fix[];
  /** What the marker says where the statement is commented out because of it. */
  readonly reason?: string;
  /** It can be commented out although no rule says so. */
  readonly removable?: true;
}

/** Without `target` a Flexible Server of which nothing is known but the rules. */
export function problemsOf(
  statement: Statement,
  target: TargetFacts = anyFlexibleServer,
): readonly Problem[] {
  const { parseError, text } = statement;
  if (parseError !== undefined) {
    const { message, offset } = parseError;
    // Ours is smaller than that of a server, which may take it.
    if (/call stack/.test(message)) return [tooDeep(text)];
    return [
      { ...wordAt(text, offset), severity: 'error', code: '42601', message, fixes: [], removable: true },
    ];
  }
  const { finding, onFailure, place, fixes = [], also = [] } = applyRules(statement, target);
  const main = finding ?? onFailure;
  const all: PlacedFinding[] = [...also];
  if (main !== undefined) all.unshift({ finding: main, fixes, ...(place !== undefined && { place }) });
  return all.map((each) => ruleProblem(text, each));
}

function tooDeep(text: string): Problem {
  const message = 'This statement is nested too deeply to be checked here.';
  return { ...firstLine(text.slice(0, 1000)), severity: 'note', message, fixes: [] };
}

function ruleProblem(text: string, { finding, place, fixes }: PlacedFinding): Problem {
  const { severity, code, message, fix } = finding;
  const { start, end } = place ?? firstLine(text);
  const reason = `${code}: ${message}`;
  return { start, end, severity, code, message: `${message} ${fix}`, fixes, reason };
}

/** What the server said of a statement that failed. */
export function failure(text: string, { position, message, fix, sqlstate, code }: FaultData): Problem {
  const place =
    position === undefined ? firstLine(text) : wordAt(text, fromCodePoints(text, Math.max(0, position - 1)));
  return {
    ...place,
    severity: 'error',
    code: sqlstate ?? code,
    message: `${message.replace(/[.\s]*$/, '.')} ${fix}`.trim(),
    fixes: [],
    removable: true,
  };
}

/** The word at a place; at least one character, so that something is underlined. */
function wordAt(text: string, offset: number): { start: number; end: number } {
  let start = Math.min(offset, Math.max(0, text.length - 1));
  // Not into the middle of a character that takes two.
  if (/^[\uDC00-\uDFFF]/.test(text.slice(start, start + 1)) && start > 0) start--;
  const word = /^(?:[\p{L}\p{N}_$]+|\S)/u.exec(text.slice(start, start + 200))?.[0] ?? ' ';
  return { start, end: start + word.length };
}

function firstLine(text: string): { start: number; end: number } {
  const [line = ''] = text.split('\n', 1);
  return { start: 0, end: line.trimEnd().length };
}

/** Words that a role stands behind. */
const roleWords: ReadonlySet<string> = new Set([
  ...['TO', 'FROM', 'ROLE', 'USER', 'FOR', 'BY', ',', 'GRANT', 'REVOKE', 'GROUP', 'AUTHORIZATION'],
]);

/** Where a statement names a role. */
export function placesOfRole(text: string, role: string): { readonly start: number; readonly end: number }[] {
  return nameChains(text).flatMap(({ parts, before, inString }) => {
    const [part, more] = parts;
    const isRole = part?.name === role && more === undefined && !inString && roleWords.has(before[0] ?? '');
    return isRole ? [{ start: part.start, end: part.end }] : [];
  });
}

const everyRole: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });
const anyFlexibleServer: TargetFacts = {
  versionNum: 170000,
  isFlexibleServer: true,
  allowedExtensions: null,
  availableExtensions: new Set(),
  roles: everyRole,
};
