import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors/fault.js';
import { retryable } from '../errors/mapError.js';
import { blameOf } from './apply/applyFaults.js';
import { needsWholeTransactions } from './sourceChanges.js';

/** First and longest pause, and how long it is tried in all, milliseconds. */
const firstPauseMs = 300;
const longestPauseMs = 10_000;
const giveUpMs = 15 * 60_000;
/** Faults of the target without any progress in between. */
const mostFaults = 8;

/** Whether a follower connects again after a fault, when, and how. */
export class ReconnectPolicy {
  private failingSince: number | undefined;
  private pauseMs = firstPauseMs;
  /** Without progress in between. */
  private faults = 0;
  private streams = true;

  /** Of the next connection; false once the source could not decode so. Stays: it would happen again. */
  get streaming(): boolean {
    return this.streams;
  }

  /** Something became durable since the last fault: that one is over. */
  noteProgress(): void {
    this.failingSince = undefined;
    this.pauseMs = firstPauseMs;
    this.faults = 0;
  }

  /** Rethrows what will not get better by itself. */
  requireRetry(fault: Fault): void {
    this.faults += 1;
    this.failingSince ??= Date.now();
    if (this.streams && needsWholeTransactions(fault)) {
      this.streams = false;
      return;
    }
    if (!mayPass(fault, this.faults)) throw fault;
    if (Date.now() - this.failingSince > giveUpMs)
      throw new Fault('FF819', `following ended: ${fault.message}`, {
        cause: fault,
        sqlstate: fault.sqlstate,
      });
  }

  /** Before the next connection, longer each time. Ends early, and does not reject, when aborted. */
  async pause(signal: AbortSignal): Promise<void> {
    await sleep(this.pauseMs, undefined, { signal }).catch(() => {});
    this.pauseMs = Math.min(this.pauseMs * 2, longestPauseMs);
  }
}

/** A connection that was lost, a slot that is still in use, or a server that may be in order again next time. */
function mayPass(fault: Fault, faults: number): boolean {
  const { code } = fault;
  if (retryable(code) || code === 'FF801' || code === 'FF899' || code === 'FF509') return true;
  const ofServer = fault.sqlstate !== undefined && blameOf(fault) !== 'change' && !code.startsWith('FF8');
  return ofServer && faults < mostFaults && code !== 'FF502' && code !== 'FF503';
}
