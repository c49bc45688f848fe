import { type Lsn, lsnFromServer } from '../postgres/lsn.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/**
 * A logical slot as pg_replication_slots shows it, and the log around it. Bytes are numbers.
 * https://www.postgresql.org/docs/current/view-pg-replication-slots.html
 */
export interface SlotState {
  readonly name: string;
  readonly plugin: string;
  readonly database: string;
  readonly active: boolean;
  readonly activePid?: number;
  /** The oldest log that the slot keeps. Undefined once it is lost. */
  readonly restartLsn?: Lsn;
  readonly confirmedLsn?: Lsn;
  /** Where the log ends now. */
  readonly currentLsn: Lsn;
  /** Log that the slot keeps from being removed. */
  readonly retainedBytes: number;
  /** From what was confirmed to the end of the log. */
  readonly lagBytes: number;
  /** From 13 on. `unreserved` may still be saved by catching up, `lost` not. */
  readonly walStatus?: 'reserved' | 'extended' | 'unreserved' | 'lost';
  /** How much more log may be written before the slot is in danger (13); undefined without a limit. */
  readonly safeWalBytes?: number;
  /** max_slot_wal_keep_size (13); undefined without a limit: then only the disk is one. */
  readonly keepBytes?: number;
  /** 17: why the slot cannot be used any more: wal_removed, rows_removed, wal_level_insufficient, idle_timeout (18). */
  readonly invalidationReason?: string;
  /** 16: invalidated by a conflict with recovery. */
  readonly conflicting?: boolean;
  /** 14: prepared transactions are sent when they are prepared. */
  readonly twoPhase: boolean;
  /** 17: kept on replicas. */
  readonly failover: boolean;
  /** Transactions for whose sake the slot keeps dead catalog rows; grows as long as it is not confirmed. */
  readonly catalogXminAge?: number;
}

type SlotRow = Readonly<Record<string, string | number | boolean | null>>;

/** What a server of this version can say, as text; the rest is NULL. */
export function slotQuery(versionNum: number, slot: string): string {
  const since = (major: number, expression: string, type: string) =>
    versionNum >= major * 10_000 ? expression : `NULL::pg_catalog.${type}`;
  return `SELECT s.plugin, s.database, s.active, s.active_pid, s.restart_lsn::pg_catalog.text AS restart_lsn,
  s.confirmed_flush_lsn::pg_catalog.text AS confirmed_lsn, l.now::pg_catalog.text AS current_lsn,
  pg_catalog.pg_wal_lsn_diff(l.now, s.restart_lsn)::pg_catalog.text AS retained,
  pg_catalog.pg_wal_lsn_diff(l.now, s.confirmed_flush_lsn)::pg_catalog.text AS lag,
  ${since(13, 's.wal_status', 'text')} AS wal_status, ${since(13, 's.safe_wal_size', 'int8')}::pg_catalog.text AS safe,
  (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_megabytes,
  ${since(17, 's.invalidation_reason', 'text')} AS reason, ${since(16, 's.conflicting', 'bool')} AS conflicting,
  ${since(14, 's.two_phase', 'bool')} AS two_phase, ${since(17, 's.failover', 'bool')} AS failover,
  pg_catalog.age(s.catalog_xmin)::pg_catalog.text AS age
FROM pg_catalog.pg_replication_slots s,
  (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
    ELSE pg_catalog.pg_current_wal_lsn() END AS now) l
WHERE s.slot_name = ${literal(slot)} AND s.slot_type = 'logical'`;
}

/** Undefined if there is no such logical slot. Over an ordinary session or a replication connection. */
export async function readSlot(session: Session, slot: string): Promise<SlotState | undefined> {
  const { rows } = await session.query<SlotRow>(slotQuery(session.versionNum, slot));
  const [row] = rows;
  return row && slotState(slot, row);
}

function slotState(name: string, row: SlotRow): SlotState {
  const text = (key: string) => (typeof row[key] === 'string' ? row[key] : undefined);
  const count = (key: string) => (row[key] === null || row[key] === undefined ? undefined : Number(row[key]));
  const lsn = (key: string) => {
    const value = text(key);
    return value === undefined ? undefined : lsnFromServer(value);
  };
  const keepMegabytes = count('keep_megabytes') ?? -1;
  const optional = {
    activePid: count('active_pid'),
    restartLsn: lsn('restart_lsn'),
    confirmedLsn: lsn('confirmed_lsn'),
    walStatus: text('wal_status') as SlotState['walStatus'],
    safeWalBytes: count('safe'),
    keepBytes: keepMegabytes < 0 ? undefined : keepMegabytes * 1024 * 1024,
    invalidationReason: text('reason'),
    conflicting: typeof row['conflicting'] === 'boolean' ? row['conflicting'] : undefined,
    catalogXminAge: count('age'),
  };
  const known = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    name,
    plugin: text('plugin') ?? '',
    database: text('database') ?? '',
    active: row['active'] === true,
    currentLsn: lsn('current_lsn') ?? 0n,
    retainedBytes: count('retained') ?? 0,
    lagBytes: count('lag') ?? 0,
    twoPhase: row['two_phase'] === true,
    failover: row['failover'] === true,
    ...(Object.fromEntries(known) as {
      [Key in keyof typeof optional]?: NonNullable<(typeof optional)[Key]>;
    }),
  };
}

/** True if changes are missing from it for good. */
export function slotIsLost(slot: SlotState): boolean {
  return (
    slot.walStatus === 'lost' ||
    slot.invalidationReason !== undefined ||
    slot.conflicting === true ||
    slot.restartLsn === undefined
  );
}

/** A look at a slot. `at` in milliseconds of any clock that does not go back. */
export interface SlotSample {
  readonly at: number;
  readonly retainedBytes: number;
  readonly safeWalBytes?: number;
}

export interface SlotForecast {
  /** Growth of what the slot retains; negative while it shrinks. Undefined until there are two samples apart. */
  readonly bytesPerSecond?: number;
  /** Seconds until the slot is lost, if it goes on like this. Undefined if it does not grow or has no limit. */
  readonly lostInSeconds?: number;
}

/** A minute shows a trend that a single checkpoint or vacuum does not turn. */
const windowMs = 60_000;
/**
 * Share of its limit below which growth says nothing of a loss: a slot that is followed moves on in leaps, with what the
 * source notes of its open transactions every 15 s.
 */
const leapShare = 0.1;

/** The trend of the last minute before `now`; of all samples where they are fewer or older. */
export function forecastSlot(samples: readonly SlotSample[], now: number): SlotForecast {
  const last = samples.at(-1);
  const first = samples.find((sample) => now - sample.at <= windowMs && sample !== last) ?? samples[0];
  if (first === undefined || last === undefined || last.at <= first.at) return {};
  const bytesPerSecond = ((last.retainedBytes - first.retainedBytes) / (last.at - first.at)) * 1000;
  if (last.safeWalBytes === undefined || bytesPerSecond <= 0) return { bytesPerSecond };
  if (last.retainedBytes < leapShare * (last.retainedBytes + last.safeWalBytes)) return { bytesPerSecond };
  const left = last.safeWalBytes - (bytesPerSecond * Math.max(0, now - last.at)) / 1000;
  return { bytesPerSecond, lostInSeconds: Math.max(0, left / bytesPerSecond) };
}
