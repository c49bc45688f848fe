/** How a statement is made a comment that does not run, and back: see src/protocol/ddl.ts for the format. Pure. */
import { type StatementReference, skipMarker } from '../../../protocol/ddl.js';
import { commentedOut } from '../../../protocol/skippedStatement.js';
import { statementTextKey } from '../../../protocol/statementKey.js';

/** A replacement of `start`…`end` of a text, in UTF-16 units. */
export interface TextReplacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const isSkipped = (text: string): boolean => text.startsWith(skipMarker);

/** Whether the text still has the statement at its place; one that is skipped counts by what is commented out, too. */
export function stillThere(text: string, { start, end, key }: StatementReference): boolean {
  const there = text.slice(start, end);
  if (statementTextKey(there) === key) return true;
  const restored = isSkipped(there) ? uncommented(there) : undefined;
  return restored !== undefined && statementTextKey(restored) === key;
}

/**
 * The statement as a comment below the marker. What stands beside it on its lines goes to lines of its own, or it
 * would become a part of the comment. Undefined where it is one already.
 */
export function commentOut(text: string, start: number, end: number): TextReplacement | undefined {
  const statement = text.slice(start, end);
  if (isSkipped(statement)) return undefined;
  return { start, end, text: commentedOut(text, start, end) };
}

/** The statement that a comment below the marker holds; undefined where the text is none. */
export function restore(text: string, start: number, end: number): TextReplacement | undefined {
  const block = text.slice(start, end);
  const statement = isSkipped(block) ? uncommented(block) : undefined;
  return statement === undefined ? undefined : { start, end, text: statement };
}

function uncommented(block: string): string | undefined {
  const eol = block.includes('\r\n') ? '\r\n' : '\n';
  const lines = block.split(/\r?\n/).slice(1);
  while (lines.at(-1)?.trim() === '') lines.pop();
  // Editors that trim lines leave `--` of an empty one.
  if (lines.length === 0 || !lines.every((line) => /^--( |$)/.test(line))) return undefined;
  return lines.map((line) => line.slice(3)).join(eol);
}

/** Offset in UTF-16 units of a character that PostgreSQL counts from 1 in code points. */
export function offsetOfPosition(text: string, position: number): number {
  let offset = 0;
  for (let n = 1; n < position && offset < text.length; n += 1)
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  return offset;
}
