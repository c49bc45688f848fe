import type { FollowState } from '../../protocol/follow.js';

/**
 * The life of an online migration of one database. Every step is written into flexferry.follow of the target before
 * what it stands for is begun, so that whoever comes after a crash knows how to go on.
 *
 * | from        | to          | set by                                                                          |
 * |-------------|-------------|---------------------------------------------------------------------------------|
 * | copying     | following   | the run, once the base copy (or that of the added tables) is complete             |
 * | copying     | finished    | the run that is cancelled, or the clean-up                                        |
 * | following   | copying     | the run that takes tables in (`addTables`) or has to copy one again               |
 * | following   | cuttingOver | the cutover, before its gate                                                      |
 * | following   | finished    | the run that has reached its endpos or is cancelled, or the clean-up              |
 * | cuttingOver | holding     | the cutover, when all but the last step is done and it was asked to hold          |
 * | cuttingOver | undoing     | the cutover, when a step fails or `undo` comes                                    |
 * | cuttingOver | handedOver  | the cutover, with its last step: from here on nothing is taken back               |
 * | holding     | cuttingOver | the cutover, when `confirm` comes: the last step follows                          |
 * | holding     | undoing     | the cutover, when `undo` comes, or when a later run finds the source without fence |
 * | undoing     | following   | the cutover, when every step is taken back                                        |
 * | handedOver  | wayBack     | the run, once changes of the target are applied to the source                     |
 * | handedOver  | finished    | the run without a way back, or the clean-up                                       |
 * | wayBack     | finished    | the run that is asked to `finish`, or the clean-up                                |
 */
const transitions: Readonly<Record<FollowState, readonly FollowState[]>> = {
  copying: ['following', 'finished'],
  following: ['copying', 'cuttingOver', 'finished'],
  cuttingOver: ['holding', 'undoing', 'handedOver'],
  holding: ['cuttingOver', 'undoing'],
  undoing: ['following'],
  handedOver: ['wayBack', 'finished'],
  wayBack: ['finished'],
  finished: [],
};

/** The next state; throws where the table above has no such step. */
export function stepFollow(from: FollowState, to: FollowState): FollowState {
  if (from === to) return to;
  if (!transitions[from].includes(to)) throw new Error(`no step from ${from} to ${to}`);
  return to;
}

/**
 * How the state is told: the way back is followed by a row of its own in the old source, which goes through the same
 * states as any.
 */
export function shownState(row: { readonly wayBack: boolean }, state: FollowState): FollowState {
  return row.wayBack && (state === 'following' || state === 'copying') ? 'wayBack' : state;
}
