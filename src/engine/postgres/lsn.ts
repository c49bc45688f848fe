import { Fault } from '../errors/fault.js';

/**
 * A position in the write-ahead log, in bytes from its beginning. PostgreSQL writes it as two hexadecimal halves,
 * `16/B374D848`. https://www.postgresql.org/docs/current/datatype-pg-lsn.html
 */
export type Lsn = bigint;

export const invalidLsn: Lsn = 0n;

/** As PostgreSQL writes it: upper case, without leading zeros. */
export function formatLsn(lsn: Lsn): string {
  const half = (value: bigint) => value.toString(16).toUpperCase();
  return `${half(lsn >> 32n)}/${half(lsn & 0xffff_ffffn)}`;
}

/** Undefined if the text is no LSN. */
export function parseLsn(text: string): Lsn | undefined {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** For what a server sent. @throws Fault FF808 */
export function lsnFromServer(text: string): Lsn {
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new Fault('FF808', 'the server sent a position in its log that is none');
  return lsn;
}

/** Order for sorting. */
export function compareLsn(one: Lsn, other: Lsn): -1 | 0 | 1 {
  return one < other ? -1 : one > other ? 1 : 0;
}

export const laterLsn = (one: Lsn, other: Lsn): Lsn => (one > other ? one : other);
export const earlierLsn = (one: Lsn, other: Lsn): Lsn => (one < other ? one : other);
