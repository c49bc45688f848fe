/**
 * Finds where a lexical element ends, by the rules of PostgreSQL's scan.l and psql's psqlscan.l, with
 * standard_conforming_strings on (as every dump sets it). Offsets are UTF-16. Every function takes the offset of the
 * element's first character and returns the offset behind it, or -1 where the text ends first.
 */

const newline = 10;
const carriageReturn = 13;
const quote = 39;
const backslash = 92;

export function isSpace(code: number): boolean {
  // 0xfeff: a byte order mark, at the start of files and where files were concatenated. NUL pads broken files.
  return code === 32 || (code >= 9 && code <= 13) || code === 0xfeff || code === 0;
}

export function isIdentifierStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function identifierEnd(sql: string, start: number): number {
  let at = start + 1;
  for (; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    // An unquoted identifier may hold "$", which therefore opens no dollar quote there.
    if (!isIdentifierStart(code) && !isDigit(code) && code !== 36) break;
  }
  return at;
}

export function lineEnd(sql: string, start: number): number {
  const at = sql.indexOf('\n', start);
  return at < 0 ? sql.length : at;
}

/** Block comments nest. */
export function blockCommentEnd(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length - 1; at++) {
    const code = sql.charCodeAt(at);
    if (code === 47 && sql.charCodeAt(at + 1) === 42) {
      depth++;
      at++;
    } else if (code === 42 && sql.charCodeAt(at + 1) === 47) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

/** `start` is at the opening double quote. A doubled quote stands for itself, which needs no case of its own. */
export function quotedIdentifierEnd(sql: string, start: number): number {
  const at = sql.indexOf('"', start + 1);
  return at < 0 ? -1 : at + 1;
}

/** `start` is at the opening quote; `escapes` for E'…', where a backslash hides the next character. */
export function stringEnd(sql: string, start: number, escapes: boolean): number {
  if (!escapes) {
    const at = sql.indexOf("'", start + 1);
    return at < 0 ? -1 : at + 1;
  }
  for (let at = start + 1; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) {
      if (sql.charCodeAt(at + 1) === quote) at++;
      else {
        const next = continuation(sql, at + 1);
        if (next < 0) return at + 1;
        // The string goes on behind a line break and keeps its escapes.
        at = next;
      }
    }
  }
  return -1;
}

/** The offset of a quote that continues the string before it ('a' newline 'b' is one string), or -1. */
function continuation(sql: string, start: number): number {
  let seenNewline = false;
  for (let at = start; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === newline || code === carriageReturn) seenNewline = true;
    else if (code === 45 && sql.charCodeAt(at + 1) === 45) at = lineEnd(sql, at) - 1;
    else if (!isSpace(code)) return seenNewline && code === quote ? at : -1;
  }
  return -1;
}

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** `start` is at a "$". Returns `start` itself where no dollar quote begins. */
export function dollarQuoteEnd(sql: string, start: number): number {
  dollarTag.lastIndex = start;
  const tag = dollarTag.exec(sql)?.[0];
  if (tag === undefined) return start;
  const at = sql.indexOf(tag, start + tag.length);
  return at < 0 ? -1 : at + tag.length;
}
