/** Puts what was generated anew and what the user edited together, statement by statement. */
import { diff3Merge } from 'node-diff3';
import { splitStatements } from '../../ddl/split.js';

export interface MergedDdl {
  readonly text: string;
  /** Places where both changed the same: both stand in the text between markers, as git leaves them. */
  readonly conflicts: number;
}

/** Begins and ends a conflict, alone on its line. */
export const conflictStart = '<<<<<<< yours';
const conflictMiddle = '=======';
const conflictEnd = '>>>>>>> generated';

export function mergeDdl(base: string, yours: string, generated: string): MergedDdl {
  if (yours === base || yours === generated) return { text: generated, conflicts: 0 };
  if (generated === base) return { text: yours, conflicts: 0 };
  let conflicts = 0;
  const render = (regions: Regions, refine: boolean): string =>
    regions
      .map(({ ok, conflict }) => {
        if (ok) return withoutSeams(ok).join('');
        if (!conflict) return '';
        if (refine) return render(neighboursApart(conflict), false);
        conflicts += 1;
        const [a, b] = [conflict.a, conflict.b].map((part) => withNewline(withoutSeams(part).join('')));
        return `${conflictStart}\n${a}${conflictMiddle}\n${b}${conflictEnd}\n`;
      })
      .join('');
  const regions = diff3Merge(pieces(yours), pieces(base), pieces(generated), { excludeFalseConflicts: true });
  return { text: render(regions, true), conflicts };
}

type Regions = ReturnType<typeof diff3Merge<string>>;
type Conflict = NonNullable<Regions[number]['conflict']>;

/** No statement: stands between pieces that are compared. */
const seam = '\0';
const withoutSeams = (parts: readonly string[]): string[] => parts.filter((part) => part !== seam);

/** What one side changed next to what the other changed is no conflict: statements are whole things. */
function neighboursApart({ a, o, b }: Conflict): Regions {
  const apart = (parts: readonly string[]): string[] => parts.flatMap((part) => [part, seam]);
  return diff3Merge(apart(a), apart(o), apart(b), { excludeFalseConflicts: true });
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

/**
 * Statements and the paragraphs of comments between them, each with the blank lines behind it: what is compared whole,
 * because half of one statement and half of another is none.
 */
export function pieces(sql: string): string[] {
  const found: string[] = [];
  let at = 0;
  for (const { start, end } of splitStatements(sql)) {
    if (start > at) found.push(...paragraphs(sql.slice(at, start)));
    const behind = /\s*/y;
    behind.lastIndex = end;
    at = end + (behind.exec(sql)?.[0].length ?? 0);
    found.push(sql.slice(start, at));
  }
  if (at < sql.length) found.push(...paragraphs(sql.slice(at)));
  return found;
}

const paragraphs = (text: string): string[] => text.match(/[\s\S]+?(?:\n\s*\n|$)/g) ?? [];

/** Offset of the first conflict that is still to be decided, or -1. */
export function findConflict(sql: string): number {
  return sql.search(/^(?:<{7} .*|>{7} .*)$/m);
}

export const countConflicts = (sql: string): number => sql.match(/^<{7} .*$/gm)?.length ?? 0;
