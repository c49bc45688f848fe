import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Messages of pgoutput that real servers sent, with what they mean: bigints as `1n`, see {@link printable}. */
export interface Recorded {
  readonly message: Buffer;
  readonly decoded: unknown;
}

export function recorded(major: 13 | 17): readonly Recorded[] {
  const file = join(__dirname, 'recorded', `postgres${major}.jsonl`);
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { hex, decoded } = JSON.parse(line) as { hex: string; decoded: unknown };
      return { message: Buffer.from(hex, 'hex'), decoded };
    });
}

/** As JSON has it: tables of changes by oid, bytes as hex, unchanged values as an object. */
export function printable(message: object): unknown {
  const { relation, relations, kind } = message as {
    relation?: { oid: number };
    relations?: { oid: number }[];
    kind: string;
  };
  const flat = {
    ...message,
    ...(relation !== undefined && kind !== 'relation' && { relation: relation.oid }),
    ...(relations !== undefined && { relations: relations.map(({ oid }) => oid) }),
  };
  const text = JSON.stringify(flat, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'symbol') return { unchanged: true };
    const buffer = value as { type?: string; data?: number[] } | null;
    return buffer?.type === 'Buffer' ? { hex: Buffer.from(buffer.data ?? []).toString('hex') } : value;
  });
  return JSON.parse(text);
}

/** A payload as it comes on the wire. */
export function frame(payload: Buffer, lsn = 1n): Buffer {
  const head = Buffer.alloc(30);
  head[0] = 0x64;
  head.writeUInt32BE(payload.length + 29, 1);
  head[5] = 0x77;
  head.writeBigUInt64BE(lsn, 6);
  head.writeBigUInt64BE(lsn, 14);
  return Buffer.concat([head, payload]);
}

export function keepaliveFrame(lsn: bigint, replyRequested = false): Buffer {
  const bytes = Buffer.alloc(23);
  bytes[0] = 0x64;
  bytes.writeUInt32BE(22, 1);
  bytes[5] = 0x6b;
  bytes.writeBigUInt64BE(lsn, 6);
  bytes[22] = replyRequested ? 1 : 0;
  return bytes;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
