import type { Lsn } from '../postgres/lsn.js';
import { forecastSlot, type SlotForecast, type SlotSample } from '../replication/slotHealth.js';

/** A look at both servers. `at`: milliseconds of a clock that does not go back. */
export interface FollowSample {
  readonly at: number;
  readonly appliedLsn: Lsn;
  readonly sourceLsn: Lsn;
  readonly transactions: number;
  readonly changes: number;
}

export interface FollowRates {
  readonly transactionsPerSecond: number;
  readonly changesPerSecond: number;
  readonly appliedBytesPerSecond: number;
  readonly sourceBytesPerSecond: number;
  /** Until the lag is gone; undefined where there is none or where it grows. */
  readonly catchUpSeconds?: number;
  readonly fallingBehind: boolean;
}

/** Over so long rates are taken; a lag that grows for less is only a burst. Milliseconds. */
const windowMs = 5_000;
const burstMs = 10_000;
/** A lag below this is what is on its way. */
export const noLagBytes = 1 << 20;

/** Rates and forecasts of a follow, from looks at it. */
export class FollowHistory {
  private readonly samples: FollowSample[] = [];
  private readonly slots: SlotSample[] = [];

  add(sample: FollowSample): void {
    this.samples.push(sample);
    while (this.samples.length > 2 && sample.at - (this.samples[0]?.at ?? 0) > burstMs) this.samples.shift();
  }

  addSlot(sample: SlotSample): void {
    this.slots.push(sample);
    while (this.slots.length > 200) this.slots.shift();
  }

  slotForecast(now: number): SlotForecast {
    return forecastSlot(this.slots, now);
  }

  rates(): FollowRates {
    const last = this.samples.at(-1);
    const first = last && this.samples.find((sample) => last.at - sample.at <= windowMs);
    if (!last || !first || last.at <= first.at) return none;
    const perSecond = (before: number, after: number): number =>
      Math.max(0, ((after - before) * 1000) / (last.at - first.at));
    const applied = perSecond(0, Number(last.appliedLsn - first.appliedLsn));
    const written = perSecond(0, Number(last.sourceLsn - first.sourceLsn));
    const lag = Number(last.sourceLsn - last.appliedLsn);
    const isBehind = lag > noLagBytes;
    const gain = applied - written;
    return {
      transactionsPerSecond: perSecond(first.transactions, last.transactions),
      changesPerSecond: perSecond(first.changes, last.changes),
      appliedBytesPerSecond: applied,
      sourceBytesPerSecond: written,
      ...(isBehind && gain > 0 && { catchUpSeconds: lag / gain }),
      fallingBehind: isBehind && this.growsSince(last),
    };
  }

  /** The lag grew over the whole of the samples that are kept, and from its first half to its second. */
  private growsSince(last: FollowSample): boolean {
    const [first] = this.samples;
    const middle = this.samples[Math.floor(this.samples.length / 2)];
    if (!first || !middle || last.at - first.at < burstMs / 2) return false;
    const lag = (sample: FollowSample): Lsn => sample.sourceLsn - sample.appliedLsn;
    return lag(first) < lag(middle) && lag(middle) < lag(last);
  }
}

const none: FollowRates = {
  transactionsPerSecond: 0,
  changesPerSecond: 0,
  appliedBytesPerSecond: 0,
  sourceBytesPerSecond: 0,
  fallingBehind: false,
};
