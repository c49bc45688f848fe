/**
 * The SQL in a body of PL/pgSQL. Its own grammar (pl_gram.y) is little more than words around expressions and
 * statements of SQL, so a flat walk from statement to statement finds them all. (The parser's own parsePlPgSQL gives
 * lines, not places, and refuses bodies whose row types it does not know.)
 */

import { type Piece, PieceReader } from './pieceReader.js';
import type { SqlToken } from './sqlText.js';

export interface Body {
  readonly pieces: readonly Piece[];
  /** Variables, parameters of cursors and labels. */
  readonly variables: readonly string[];
  /** Starts of strings that are only shown to people. */
  readonly messages: readonly number[];
}

export function readBody(text: string, tokens: readonly SqlToken[]): Body {
  const reader = new Reader(text, tokens);
  reader.read();
  return reader;
}

const queryStarts = /^(SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE|SHOW|EXPLAIN|\()$/;
const levels = /^(DEBUG|LOG|INFO|NOTICE|WARNING|EXCEPTION)$/;

class Reader extends PieceReader implements Body {
  read(): void {
    // #variable_conflict use_column and its like.
    while (this.word() === '#') this.at += 3;
    while (this.at < this.tokens.length) {
      const before = this.at;
      this.#statement();
      if (this.at === before) this.at++;
    }
  }

  #statement(): void {
    const word = this.word();
    if (word === '<<') {
      this.#label();
      return;
    }
    // A name that PL/pgSQL has a word for, too, is a variable before these.
    if (/^(:=|=|\[|\.)$/.test(this.word(1)) && /^[A-Z_$]|^$|[^ -~]/.test(word)) {
      this.#assignment();
      return;
    }
    switch (word) {
      case 'DECLARE':
        this.at++;
        this.#declarations();
        return;
      case 'BEGIN':
      case 'ELSE':
      case 'LOOP':
      case 'EXCEPTION':
      case ';':
        this.at++;
        return;
      case 'END':
      case 'NULL':
      case 'COMMIT':
      case 'ROLLBACK':
      case 'FETCH':
      case 'MOVE':
      case 'CLOSE':
      case 'GET':
        this.at = this.find(/^;$/) + 1;
        return;
      case 'IF':
      case 'ELSIF':
      case 'ELSEIF':
      case 'WHEN':
        this.at++;
        this.expressionUntil(/^THEN$/);
        return;
      case 'WHILE':
        this.at++;
        this.expressionUntil(/^LOOP$/);
        return;
      case 'CASE':
        this.at++;
        if (this.word() !== 'WHEN') this.add('expression', this.at, this.find(/^WHEN$/));
        this.at = this.find(/^WHEN$/);
        return;
      default:
        this.#action(word);
        return;
    }
  }

  #action(word: string): void {
    switch (word) {
      case 'FOR':
        this.#forLoop();
        return;
      case 'FOREACH':
        this.at = this.find(/^ARRAY$/) + 1;
        this.expressionUntil(/^LOOP$/);
        return;
      case 'EXIT':
      case 'CONTINUE': {
        const when = this.find(/^WHEN$/);
        this.at = when + (this.tokens[when]?.word === 'WHEN' ? 1 : 0);
        this.expressionUntil(/^;$/);
        return;
      }
      case 'RETURN':
        this.#return();
        return;
      case 'RAISE':
        this.#raise();
        return;
      case 'PERFORM':
        this.at++;
        this.expressionUntil(/^;$/);
        return;
      case 'ASSERT':
        this.#assert();
        return;
      case 'EXECUTE':
        this.at++;
        this.execute(/^;$/);
        return;
      case 'OPEN':
        this.#open();
        return;
      default:
        this.query(/^;$/);
        return;
    }
  }

  #label(): void {
    this.variables.push(this.name(this.at + 1));
    this.at = this.find(/^>>$/) + 1;
  }

  #assignment(): void {
    const operator = this.find(/^:?=$/);
    // Subscripts are expressions of their own.
    this.add('expression', this.at, operator);
    this.at = operator + 1;
    this.expressionUntil(/^;$/);
  }

  #declarations(): void {
    while (this.at < this.tokens.length && this.word() !== 'BEGIN') {
      if (this.word() === 'DECLARE') {
        this.at++;
        continue;
      }
      if (this.word() === '<<') {
        this.#label();
        continue;
      }
      this.variables.push(this.name(this.at++));
      const end = this.find(/^;$/);
      if (this.word() === 'ALIAS') this.at = end + 1;
      else if (/^(CURSOR|NO|SCROLL)$/.test(this.word()) && this.find(/^CURSOR$/) < end) this.#cursor();
      else this.#variable();
    }
  }

  #cursor(): void {
    this.at = this.find(/^CURSOR$/) + 1;
    if (this.word() === '(') {
      const close = this.closing(this.at);
      for (let at = this.at + 1; at < close; ) {
        const comma = Math.min(this.find(/^[,)]$/, at), close);
        this.variables.push(this.name(at));
        const isIn = this.tokens[at + 1]?.word === 'IN';
        this.add('type', at + (isIn ? 2 : 1), comma);
        at = comma + 1;
      }
      this.at = close + 1;
    }
    // FOR or IS
    this.at++;
    this.query(/^;$/);
  }

  #variable(): void {
    if (this.word() === 'CONSTANT') this.at++;
    const end = this.find(/^(COLLATE|NOT|DEFAULT|:=|=)$/);
    this.add('type', this.at, end);
    const value = this.find(/^(DEFAULT|:=|=)$/, end);
    this.at = value;
    if (this.word() === ';' || value >= this.tokens.length) {
      this.at++;
      return;
    }
    this.at++;
    this.expressionUntil(/^;$/);
  }

  #forLoop(): void {
    const target = this.at + 1;
    const inWord = this.find(/^IN$/);
    this.variables.push(this.name(target));
    this.at = inWord + 1;
    const loop = this.find(/^LOOP$/);
    const bounds = this.find(/^\.\.$/);
    if (this.word() === 'EXECUTE') {
      this.at++;
      this.execute(/^LOOP$/);
      return;
    }
    if (bounds < loop) {
      if (this.word() === 'REVERSE') this.at++;
      this.expressionUntil(/^\.\.$/);
      const by = this.find(/^(BY|LOOP)$/);
      this.expressionUntil(/^(BY|LOOP)$/);
      if (by < loop) this.expressionUntil(/^LOOP$/);
      return;
    }
    if (queryStarts.test(this.word())) {
      this.query(/^LOOP$/);
      return;
    }
    // A cursor, perhaps with arguments.
    if (this.word(1) === '(') this.add('arguments', this.at + 1, loop);
    this.at = loop + 1;
  }

  #return(): void {
    this.at++;
    if (this.word() === 'NEXT') this.at++;
    else if (this.word() === 'QUERY') {
      this.at++;
      if (this.word() !== 'EXECUTE') {
        this.query(/^;$/);
        return;
      }
      this.at++;
      this.execute(/^;$/);
      return;
    }
    this.expressionUntil(/^;$/);
  }

  #assert(): void {
    this.at++;
    const end = this.find(/^;$/);
    const comma = Math.min(this.find(/^,$/), end);
    this.add('expression', this.at, comma);
    const message = this.tokens[comma + 1];
    if (message?.kind === 'string' && comma + 2 === end) this.messages.push(message.start);
    else this.add('expression', comma + 1, end);
    this.at = end + 1;
  }

  #raise(): void {
    this.at++;
    if (levels.test(this.word())) this.at++;
    const format = this.tokens[this.at];
    const end = this.find(/^;$/);
    if (format?.kind === 'string') this.messages.push(format.start);
    while (this.at < end && this.word() !== ',' && this.word() !== 'USING') this.at++;
    while (this.at < end) {
      // Behind the comma or USING; options are written name = expression.
      const isUsing = this.word() === 'USING';
      this.at++;
      if (isUsing || /^:?=$/.test(this.word(1))) {
        if (/^:?=$/.test(this.word(1))) this.at += 2;
      }
      const next = Math.min(this.find(/^(,|USING)$/), end);
      this.add('expression', this.at, next);
      this.at = next;
    }
    this.at = end + 1;
  }

  #open(): void {
    this.at += 2;
    if (this.word() === '(') {
      const end = this.find(/^;$/);
      this.add('arguments', this.at, end);
      this.at = end + 1;
      return;
    }
    const end = this.find(/^;$/);
    const forWord = this.find(/^FOR$/);
    this.at = Math.min(forWord + 1, end);
    if (this.word() === 'EXECUTE') {
      this.at++;
      this.execute(/^;$/);
      return;
    }
    if (forWord < end) {
      this.query(/^;$/);
      return;
    }
    this.at = end + 1;
  }
}
