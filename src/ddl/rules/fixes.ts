/** Small edits of a statement's text. */

import { skipMarker } from '../../protocol/ddl.js';
import type { ErrorCode } from '../../protocol/errorCodes.js';
import type { Fix, FixKind, TextEdit, TextRange } from './verdict.js';

/** Applies edits that are in order and do not overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let from = 0;
  for (const edit of edits) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from);
}

/** Edits of several fixes in order; of two that overlap the first is kept. */
export function mergeEdits(edits: readonly TextEdit[]): TextEdit[] {
  const merged: TextEdit[] = [];
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = merged.at(-1);
    if (last === undefined || edit.start >= last.end) merged.push(edit);
    else if (edit.end > last.end) merged[merged.length - 1] = { ...last, end: edit.end };
  }
  return merged;
}

/** The statement as a comment below the line that says why: see src/protocol/ddl.ts. */
export function commentOut(text: string, reason?: { code: ErrorCode; message: string }): Fix {
  const why = reason === undefined ? '' : ` ${reason.code}: ${reason.message.replaceAll(/\s+/g, ' ').trim()}`;
  const eol = /\r?\n/.exec(text)?.[0] ?? '\n';
  const edits: TextEdit[] = [{ start: 0, end: 0, text: `${skipMarker}${why}${eol}-- ` }];
  for (const { index } of text.matchAll(/\n(?=[\s\S])/g))
    edits.push({ start: index + 1, end: index + 1, text: '-- ' });
  return { title: 'Comment out the statement', kind: 'commentOut', edits, resolves: true, isDefault: false };
}

/** Cuts ranges out, with the blanks before each. */
export function dropClauses(text: string, ranges: readonly TextRange[], title: string): Fix {
  const edits = ranges.map(({ start, end }) => {
    const before = /\s*$/.exec(text.slice(0, start))?.[0].length ?? 0;
    return { start: start - before, end, text: '' };
  });
  return { title, kind: 'dropClause', edits: mergeEdits(edits), resolves: true, isDefault: true };
}

export function replaceText(
  range: TextRange,
  text: string,
  title: string,
  kind: FixKind = 'replaceText',
): Fix {
  return {
    title,
    kind,
    edits: [{ start: range.start, end: range.end, text }],
    resolves: true,
    isDefault: true,
  };
}

/** The same edit, offered but not applied by itself. */
export const offered = (fix: Fix): Fix => ({ ...fix, isDefault: false });
