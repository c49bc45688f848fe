import type { Lsn } from '../postgres/lsn.js';
import type { Change } from './pgoutputMessages.js';

/** The first event of a transaction that changed something published. */
export interface TransactionBegin {
  readonly kind: 'begin';
  readonly xid: number;
  /** Where its commit record begins. */
  readonly commitLsn: Lsn;
  /** By the clock of the source, milliseconds since 1970. */
  readonly committedAt: number;
  /** Name of the replication origin, where the source itself got it by replication. */
  readonly origin?: string;
  /** Where it was prepared before. */
  readonly gid?: string;
}

export interface TransactionCommit {
  readonly kind: 'commit';
  readonly xid: number;
  readonly commitLsn: Lsn;
  /** Where its commit record ends: with this transaction all before it is applied through here. */
  readonly endLsn: Lsn;
  readonly committedAt: number;
}

/** Every transaction that ends at or before `lsn` was handed out. Never inside of a transaction. */
export interface Progress {
  readonly kind: 'progress';
  readonly lsn: Lsn;
}

/**
 * Committed transactions, one after the other in the order of their commits: begin, its changes, commit. A message that
 * is not transactional may stand between two.
 */
export type SourceEvent = TransactionBegin | Change | TransactionCommit | Progress;

/** What is known of a transaction when its first change is handed out. */
export type TransactionFacts = Pick<TransactionBegin, 'xid' | 'commitLsn' | 'committedAt'> & {
  readonly gid?: string;
};

export function beginOf(facts: TransactionFacts, origin: string | undefined): TransactionBegin {
  const { xid, commitLsn, committedAt, gid } = facts;
  return {
    kind: 'begin',
    xid,
    commitLsn,
    committedAt,
    ...(origin !== undefined && { origin }),
    ...(gid !== undefined && { gid }),
  };
}
