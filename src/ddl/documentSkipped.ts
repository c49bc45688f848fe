/** Statements that stand as comments below a marker and do not run: see src/protocol/ddl.ts for the format. */
import { skipMarker } from '../protocol/ddl.js';
import { classifyAll } from './classify.js';
import type { DdlDocument, Entry } from './document.js';
import { nextStatement } from './split.js';

export interface SkippedBlock {
  /** UTF-16 offsets, from the marker to the end of the last commented line. */
  readonly start: number;
  readonly end: number;
  /** `FF404: The type public.t is a base type.`; undefined where the user skipped it. */
  readonly reason?: string;
  /** The statement as it would run. */
  readonly text: string;
}

/** Blocks of a file in order. */
export function skippedIn(document: DdlDocument): SkippedBlock[] {
  return skippedBlocks(document.text).filter(({ start }) => {
    // Lines of strings and bodies may look the same.
    const entry = document.entryAt(start);
    return entry === undefined || entry.end <= start;
  });
}

const classified = new WeakMap<DdlDocument, ReadonlyMap<string, Entry['known']>>();

/** What would be made if it were not skipped: entries that stand where the comments do. */
export function skippedEntries(
  document: DdlDocument,
): { readonly block: SkippedBlock; readonly entry: Entry }[] {
  const before = classified.get(document);
  const now = new Map<string, Entry['known']>();
  const entries = skippedIn(document).map((block) => {
    const { start, end, text } = block;
    const known = before?.has(text) ? before.get(text) : classifiedText(text);
    now.set(text, known);
    return { block, entry: { start, end, ...(known !== undefined && { known }) } };
  });
  classified.set(document, now);
  return entries;
}

function classifiedText(text: string): Entry['known'] {
  const raw = nextStatement(text, 0);
  const [statement] = raw === undefined ? [] : classifyAll([raw]);
  if (statement === undefined) return undefined;
  const { text: _text, start: _start, end: _end, ...known } = statement;
  return known;
}

/** As {@link skippedIn}, of a text alone: the caller leaves out what is in a statement. */
export function skippedBlocks(text: string): SkippedBlock[] {
  const blocks: SkippedBlock[] = [];
  for (let at = text.indexOf(skipMarker); at >= 0; at = text.indexOf(skipMarker, at + 1)) {
    if (text.slice(text.lastIndexOf('\n', at - 1) + 1, at).trim() !== '') continue;
    const block = blockAt(text, at);
    if (block === undefined) continue;
    blocks.push(block);
    at = block.end - 1;
  }
  return blocks;
}

function blockAt(text: string, start: number): SkippedBlock | undefined {
  const lineBreak = text.indexOf('\n', start);
  if (lineBreak < 0) return undefined;
  const head = text.slice(start + skipMarker.length, lineBreak).trim();
  const lines: string[] = [];
  let end = lineBreak;
  for (let at = lineBreak + 1; at < text.length; ) {
    const next = text.indexOf('\n', at);
    const line = text.slice(at, next < 0 ? text.length : next);
    // A line of two dashes begins the header of the next statement, unless a line of this one follows.
    if (!/^--(?: |\r?$)/.test(line) || line.startsWith(skipMarker) || isHeader(text, at)) break;
    lines.push(line.replace(/\r$/, '').slice(3));
    end = at + line.replace(/\r$/, '').length;
    if (next < 0) break;
    at = next + 1;
  }
  if (lines.length === 0) return undefined;
  const reason = head.replace(/^:\s*/, '');
  const lineEnd = text.charCodeAt(lineBreak - 1) === 13 ? '\r\n' : '\n';
  return { start, end, text: lines.join(lineEnd), ...(reason !== '' && { reason }) };
}

/** pg_dump's headers are three lines: `--`, `-- Name: …`, `--`. */
function isHeader(text: string, at: number): boolean {
  return /^(?:--\r?\n)?-- Name: [^\n]*; Type: /.test(text.slice(at, at + 400));
}
