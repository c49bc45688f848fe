import type { Lsn } from '../postgres/lsn.js';
import type { Applier, ApplyFigures } from './apply/applier.js';

interface Waiter {
  readonly lsn: Lsn;
  resolve(): void;
  reject(fault: unknown): void;
}

/**
 * How far a follower is, what it applied, and who waits for it: over all its connections, as each has an applier of its
 * own that counts from nothing.
 */
export class FollowProgress {
  /** Of the connection that stands. */
  private applier: Applier | undefined;
  private before: ApplyFigures = {
    transactions: 0,
    changes: 0,
    appliedAt: undefined,
    waitingSince: undefined,
  };
  private changedBefore: number | undefined;
  private waiters: Waiter[] = [];

  constructor(
    /** Where the connections before ended. */
    private durableBefore: Lsn,
  ) {}

  /** See {@link Applier}. */
  get position(): Lsn {
    return this.applier?.position ?? this.durableBefore;
  }

  /** See {@link Applier}. */
  get durable(): Lsn {
    return this.applier?.durable ?? this.durableBefore;
  }

  get figures(): ApplyFigures {
    const now = this.applier?.figures;
    if (!now) return this.before;
    return {
      transactions: this.before.transactions + now.transactions,
      changes: this.before.changes + now.changes,
      appliedAt: now.appliedAt ?? this.before.appliedAt,
      waitingSince: now.waitingSince,
    };
  }

  /** When the last change was applied, by our clock. */
  get lastChangeAt(): number | undefined {
    return this.applier?.lastChangeAt ?? this.changedBefore;
  }

  /** A connection stands. */
  begin(applier: Applier): void {
    this.applier = applier;
  }

  /** The connection is given up, if there is one: what is durable counts, everything else is read again. */
  end(): void {
    const { applier } = this;
    if (applier === undefined) return;
    this.before = { ...this.figures, waitingSince: undefined };
    this.durableBefore = applier.durable;
    this.changedBefore = this.lastChangeAt;
    this.applier = undefined;
  }

  /** Resolves by {@link tell}, once everything that ends at or before `lsn` is applied; rejects by {@link fail}. */
  until(lsn: Lsn): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ lsn, resolve, reject });
    });
  }

  /** To be called where the position may have moved. */
  tell(): void {
    const { position } = this;
    const reached = this.waiters.filter(({ lsn }) => lsn <= position);
    if (reached.length === 0) return;
    this.waiters = this.waiters.filter(({ lsn }) => lsn > position);
    for (const { resolve } of reached) resolve();
  }

  fail(fault: unknown): void {
    for (const { reject } of this.waiters.splice(0)) reject(fault);
  }
}
