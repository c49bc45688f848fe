import { Fault } from '../errors/fault.js';
import { type FrameBatch, payloadOffset } from '../postgres/copyBoth.js';
import { earlierLsn, type Lsn } from '../postgres/lsn.js';
import { PgoutputDecoder, type ValueEncoding } from './pgoutput.js';
import type { Change, PgoutputMessage } from './pgoutputMessages.js';
import { streamedXid, tags } from './pgoutputTags.js';
import type { SpoolFile, SpoolFolder } from './spool.js';

type Message<Kind extends PgoutputMessage['kind']> = Extract<PgoutputMessage, { kind: Kind }>;

/** A transaction that waits on disk for its end. */
export interface Spooled {
  readonly file: SpoolFile;
  /** Came in stream blocks while it was in progress: its messages carry ids of (sub)transactions. */
  readonly streamed: boolean;
  readonly aborted: Set<number>;
  /** Table → when it was announced, counted over all announcements. */
  readonly announced: Map<number, number>;
  /** Knows what was known of tables when it was prepared; without one it is read by what is known at its end. */
  readonly decoder?: PgoutputDecoder;
  /** Position of its prepare. */
  readonly preparedAt?: Lsn;
  origin: string | undefined;
}

/**
 * Transactions that are not committed yet: streamed while in progress (one file for each, with what its
 * subtransactions did, until one is aborted) or prepared. And what is known of tables, since a streamed transaction
 * announces them for itself, and for those after it only once it is committed.
 */
export class WaitingTransactions {
  private readonly decoder: PgoutputDecoder;
  private readonly announced = new Map<number, number>();
  private announcements = 0;
  /** Where messages go until the end of the block. */
  private block: Spooled | undefined;
  private readonly streams = new Map<number, Spooled>();
  private readonly prepared = new Map<string, Spooled>();

  constructor(
    private readonly spool: SpoolFolder,
    encoding?: ValueEncoding,
  ) {
    this.decoder = new PgoutputDecoder(encoding);
  }

  /** What the messages that come belong to; undefined outside of blocks. */
  get inBlock(): 'stream' | 'prepare' | undefined {
    if (this.block === undefined) return undefined;
    return this.block.streamed ? 'stream' : 'prepare';
  }

  /** Position of the first prepare that is neither committed nor rolled back. */
  get firstPrepared(): Lsn | undefined {
    let first: Lsn | undefined;
    for (const { preparedAt } of this.prepared.values()) {
      if (preparedAt !== undefined) first = earlierLsn(preparedAt, first ?? preparedAt);
    }
    return first;
  }

  /** A message outside of blocks. @throws Fault FF808 */
  decode(bytes: Buffer, start: number, end: number): PgoutputMessage {
    const message = this.decoder.decode(bytes, start, end);
    if (message.kind === 'relation') {
      this.announcements += 1;
      this.announced.set(message.relation.oid, this.announcements);
    }
    return message;
  }

  /** What begins a block, or ends what waits without a commit. Returns the position that is passed, or 0. */
  async take(message: PgoutputMessage): Promise<Lsn> {
    switch (message.kind) {
      case 'streamStart':
        this.block = await this.stream(message);
        return 0n;
      case 'streamAbort':
        await this.abort(message);
        return 0n;
      case 'beginPrepare': {
        const spooled = { ...this.spooled(false), decoder: this.decoder.fork(), preparedAt: message.lsn };
        await this.hold(message.gid, spooled);
        this.block = spooled;
        return 0n;
      }
      case 'streamPrepare': {
        const stream = this.streams.get(message.xid);
        if (stream === undefined) throw missing(message.xid);
        this.streams.delete(message.xid);
        await this.hold(message.gid, { ...stream, decoder: this.decoder.fork(), preparedAt: message.lsn });
        return message.endLsn;
      }
      case 'rollbackPrepared':
        await this.prepared.get(message.gid)?.file.remove();
        this.prepared.delete(message.gid);
        return message.endLsn;
      case 'prepare':
        return message.endLsn;
      default:
        throw new Fault('FF808', `a message (${message.kind}) came where none may stand`);
    }
  }

