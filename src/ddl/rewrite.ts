/** Edits of a statement in place, by token offsets. */
import { behindParentheses, type Token, tokensOf } from './tokens.js';

/** Cuts [start, end) pairs (in order) and the blanks before them out of a text. */
function without(text: string, ranges: readonly (readonly [number, number])[]): string {
  let result = '';
  let from = 0;
  for (const [start, end] of ranges) {
    result += text.slice(from, start).trimEnd();
    from = end;
  }
  return result + text.slice(from);
}

/** The statement without TABLESPACE name and USING INDEX TABLESPACE name. */
export function withoutTablespace(text: string): string {
  const tokens = tokensOf(text);
  const ranges: [number, number][] = [];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.word === '(') depth++;
    else if (token.word === ')') depth--;
    // The option stands before the condition of an index and the query of a view.
    else if (depth === 0 && (token.word === 'WHERE' || token.word === 'AS')) break;
    const name = tokens[index + 1];
    if (token.word !== 'TABLESPACE' || name === undefined) continue;
    const isOfIndex = tokens[index - 1]?.word === 'INDEX' && tokens[index - 2]?.word === 'USING';
    // In parentheses only an index of a constraint can have one; anything else there is a column of that name.
    if (depth > 0 && !isOfIndex) continue;
    const first = isOfIndex ? (tokens[index - 2] ?? token) : token;
    ranges.push([first.start, name.end]);
  }
  return ranges.length === 0 ? text : without(text, ranges);
}

/**
 * `ALTER … SET (pg_attver=5, n_distinct=1)` without pg_attver: an option that servers of November 2026 keep in
 * pg_attribute, that pg_dump builds from before print, and that other servers refuse. Undefined where nothing is left.
 */
export function withoutAttver(text: string): string | undefined {
  if (!text.includes('pg_attver')) return text;
  const tokens = tokensOf(text);
  const open = tokens.findIndex(({ word }, index) => word === '(' && tokens[index - 1]?.word === 'SET');
  const close = open < 0 ? undefined : behindParentheses(tokens, open);
  if (close === undefined) return text;
  const options: Token[][] = [[]];
  for (const token of tokens.slice(open + 1, close - 1)) {
    if (token.word === ',') options.push([]);
    else options.at(-1)?.push(token);
  }
  const kept = options.filter(([name]) => name !== undefined && !/^"?pg_attver"?$/.test(name.text));
  if (kept.length === options.length) return text;
  if (kept.length === 0) return undefined;
  const list = kept.map((option) => text.slice(option[0]?.start, option.at(-1)?.end)).join(', ');
  return `${text.slice(0, tokens[open]?.end)}${list}${text.slice(tokens[close - 1]?.start)}`;
}
