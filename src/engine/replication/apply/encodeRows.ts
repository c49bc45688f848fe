import { type Row, unchangedToast, type Value } from '../pgoutputMessages.js';

/**
 * Values as the server reads them: the text that the source sent goes into array literals and COPY lines with nothing
 * but their own escapes. https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */

/** Plain numbers, names and dates: nothing to escape, whatever the type. */
const needsEscape = /["\\]/;

/** One column of many rows as an array literal; `delimiter` is that of the type. */
export function arrayLiteral(rows: readonly Row[], column: number, delimiter = ','): string {
  let text = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) text += delimiter;
    const value = rows[i]?.[column];
    if (typeof value !== 'string') text += 'NULL';
    else if (needsEscape.test(value)) text += `"${value.replace(/["\\]/g, '\\$&')}"`;
    else text += `"${value}"`;
  }
  return `${text}}`;
}

const copyEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};
const needsCopyEscape = /[\\\n\r\t]/;

/** Lines of COPY … FROM STDIN in text format, in pieces of bounded size. `places`: of the values that are given. */
export function copyLines(
  rows: readonly Row[],
  encoding: 'utf8' | 'latin1',
  places?: readonly number[],
): Buffer[] {
  const pieces: Buffer[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') pieces.push(Buffer.from(text, encoding));
    text = '';
  };
  for (const row of rows) {
    const count = places?.length ?? row.length;
    for (let i = 0; i < count; i++) {
      if (i > 0) text += '\t';
      const value = row[places?.[i] ?? i];
      if (typeof value !== 'string') text += '\\N';
      else if (value.length < pieceCharacters) text += copyText(value);
      else
        for (const part of slices(value)) {
          text += copyText(part);
          flush();
        }
    }
    text += '\n';
    if (text.length >= pieceCharacters) flush();
  }
  flush();
  return pieces;
}
const pieceCharacters = 1 << 18;

const copyText = (value: string): string =>
  needsCopyEscape.test(value) ? value.replace(/[\\\n\r\t]/g, (c) => copyEscapes[c] ?? c) : value;

/** No character in two parts: those beyond U+FFFF are two units. */
function* slices(value: string): Generator<string> {
  for (let at = 0; at < value.length; ) {
    let end = Math.min(at + pieceCharacters, value.length);
    const last = value.charCodeAt(end - 1);
    if (end < value.length && last >= 0xd800 && last < 0xdc00) end += 1;
    yield value.slice(at, end);
    at = end;
  }
}

/** For a parameter of its own. */
export const parameter = (value: Value | undefined): string | null =>
  value === unchangedToast || value === undefined ? null : value;
