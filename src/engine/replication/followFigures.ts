import type { FollowSnapshot } from '../../protocol/follow.js';
import { formatLsn, type Lsn, laterLsn, lsnFromServer, parseLsn } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';
import type { FollowRow } from '../run/followState.js';
import { readSlot, type SlotState, slotIsLost } from './slotHealth.js';

/** What the server whose changes are followed says of itself now. */
export interface FollowFigures {
  /** Where its log ends: flushed, as only that is sent. */
  readonly sourceLsn: Lsn;
  readonly slot?: SlotState;
}

export async function followFigures(session: Session, slot: string): Promise<FollowFigures> {
  const { rows } = await session.query<{ lsn: string }>(
    `SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
       ELSE pg_catalog.pg_current_wal_flush_lsn() END)::text AS lsn`,
  );
  const state = await readSlot(session, slot);
  return { sourceLsn: lsnFromServer(rows[0]?.lsn ?? ''), ...(state && { slot: state }) };
}

/** What is known beside the row of the target. */
export interface KnownNow {
  /** How far each lane of the apply has got. */
  readonly lanes: readonly Lsn[];
  /** Absent where the server cannot be asked. */
  readonly figures?: FollowFigures;
  /** By the clock that wrote `saidAt`, milliseconds since the epoch. */
  readonly now: number;
  readonly running: boolean;
}

/**
 * What the run last said, brought up to date. While it is at work its own rates and its age of the oldest change are
 * the newest there are; once it has ended nothing is applied any more, and the age grows.
 */
export function freshSnapshot(row: FollowRow, { lanes, figures, now, running }: KnownNow): FollowSnapshot {
  const said = row.said ?? nothingSaid(row);
  const applied = laterLsn(parseLsn(said.appliedLsn) ?? 0n, appliedByAll(lanes));
  const source = laterLsn(figures?.sourceLsn ?? parseLsn(said.sourceLsn) ?? 0n, applied);
  const lagBytes = applied === 0n ? said.lagBytes : Number(source - applied);
  const { fallingBehind, catchUpSeconds, reconnecting, ...rest } = said;
  return {
    ...rest,
    state: row.state,
    appliedLsn: formatLsn(applied),
    sourceLsn: formatLsn(source),
    lagBytes,
    slot: slotOf(said.slot, row.startLsn !== undefined && row.state !== 'finished', figures, running),
    ...(running
      ? {
          fallingBehind,
          ...(catchUpSeconds !== undefined && { catchUpSeconds }),
          ...(reconnecting && { reconnecting }),
        }
      : { ...atRest, lagSeconds: lagBytes === 0 ? 0 : said.lagSeconds + sinceSeconds(row, now) }),
  };
}

const atRest = {
  fallingBehind: false,
  transactionsPerSecond: 0,
  changesPerSecond: 0,
  appliedBytesPerSecond: 0,
  sourceBytesPerSecond: 0,
} as const;

const sinceSeconds = (row: FollowRow, now: number): number =>
  row.saidAt === undefined ? 0 : Math.max(0, now - row.saidAt) / 1000;

/** Everything before it is applied, whatever the lane. */
const appliedByAll = (lanes: readonly Lsn[]): Lsn =>
  lanes.reduce<Lsn | undefined>(
    (least, lane) => (least === undefined || lane < least ? lane : least),
    undefined,
  ) ?? 0n;

type SlotSaid = FollowSnapshot['slot'];

function slotOf(
  said: SlotSaid,
  wasMade: boolean,
  figures: FollowFigures | undefined,
  running: boolean,
): SlotSaid {
  const { name, bytesPerSecond, lostInSeconds } = said;
  if (figures === undefined) return said;
  const { slot } = figures;
  // Gone without a trace is as bad as lost: the changes since are not to be had any more.
  if (slot === undefined) return { name, retainedBytes: 0, ...(wasMade && { walStatus: 'lost' }) };
  return {
    name,
    retainedBytes: slot.retainedBytes,
    ...(running && bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(running && lostInSeconds !== undefined && { lostInSeconds }),
    ...(slotIsLost(slot)
      ? { walStatus: 'lost' }
      : slot.walStatus !== undefined && { walStatus: slot.walStatus }),
    ...(slot.safeWalBytes !== undefined && { safeBytes: slot.safeWalBytes }),
  };
}

/** Of a run that has not come to say anything. */
function nothingSaid(row: FollowRow): FollowSnapshot {
  const start = formatLsn(row.startLsn ?? 0n);
  return {
    ...atRest,
    state: row.state,
    appliedLsn: start,
    sourceLsn: start,
    lagBytes: 0,
    lagSeconds: 0,
    transactions: 0,
    changes: 0,
    spooledBytes: 0,
    slot: { name: row.slot, retainedBytes: 0 },
    stopped: [],
    newTables: [],
    ...(row.wayBack && { isWayBack: true }),
  };
}
