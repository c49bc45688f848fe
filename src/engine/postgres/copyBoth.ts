import { Fault } from '../errors/fault.js';
import type { Lsn } from './lsn.js';

/*
 * What flows in the copy-both mode of streaming replication, from the server:
 *
 *   message  := type:Byte1 length:Int32 body          length counts itself and the body
 *   CopyData := 'd' length ( XLogData | Keepalive )
 *   XLogData := 'w' start:Int64 end:Int64 sent:Int64 payload
 *   Keepalive:= 'k' end:Int64 sent:Int64 replyNow:Byte1
 *
 * https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-XLOGDATA
 */
export const messageHeaderBytes = 5;
const dataHeaderBytes = 25;
/** From the beginning of a frame of the stream to its payload. */
export const payloadOffset = messageHeaderBytes + dataHeaderBytes;
const keepaliveBytes = 18;
/** No message of a server is larger than its largest allocation. */
const largestMessageBytes = 0x4000_0000;

const copyData = 0x64; // d
const logData = 0x77; // w
const keepalive = 0x6b; // k

/** A message that is not CopyData. */
export interface ControlMessage {
  /** The type byte, e.g. `E`. */
  readonly type: string;
  readonly body: Buffer;
}

/** The whole frames that one piece of the stream completed. */
export interface FrameBatch {
  readonly bytes: Buffer;
  /** Pairs of offsets into `bytes`, first byte and byte after the last, one for each payload of XLogData. */
  readonly payloads: readonly number[];
  readonly controls: readonly ControlMessage[];
  /** Position of the last payload; undefined without payloads. */
  readonly received?: Lsn;
  /** How far the server had read its log at the last keepalive: what it had to say up to there came before. */
  readonly serverPosition?: Lsn;
  readonly replyRequested: boolean;
}

/** Cuts a stream of bytes into messages, whatever pieces it comes in; a payload is copied at most twice, however large. */
export class FrameReader {
  private parts: Buffer[] = [];
  private waiting = 0;
  private needed = 0;

  /** True while the beginning of a message has come and not its end. */
  get inMessage(): boolean {
    return this.waiting > 0;
  }

  /** @throws Fault FF808 where the bytes are not of this protocol. */
  push(chunk: Buffer): FrameBatch {
    if (this.waiting === 0) return this.cut(chunk);
    this.parts.push(chunk);
    this.waiting += chunk.length;
    if (this.waiting < this.needed) return nothing;
    const bytes = Buffer.concat(this.parts, this.waiting);
    this.parts = [];
    this.waiting = 0;
    return this.cut(bytes);
  }

  private cut(bytes: Buffer): FrameBatch {
    const payloads: number[] = [];
    const controls: ControlMessage[] = [];
    let lastKeepalive = -1;
    let replyRequested = false;
    let at = 0;
    let needed = messageHeaderBytes;
    while (bytes.length - at >= messageHeaderBytes) {
      const length = bytes.readUInt32BE(at + 1) + 1;
      if (length < messageHeaderBytes || length > largestMessageBytes) throw malformed('a message length');
      needed = length;
      if (bytes.length - at < length) break;
      if (bytes[at] !== copyData) {
        const type = String.fromCharCode(bytes[at] ?? 0);
        controls.push({ type, body: bytes.subarray(at + messageHeaderBytes, at + length) });
      } else if (bytes[at + messageHeaderBytes] === logData && length > payloadOffset) {
        payloads.push(at + payloadOffset, at + length);
      } else if (
        bytes[at + messageHeaderBytes] === keepalive &&
        length === messageHeaderBytes + keepaliveBytes
      ) {
        lastKeepalive = at + messageHeaderBytes;
        replyRequested ||= bytes[at + length - 1] === 1;
      } else {
        throw malformed('a message of the replication stream');
      }
      at += length;
      needed = messageHeaderBytes;
    }
    if (at < bytes.length) {
      this.parts = [bytes.subarray(at)];
      this.waiting = bytes.length - at;
      this.needed = needed;
    }
    const last = payloads.at(-2);
    return {
      bytes,
      payloads,
      controls,
      replyRequested,
      ...(last !== undefined && { received: bytes.readBigUInt64BE(last - dataHeaderBytes + 1) }),
      ...(lastKeepalive >= 0 && { serverPosition: bytes.readBigUInt64BE(lastKeepalive + 1) }),
    };
  }
}

const nothing: FrameBatch = { bytes: Buffer.alloc(0), payloads: [], controls: [], replyRequested: false };

function malformed(what: string): Fault {
  return new Fault('FF808', `${what} from the source server cannot be read`);
}

const statusBytes = 34;
const postgresEpochMicroseconds = 946_684_800_000_000n;

/**
 * Standby status update as a whole CopyData message. `flushed` is what the server may forget.
 * https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-STANDBY-STATUS-UPDATE
 */
export function statusUpdate(received: Lsn, flushed: Lsn, nowMs: number, replyRequested: boolean): Buffer {
  const message = Buffer.alloc(messageHeaderBytes + statusBytes);
  message[0] = copyData;
  message.writeUInt32BE(statusBytes + 4, 1);
  message[5] = 0x72; // r
  message.writeBigUInt64BE(received > flushed ? received : flushed, 6);
  message.writeBigUInt64BE(flushed, 14);
  message.writeBigUInt64BE(flushed, 22);
  message.writeBigInt64BE(BigInt(nowMs) * 1000n - postgresEpochMicroseconds, 30);
  message[38] = replyRequested ? 1 : 0;
  return message;
}

/** A simple query. https://www.postgresql.org/docs/current/protocol-message-formats.html */
export function queryMessage(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const header = Buffer.from([0x51, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

export const copyDoneMessage = Buffer.from([0x63, 0, 0, 0, 4]);
export const terminateMessage = Buffer.from([0x58, 0, 0, 0, 4]);

/** The fields of an ErrorResponse or NoticeResponse as the error that toFault (mapError.ts) understands. */
export function serverError(body: Buffer): Error {
  const fields = new Map<string, string>();
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) break;
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString('utf8', at + 1, end));
    at = end + 1;
  }
  return Object.assign(new Error(fields.get('M') ?? 'an error without a message'), {
    code: fields.get('C') ?? 'XX000',
    severity: fields.get('V') ?? fields.get('S') ?? 'ERROR',
    routine: fields.get('R'),
    where: fields.get('W'),
    schema: fields.get('s'),
    table: fields.get('t'),
    column: fields.get('c'),
    dataType: fields.get('d'),
    constraint: fields.get('n'),
  });
}
