import { TokenReader } from './tokenReader.js';

export interface Piece {
  /** `query` is a statement of its own; an expression is what SELECT may be written before, arguments a function. */
  readonly kind: 'query' | 'expression' | 'arguments' | 'type';
  readonly start: number;
  readonly end: number;
  /** What is PL/pgSQL's own in a query: INTO and its targets. */
  readonly blank?: readonly [start: number, end: number];
}

/** Collects the pieces of SQL in a body. */
export class PieceReader extends TokenReader {
  readonly pieces: Piece[] = [];
  readonly variables: string[] = [];
  readonly messages: number[] = [];

  protected add(kind: Piece['kind'], from: number, to: number, blank?: readonly [number, number]): void {
    const start = this.tokens[from]?.start;
    const end = this.tokens[to - 1]?.end;
    if (start === undefined || end === undefined || to <= from) return;
    this.pieces.push({ kind, start, end, ...(blank && { blank }) });
  }

  /** An expression from here to one of these words, which is passed. */
  protected expressionUntil(wanted: RegExp): void {
    const end = this.find(wanted);
    this.add('expression', this.at, end);
    this.at = end + 1;
  }

  /** EXECUTE expression [INTO target] [USING expressions]. */
  protected execute(end: RegExp): void {
    const stop = new RegExp(`^(INTO|USING)$|${end.source}`);
    this.expressionUntil(stop);
    while (this.at <= this.tokens.length && !end.test(this.tokens[this.at - 1]?.word ?? ';')) {
      if (this.tokens[this.at - 1]?.word === ';') return;
      const isUsing = this.tokens[this.at - 1]?.word === 'USING';
      const next = this.find(stop);
      if (isUsing) this.add('expression', this.at, next);
      this.at = next + 1;
    }
  }

  protected query(until: RegExp): void {
    const from = this.at;
    const end = this.find(until);
    this.at = end + 1;
    if (end <= from) return;
    this.add('query', from, end, this.#into(from, end));
  }

  /** INTO [STRICT] target [, target …]; INSERT INTO and MERGE INTO are SQL's own. */
  #into(from: number, end: number): readonly [number, number] | undefined {
    if (/^(CREATE|IMPORT|EXPLAIN)$/.test(this.tokens[from]?.word ?? '')) return undefined;
    for (let at = from + 1; at < end; at++) {
      if (this.tokens[at]?.word !== 'INTO') continue;
      if (/^(INSERT|MERGE)$/.test(this.tokens[at - 1]?.word ?? '')) continue;
      let to = at + 1;
      if (this.tokens[to]?.word === 'STRICT') to++;
      for (to++; to < end; ) {
        const word = this.tokens[to]?.word;
        if (word === '.' || word === ',') to += 2;
        else if (word === '[') to = this.find(/^\]$/, to + 1) + 1;
        else break;
      }
      return [this.tokens[at]?.start ?? 0, this.tokens[to - 1]?.end ?? 0];
    }
    return undefined;
  }
}
