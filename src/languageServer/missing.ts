/** Statements that need what is skipped: on the target they fail, unless it is there already. */
import type { CancellationToken } from 'vscode-languageserver';
import type { Entry } from '../ddl/document.js';
import { type Definition, displayObject } from '../ddl/documentIndex.js';
import { errorCodes } from '../protocol/errorCodes.js';
import type { Placed } from './diagnostics.js';
import type { SqlFile } from './sqlFile.js';
import { collect, type Database } from './workspace.js';

/** Looking each up in the whole text has its price. */
const mostObjects = 200;
/** What is skipped because the target has it, or as good as has it. */
const isThere = /^(FF41[4568]\b|It is there already)/;
const classes: ReadonlySet<string> = new Set(['relation', 'routine', 'type']);

/** One for each statement, at the first name of something skipped. */
export async function needsSkipped(
  file: SqlFile,
  { index, files }: Database,
  token: CancellationToken,
): Promise<Placed[]> {
  const skipped: Definition[] = [];
  for (const [definition] of index.all()) {
    if (definition?.skipped === undefined || isThere.test(definition.skipped)) continue;
    if (classes.has(definition.id.class)) skipped.push(definition);
    if (skipped.length >= mostObjects) break;
  }
  const seen = new Set<Entry>();
  const placed: Placed[] = [];
  for (const definition of skipped) {
    for (const place of await collect(index.references(file.model, definition.id), files, token)) {
      if (seen.has(place.entry)) continue;
      seen.add(place.entry);
      placed.push({ ...place, ...explained(definition, place.entry, files) });
    }
  }
  return placed;
}

function explained(definition: Definition, { known }: Entry, files: readonly SqlFile[]) {
  const { id, kind, document, entry } = definition;
  const what = `${kind} ${displayObject(id)}`;
  const message = `${known?.object ?? 'This statement'} needs ${what}, which is skipped.`;
  const holder = files.find(({ model }) => model === document);
  return {
    problem: {
      ...{ start: 0, end: 0, severity: 'warning' as const, code: 'FF417' },
      message: `${message} ${errorCodes.FF417.help}`,
      fixes: [],
      removable: true as const,
      reason: `FF417: ${message}`,
    },
    ...(holder !== undefined && {
      related: [{ file: holder, start: entry.start, end: entry.end, message: `${what} is skipped here.` }],
    }),
  };
}
