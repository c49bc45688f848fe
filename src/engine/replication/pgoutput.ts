import { constants } from 'node:buffer';
import { Fault } from '../errors/fault.js';
import type { Lsn } from '../postgres/lsn.js';
import {
  type PgoutputMessage,
  type Relation,
  type RelationColumn,
  type Row,
  sameRelation,
  unchangedToast,
  type Value,
} from './pgoutputMessages.js';
import { hasXid, tags } from './pgoutputTags.js';

/**
 * The encoding of values: `latin1` keeps the bytes of a SQL_ASCII database as they are (a character a byte), to be
 * written back as latin1. All others are sent as UTF-8.
 */
export type ValueEncoding = 'utf8' | 'latin1';

const postgresEpochMs = 946_684_800_000;

/** What a message turned out not to be. */
class Malformed extends Error {}

const tooLarge = ({ schema, name }: Relation, bytes: number): Fault =>
  new Fault('FF808', `table ${schema}.${name}: a value of ${bytes} bytes cannot be followed`, {
    object: `table ${schema}.${name}`,
    fix: `Values of more than ${Math.floor(constants.MAX_STRING_LENGTH / 2 ** 20)} MB cannot be followed. Leave the table out and start again; copy it by itself afterwards.`,
  });

/**
 * Decoder of the messages of pgoutput, versions 1 to 4. Keeps what the source announced of its tables.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export class PgoutputDecoder {
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;

  constructor(
    readonly encoding: ValueEncoding = 'utf8',
    readonly relations: Map<number, Relation> = new Map(),
  ) {}

  /** A decoder that begins with what this one knows of tables, and learns apart. */
  fork(): PgoutputDecoder {
    return new PgoutputDecoder(this.encoding, new Map(this.relations));
  }

  /**
   * The message in `bytes` from `start` to `end` (exclusive). Inside of a stream block (`streamed`) messages carry the
   * id of their (sub)transaction, which is passed over here: see {@link streamedXid}.
   * @throws Fault FF808 if it is no message of pgoutput, or about a table that was not announced.
   */
  decode(bytes: Buffer, start: number, end: number, streamed = false): PgoutputMessage {
    this.bytes = bytes;
    this.at = start + 1;
    this.end = end;
    const tag = start < end ? bytes[start] : undefined;
    try {
      if (streamed && hasXid(tag)) this.at += 4;
      const message = this.message(tag);
      if (this.at !== end) throw new Malformed('has another length than it says');
      return message;
    } catch (error) {
      if (error instanceof Fault) throw error;
      const why = error instanceof Malformed ? error.message : 'is cut off';
      const name = tag === undefined ? 'nothing' : `message ${String.fromCharCode(tag)}`;
      throw new Fault('FF808', `${name} of the stream of changes ${why}`);
    }
  }

  private message(tag: number | undefined): PgoutputMessage {
    switch (tag) {
      case 0x49: // I
        return this.insert();
      case 0x55: // U
        return this.update();
      case 0x44: // D
        return this.delete();
      case tags.begin:
        return { kind: 'begin', lsn: this.lsn(), at: this.time(), xid: this.uint32() };
      case tags.commit:
        this.at++; // flags, unused
        return { kind: 'commit', ...this.ending() };
      case tags.relation:
        return { kind: 'relation', relation: this.relation() };
      case tags.type:
        return { kind: 'type', oid: this.uint32(), schema: this.schema(), name: this.text() };
      case 0x54: // T
        return this.truncate();
      case tags.origin:
        return { kind: 'origin', lsn: this.lsn(), name: this.text() };
      case 0x4d: // M
        return this.logicalMessage();
      default:
        return this.transactionMessage(tag);
    }
  }

  /** Streaming (2) and two-phase commit (3). */
  private transactionMessage(tag: number | undefined): PgoutputMessage {
    switch (tag) {
      case tags.streamStart:
        return { kind: 'streamStart', xid: this.uint32(), first: this.byte() === 1 };
      case tags.streamStop:
        return { kind: 'streamStop' };
      case tags.streamCommit: {
        const xid = this.uint32();
        this.at++;
        return { kind: 'streamCommit', xid, ...this.ending() };
      }
      case tags.streamAbort: {
        const aborted = { kind: 'streamAbort', xid: this.uint32(), subxid: this.uint32() } as const;
        if (this.at === this.end) return aborted;
        return { ...aborted, lsn: this.lsn(), at: this.time() };
      }
      case tags.beginPrepare:
        return { kind: 'beginPrepare', ...this.prepared() };
      case tags.prepare:
        this.at++;
        return { kind: 'prepare', ...this.prepared() };
      case 0x70: // p
        this.at++;
        return { kind: 'streamPrepare', ...this.prepared() };
      case 0x4b: // K
        this.at++;
        return { kind: 'commitPrepared', ...this.prepared() };
      case 0x72: // r
        this.at++;
        return {
          kind: 'rollbackPrepared',
          prepareEndLsn: this.lsn(),
          endLsn: this.lsn(),
          preparedAt: this.time(),
          at: this.time(),
          xid: this.uint32(),
          gid: this.text(),
        };
      default:
        throw new Malformed('is not known');
    }
  }

  private insert(): PgoutputMessage {
    const relation = this.announced();
    if (this.byte() !== 0x4e) throw new Malformed('has no new row');
    return { kind: 'insert', relation, row: this.row(relation) };
  }

  private update(): PgoutputMessage {
    const relation = this.announced();
    let part = this.byte();
    const key = part === 0x4b ? this.row(relation) : undefined;
    const old = part === 0x4f ? this.row(relation) : undefined;
    if (part !== 0x4e) part = this.byte();
    if (part !== 0x4e) throw new Malformed('has no new row');
    return { kind: 'update', relation, key, old, row: this.row(relation) };
  }

  private delete(): PgoutputMessage {
    const relation = this.announced();
    const part = this.byte();
    if (part !== 0x4b && part !== 0x4f) throw new Malformed('has no old row');
    const row = this.row(relation);
    return part === 0x4b
      ? { kind: 'delete', relation, key: row, old: undefined }
      : { kind: 'delete', relation, key: undefined, old: row };
  }

  private truncate(): PgoutputMessage {
    const count = this.uint32();
    const flags = this.byte();
    if (count * 4 > this.end - this.at) throw new Malformed('is cut off');
    const relations = Array.from({ length: count }, () => this.announced());
    return { kind: 'truncate', relations, cascade: (flags & 1) === 1, restartIdentity: (flags & 2) === 2 };
  }

  private logicalMessage(): PgoutputMessage {
    const transactional = (this.byte() & 1) === 1;
    const lsn = this.lsn();
    const prefix = this.text();
    const length = this.uint32();
    if (length > this.end - this.at) throw new Malformed('is cut off');
    const content = Buffer.from(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return { kind: 'message', transactional, lsn, prefix, content };
  }

  private relation(): Relation {
    const oid = this.uint32();
    const schema = this.schema();
    const name = this.text();
    const replicaIdentity = String.fromCharCode(this.byte());
    const count = this.uint16();
    const columns: RelationColumn[] = [];
    for (let i = 0; i < count; i++) {
      const key = (this.byte() & 1) === 1;
      columns.push({ key, name: this.text(), typeOid: this.uint32(), typeModifier: this.uint32() | 0 });
    }
    if (this.at > this.end) throw new Malformed('is cut off');
    const relation = { oid, schema, name, replicaIdentity, columns };
    const known = this.relations.get(oid);
    if (known !== undefined && sameRelation(known, relation)) return known;
    this.relations.set(oid, relation);
    return relation;
  }

  private announced(): Relation {
    const oid = this.uint32();
    const relation = this.relations.get(oid);
    if (relation === undefined) throw new Malformed(`is about table ${oid}, which was not announced`);
    return relation;
  }

  /** The hot spot: no copies but the strings. */
  private row(relation: Relation): Row {
    const { bytes, encoding } = this;
    const count = this.uint16();
    if (count !== relation.columns.length) throw new Malformed('has not the columns that were announced');
    const values = new Array<Value>(count);
    let at = this.at;
    for (let i = 0; i < count; i++) {
      const kind = bytes[at++];
      if (kind === 0x74) {
        const from = at + 4;
        at = from + bytes.readUInt32BE(at);
        if (at > this.end) throw new Malformed('is cut off');
        if (at - from > constants.MAX_STRING_LENGTH) throw tooLarge(relation, at - from);
        values[i] = bytes.toString(encoding, from, at);
      } else if (kind === 0x6e) {
        values[i] = null;
      } else if (kind === 0x75) {
        values[i] = unchangedToast;
      } else {
        throw new Malformed(kind === 0x62 ? 'has a binary value' : 'has a value of unknown kind');
      }
    }
    this.at = at;
    return values;
  }

  private ending(): { lsn: Lsn; endLsn: Lsn; at: number } {
    return { lsn: this.lsn(), endLsn: this.lsn(), at: this.time() };
  }

  private prepared() {
    return { ...this.ending(), xid: this.uint32(), gid: this.text() };
  }

  /** pg_catalog is sent as nothing. */
  private schema(): string {
    return this.text() || 'pg_catalog';
  }

  private text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0 || end >= this.end) throw new Malformed('is cut off');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  private byte(): number {
    return this.bytes.readUInt8(this.at++);
  }
  private uint16(): number {
    const value = this.bytes.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }
  private uint32(): number {
    const value = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }
  private lsn(): Lsn {
    const value = this.bytes.readBigUInt64BE(this.at);
    this.at += 8;
    return value;
  }
  /** Microseconds since 2000 on the wire. */
  private time(): number {
    const high = this.bytes.readInt32BE(this.at);
    const low = this.bytes.readUInt32BE(this.at + 4);
    this.at += 8;
    return Math.floor((high * 0x1_0000_0000 + low) / 1000) + postgresEpochMs;
  }
}
