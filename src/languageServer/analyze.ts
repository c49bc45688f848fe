/** What the editor shows about a generated SQL file. Pure: positions are UTF-16 offsets. */
import { classifyDump } from '../ddl/classify.js';
import { applyRules, type StatementFinding, type TargetFacts } from '../ddl/flexibleServerRules.js';
import type { Statement } from '../ddl/statement.js';
import { tokensOf } from '../ddl/tokens.js';

export interface Problem {
  readonly start: number;
  readonly end: number;
  readonly severity: 'error' | 'warning' | 'note';
  /** FF4xx of a rule; SQLSTATE 42601 (syntax_error) of the parser. */
  readonly code: string;
  readonly message: string;
}

/**
 * Syntax errors and findings of the Flexible Server rules. Extensions and roles depend on the target, which is not
 * asked here: without `target` the rules about them stay silent.
 */
export function problemsOf(statements: readonly Statement[], target?: TargetFacts): Problem[] {
  return statements.flatMap((statement) => {
    if (statement.parseError !== undefined) return [syntaxProblem(statement, statement.parseError)];
    if (statement.kind === 'createExtension' && target === undefined) return [];
    const { finding, onFailure } = applyRules(statement, target ?? anyFlexibleServer);
    const found = finding ?? onFailure;
    return found === undefined ? [] : [ruleProblem(statement, found)];
  });
}

function syntaxProblem({ start, text }: Statement, error: NonNullable<Statement['parseError']>): Problem {
  const from = Math.min(error.offset, Math.max(0, text.length - 1));
  // The word at the place; at least one character, so that something is underlined.
  const word = /^[\p{L}\p{N}_$]+|^\S/u.exec(text.slice(from))?.[0] ?? ' ';
  return {
    start: start + from,
    end: start + from + word.length,
    severity: 'error',
    code: '42601',
    message: error.message,
  };
}

function ruleProblem({ start, text }: Statement, finding: StatementFinding): Problem {
  const [line = ''] = text.split('\n', 1);
  return {
    start,
    end: start + line.trimEnd().length,
    severity: finding.severity,
    code: finding.code,
    message: `${finding.message} ${finding.fix}`,
  };
}

const everyRole: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });
/** A Flexible Server of which nothing is known but the rules: every role that a statement names is there. */
const anyFlexibleServer: TargetFacts = {
  versionNum: 170000,
  isFlexibleServer: true,
  allowedExtensions: null,
  availableExtensions: new Set(),
  roles: everyRole,
};

/** An object of the outline with what else is said about it. */
export interface OutlineEntry {
  readonly name: string;
  readonly detail: string;
  readonly kind: OutlineKind;
  readonly start: number;
  readonly end: number;
  /** Where the name stands in the text, for going there. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly children: readonly OutlineEntry[];
}
export type OutlineKind =
  | 'schema'
  | 'table'
  | 'view'
  | 'routine'
  | 'type'
  | 'index'
  | 'constraint'
  | 'trigger'
  | 'other';

const outlineKinds: Partial<Record<Statement['kind'], OutlineKind>> = {
  createSchema: 'schema',
  createTable: 'table',
  createForeignTable: 'table',
  createView: 'view',
  createMaterializedView: 'view',
  createFunction: 'routine',
  createAggregate: 'routine',
  createOperator: 'routine',
  createType: 'type',
  createIndex: 'index',
  primaryKey: 'constraint',
  unique: 'constraint',
  exclusion: 'constraint',
  check: 'constraint',
  foreignKey: 'constraint',
  createTrigger: 'trigger',
  createRule: 'trigger',
  createPolicy: 'trigger',
};

/** One entry for each created object; what follows about the same object or its table stands below it. */
export function outlineOf(statements: readonly Statement[]): OutlineEntry[] {
  const entries: (OutlineEntry & { children: OutlineEntry[] })[] = [];
  let parent: { readonly object: string; readonly entry: (typeof entries)[number] } | undefined;
  for (const statement of statements) {
    if (statement.section === 'session') continue;
    const entry = entryOf(statement);
    if (
      statement.about !== undefined &&
      statement.about === parent?.object &&
      statement.creates === undefined
    ) {
      parent.entry.children.push(entry);
      continue;
    }
    entries.push(entry);
    parent = { object: statement.object, entry };
  }
  // A parent's range holds its children's, as the protocol demands.
  return entries.map((entry) => ({ ...entry, end: entry.children.at(-1)?.end ?? entry.end }));
}

function entryOf(statement: Statement): OutlineEntry & { children: OutlineEntry[] } {
  const { start, end, object, kind } = statement;
  const name = nameRange(statement);
  return {
    name: object,
    detail: kind,
    kind: outlineKinds[kind] ?? 'other',
    start,
    end,
    nameStart: start + name.start,
    nameEnd: start + name.end,
    children: [],
  };
}

/** The first name after the keywords: good enough to put the cursor on. */
function nameRange({ text, parseError }: Statement): { start: number; end: number } {
  const line = text.length > 400 ? text.slice(0, 400) : text;
  if (parseError === undefined) {
    try {
      const tokens = tokensOf(line.replace(/['$][\s\S]*$/, ''));
      const name = tokens.find((token, index) => index > 1 && /^"|^[a-z]/.test(token.text));
      if (name !== undefined) return name;
    } catch {
      // Cut in the middle of a quoted name: the first word does.
    }
  }
  return { start: 0, end: /^\S+/.exec(line)?.[0].length ?? line.length };
}

/** Kept apart so that diagnostics and outline of one version of a file parse it once. */
export function analyze(sql: string): readonly Statement[] {
  return classifyDump(sql);
}
