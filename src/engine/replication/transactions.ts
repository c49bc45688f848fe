import { Fault } from '../errors/fault.js';
import type { FrameBatch } from '../postgres/copyBoth.js';
import { type Lsn, laterLsn } from '../postgres/lsn.js';
import type { ValueEncoding } from './pgoutput.js';
import type { Change, PgoutputMessage } from './pgoutputMessages.js';
import { beginOf, type SourceEvent, type TransactionFacts } from './sourceEvents.js';
import type { SpoolFolder } from './spool.js';
import { WaitingTransactions } from './waitingTransactions.js';

export interface AssemblerOptions {
  readonly spool: SpoolFolder;
  /** Transactions that end at or before it are left out. */
  readonly appliedThrough: Lsn;
  readonly encoding?: ValueEncoding;
}

type Message<Kind extends PgoutputMessage['kind']> = Extract<PgoutputMessage, { kind: Kind }>;

/** A transaction that is on its way and goes straight through. */
interface Open extends TransactionFacts {
  origin: string | undefined;
  /** Its begin is handed out with its first change: most of those without any are of no interest. */
  begun: boolean;
  /** Was applied before. */
  readonly skipped: boolean;
}

/**
 * Puts the messages of one connection together to committed transactions. Ordinary ones come at their commit and go
 * straight through; those that the server streams while they are in progress, and prepared ones, wait on disk.
 * https://www.postgresql.org/docs/current/protocol-logical-replication.html
 */
export class TransactionAssembler {
  private readonly waiting: WaitingTransactions;
  private open: Open | undefined;
  private handedOut: Lsn;
  private reported: Lsn;

  constructor(private readonly options: AssemblerOptions) {
    this.waiting = new WaitingTransactions(options.spool, options.encoding);
    this.handedOut = options.appliedThrough;
    this.reported = options.appliedThrough;
  }

  /** Every transaction that ends at or before it was handed out. */
  get position(): Lsn {
    return this.handedOut;
  }

  /** Only what ends at or before it may be confirmed: a prepared transaction is kept nowhere but here. */
  get confirmable(): Lsn | undefined {
    return this.waiting.firstPrepared;
  }

  /** What one batch of frames completes, in pieces. @throws Fault FF808, FF810, FF811 */
  async *feed(batch: FrameBatch): AsyncGenerator<readonly SourceEvent[]> {
    const { bytes, payloads } = batch;
    const { waiting } = this;
    let events: SourceEvent[] = [];
    for (let index = 0; index < payloads.length; ) {
      if (waiting.inBlock !== undefined) {
        index = await waiting.keep(batch, index);
        continue;
      }
      const message = waiting.decode(bytes, payloads[index] ?? 0, payloads[index + 1] ?? 0);
      index += 2;
      if (message.kind === 'streamCommit' || message.kind === 'commitPrepared') {
        if (events.length > 0) yield events;
        events = [];
        yield* this.replay(message);
      } else if (!this.plain(message, events)) {
        const passed = await waiting.take(message);
        this.handedOut = laterLsn(passed, this.handedOut);
      }
    }
    this.report(batch, events);
    if (events.length > 0) yield events;
  }

  /** What goes straight through; false for what does not. */
  private plain(message: PgoutputMessage, events: SourceEvent[]): boolean {
    switch (message.kind) {
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.change(message, events);
        return true;
      case 'message':
        if (message.transactional) this.change(message, events);
        else if (message.lsn >= this.options.appliedThrough) events.push(message);
        return true;
      case 'begin': {
        const { xid, lsn, at } = message;
        const skipped = lsn < this.options.appliedThrough;
        this.open = { xid, commitLsn: lsn, committedAt: at, origin: undefined, begun: false, skipped };
        return true;
      }
      case 'commit':
        this.commit(message, events);
        return true;
      case 'origin':
        if (this.open !== undefined) this.open.origin = message.name;
        return true;
      case 'relation':
      case 'type':
      case 'streamStop':
        return true;
      default:
        return false;
    }
  }

  private change(change: Change, events: SourceEvent[]): void {
    const { open } = this;
    if (open === undefined)
      throw new Fault('FF808', `a change (${change.kind}) outside of a transaction came`);
    if (open.skipped) return;
    if (!open.begun) {
      open.begun = true;
      events.push(beginOf(open, open.origin));
    }
    events.push(change);
  }

  private commit({ lsn, endLsn, at }: Message<'commit'>, events: SourceEvent[]): void {
    const { open } = this;
    this.open = undefined;
    if (open === undefined) throw new Fault('FF808', 'the end of a transaction came without its beginning');
    this.handedOut = laterLsn(endLsn, this.handedOut);
    if (!open.begun) return;
    events.push({ kind: 'commit', xid: open.xid, commitLsn: lsn, endLsn, committedAt: at });
    this.reported = this.handedOut;
  }

  private async *replay(
    message: Message<'streamCommit' | 'commitPrepared'>,
  ): AsyncGenerator<readonly SourceEvent[]> {
    const { xid, lsn: commitLsn, endLsn, at: committedAt } = message;
    const gid = message.kind === 'commitPrepared' ? { gid: message.gid } : {};
    const spooled = this.waiting.end(message);
    const facts = { xid, commitLsn, committedAt, ...gid };
    if (endLsn <= this.options.appliedThrough) {
      await spooled?.file.remove();
      return;
    }
    if (spooled === undefined) throw withoutBeginning(message);
    let begun = false;
    for await (const changes of this.waiting.changesOf(spooled)) {
      yield begun ? changes : [beginOf(facts, spooled.origin), ...changes];
      begun = true;
    }
    await spooled.file.remove();
    this.handedOut = laterLsn(endLsn, this.handedOut);
    if (!begun) return;
    this.reported = this.handedOut;
    yield [{ kind: 'commit', xid, commitLsn, endLsn, committedAt }];
  }

  private report({ serverPosition }: FrameBatch, events: SourceEvent[]): void {
    if (this.open !== undefined || this.waiting.inBlock === 'prepare') return;
    if (serverPosition !== undefined) this.handedOut = laterLsn(serverPosition, this.handedOut);
    if (this.handedOut <= this.reported) return;
    this.reported = this.handedOut;
    events.push({ kind: 'progress', lsn: this.handedOut });
  }
}

function withoutBeginning({ kind, xid }: Message<'streamCommit' | 'commitPrepared'>): Fault {
  return kind === 'streamCommit'
    ? new Fault('FF808', `the end of transaction ${xid} came without its beginning`)
    : new Fault('FF811', `transaction ${xid} was prepared before the changes were followed`);
}
