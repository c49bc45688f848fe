import { classifyDump } from './classify.js';
import { DdlDocument, largeDocument } from './document.js';
import type { Statement } from './statement.js';

/**
 * The statements of a file that someone may have broken: an open quote or parenthesis costs its own statement alone, as
 * it does in the editor. That one is marked `unterminated`. Settings keep their section, all others get `section`.
 */
export function statementsOfFile(text: string, section: 'preData' | 'postData'): Statement[] {
  const all = text.length > largeDocument ? classifyDump(text) : recovered(text);
  return all.map((statement) => (statement.section === 'session' ? statement : { ...statement, section }));
}

function recovered(text: string): Statement[] {
  const document = new DdlDocument();
  for (const _ of document.update(text));
  // What is too long for the editor is still looked at where it runs.
  return document.entries.flatMap(
    (entry) =>
      document.statementOf(entry) ??
      classifyDump(document.textOf(entry)).map((found) => ({
        ...found,
        start: entry.start + found.start,
        end: entry.start + found.end,
      })),
  );
}
