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
  const regions = diff3Merge(pieces(yours), pieces(base), pieces(generated), { excludeFalseConflicts: true });
  let conflicts = 0;
  const text = regions.map((region) => {
    if (region.ok) return region.ok.join('');
    if (!region.conflict) return '';
    conflicts += 1;
    const [a, b] = [region.conflict.a, region.conflict.b].map((part) => withNewline(part.join('')));
    return `${conflictStart}\n${a}${conflictMiddle}\n${b}${conflictEnd}\n`;
  });
  return { text: text.join(''), conflicts };
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
