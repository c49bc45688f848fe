/**
 * Takes row values out of what a server says. PostgreSQL keeps them in DETAIL, HINT and CONTEXT, which are never
 * passed on; in class 22 (data exceptions) they also stand in the primary message, e.g.
 * `invalid input syntax for type integer: "abc"`; and in class P0 the text is whatever a function's author wrote.
 */

/** Opening and closing quotes of all translations of PostgreSQL's messages. */
const quotes = '"«»„“”‚‘’‹›「」『』';
const fromFirstToLastQuote = new RegExp(`[${quotes}].*[${quotes}]`, 's');
const quoted = /"([^"]*)"/g;

export interface ServerMessage {
  readonly message: string;
  readonly sqlstate: string;
  /** PostgreSQL's CONTEXT field. */
  readonly where?: string | undefined;
  /** Names the server gave apart (schema, table, column, constraint, data type): no values. */
  readonly names: readonly (string | undefined)[];
}

/** The primary message without row values. */
export function redactServerMessage({ message, sqlstate, where, names }: ServerMessage): string {
  const place = copyLine(where);
  switch (sqlstate.slice(0, 2)) {
    case '22':
      // "invalid byte sequence for encoding "UTF8": 0xe9": the quoted word is the encoding, the bytes are the value.
      if (sqlstate === '22021' || sqlstate === '22P05') {
        return message.replace(/0x[0-9a-f]{2}(\s+0x[0-9a-f]{2})*/gi, '…') + place;
      }
      // A value may hold quotes itself, so everything between the first and the last one goes.
      return message.replace(fromFirstToLastQuote, '"…"') + place;
    case '23':
      return redactUnknownNames(message, names) + place;
    case 'P0':
      return `a function raised an exception${raisedAt(where)} (its text is left out, it may hold row values)${place}`;
    default:
      return message;
  }
}

/** Class 23 messages quote relation, column and constraint names only; what the server did not name is left out. */
function redactUnknownNames(message: string, names: readonly (string | undefined)[]): string {
  const known = new Set(names);
  return message.replace(quoted, (whole, name: string) => (known.has(name) ? whole : '"…"'));
}

/** "COPY orders, line 3, column price: "abc"" → " (line 3)". */
function copyLine(where: string | undefined): string {
  const line = where?.startsWith('COPY ') ? /, line (\d+)/.exec(where)?.[1] : undefined;
  return line === undefined ? '' : ` (line ${line} of the COPY)`;
}

/** "PL/pgSQL function f(integer) line 3 at RAISE" holds names and types only. */
function raisedAt(where: string | undefined): string {
  const found = /^PL\/pgSQL function (\S+?)(?:\([^"']*\))? line (\d+) at RAISE$/m.exec(where ?? '');
  return found === null ? '' : ` in ${found[1]} line ${found[2]}`;
}
