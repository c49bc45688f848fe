import type { SqlToken } from './sqlText.js';

/** A position among the tokens of a text. */
export class TokenReader {
  protected at = 0;

  constructor(
    readonly text: string,
    readonly tokens: readonly SqlToken[],
  ) {}

  protected word(ahead = 0): string {
    return this.tokens[this.at + ahead]?.word ?? '';
  }

  protected name(index: number): string {
    const token = this.tokens[index];
    const written = this.text.slice(token?.start ?? 0, token?.end ?? 0);
    return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();
  }

  /** The index of the next such token outside of parentheses and of CASE … END, or of the semicolon or end before. */
  protected find(wanted: RegExp, from = this.at): number {
    let depth = 0;
    let cases = 0;
    for (let at = from; at < this.tokens.length; at++) {
      const word = this.tokens[at]?.word ?? '';
      if (depth === 0 && (word === ';' || (cases === 0 && wanted.test(word) && at >= from))) return at;
      if (word === '(' || word === '[') depth++;
      else if (word === ')' || word === ']') depth--;
      else if (word === 'CASE') cases++;
      else if (word === 'END' && cases > 0) cases--;
    }
    return this.tokens.length;
  }

  protected closing(open: number): number {
    let depth = 0;
    for (let at = open; at < this.tokens.length; at++) {
      const word = this.tokens[at]?.word;
      if (word === '(') depth++;
      else if (word === ')' && --depth === 0) return at;
    }
    return this.tokens.length;
  }
}
