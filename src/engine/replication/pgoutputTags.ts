import { Fault } from '../errors/fault.js';

/** First bytes of messages that are told apart without decoding. */
export const tags = {
  begin: 0x42, // B
  commit: 0x43, // C
  relation: 0x52, // R
  type: 0x59, // Y
  origin: 0x4f, // O
  streamStart: 0x53, // S
  streamStop: 0x45, // E
  streamCommit: 0x63, // c
  streamAbort: 0x41, // A
  beginPrepare: 0x62, // b
  prepare: 0x50, // P
} as const;

/** R, Y, I, U, D, T and M: what may stand in a stream block and says of which subtransaction it is. */
export function hasXid(tag: number | undefined): boolean {
  return tag !== tags.origin && tag !== tags.streamStop;
}

/** The (sub)transaction of a message in a stream block; undefined for those that do not say (origin). */
export function streamedXid(bytes: Buffer, start: number, end: number): number | undefined {
  if (!hasXid(bytes[start])) return undefined;
  if (end - start < 5) throw new Fault('FF808', 'a message of the stream of changes is cut off');
  return bytes.readUInt32BE(start + 1);
}
