/** All that is wrong with a file, as the editor shows it. */
import { type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';
import type { DdlDocument, Entry } from '../ddl/document.js';
import { conflictsIn } from '../ddl/documentConflicts.js';
import type { TargetFacts } from '../ddl/flexibleServerRules.js';
import type { StatementKey, StatementStatus } from '../protocol/ddl.js';
import { errorCodes } from '../protocol/errorCodes.js';
import type { FileContext } from './context.js';
import { pageOf } from './docs.js';
import { failure, type Problem, problemsOf } from './problems.js';
import type { SqlFile } from './sqlFile.js';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  note: DiagnosticSeverity.Information,
} as const;

export type States = ReadonlyMap<StatementKey, StatementStatus>;

interface Related {
  readonly file: SqlFile;
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

/** A problem at its place in the file. */
export interface Placed {
  readonly problem: Problem;
  readonly entry?: Entry;
  /** UTF-16 offsets in the file. */
  readonly start: number;
  readonly end: number;
  /** Other places that explain it. */
  readonly related?: readonly Related[];
}

/** What the rules say of a statement holds as long as its text and the target do. */
const known = new WeakMap<
  Entry,
  { readonly facts: TargetFacts | undefined; readonly problems: readonly Problem[] }
>();

export function ruleProblems(
  model: DdlDocument,
  entry: Entry,
  facts: TargetFacts | undefined,
): readonly Problem[] {
  if (entry.known === undefined && entry.tooLong !== true) return [];
  const cached = known.get(entry);
  if (cached && cached.facts === facts) return cached.problems;
  const statement = model.statementOf(entry);
  const problems = statement === undefined ? unchecked(model, entry) : problemsOf(statement, facts);
  known.set(entry, { facts, problems });
  return problems;
}

function unchecked(model: DdlDocument, entry: Entry): Problem[] {
  if (entry.tooLong !== true) return [];
  const text = model.text.slice(entry.start, Math.min(entry.end, entry.start + 200));
  const size = ((entry.end - entry.start) / (1 << 20)).toFixed(0);
  const message = `This statement is ${size} million characters long and is not checked here.`;
  return [{ start: 0, end: text.split('\n', 1)[0]?.length ?? 0, severity: 'note', message, fixes: [] }];
}

/** Problems of the statements that share a place with a range, and of what stands between them. */
export function problemsIn(
  model: DdlDocument,
  context: FileContext | undefined,
  states: States | undefined,
  range: { readonly start: number; readonly end: number } = { start: 0, end: model.text.length },
): Placed[] {
  const conflicts = conflictsIn(model.text);
  const placed: Placed[] = [];
  const inConflict = (offset: number): boolean =>
    conflicts.some(({ start, end }) => start <= offset && offset <= end);
  for (const entry of model.entriesIn(range.start, range.end)) {
    const problems = ruleProblems(model, entry, context?.facts);
    const isSyntax = entry.known?.parseError !== undefined;
    for (const problem of problems) {
      // The parser stumbles over a marker: that there is a conflict says it all.
      if (isSyntax && conflicts.some(({ start, end }) => start < entry.end && entry.start < end)) continue;
      placed.push(place(problem, entry));
    }
    for (const problem of undecidedIn(model, entry, context)) placed.push(place(problem, entry));
    const status = states && states.size > 0 ? states.get(model.keyOf(entry)) : undefined;
    if (status?.state === 'failed' && status.error && !inConflict(entry.start)) {
      placed.push(place(failure(model.textOf(entry), status.error), entry));
    }
  }
  for (const { start, end, sides } of conflicts) {
    if (end < range.start || start > range.end) continue;
    const names = sides?.map(({ name }, index) => name || ['one side', 'the other'][index]).join(' and ');
    const what = names === undefined ? 'Rest of a conflict.' : `Conflict between ${names}.`;
    const message = `${what} ${errorCodes.FF217.help}`;
    const problem: Problem = {
      start: 0,
      end: end - start,
      severity: 'error',
      code: 'FF217',
      message,
      fixes: [],
    };
    placed.push({ problem, start, end });
  }
  return [...placed, ...nulsBetween(model, range)];
}

/** What generating could not decide, as long as the statement is what was generated. */
function undecidedIn(model: DdlDocument, entry: Entry, context: FileContext | undefined): Problem[] {
  const all = context?.context.undecided;
  if (all === undefined || Object.keys(all).length === 0) return [];
  return (all[model.keyOf(entry)] ?? []).map(({ start, end, message }) => ({
    start,
    end,
    severity: 'warning',
    code: 'FF420',
    message: `${message} ${errorCodes.FF420.help}`,
    fixes: [],
  }));
}

function place(problem: Problem, entry: Entry): Placed {
  return { problem, entry, start: entry.start + problem.start, end: entry.start + problem.end };
}

/** The parser finds a NUL in a statement; between statements only we do. */
function nulsBetween(model: DdlDocument, range: { readonly start: number; readonly end: number }): Placed[] {
  const placed: Placed[] = [];
  for (
    let at = model.text.indexOf('\0', range.start);
    at >= 0 && at <= range.end;
    at = model.text.indexOf('\0', at + 1)
  ) {
    const entry = model.entryAt(at);
    if (entry !== undefined && at < entry.end) continue;
    if (placed.length >= 100) break;
    const message = `A NUL character (0x00) stands here, which no SQL text may hold. ${errorCodes.FF303.help}`;
    placed.push({
      problem: { start: 0, end: 1, severity: 'error', code: 'FF303', message, fixes: [] },
      start: at,
      end: at + 1,
    });
  }
  return placed;
}

export function diagnosticOf(file: SqlFile, { problem, start, end, related }: Placed): Diagnostic {
  const { code, message, severity } = problem;
  const href = code === undefined ? undefined : pageOf(code);
  return {
    range: file.range(start, end),
    severity: severities[severity],
    source: code === undefined || code.startsWith('FF') ? 'flexferry' : 'postgresql',
    ...(code !== undefined && { code }),
    ...(href !== undefined && { codeDescription: { href } }),
    message,
    ...(related !== undefined && {
      relatedInformation: related.map((other) => ({
        location: { uri: other.file.uri, range: other.file.range(other.start, other.end) },
        message: other.message,
      })),
    }),
  };
}

const weights = { error: 0, warning: 1, note: 2 } as const;

/** At most `max` of a file, the worst first; a note at the top says what is left out. */
export function diagnosticsOf(file: SqlFile, placed: readonly Placed[], max: number): Diagnostic[] {
  const notes: string[] = [];
  let shown = [...placed];
  if (shown.length > max) {
    shown.sort((a, b) => weights[a.problem.severity] - weights[b.problem.severity]);
    // The note below is one of them.
    shown = shown.slice(0, Math.max(0, max - 1));
    notes.push(
      `${placed.length - shown.length} more problems of this file are not shown (flexferry.maxProblems).`,
    );
  }
  if (file.model.isLarge) {
    const size = Math.round(file.model.text.length / 1e6);
    notes.push(
      `This file has ${size} million characters: only statements near a change are checked here, the others are when they run. Outline, hover and links know no more than these.`,
    );
  }
  shown.sort((a, b) => a.start - b.start || a.end - b.end);
  return [
    ...notes.map((message) => ({
      range: file.range(0, 0),
      severity: DiagnosticSeverity.Information,
      source: 'flexferry',
      message,
    })),
    ...shown.map((each) => diagnosticOf(file, each)),
  ];
}
