import type { ConnectionSpec } from '../../protocol/connection.js';
import type { Fault } from '../errors/fault.js';
import type { CopyBothStream } from '../postgres/copyBothStream.js';
import { earlierLsn, type Lsn } from '../postgres/lsn.js';
import {
  connectReplication,
  identifySystem,
  majorOf,
  type SystemIdentity,
  timelineHistory,
} from '../postgres/replicationConnection.js';
import { startReplication } from '../postgres/replicationConnectionStart.js';
import type { Session } from '../postgres/session.js';
import type { StreamTimes } from '../postgres/streamStart.js';
import { brokenContinuity, type KnownSource } from './continuity.js';
import type { ValueEncoding } from './pgoutput.js';
import { readSlot } from './slotHealth.js';
import type { SourceEvent } from './sourceEvents.js';
import { SpoolFolder } from './spool.js';
import { TransactionAssembler } from './transactions.js';

export interface FollowRequest {
  readonly spec: ConnectionSpec;
  readonly slot: string;
  readonly publications: readonly string[];
  /** What the target knows of this source; undefined where nothing was applied yet. */
  readonly known?: KnownSource;
  /** Folder for transactions that wait for their end. */
  readonly temporaryFolder: string;
  /** Prepared transactions come when they are prepared, and wait here. From 15 on, and for good for this slot. */
  readonly twoPhase?: boolean;
  /**
   * Default true. PostgreSQL has combinations of DDL and rolled-back savepoints that it cannot decode while they are in
   * progress (FF510, SQLSTATE XX000, "could not map filenumber"): without streaming it can.
   */
  readonly streaming?: boolean;
  /** Also what pg_logical_emit_message() writes (14). */
  readonly messages?: boolean;
  /** `none` leaves out what the source got by replication (16); before, each transaction names its origin. */
  readonly origin?: 'any' | 'none';
  /** Ends the connecting; afterwards there is {@link SourceChanges.stop}. */
  readonly signal?: AbortSignal;
  readonly times?: Partial<StreamTimes>;
}

/**
 * The committed transactions of a source, from what the target has onward, over one connection. Iterate once:
 * while the loop works on a piece, the source waits (its log is kept by the slot, not by our memory). The loop ends
 * after {@link stop}, or throws: FF115 (connect again with what the target knows by then), or a fault that stays.
 */
export class SourceChanges implements AsyncIterable<readonly SourceEvent[]> {
  private stopped = false;

  constructor(
    /** To be noted in the target, for {@link FollowRequest.known}. */
    readonly identity: SystemIdentity,
    /** Of values; latin1 for the bytes of a SQL_ASCII database. */
    readonly encoding: ValueEncoding,
    private readonly stream: CopyBothStream,
    private readonly assembler: TransactionAssembler,
    private readonly spool: SpoolFolder,
  ) {}

  /** Every transaction that ends at or before it was handed out. */
  get position(): Lsn {
    return this.assembler.position;
  }

  /** How far the server had read its log when it last said so. */
  get serverPosition(): Lsn {
    return this.stream.serverPosition;
  }

  /** Milliseconds for which nothing was read although more has come than is read ahead; undefined while it is read. */
  get unreadMs(): number | undefined {
    return this.stream.unreadMs;
  }

  /** What lies on disk of transactions without an end. */
  get spooledBytes(): number {
    return this.spool.bytes;
  }

  /** The slot may forget what ends at or before `lsn`: only after that is durable in the target, with `lsn` itself. */
  confirm(lsn: Lsn): void {
    this.stream.confirm(earlierLsn(lsn, this.assembler.confirmable ?? lsn));
  }

  /** Closes the connection at once; once what has come is worked off, the loop throws `fault`. */
  giveUp(fault: Fault): void {
    this.stream.giveUp(fault);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly SourceEvent[]> {
    try {
      for (;;) {
        const batch = await this.stream.read();
        if (batch === undefined) return;
        for await (const events of this.assembler.feed(batch)) {
          if (this.stopped) return;
          yield events;
        }
      }
    } catch (error) {
      // The spool was taken away under a transaction that was being read.
      if (!this.stopped) throw error;
    } finally {
      await this.stop();
    }
  }

  /** Ends the connection and removes the spool. The slot stays. Never rejects. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.stream.stop();
    await this.spool.remove();
  }
}

/**
 * Connects and begins to stream.
 * @throws Fault FF1xx; FF800 to FF812 by `brokenContinuity` (continuity.ts) and START_REPLICATION; FF509 when aborted.
 */
export async function followSource(request: FollowRequest): Promise<SourceChanges> {
  const { spec, signal, slot, known } = request;
  const session = await connectReplication(spec, 'follow', signal === undefined ? {} : { signal });
  try {
    const identity = await identifySystem(session);
    const found = await readSlot(session, slot);
    const moved = known !== undefined && known.timeline !== identity.timeline;
    const history = moved ? await timelineHistory(session, identity.timeline) : [];
    const broken = brokenContinuity(known, { identity, history, slot: found }, slot);
    if (broken !== undefined) throw broken;
    const encoding = await valueEncoding(session);
    const spool = await SpoolFolder.create(request.temporaryFolder);
    try {
      const appliedThrough = known?.appliedThrough ?? 0n;
      // A prepared transaction is sent again from where it was confirmed, before what was applied since.
      const twoPhase = majorOf(session) >= 15 && (request.twoPhase === true || found?.twoPhase === true);
      const stream = await startReplication(session, {
        ...request,
        twoPhase,
        startLsn: twoPhase ? 0n : appliedThrough,
      });
      const assembler = new TransactionAssembler({ spool, appliedThrough, encoding });
      return new SourceChanges(identity, encoding, stream, assembler, spool);
    } catch (error) {
      await spool.remove();
      throw error;
    }
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** True if to follow again with `streaming: false` may help: see {@link FollowRequest.streaming}. */
export function needsWholeTransactions(fault: Fault): boolean {
  return fault.code === 'FF510' && fault.sqlstate === 'XX000';
}

async function valueEncoding(session: Session): Promise<ValueEncoding> {
  const { rows } = await session.query<{ encoding: string }>(
    "SELECT pg_catalog.current_setting('client_encoding') AS encoding",
  );
  return rows[0]?.encoding === 'SQL_ASCII' ? 'latin1' : 'utf8';
}
