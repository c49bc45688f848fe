/** What a three-way merge leaves in a file where both sides changed the same lines. */

export interface Conflict {
  /** UTF-16 offsets of the whole, from the first marker to the end of the last one's line. */
  readonly start: number;
  readonly end: number;
  /** Absent: a marker that stands alone. */
  readonly sides?: readonly [Side, Side];
}

export interface Side {
  /** What stands behind the marker, e.g. `yours`. */
  readonly name: string;
  /** With its line ends. */
  readonly text: string;
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

/**
 * Conflicts in order. Nothing that holds a line that begins or ends one is run, so such a line alone is one, too; a line
 * of equals signs alone is none, for strings and bodies may hold it.
 */
export function conflictsIn(text: string): Conflict[] {
  const begins = linesWith(text, '<<<<<<<');
  const ends = linesWith(text, '>>>>>>>');
  const conflicts: Conflict[] = [];
  for (let at = 0, b = 0, e = 0; ; ) {
    while ((begins[b] ?? at) < at) b++;
    while ((ends[e] ?? at) < at) e++;
    const begin = begins[b];
    const end = ends[e];
    const first = Math.min(begin ?? text.length, end ?? text.length);
    if (first >= text.length) return conflicts;
    const next = begins[b + 1] ?? text.length;
    const paired =
      first === begin && end !== undefined && end < next ? pairedAt(text, begin, end) : undefined;
    const conflict = paired ?? { start: first, end: trimmed(text, endOfLine(text, first)) };
    conflicts.push(conflict);
    at = Math.max(endOfLine(text, conflict.end), first + 1);
  }
}

function pairedAt(text: string, start: number, last: number): Conflict | undefined {
  const begin = endOfLine(text, start);
  const inside = text.slice(begin, last);
  const middle = lineWith(inside, '=======', 0);
  if (middle < 0) return undefined;
  const base = lineWith(inside.slice(0, middle), '|||||||', 0);
  const end = endOfLine(text, last);
  return {
    start,
    end: trimmed(text, end),
    sides: [
      { name: text.slice(start + 7, begin).trim(), text: inside.slice(0, base < 0 ? middle : base) },
      { name: text.slice(last + 7, end).trim(), text: inside.slice(endOfLine(inside, middle)) },
    ],
  };
}

/** Without the line break. */
function trimmed(text: string, end: number): number {
  if (text.charCodeAt(end - 1) !== 10) return end;
  return text.charCodeAt(end - 2) === 13 ? end - 2 : end - 1;
}

function linesWith(text: string, begin: string): number[] {
  const found: number[] = [];
  for (let at = lineWith(text, begin, 0); at >= 0; at = lineWith(text, begin, at + 1)) found.push(at);
  return found;
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
