/**
 * The names in a text of SQL, found by its lexical rules alone: also in what cannot be parsed, in bodies between dollar
 * quotes, and in strings that hold nothing but a name ('app.orders_id_seq'). Linear time, no parse tree.
 */
import {
  blockCommentEnd,
  dollarQuoteEnd,
  identifierEnd,
  isDigit,
  isIdentifierStart,
  isSpace,
  lineEnd,
  quotedIdentifierEnd,
  stringEnd,
} from './lexer.js';

export interface NamePart {
  /** Folded as PostgreSQL does. */
  readonly name: string;
  /** UTF-16 offsets, quotes included. */
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/** `a`, `a.b`, `a.b.c`: also keywords, which look the same. */
export interface NameChain {
  readonly parts: readonly NamePart[];
  /** Words (upper case) or symbols before it, nearest first: up to three. */
  readonly before: readonly string[];
  /** The symbol behind it, '' where a word follows. */
  readonly after: string;
  /** It is the content of a string. */
  readonly inString: boolean;
}

/** A body between dollar quotes: offsets of the quotes' insides. */
export interface Body {
  readonly start: number;
  readonly end: number;
}

/** `offset` is added to every position. */
export function nameChains(text: string, offset = 0, depth = 0): NameChain[] {
  const chains: NameChain[] = [];
  const before: string[] = [];
  const seen = (word: string) => {
    before.unshift(word);
    if (before.length > 3) before.pop();
  };
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) at++;
    else if (code === 45 && text.charCodeAt(at + 1) === 45) at = lineEnd(text, at);
    else if (code === 47 && text.charCodeAt(at + 1) === 42) at = to(text, blockCommentEnd(text, at));
    else if (code === 39) {
      const end = to(text, stringEnd(text, at, false));
      chains.push(...nameInString(text.slice(at + 1, end - 1), offset + at + 1, [...before]));
      seen("'");
      at = end;
    } else if (code === 36 && dollarQuoteEnd(text, at) !== at) {
      const end = to(text, dollarQuoteEnd(text, at));
      const tag = text.indexOf('$', at + 1) + 1 - at;
      if (depth < 4)
        chains.push(...nameChains(text.slice(at + tag, end - tag), offset + at + tag, depth + 1));
      seen('$');
      at = end;
    } else if (code === 34 || isIdentifierStart(code)) {
      if ((code === 69 || code === 101) && text.charCodeAt(at + 1) === 39) {
        at = to(text, stringEnd(text, at + 1, true));
        seen("'");
        continue;
      }
      const { parts, end } = chainAt(text, at);
      chains.push({
        parts: parts.map((part) => ({ ...part, start: part.start + offset, end: part.end + offset })),
        before: [...before],
        after: symbolAt(text, end),
        inString: false,
      });
      const last = parts.at(-1);
      seen(last === undefined || last.quoted || parts.length > 1 ? '"' : last.name.toUpperCase());
      at = end;
    } else if (isDigit(code)) {
      // A number ends where an identifier would.
      at = identifierEnd(text, at);
      seen('0');
    } else {
      seen(text[at] ?? '');
      at++;
    }
  }
  return chains;
}

/** Bodies between dollar quotes, the outermost only. */
export function bodiesOf(text: string): Body[] {
  const bodies: Body[] = [];
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    let next = at + 1;
    if (code === 39) next = stringEnd(text, at, false);
    else if (code === 34) next = quotedIdentifierEnd(text, at);
    else if (code === 45 && text.charCodeAt(next) === 45) next = lineEnd(text, at);
    else if (code === 47 && text.charCodeAt(next) === 42) next = blockCommentEnd(text, at);
    else if (isIdentifierStart(code)) next = identifierEnd(text, at);
    else if (code === 36) {
      const end = dollarQuoteEnd(text, at);
      if (end > at) {
        const tag = text.indexOf('$', at + 1) + 1 - at;
        bodies.push({ start: at + tag, end: end - tag });
      }
      next = end === at ? next : end;
    }
    if (next < 0) return bodies;
    at = next;
  }
  return bodies;
}

/** What an element that is not closed reaches to. */
function to(text: string, end: number): number {
  return end < 0 ? text.length : end;
}

function chainAt(text: string, start: number): { parts: NamePart[]; end: number } {
  const parts: NamePart[] = [];
  for (let at = start; ; ) {
    const quoted = text.charCodeAt(at) === 34;
    const end = quoted ? quotedEnd(text, at) : identifierEnd(text, at);
    const written = text.slice(at, end);
    parts.push({
      name: quoted ? written.replace(/^"|"$/g, '').replaceAll('""', '"') : foldName(written),
      start: at,
      end,
      quoted,
    });
    const dot = skipSpace(text, end);
    const next = skipSpace(text, dot + 1);
    const code = text.charCodeAt(next);
    if (text.charCodeAt(dot) !== 46 || !(code === 34 || isIdentifierStart(code))) return { parts, end };
    at = next;
  }
}

/** The end of a quoted name, doubled quotes inside. */
function quotedEnd(text: string, start: number): number {
  let end = quotedIdentifierEnd(text, start);
  while (end > 0 && text.charCodeAt(end) === 34) end = quotedIdentifierEnd(text, end);
  return to(text, end);
}

/** PostgreSQL folds ASCII letters only (in UTF-8 databases). */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

function symbolAt(text: string, start: number): string {
  const at = skipSpace(text, start);
  const code = text.charCodeAt(at);
  return at >= text.length || code === 34 || isIdentifierStart(code) ? '' : (text[at] ?? '');
}

/** A string is taken for a name where it is nothing else: as in nextval('app.s') and 'app.t'::regclass. */
function nameInString(content: string, offset: number, before: readonly string[]): NameChain[] {
  const first = content.charCodeAt(0);
  if (content.length > 300 || !(first === 34 || isIdentifierStart(first))) return [];
  const { parts, end } = chainAt(content, 0);
  if (end !== content.length || parts.length > 3) return [];
  return [
    {
      parts: parts.map((part) => ({ ...part, start: part.start + offset, end: part.end + offset })),
      before,
      after: "'",
      inString: true,
    },
  ];
}
