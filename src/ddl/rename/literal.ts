/** Strings in SQL text: what they say, where each character of it stands, and how other text is written there. */
import { SqlText, type SqlToken } from './sqlText.js';

export interface Literal {
  readonly content: string;
  /** Offset in the text around of a character of the content; of its end for its length. */
  offset(index: number): number;
  encode(text: string): string;
  /** The tag with its dollars, of a dollar quote. */
  readonly tag?: string;
}

/** Undefined for what is no character string or written in Unicode escapes. */
export function literalOf(
  text: string,
  { start, end }: Pick<SqlToken, 'start' | 'end'>,
): Literal | undefined {
  const written = text.slice(start, end);
  const tag = /^\$[^$]*\$/.exec(written)?.[0];
  if (tag !== undefined) {
    const from = start + tag.length;
    const content = written.slice(tag.length, -tag.length);
    return { content, tag, offset: (index) => from + index, encode: (inner) => inner };
  }
  const quote = written.indexOf("'");
  const prefix = written.slice(0, quote).toLowerCase();
  if ((prefix !== '' && prefix !== 'n' && prefix !== 'e') || !written.endsWith("'")) return undefined;
  const from = start + quote + 1;
  const inner = written.slice(quote + 1, -1);
  const encode = (plain: string): string => plain.replaceAll("'", "''");
  if (prefix === 'e') {
    const decoded = decodeEscapes(inner);
    if (decoded === undefined) return undefined;
    return {
      content: decoded.content,
      offset: (index) => from + (decoded.offsets[index] ?? inner.length),
      encode: (plain) => encode(plain).replaceAll('\\', '\\\\'),
    };
  }
  if (!inner.includes("'")) return { content: inner, offset: (index) => from + index, encode };
  const offsets: number[] = [];
  for (let at = 0; at < inner.length; at += inner[at] === "'" ? 2 : 1) offsets.push(at);
  const content = inner.replaceAll("''", "'");
  return { content, offset: (index) => from + (offsets[index] ?? inner.length), encode };
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

const fromCode = (hex: string): string => {
  const code = Number.parseInt(hex, 16);
  return code > 0x10ffff ? '' : String.fromCodePoint(code);
};

/** Undefined where the string goes on behind a line break. */
function decodeEscapes(inner: string): { content: string; offsets: readonly number[] } | undefined {
  let content = '';
  const offsets: number[] = [];
  const piece =
    /\\x([0-9A-Fa-f]{1,2})|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([0-7]{1,3})|\\([\s\S])|''|[^'\\]/y;
  while (piece.lastIndex < inner.length) {
    const at = piece.lastIndex;
    const found = piece.exec(inner);
    if (!found) return undefined;
    const [all, hex, short, long, octal, letter] = found;
    const code = hex ?? short ?? long;
    const character =
      code !== undefined
        ? fromCode(code)
        : octal !== undefined
          ? String.fromCodePoint(Number.parseInt(octal, 8))
          : letter !== undefined
            ? (escapes[letter] ?? letter)
            : all === "''"
              ? "'"
              : all;
    for (let i = 0; i < character.length; i++) offsets.push(at);
    content += character;
  }
  return { content, offsets };
}

/** Runs `work` over the text of a string and carries its edits into the text around. */
export function withinLiteral(around: SqlText, token: SqlToken, work: (inner: SqlText) => void): boolean {
  const literal = literalOf(around.text, token);
  if (literal === undefined) return false;
  const inner = new SqlText(literal.content);
  work(inner);
  for (const { start, end, text } of inner.edits)
    around.edit(literal.offset(start), literal.offset(end), literal.encode(text));
  for (const { start, end, message } of inner.undecided)
    around.undecide(literal.offset(start), literal.offset(end), message);
  if (literal.tag !== undefined && inner.edits.length > 0) keepTagApart(around, token, literal.tag, inner);
  return true;
}

/** A new name may hold the tag that ends the string. */
function keepTagApart(around: SqlText, token: SqlToken, tag: string, inner: SqlText): void {
  const content = inner.edited();
  if (!content.includes(tag)) return;
  let other = '$body$';
  for (let n = 1; content.includes(other); n++) other = `$body${n}$`;
  around.edit(token.start, token.start + tag.length, other);
  around.edit(token.end - tag.length, token.end, other);
}
