import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { unusableSlot } from './continuity.js';
import { readSlot, type SlotState } from './slotHealth.js';
import type { SourceChanges } from './sourceChanges.js';

/** How often the source is asked while its stream is not read; milliseconds. */
const lookMs = 1_000;
/** So long nothing may be read while the slot is in danger: a batch may take a moment. */
const standstillMs = 5_000;

export interface StreamGuardOptions {
  readonly source: ConnectionSpec;
  readonly slot: string;
  readonly changes: Pick<SourceChanges, 'unreadMs' | 'giveUp'>;
  /** The stream is closed, and why. */
  onGivenUp(fault: Fault): void;
  /** FF800, FF802: what was not read is gone for good. */
  onLost(fault: Fault): void;
}

/**
 * Sees to it that nothing on the source waits for a stream that nobody reads, as the target takes nothing.
 *
 * A walsender whose client does not read waits in WalSenderWriteData, where it answers and may be ended. To be ended,
 * though, it first sends the reason, by a write that is never given up (ClientWrite), and neither wal_sender_timeout nor
 * our status updates change that (PostgreSQL 10 to 18). The checkpointer that gives up a slot beyond
 * max_slot_wal_keep_size signals its walsender once and waits until the slot is released
 * (InvalidatePossiblyObsoleteSlot): no checkpoint ends as long as we keep the connection. A shutdown waits, too.
 *
 * | while the stream is not read                        | what is done                                  |
 * |-----------------------------------------------------|-----------------------------------------------|
 * | its walsender is being ended                         | the connection is closed at once              |
 * | the source shuts down                                | the same                                      |
 * | the slot is `unreserved`, nothing was read for 5 s   | it is closed before a checkpoint comes        |
 * | the slot is lost                                     | told: there is nothing to go on with          |
 *
 * https://www.postgresql.org/docs/current/view-pg-replication-slots.html
 */
export class StreamGuard {
  private session: Session | undefined;
  private isClosed = false;
  private readonly over = new AbortController();
  private readonly done: Promise<void>;

  constructor(private readonly options: StreamGuardOptions) {
    this.done = this.watch();
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.over.abort();
    // A server that does not answer is not waited for.
    this.session?.destroy();
    await this.done;
  }

  private async watch(): Promise<void> {
    const { signal } = this.over;
    for (;;) {
      await sleep(lookMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      if (this.isClosed || this.options.changes.unreadMs !== undefined) await this.look();
    }
  }

  private async look(): Promise<void> {
    const { source, slot } = this.options;
    const { signal } = this.over;
    try {
      if (this.session === undefined || this.session.closed)
        this.session = await connect(source, 'slot', { side: 'source', signal });
      if (signal.aborted) return this.session.destroy();
      const state = await readSlot(this.session, slot);
      this.judge(state, await isEnding(this.session, state?.activePid));
    } catch (error) {
      if (signal.aborted) return;
      const { code } = toFault(error, { side: 'source' });
      // A server that lets nobody in ends, or has ended.
      if (code === 'FF114' || code === 'FF100') this.close(ended('The source lets nobody in'));
    }
  }

  private judge(state: SlotState | undefined, isEnding: boolean): void {
    const { changes, slot, onLost } = this.options;
    const lost = unusableSlot(state, slot);
    const unread = changes.unreadMs;
    if (lost !== undefined) {
      // Whatever the loop still waits for on the target.
      this.isClosed = true;
      changes.giveUp(lost);
      onLost(lost);
      return;
    }
    // It may be read again since.
    if (unread === undefined) return;
    const isInDanger = state?.walStatus === 'unreserved';
    if (isInDanger && (isEnding || unread >= standstillMs)) this.close(inDanger(slot));
    else if (isEnding) this.close(ended('The source ends it'));
  }

  private close(fault: Fault): void {
    if (this.isClosed || this.over.signal.aborted) return;
    this.isClosed = true;
    this.options.changes.giveUp(fault);
    this.options.onGivenUp(fault);
  }
}

/** A walsender that streams never writes so that it has to wait, but for its last word. */
async function isEnding(session: Session, pid: number | undefined): Promise<boolean> {
  if (pid === undefined) return false;
  const { rows } = await session.query(
    `SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1 AND wait_event = 'ClientWrite'`,
    [pid],
  );
  return rows.length > 0;
}

const inDanger = (slot: string): Fault =>
  new Fault(
    'FF899',
    `The target takes no changes, and the source may remove log that the slot "${slot}" needs at its next checkpoint. The replication connection is closed meanwhile, so that the source does not wait for it.`,
  );

const ended = (why: string): Fault =>
  new Fault(
    'FF115',
    `${why}, and the target takes no changes: the replication connection to the source is closed.`,
  );
