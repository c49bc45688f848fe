import type { FaultData } from '../../protocol/connection.js';
import type { CutoverSnapshot, FollowSnapshot, FollowState, StoppedTable } from '../../protocol/follow.js';
import { formatLsn } from '../postgres/lsn.js';
import type { Follower } from '../replication/follower.js';
import { shownState } from '../run/followLifecycle.js';
import type { DdlList } from './ddlSeen.js';
import type { FollowMonitor } from './followMonitor.js';
import type { FollowParts } from './followParts.js';
import { noLagBytes } from './followRates.js';
import { forReadOnly } from './wayBackWords.js';

/** What a snapshot is made of. */
export interface FollowNow {
  readonly parts: Pick<FollowParts, 'row' | 'endLsn'>;
  readonly state: FollowState;
  readonly cutover: CutoverSnapshot | undefined;
  readonly follower: Follower;
  readonly monitor: FollowMonitor;
  readonly ddl: DdlList;
  readonly fault: FaultData | undefined;
}

/** What is told of a followed database. */
export function followSnapshot(now: FollowNow): FollowSnapshot {
  const { parts, state, cutover, follower, monitor, ddl, fault } = now;
  const { position } = follower;
  // More may have been applied since the source was asked.
  const seen = monitor.figures?.sourceLsn ?? position;
  const sourceLsn = seen > position ? seen : position;
  const lagBytes = Number(sourceLsn - position);
  const { transactions, changes } = follower.figures;
  return {
    state: shownState(parts.row, state),
    appliedLsn: formatLsn(position),
    sourceLsn: formatLsn(sourceLsn),
    lagBytes,
    lagSeconds: lagSeconds(now, lagBytes),
    transactions,
    changes,
    ...monitor.history.rates(),
    spooledBytes: follower.spooledBytes,
    slot: slotNow(now),
    stopped: stoppedTables(now),
    newTables: monitor.newTables,
    ...(ddl.seen && { ddlSeen: ddl.seen }),
    ...(parts.endLsn !== undefined && { endpos: formatLsn(parts.endLsn) }),
    ...(cutover && { cutover }),
    ...(fault && { ended: fault }),
    ...(follower.reconnecting && !fault && { reconnecting: follower.reconnecting }),
    ...(parts.row.wayBack && { isWayBack: true }),
  };
}

/** By the clock of the source. Nothing is late that nobody has written. */
function lagSeconds({ follower, monitor }: FollowNow, lagBytes: number): number {
  if (lagBytes <= 0) return 0;
  const { waitingSince, appliedAt } = follower.figures;
  const since = waitingSince ?? (lagBytes > noLagBytes ? appliedAt : undefined);
  return since === undefined ? 0 : Math.max(0, (Date.now() + monitor.clockOffset - since) / 1000);
}

function slotNow({ parts, monitor }: FollowNow): FollowSnapshot['slot'] {
  const slot = monitor.figures?.slot;
  const { bytesPerSecond, lostInSeconds } = monitor.history.slotForecast(performance.now());
  return {
    name: parts.row.slot,
    retainedBytes: slot?.retainedBytes ?? 0,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(lostInSeconds !== undefined && { lostInSeconds }),
    ...(slot?.walStatus !== undefined && { walStatus: slot.walStatus }),
    ...(slot?.safeWalBytes !== undefined && { safeBytes: slot.safeWalBytes }),
  };
}

function stoppedTables({ parts, follower }: FollowNow): StoppedTable[] {
  const told = (table: StoppedTable): StoppedTable => (parts.row.wayBack ? forReadOnly(table) : table);
  return (follower.tables?.stopped ?? []).flatMap(({ schema, name, stopped }) =>
    stopped ? [told({ schema, name, ...stopped })] : [],
  );
}
