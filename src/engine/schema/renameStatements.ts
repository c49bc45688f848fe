import { classifyAll } from '../../ddl/classify.js';
import { rename } from '../../ddl/rename/rename.js';
import type { Renames } from '../../ddl/rename/renames.js';
import type { RawStatement } from '../../ddl/split.js';
import type { Statement } from '../../ddl/statement.js';
import type { UndecidedName } from '../../protocol/ddl.js';

export interface RenamedStatement {
  readonly statement: Statement;
  readonly undecided: readonly UndecidedName[];
}

/** By the statement of the source; what neither changes nor holds anything undecided is not in it. */
export function renameStatements(
  statements: readonly Statement[],
  renames: Renames,
): Map<Statement, RenamedStatement> {
  const found = new Map<Statement, RenamedStatement>();
  const changed: { source: Statement; raw: RawStatement; undecided: readonly UndecidedName[] }[] = [];
  for (const source of statements) {
    const { text, undecided } = rename(source.text, renames);
    if (text === source.text) {
      if (undecided.length > 0) found.set(source, { statement: source, undecided });
      continue;
    }
    const { tocComment, unterminated, start, end } = source;
    const raw = {
      text,
      start,
      end,
      ...(tocComment && { tocComment }),
      ...(unterminated && { unterminated }),
    };
    changed.push({ source, raw, undecided });
  }
  // Together: a call of the parser costs more than a small statement.
  for (const [index, statement] of classifyAll(changed.map(({ raw }) => raw)).entries()) {
    const { source, undecided } = changed[index] ?? {};
    if (source && undecided)
      found.set(source, { statement: { ...statement, section: source.section }, undecided });
  }
  return found;
}
