/** Clauses of a statement that cannot stay, by token offsets. */
import { applyEdits, dropClauses, mergeEdits } from './rules/fixes.js';
import type { TextEdit, TextRange } from './rules/verdict.js';
import { behindParentheses, type Token, tokensOf } from './tokens.js';

/** TABLESPACE name and USING INDEX TABLESPACE name. */
export function tablespaceClauses(tokens: readonly Token[]): TextRange[] {
  const ranges: TextRange[] = [];
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
    ranges.push({ start: first.start, end: name.end });
  }
  return ranges;
}

/** The statement without TABLESPACE name and USING INDEX TABLESPACE name. */
export function withoutTablespace(text: string): string {
  const ranges = tablespaceClauses(tokensOf(text));
  return ranges.length === 0 ? text : applyEdits(text, dropClauses(text, ranges, '').edits);
}

/**
 * What takes one option out of `SET (pg_attver=5, n_distinct=1)` or `WITH (oids=true)`: the edits, or `all` where
 * nothing is left in the parentheses. Undefined where it is not there. `before` is the word before the parenthesis.
 */
export function optionEdits(
  tokens: readonly Token[],
  before: 'SET' | 'WITH' | 'OPTIONS',
  name: string | RegExp,
): { edits: readonly TextEdit[]; place: TextRange; all: TextRange | undefined } | undefined {
  const open = tokens.findIndex(({ word }, index) => word === '(' && tokens[index - 1]?.word === before);
  const close = open < 0 ? undefined : behindParentheses(tokens, open);
  if (close === undefined) return undefined;
  const options: Token[][] = [[]];
  for (const token of tokens.slice(open + 1, close - 1)) {
    if (token.word === ',') options.push([]);
    else options.at(-1)?.push(token);
  }
  const isNamed = ([first]: readonly Token[]): boolean => {
    const written = first?.text.replaceAll('"', '').toLowerCase();
    return written !== undefined && (typeof name === 'string' ? written === name : name.test(written));
  };
  const index = options.findIndex(isNamed);
  const [option, next] = [options[index], options[index + 1]];
  const place = rangeOf(option);
  if (place === undefined) return undefined;
  if (options.every(isNamed)) {
    const all = rangeOf([tokens[open - 1], tokens[close - 1]]);
    return { edits: [], place, all };
  }
  // With the comma before it; the first one with the comma behind it.
  const start = index === 0 ? place.start : (options[index - 1]?.at(-1)?.end ?? place.start);
  const end = index === 0 ? (next?.[0]?.start ?? place.end) : place.end;
  return { edits: mergeEdits([{ start, end, text: '' }]), place, all: undefined };
}

function rangeOf(tokens: readonly (Token | undefined)[] | undefined): TextRange | undefined {
  const [first, last] = [tokens?.[0], tokens?.at(-1)];
  return first === undefined || last === undefined ? undefined : { start: first.start, end: last.end };
}

/**
 * `ALTER … SET (pg_attver=5, n_distinct=1)` without pg_attver: an option that servers of November 2026 keep in
 * pg_attribute, that pg_dump builds from before print, and that other servers refuse. Undefined where nothing is left.
 */
export function withoutAttver(text: string): string | undefined {
  if (!text.includes('pg_attver')) return text;
  const found = optionEdits(tokensOf(text), 'SET', 'pg_attver');
  if (found === undefined) return text;
  return found.all === undefined ? applyEdits(text, found.edits) : undefined;
}
