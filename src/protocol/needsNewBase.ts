import type { ErrorCode } from './errorCodes.js';

/** Changes of the source are lost, or nobody keeps them any more: the same command would only end like this again. */
const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FF800',
  'FF802',
  'FF811',
  'FF812',
  'FF855',
  'FF866',
]);

/** True where nothing but a new base copy helps. */
export const needsNewBase = (code: ErrorCode): boolean => codes.has(code);
