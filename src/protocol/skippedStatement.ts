import { skipMarker } from './ddl.js';

/**
 * The text that takes the place of a statement to make it a comment below the marker. What stands beside it on its
 * lines goes to lines of its own. `reason` is a code and a sentence.
 */
export function commentedOut(text: string, start: number, end: number, reason?: string): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const head = reason === undefined ? skipMarker : `${skipMarker} ${reason.replaceAll(/\s+/g, ' ')}`;
  const lines = text.slice(start, end).split(/\r?\n/);
  const next = text.indexOf('\n', end);
  const isAlone = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
  const isLast = text.slice(end, next < 0 ? text.length : next).trim() === '';
  const comment = [head, ...lines.map((line) => `-- ${line}`)].join(lineEnd);
  return `${isAlone ? '' : lineEnd}${comment}${isLast ? '' : lineEnd}`;
}
