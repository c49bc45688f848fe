import { dropStatement } from '../../ddl/drops.js';
import { redact } from '../../ddl/redact.js';
import type { Renames } from '../../ddl/rename/renames.js';
import type { Statement } from '../../ddl/statement.js';
import type { UndecidedName } from '../../protocol/ddl.js';
import type { Finding } from '../../protocol/model.js';
import { statementTextKey } from '../../protocol/statementKey.js';
import { statementKey } from '../run/checkpoint.js';

export type StatementFinding = Omit<Finding, 'database'>;

/** A statement with what will be done about it. */
export interface PlannedStatement {
  /** As it runs: under the names of the target. */
  readonly statement: Statement;
  /** Of the source, where that differs. */
  readonly sourceText?: string;
  /** True for what the plan makes by itself and the source does not have. */
  readonly added?: true;
  readonly section: 'preData' | 'postData';
  /** Place in its section, from 0. */
  readonly index: number;
  /** Key of its checkpoint. */
  readonly key: string;
  /** Key of the text that stands in the DDL file. */
  readonly textKey: string;
  readonly skip: boolean;
  /** What runs: the text of the dump with names and clauses as the target takes them, or what the user saved. */
  readonly sql: string;
  /** Run before and after it, in the same transaction. */
  readonly around?: { readonly before: string; readonly after: string };
  /** What a failure means where it is to be expected on a Flexible Server. */
  readonly onFailure?: StatementFinding;
  /** A note with what is run, or the reason why it is not. */
  readonly finding?: StatementFinding;
  /** Places of `sql` that may name something renamed. */
  readonly undecided?: readonly UndecidedName[];
  /** What takes the statement back on --restart. */
  readonly undo?: string;
}

export interface StatementPlan {
  /** With the settings that stand between statements, in the order of the dump. */
  readonly preData: readonly PlannedStatement[];
  readonly postData: readonly PlannedStatement[];
  /** What concerns many statements at once. */
  readonly findings: readonly StatementFinding[];
  /** Settings at the head of the dump: every connection that runs statements begins with them. */
  readonly settings: readonly string[];
  readonly renames: Renames;
}

/** What is decided about a statement before its place is known. */
export type Decision = Pick<
  PlannedStatement,
  'statement' | 'sourceText' | 'added' | 'skip' | 'sql' | 'finding' | 'onFailure' | 'around' | 'undecided'
>;

/** With its place and its keys; `occurrences` counts equal texts of one plan. */
export function complete(
  decision: Decision,
  section: 'preData' | 'postData',
  index: number,
  occurrences: Map<string, number>,
  preexisting: ReadonlySet<string>,
): PlannedStatement {
  const { statement, skip, sql } = decision;
  const occurrence = occurrences.get(sql) ?? 0;
  occurrences.set(sql, occurrence + 1);
  const undo = skip || preexisting.has(statement.object) ? undefined : dropStatement(statement);
  return {
    section,
    index,
    key: statementKey(sql, occurrence),
    textKey: statementTextKey(redact(sql)),
    ...decision,
    ...(undo !== undefined && { undo }),
  };
}
