/** Outline and folding. */
import { type DocumentSymbol, type FoldingRange, FoldingRangeKind, SymbolKind } from 'vscode-languageserver';
import { bodiesOf } from '../ddl/documentNames.js';
import { type OutlineEntry, type OutlineKind, outlineOf } from '../ddl/documentOutline.js';
import { skippedBlocks } from '../ddl/documentSkipped.js';
import type { SqlFile } from './sqlFile.js';

const symbolKinds: Readonly<Record<OutlineKind, SymbolKind>> = {
  schema: SymbolKind.Namespace,
  table: SymbolKind.Class,
  view: SymbolKind.Interface,
  sequence: SymbolKind.Number,
  routine: SymbolKind.Function,
  type: SymbolKind.Struct,
  column: SymbolKind.Field,
  index: SymbolKind.Key,
  constraint: SymbolKind.Property,
  trigger: SymbolKind.Event,
  other: SymbolKind.Object,
};

export async function symbolsOf(file: SqlFile): Promise<DocumentSymbol[]> {
  return outlineOf(await file.statements()).map((entry) => symbol(file, entry));
}

function symbol(file: SqlFile, entry: OutlineEntry): DocumentSymbol {
  return {
    name: entry.name,
    detail: entry.detail,
    kind: symbolKinds[entry.kind],
    range: file.range(entry.start, entry.end),
    selectionRange: file.range(entry.nameStart, entry.nameEnd),
    children: entry.children.map((child) => symbol(file, child)),
  };
}

/** Statements, the bodies in them, and comments between statements: headers and what is skipped. */
export async function foldingOf(file: SqlFile): Promise<FoldingRange[]> {
  const model = await file.statements();
  const ranges: FoldingRange[] = [];
  const add = (start: number, end: number, kind?: FoldingRangeKind) => {
    const startLine = file.document.positionAt(start).line;
    const endLine = file.document.positionAt(end).line;
    if (endLine > startLine) ranges.push({ startLine, endLine, ...(kind !== undefined && { kind }) });
  };
  let behind = 0;
  for (const { start, end } of model.entries) {
    addComments(model.text, behind, start, add);
    behind = end;
    add(start, end);
    const text = model.text.slice(start, end);
    if (!text.includes('$') || !text.includes('\n')) continue;
    // The last line of a body holds its closing quote, which stays to be seen.
    for (const body of bodiesOf(text)) add(start + body.start, start + text.lastIndexOf('\n', body.end - 1));
  }
  addComments(model.text, behind, model.text.length, add);
  return unique(ranges);
}

type Add = (start: number, end: number, kind?: FoldingRangeKind) => void;

/** Runs of comment lines without an empty one between them. */
function addComments(text: string, from: number, to: number, add: Add): void {
  const gap = text.slice(from, to);
  if (!gap.includes('--')) return;
  const blocks = skippedBlocks(gap);
  for (const { start, end } of blocks) add(from + start, from + end, FoldingRangeKind.Comment);
  for (const run of gap.matchAll(/^[ \t]*--[^\n]*(?:\n[ \t]*--[^\n]*)+/gm)) {
    const end = run.index + run[0].length;
    if (blocks.some((block) => block.start < end && run.index < block.end)) continue;
    add(from + run.index, from + end, FoldingRangeKind.Comment);
  }
}

/** The editor takes one range a line. */
function unique(ranges: readonly FoldingRange[]): FoldingRange[] {
  const byLine = new Map<number, FoldingRange>();
  for (const range of ranges) {
    const other = byLine.get(range.startLine);
    if (other === undefined || other.endLine < range.endLine) byLine.set(range.startLine, range);
  }
  return [...byLine.values()].sort((a, b) => a.startLine - b.startLine);
}
