/** SQL text cut into tokens and dotted names, with the edits that are to be made in it. Offsets are UTF-16. */
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
} from '../lexer.js';

export interface SqlToken {
  readonly kind: 'name' | 'string' | 'number' | 'symbol';
  /** Upper case for what may be a keyword, the symbol itself for symbols; '' for the rest. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** One identifier, `*` or operator of a dotted name. */
export interface NamePart {
  /** Folded and without quotes. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/** As many names as dots join: `a`, `schema.table.column`, `t.*`, `schema.+`. */
export interface DottedName {
  readonly parts: readonly NamePart[];
  readonly start: number;
  readonly end: number;
  /** Word of the token before. */
  readonly previous: string;
  /** Index of the first token behind. */
  readonly next: number;
  readonly isOperator: boolean;
  /** Something in the parse tree stands for it. */
  claimed: boolean;
}

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Undecided {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

export class SqlText {
  readonly tokens: readonly SqlToken[];
  readonly names: readonly DottedName[];
  readonly edits: Edit[] = [];
  readonly undecided: Undecided[] = [];
  /** Starts of string tokens that something in the parse tree stands for. */
  readonly claimedStrings = new Set<number>();
  readonly #nameAt = new Map<number, DottedName>();
  readonly #byLast = new Map<string, DottedName[]>();

  constructor(readonly text: string) {
    this.tokens = tokensOf(text);
    this.names = dottedNames(text, this.tokens);
    for (const name of this.names) {
      this.#nameAt.set(name.start, name);
      const last = name.parts.at(-1)?.name ?? '';
      const others = this.#byLast.get(last);
      if (others) others.push(name);
      else this.#byLast.set(last, [name]);
    }
  }

  /** The dotted name that begins at this offset. */
  nameAt(start: number): DottedName | undefined {
    return this.#nameAt.get(start);
  }

  /** The first name nobody claimed that spells this, behind one of these words if given. */
  find(names: readonly string[], behind?: RegExp, from = 0): DottedName | undefined {
    return this.#byLast
      .get(names.at(-1) ?? '')
      ?.find(
        (name) =>
          !name.claimed &&
          name.start >= from &&
          spells(name, names) &&
          (behind === undefined || behind.test(name.previous)),
      );
  }

  /** The first string token at or behind this offset. */
  stringFrom(start: number): SqlToken | undefined {
    let [low, high] = [0, this.tokens.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.tokens[middle]?.start ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    for (; low < this.tokens.length; low++) if (this.tokens[low]?.kind === 'string') return this.tokens[low];
    return undefined;
  }

  edit(start: number, end: number, text: string): void {
    if (this.text.slice(start, end) !== text) this.edits.push({ start, end, text });
  }

  undecide(start: number, end: number, message: string): void {
    if (!this.undecided.some((u) => u.start === start && u.end === end))
      this.undecided.push({ start, end, message });
  }

  edited(): string {
    let result = '';
    let at = 0;
    for (const { start, end, text } of sortedEdits(this.edits)) {
      result += this.text.slice(at, start) + text;
      at = end;
    }
    return result + this.text.slice(at);
  }
}

export function sortedEdits(edits: readonly Edit[]): Edit[] {
  return edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
}

export function spells(name: DottedName, names: readonly string[]): boolean {
  return name.parts.length === names.length && name.parts.every((part, i) => part.name === names[i]);
}

/** What scan.l takes for one operator, without its rule about trailing signs, which no dotted name needs. */
const operatorCharacters = new Set([...'+-*/<>=~!@#%^&|`?'].map((c) => c.charCodeAt(0)));

/** Never throws: what is not closed runs to the end. */
function tokensOf(text: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  const push = (kind: SqlToken['kind'], word: string, start: number, end: number): number => {
    const to = end < 0 ? text.length : end;
    tokens.push({ kind, word, start, end: to });
    return to;
  };
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (isSpace(code)) at++;
    else if (code === 45 && next === 45) at = lineEnd(text, at);
    else if (code === 47 && next === 42) at = orEnd(text, blockCommentEnd(text, at));
    else if (code === 39) at = push('string', '', at, quotedEnd(text, at, false));
    else if (code === 34) at = push('name', '', at, quotedNameEnd(text, at));
    else if (code === 36 && dollarQuoteEnd(text, at) !== at)
      at = push('string', '', at, dollarQuoteEnd(text, at));
    else if (code === 36) at = push('symbol', text.slice(at, at + 1), at, numberEnd(text, at + 1));
    else if (isIdentifierStart(code)) at = pushWord(text, at, push);
    else if (isDigit(code) || (code === 46 && isDigit(next)))
      at = push('number', '', at, numberEnd(text, at));
    else at = push('symbol', ...symbolAt(text, at));
  }
  return tokens;
}

const orEnd = (text: string, end: number): number => (end < 0 ? text.length : end);

/** A name, or a string that begins with a letter: E'…', N'…', B'…', X'…', U&'…'. */
function pushWord(
  text: string,
  at: number,
  push: (kind: SqlToken['kind'], word: string, start: number, end: number) => number,
): number {
  const letter = text[at] ?? '';
  if (text[at + 1] === "'" && /[ENBX]/i.test(letter))
    return push('string', '', at, quotedEnd(text, at + 1, /e/i.test(letter)));
  if (/u/i.test(letter) && text[at + 1] === '&') {
    if (text[at + 2] === "'") return push('string', '', at, quotedEnd(text, at + 2, false));
    if (text[at + 2] === '"') return push('name', '', at, quotedNameEnd(text, at + 2));
  }
  const end = identifierEnd(text, at);
  return push('name', text.slice(at, end).toUpperCase(), at, end);
}

function quotedEnd(text: string, start: number, escapes: boolean): number {
  let end = stringEnd(text, start, escapes);
  while (!escapes && end > 0 && text[end] === "'") end = stringEnd(text, end, false);
  return end;
}

function quotedNameEnd(text: string, start: number): number {
  let end = quotedIdentifierEnd(text, start);
  while (end > 0 && text[end] === '"') end = quotedIdentifierEnd(text, end);
  return end;
}

function numberEnd(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Two dots stand between the bounds of a loop.
    if (code === 46 && (text[at + 1] === '.' || text[at - 1] === '.')) break;
    const isSign = (code === 43 || code === 45) && /[eE]/.test(text[at - 1] ?? '') && at - 1 > start;
    if (!isDigit(code) && code !== 46 && !isIdentifierStart(code) && !isSign) break;
  }
  return at;
}

function symbolAt(text: string, start: number): [word: string, start: number, end: number] {
  let end = start + 1;
  if (operatorCharacters.has(text.charCodeAt(start))) {
    while (operatorCharacters.has(text.charCodeAt(end))) {
      const two = text.slice(end, end + 2);
      if (two === '--' || two === '/*') break;
      end++;
    }
  } else {
    const two = text.slice(start, start + 2);
    if (two === '..' || two === '::' || two === ':=') end = start + 2;
  }
  return [text.slice(start, end), start, end];
}

function dottedNames(text: string, tokens: readonly SqlToken[]): DottedName[] {
  const names: DottedName[] = [];
  for (let at = 0; at < tokens.length; ) {
    const first = tokens[at];
    if (first?.kind !== 'name') {
      at++;
      continue;
    }
    const previous = tokens[at - 1]?.word ?? '';
    const parts = [partOf(text, first)];
    at++;
    let isOperator = false;
    for (let part = tokens[at + 1]; tokens[at]?.word === '.' && part !== undefined; part = tokens[at + 1]) {
      const isSymbol = part.kind === 'symbol' && operatorCharacters.has(text.charCodeAt(part.start));
      if (part.kind !== 'name' && !isSymbol) break;
      parts.push(partOf(text, part));
      at += 2;
      isOperator = isSymbol && part.word !== '*';
      if (isSymbol) break;
    }
    const { start } = first;
    const end = parts.at(-1)?.end ?? first.end;
    names.push({ parts, start, end, previous, next: at, isOperator, claimed: false });
  }
  return names;
}

function partOf(text: string, { start, end }: SqlToken): NamePart {
  const written = text.slice(start, end);
  if (/^u&/i.test(written)) return { name: unicodeName(written.slice(3, -1)), start, end, quoted: true };
  if (written.startsWith('"'))
    return { name: written.slice(1, -1).replaceAll('""', '"'), start, end, quoted: true };
  return { name: written.replace(/[A-Z]/g, (c) => c.toLowerCase()), start, end, quoted: false };
}

/** U&"…" with the usual escape character. */
function unicodeName(inner: string): string {
  return inner
    .replaceAll('""', '"')
    .replaceAll(/\\(?:\\|\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))/g, (_, long?: string, short?: string) => {
      const code = Number.parseInt(long ?? short ?? '5c', 16);
      return code > 0x10ffff ? '' : String.fromCodePoint(code);
    });
}
