/** PostgreSQL 18's own parser (libpg-query, WebAssembly), fed a few statements at a time. */
import { hasSqlDetails, loadModule, type Node, parseSync } from 'libpg-query';

export interface ParseError {
  readonly message: string;
  /** UTF-16 offset in the text of the statement. */
  readonly offset: number;
}

export type Parsed =
  | { readonly node: Node; readonly error?: never }
  | { readonly error: ParseError; readonly node?: never };

/** Must be awaited once before anything is parsed or classified. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/** One call costs more than a small statement, one long call much memory (50 MB for 1 MB of SQL). */
const groupStatements = 64;
const groupLength = 64 * 1024;

/**
 * One result per statement, in order; a few at a time, because the trees of a whole dump take much memory. A statement
 * that cannot be parsed spoils no other.
 */
export function* parseStatements(texts: readonly string[]): Generator<Parsed> {
  for (let from = 0; from < texts.length; ) {
    let length = 0;
    let to = from;
    while (to < texts.length && to - from < groupStatements && (to === from || length < groupLength)) {
      length += texts[to++]?.length ?? 0;
    }
    const group = texts.slice(from, to);
    yield* parseGroup(group) ?? group.map(parseStatement);
    from = to;
  }
}

/** Undefined where the texts do not come back as exactly one statement each. */
function parseGroup(texts: readonly string[]): Parsed[] | undefined {
  if (texts.length < 2 || texts.some((text) => !text.endsWith(';') || text.includes('\0'))) return undefined;
  try {
    const { stmts = [] } = parseSync(texts.join('\n'));
    if (stmts.length !== texts.length) return undefined;
    const parsed: Parsed[] = [];
    let start = 0;
    for (const [index, text] of texts.entries()) {
      const stmt = stmts[index];
      // The parser counts from behind the semicolon before.
      if (stmt?.stmt === undefined || Math.abs((stmt.stmt_location ?? 0) - start) > 1) return undefined;
      parsed.push({ node: stmt.stmt });
      start += Buffer.byteLength(text) + 1;
    }
    return parsed;
  } catch {
    return undefined;
  }
}

export function parseStatement(text: string): Parsed {
  const nul = text.indexOf('\0');
  if (nul >= 0) return { error: { message: 'invalid byte 0x00', offset: nul } };
  try {
    const { stmts = [] } = parseSync(text);
    const node = stmts[0]?.stmt;
    if (node === undefined) return { error: { message: 'not a statement', offset: 0 } };
    if (stmts.length > 1) return { error: { message: 'more than one statement', offset: 0 } };
    return { node };
  } catch (error) {
    if (!hasSqlDetails(error)) {
      return { error: { message: error instanceof Error ? error.message : 'the parser failed', offset: 0 } };
    }
    const { message, cursorPosition } = error.sqlDetails ?? { message: error.message, cursorPosition: 0 };
    return { error: { message, offset: fromCodePoints(text, cursorPosition) } };
  }
}

/** The parser reports error positions in code points; a character outside the BMP is two UTF-16 units. */
export function fromCodePoints(text: string, position: number): number {
  let offset = 0;
  for (let count = 0; count < position && offset < text.length; count++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

/** Node and token positions are UTF-8 byte offsets. */
export function fromBytes(text: string, position: number): number {
  let offset = 0;
  for (let bytes = 0; bytes < position && offset < text.length; ) {
    const code = text.codePointAt(offset) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    offset += code > 0xffff ? 2 : 1;
  }
  return offset;
}

/** The statements of a function body; undefined where it cannot be parsed. Locations count from its start. */
export function parseScript(text: string): readonly Node[] | undefined {
  if (text.includes('\0')) return undefined;
  if (text.trim() === '') return [];
  try {
    return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
  } catch {
    return undefined;
  }
}
