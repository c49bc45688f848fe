/**
 * JSON that is the same in every encoding: what waits in the target may hold characters that its encoding does not
 * have, or the bytes of a SQL_ASCII database.
 */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value);
  return nonAscii.test(json) ? json.replace(allNonAscii, escaped) : json;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all that is ASCII.
const nonAscii = /[^\x00-\x7f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: all that is ASCII.
const allNonAscii = /[^\x00-\x7f]/g;
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
