import { type ScanToken, scanSync } from 'libpg-query';
import { fromBytes } from './parser.js';

/** A lexical token of a statement; comments are left out. */
export interface Token {
  /** As written. */
  readonly text: string;
  /** Upper case where the token is a keyword or a symbol; '' for names, strings and numbers in quotes. */
  readonly word: string;
  /** UTF-16 offsets. */
  readonly start: number;
  readonly end: number;
}

/** Tokens by PostgreSQL's own scanner. Throws where it does. */
export function tokensOf(text: string): Token[] {
  const { tokens } = scanSync(text);
  // One pass for all offsets: the scanner counts bytes.
  const ascii = tokens.at(-1)?.end === undefined || Buffer.byteLength(text) === text.length;
  let byteAt = 0;
  let at = 0;
  const offset = (bytes: number): number => {
    if (ascii) return bytes;
    at += fromBytes(text.slice(at), bytes - byteAt);
    byteAt = bytes;
    return at;
  };
  return tokens
    .filter((token) => !isComment(token))
    .map((token) => {
      const start = offset(token.start);
      const end = offset(token.end);
      const written = text.slice(start, end);
      return { text: written, word: /^["'$]/.test(written) ? '' : written.toUpperCase(), start, end };
    });
}

function isComment(token: ScanToken): boolean {
  return token.tokenName === 'SQL_COMMENT' || token.tokenName === 'C_COMMENT';
}

/** The index behind the parenthesis that closes the one at `open`, or undefined. */
export function behindParentheses(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const word = tokens[at]?.word;
    if (word === '(') depth++;
    else if (word === ')' && --depth === 0) return at + 1;
  }
  return undefined;
}
