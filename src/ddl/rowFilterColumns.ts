import { identifierEnd, isSpace, quotedIdentifierEnd } from './lexer.js';
import { fromBytes, parseStatement } from './parser.js';

/** A row filter that stands in no need of the name of its table, with the columns that it reads. */
export interface BareRowFilter {
  readonly condition: string;
  readonly columns: ReadonlySet<string>;
}

const before = 'SELECT FROM t WHERE (\n';

/**
 * `orders.b > public.orders.c` as `b > c`: the rows that it decides about may stand under any name. The parser must be
 * loaded. Undefined where it cannot be read.
 */
export function bareRowFilter(where: string): BareRowFilter | undefined {
  const { node } = parseStatement(`${before}${where}\n)`);
  if (node === undefined) return undefined;
  const columns = new Set<string>();
  const qualifiers: { start: number; count: number }[] = [];
  for (const { names, location } of columnRefs(node)) {
    columns.add(names.at(-1) ?? '');
    if (names.length < 2) continue;
    const start = fromBytes(`${before}${where}`, location) - before.length;
    qualifiers.push({ start, count: names.length - 1 });
  }
  let condition = where;
  for (const { start, count } of qualifiers.sort((a, b) => b.start - a.start)) {
    const end = qualifierEnd(condition, start, count);
    if (end === undefined) return undefined;
    condition = condition.slice(0, start) + condition.slice(end);
  }
  return { condition, columns };
}

interface ColumnName {
  readonly names: readonly string[];
  /** In UTF-8 bytes. */
  readonly location: number;
}

function* columnRefs(root: unknown): Generator<ColumnName> {
  const queue: unknown[] = [root];
  for (const value of queue) {
    if (typeof value !== 'object' || value === null) continue;
    for (const [kind, inner] of Object.entries(value)) {
      if (kind === 'ColumnRef') yield columnName(inner);
      else queue.push(inner);
    }
  }
}

function columnName(column: unknown): ColumnName {
  const { fields = [], location = 0 } = column as {
    fields?: readonly { readonly String?: { readonly sval?: string } }[];
    location?: number;
  };
  return { names: fields.map(({ String: name }) => name?.sval ?? ''), location };
}

/** Behind the dot of the last of `count` names that begin at `start`; undefined where there is none. */
function qualifierEnd(text: string, start: number, count: number): number | undefined {
  let at = start;
  for (let n = 0; n < count; n++) {
    at = spaceEnd(text, nameEnd(text, at));
    if (text[at] !== '.') return undefined;
    at = spaceEnd(text, at + 1);
  }
  return at;
}

/** A doubled quote goes on with the same name. */
function nameEnd(text: string, start: number): number {
  if (text[start] !== '"') return identifierEnd(text, start);
  let at = start;
  do {
    const end = quotedIdentifierEnd(text, at);
    if (end < 0) return text.length;
    at = end;
  } while (text[at] === '"');
  return at;
}

function spaceEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}
