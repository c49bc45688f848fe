import type { ErrorCode } from '../../protocol/errorCodes.js';
import type { Fault } from './fault.js';

/** Faults of a server or of the way to it, not of one object: going on with the next object would only fail again. */
const ending: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FF100',
  'FF101',
  'FF102',
  'FF107',
  'FF108',
  'FF111',
  'FF114',
  'FF115',
  'FF502',
  'FF503',
  'FF509',
]);

export function endsRun(fault: Fault): boolean {
  return ending.has(fault.code);
}
