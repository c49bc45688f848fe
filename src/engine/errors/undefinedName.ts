import type { Fault } from './fault.js';

/** undefined_* of https://www.postgresql.org/docs/current/errcodes-appendix.html */
const undefinedName: ReadonlySet<string> = new Set(['42883', '42P01', '42704', '3F000', '42703']);

/**
 * A name was not found. Under the empty search_path of our sessions that may lie inside a function which relies on its
 * caller's path, called by a CHECK constraint, an index or a view: worth a second try under the path of the source.
 */
export function isUndefinedName(fault: Fault): boolean {
  return undefinedName.has(fault.sqlstate ?? '');
}
