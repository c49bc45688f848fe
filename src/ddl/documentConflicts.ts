/** What a three-way merge leaves in a file where both sides changed the same lines. */

export interface Conflict {
  /** UTF-16 offsets of the whole, from the first marker to the end of the last one's line. */
  readonly start: number;
  readonly end: number;
  /** Text of both sides, with their line ends. */
  readonly ours: string;
  readonly theirs: string;
  /** What stands behind the markers, e.g. `yours`. */
  readonly ourName: string;
  readonly theirName: string;
}

const marker = /(?:<{7}|>{7}|\|{7})(?: [^\n]*)?(?:\n|$)|={7}\r?(?:\n|$)/y;

/** Where the line of a marker that begins at an offset ends; undefined where there is none. No SQL begins like that. */
export function conflictMarkerEnd(text: string, start: number): number | undefined {
  const code = text.charCodeAt(start);
  if (code !== 60 && code !== 61 && code !== 62 && code !== 124) return undefined;
  if (start > 0 && text.charCodeAt(start - 1) !== 10) return undefined;
  marker.lastIndex = start;
  const found = marker.exec(text);
  return found === null ? undefined : start + found[0].length;
}

/** Conflicts in order. A marker without its counterparts is no conflict: strings and bodies may hold such lines. */
export function conflictsIn(text: string): Conflict[] {
  const conflicts: Conflict[] = [];
  for (let at = 0; ; ) {
    const start = lineWith(text, '<<<<<<<', at);
    if (start < 0) return conflicts;
    const begin = endOfLine(text, start);
    const middle = lineWith(text, '=======', begin);
    const last = middle < 0 ? -1 : lineWith(text, '>>>>>>>', middle);
    if (last < 0) return conflicts;
    const base = lineWith(text.slice(0, middle), '|||||||', begin);
    const end = endOfLine(text, last);
    conflicts.push({
      start,
      end: text.charCodeAt(end - 1) === 10 ? end - 1 : end,
      ours: text.slice(begin, base < 0 ? middle : base),
      theirs: text.slice(endOfLine(text, middle), last),
      ourName: text.slice(start + 7, begin).trim(),
      theirName: text.slice(last + 7, end).trim(),
    });
    at = end;
  }
}

function lineWith(text: string, begin: string, from: number): number {
  for (let at = text.indexOf(begin, from); at >= 0; at = text.indexOf(begin, at + 1)) {
    if (conflictMarkerEnd(text, at) !== undefined) return at;
  }
  return -1;
}

function endOfLine(text: string, start: number): number {
  const at = text.indexOf('\n', start);
  return at < 0 ? text.length : at + 1;
}
