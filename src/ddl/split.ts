import {
  blockCommentEnd,
  dollarQuoteEnd,
  identifierEnd,
  isIdentifierStart,
  isSpace,
  lineEnd,
  quotedIdentifierEnd,
  stringEnd,
} from './lexer.js';
import { isTocComment, parseTocComment, type TocComment } from './tocComment.js';

/** One statement of a file as it is written there. */
export interface RawStatement {
  /** From its first token to its semicolon, which is part of it unless the file ends before. */
  readonly text: string;
  /** UTF-16 offsets in the file. */
  readonly start: number;
  readonly end: number;
  /** The header that pg_dump printed before it. Statements of one object share the header of the first. */
  readonly tocComment?: TocComment;
  /** A quote, comment, parenthesis or BEGIN was never closed, or the semicolon before the next header is missing. */
  readonly unterminated?: true;
}

/** What the words since the start of a statement say: only function bodies make BEGIN and CASE count. */
interface Nesting {
  words: number;
  create: boolean;
  routine: boolean;
  begins: number;
  parentheses: number;
}

/**
 * Splits SQL text at its semicolons by psql's rules, in linear time. Never throws: whatever cannot be closed runs to
 * the next header of pg_dump or to the end, and is marked.
 */
export function splitStatements(sql: string): RawStatement[] {
  const statements: RawStatement[] = [];
  for (let at = 0; ; ) {
    const statement = nextStatement(sql, at);
    if (statement === undefined) return statements;
    statements.push(statement);
    at = statement.end;
  }
}

/**
 * The first statement behind `start`, which is the beginning of the text or the end of a statement: what follows does
 * not depend on what stands before. Undefined where there is none.
 */
export function nextStatement(sql: string, start: number): RawStatement | undefined {
  let at = start;
  while (at < sql.length) {
    const gap = skipGap(sql, at);
    if (gap.at >= sql.length) break;
    const { end, unterminated } = gap.openComment
      ? { end: sql.length, unterminated: true }
      : sql.charCodeAt(gap.at) === 92
        ? { end: lineEnd(sql, gap.at), unterminated: false }
        : statementEnd(sql, gap.at);
    at = end;
    const text = sql.slice(gap.at, end).trimEnd();
    // Nothing is left of what only looks like a letter, as a no-break space does.
    if (text === '' || isRestrictCommand(text)) continue;
    return {
      text,
      start: gap.at,
      end: gap.at + text.length,
      ...(gap.toc !== undefined && { tocComment: gap.toc }),
      ...(unterminated && { unterminated: true }),
    };
  }
  return undefined;
}

/** pg_dump brackets a plain dump with these two psql commands. */
function isRestrictCommand(text: string): boolean {
  return text.startsWith('\\restrict ') || text.startsWith('\\unrestrict ');
}

/** Skips white space, comments and stray semicolons up to the next statement. */
function skipGap(sql: string, start: number): { at: number; toc?: TocComment; openComment?: true } {
  let toc: TocComment | undefined;
  let at = start;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    if (isSpace(code) || code === 59) at++;
    else if (code === 45 && sql.charCodeAt(at + 1) === 45) {
      const end = lineEnd(sql, at);
      if (sql.startsWith('-- Name: ', at)) toc = parseTocComment(sql.slice(at, end)) ?? toc;
      at = end;
    } else if (code === 47 && sql.charCodeAt(at + 1) === 42) {
      const end = blockCommentEnd(sql, at);
      if (end < 0) return { at, openComment: true };
      at = end;
    } else break;
  }
  return { at, ...(toc !== undefined && { toc }) };
}

function statementEnd(sql: string, start: number): { end: number; unterminated: boolean } {
  const nesting: Nesting = { words: 0, create: false, routine: false, begins: 0, parentheses: 0 };
  let at = start;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    let next = at + 1;
    if (code === 59) {
      if (nesting.parentheses === 0 && nesting.begins === 0) return { end: next, unterminated: false };
    } else if (code === 40) nesting.parentheses++;
    else if (code === 41) nesting.parentheses = Math.max(0, nesting.parentheses - 1);
    else if (code === 39) next = stringEnd(sql, at, false);
    else if (code === 34) next = quotedIdentifierEnd(sql, at);
    else if (code === 36) {
      next = dollarQuoteEnd(sql, at);
      if (next === at) next++;
    } else if (code === 45 && sql.charCodeAt(next) === 45) {
      // Outside quotes such a line is always the header of the next entry: a missing semicolon or parenthesis
      // costs only the statement it is missing from.
      if (isTocComment(sql, at)) return { end: headerStart(sql, at), unterminated: true };
      next = lineEnd(sql, at);
    } else if (code === 47 && sql.charCodeAt(next) === 42) next = blockCommentEnd(sql, at);
    else if (isIdentifierStart(code)) {
      next = identifierEnd(sql, at);
      const escapes = next === at + 1 && (code === 69 || code === 101) && sql.charCodeAt(next) === 39;
      if (escapes) next = stringEnd(sql, next, true);
      else if (nesting.parentheses === 0) countWord(nesting, sql, at, next);
    }
    if (next < 0) return { end: sql.length, unterminated: true };
    at = next;
  }
  return { end: sql.length, unterminated: nesting.parentheses > 0 || nesting.begins > 0 };
}

/** pg_dump puts a line of two dashes before its header. */
function headerStart(sql: string, at: number): number {
  const lines = /\n--\r?\n$/.exec(sql.slice(Math.max(0, at - 5), at));
  return lines === null ? at : at - lines[0].length;
}

/** psqlscan.l: in CREATE [OR REPLACE] FUNCTION | PROCEDURE, BEGIN and CASE open, END closes. */
function countWord(nesting: Nesting, sql: string, start: number, end: number): void {
  nesting.words++;
  const length = end - start;
  if (nesting.words <= 4 && !nesting.routine) {
    if (length < 2 || length > 9) return;
    const word = sql.slice(start, end).toLowerCase();
    if (nesting.words === 1) nesting.create = word === 'create';
    else if (nesting.create && (word === 'function' || word === 'procedure')) nesting.routine = true;
    return;
  }
  if (!nesting.routine || length < 3 || length > 5) return;
  const word = sql.slice(start, end).toLowerCase();
  if (word === 'begin') nesting.begins++;
  else if (word === 'case' && nesting.begins > 0) nesting.begins++;
  else if (word === 'end' && nesting.begins > 0) nesting.begins--;
}
