/** Puts what was generated anew and what the user edited together, statement by statement. */
import { diff3Merge } from 'node-diff3';
import { splitStatements } from '../../ddl/split.js';
import { cutLarge, type Parts } from './mergeLarge.js';

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
  const written: string[] = [];
  let conflicts = 0;
  const write = (regions: Regions, refine: boolean): void => {
    for (const { ok, conflict } of regions) {
      if (ok) written.push(...withoutSeams(ok));
      else if (conflict && refine && isShort(conflict)) write(neighboursApart(conflict), false);
      else if (conflict) {
        conflicts += 1;
        const [a, b] = [conflict.a, conflict.b].map((part) => withNewline(withoutSeams(part).join('')));
        // A marker counts at the beginning of a line alone.
        const isAtLine = written.at(-1)?.endsWith('\n') ?? true;
        written.push(`${isAtLine ? '' : '\n'}${conflictStart}\n${a}${conflictMiddle}\n${b}${conflictEnd}\n`);
      }
    }
  };
  for (const part of cut({ a: pieces(yours), o: pieces(base), b: pieces(generated) })) {
    if ('decided' in part) for (const piece of part.decided) written.push(piece);
    else write(mergeAtOnce(part.open), true);
  }
  return { text: written.join(''), conflicts };
}

/** Below, everything is compared with everything. */
const fewPieces = 1000;
const isShort = ({ a, o, b }: Parts): boolean => Math.max(a.length, o.length, b.length) < fewPieces;

const cut = (whole: Parts): ReturnType<typeof cutLarge> | [{ open: Parts }] =>
  isShort(whole) ? [{ open: whole }] : cutLarge(whole);

function mergeAtOnce(parts: Parts): Regions {
  const [a, o, b] = [[...parts.a], [...parts.o], [...parts.b]];
  if (isShort(parts)) return diff3Merge(a, o, b, { excludeFalseConflicts: true });
  return [{ conflict: { a, aIndex: 0, o, oIndex: 0, b, bIndex: 0 } }];
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
