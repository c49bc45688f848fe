import type { Lsn } from './lsn.js';

export interface StreamTimes {
  /** How often the server hears how far we are and is asked how far it is. Default 1 s, less where the server is impatient. */
  readonly statusMs: number;
  /** Without any answer for so long the connection counts as lost. Default 60 s. */
  readonly silenceMs: number;
  /** wal_sender_timeout of the server. */
  readonly senderTimeoutMs: number;
}

export interface StreamStart {
  readonly startLsn: Lsn;
  readonly times: Partial<StreamTimes>;
  /** For messages, e.g. `slot "s"`. */
  readonly what: string;
}

export const defaultTimes: StreamTimes = { statusMs: 1_000, silenceMs: 60_000, senderTimeoutMs: 60_000 };

/** Milliseconds from one status to the next. */
export function statusEvery({ statusMs, senderTimeoutMs }: StreamTimes): number {
  const patience = senderTimeoutMs > 0 ? senderTimeoutMs / 4 : statusMs;
  return Math.max(10, Math.min(statusMs, patience));
}