  /** Appends what belongs to the block to its file, as it came; the index of what comes behind. */
  async keep({ bytes, payloads }: FrameBatch, first: number): Promise<number> {
    const { block } = this;
    if (block === undefined) return first;
    const endTag = block.streamed ? tags.streamStop : tags.prepare;
    let index = first;
    for (; index < payloads.length && bytes[payloads[index] ?? 0] !== endTag; index += 2) {
      this.note(block, bytes, payloads[index] ?? 0, payloads[index + 1] ?? 0);
    }
    if (index > first) {
      const from = (payloads[first] ?? 0) - payloadOffset;
      await block.file.append(bytes.subarray(from, payloads[index - 1]));
    }
    if (index < payloads.length) {
      this.block = undefined;
      await block.file.rest();
    }
    return index;
  }

  /** Takes out what is committed now. */
  end(message: Message<'streamCommit' | 'commitPrepared'>): Spooled | undefined {
    const spooled =
      message.kind === 'streamCommit' ? this.streams.get(message.xid) : this.prepared.get(message.gid);
    if (message.kind === 'streamCommit') this.streams.delete(message.xid);
    else this.prepared.delete(message.gid);
    return spooled;
  }

  /** The changes of a transaction in their order, without those of aborted subtransactions, in pieces that are not empty. */
  async *changesOf(spooled: Spooled): AsyncGenerator<readonly Change[]> {
    const { streamed, aborted, file } = spooled;
    const decoder = spooled.decoder ?? this.decoder.fork();
    for await (const { bytes, payloads } of file.frames()) {
      const changes: Change[] = [];
      for (let index = 0; index < payloads.length; index += 2) {
        const [start = 0, end = 0] = [payloads[index], payloads[index + 1]];
        const xid = streamed ? streamedXid(bytes, start, end) : undefined;
        if (xid !== undefined && aborted.has(xid)) continue;
        const message = decoder.decode(bytes, start, end, streamed);
        if (isChange(message)) changes.push(message);
      }
      if (changes.length > 0) yield changes;
    }
    this.learn(spooled, decoder);
  }

  private async stream({ xid, first }: Message<'streamStart'>): Promise<Spooled> {
    const known = this.streams.get(xid);
    if (!first) {
      if (known === undefined) throw missing(xid);
      return known;
    }
    await known?.file.remove();
    const fresh = this.spooled(true);
    this.streams.set(xid, fresh);
    return fresh;
  }

  private spooled(streamed: boolean): Spooled {
    const file = this.spool.file();
    return { file, streamed, aborted: new Set(), announced: new Map(), origin: undefined };
  }

  private async hold(gid: string, spooled: Spooled): Promise<void> {
    await this.prepared.get(gid)?.file.remove();
    this.prepared.set(gid, spooled);
  }

  /** Each subtransaction that ends with its parent is aborted by a message of its own. */
  private async abort({ xid, subxid }: Message<'streamAbort'>): Promise<void> {
    const stream = this.streams.get(xid);
    if (xid !== subxid) {
      stream?.aborted.add(subxid);
      return;
    }
    this.streams.delete(xid);
    await stream?.file.remove();
  }

  /** What must be known of a message before its transaction ends. */
  private note(block: Spooled, bytes: Buffer, start: number, end: number): void {
    const tag = bytes[start];
    if (tag === tags.origin) {
      const origin = this.decoder.decode(bytes, start, end);
      if (origin.kind === 'origin') block.origin = origin.name;
    }
    if (tag !== tags.relation) return;
    // A prepared one announces for all: those that come before its end are not told again.
    if (!block.streamed) this.decode(bytes, start, end);
    else if (end - start >= 9) {
      this.announcements += 1;
      block.announced.set(bytes.readUInt32BE(start + 5), this.announcements);
    }
  }

  /** What a streamed transaction was the last to announce is not announced again. */
  private learn({ announced, streamed }: Spooled, { relations }: PgoutputDecoder): void {
    if (!streamed) return;
    for (const [oid, when] of announced) {
      const relation = relations.get(oid);
      if (relation === undefined || (this.announced.get(oid) ?? 0) > when) continue;
      this.announced.set(oid, when);
      this.decoder.relations.set(oid, relation);
    }
  }
}

function isChange(message: PgoutputMessage): message is Change {
  const { kind } = message;
  return (
    kind === 'insert' || kind === 'update' || kind === 'delete' || kind === 'truncate' || kind === 'message'
  );
}

function missing(xid: number): Fault {
  return new Fault('FF808', `a part of transaction ${xid} came without its beginning`);
}
