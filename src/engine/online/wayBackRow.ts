import { recordOf } from '../cutover/steps.js';
import { type FollowRow, undoOf } from '../run/followState.js';

/** What the way back keeps in flexferry.follow.undo. */
export const wayBackParts = {
  /** In the target: why there is no way back although it was wanted. */
  without: 'withoutWayBack',
  /** In the target: what the run that handed over had found, for one that goes on. */
  findings: 'findings',
  /** In the target: applications are on the source again. */
  wentBack: 'wentBack',
  /** In the old source: see WayBackNames. */
  names: 'names',
} as const;

/** `finished`: the user wants no way back any more. `wentBack`: applications are on the source again. */
export type WayBackEnd = 'finished' | 'wentBack' | 'cancelled';

/** Of the target's row: its cutover was asked for with a way back, and there is one. */
export function hasWayBack(row: FollowRow): boolean {
  return recordOf(row.cutover)?.request.wayBack === true && undoOf(row, wayBackParts.without) === undefined;
}

/** A former run has handed over with a way back: whatever comes, nothing of the source is copied or followed again. */
export function isPastHandOver(row: FollowRow): boolean {
  const { state } = row;
  return hasWayBack(row) && (state === 'handedOver' || state === 'wayBack' || state === 'finished');
}

/** How the way back ended whose row says `finished`. */
export const endOf = (row: FollowRow): WayBackEnd =>
  undoOf(row, wayBackParts.wentBack) === undefined ? 'finished' : 'wentBack';
