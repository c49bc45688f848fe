import { Fault } from '../errors/fault.js';
import { formatLsn, type Lsn } from '../postgres/lsn.js';
import type { SystemIdentity, TimelineSwitch } from '../postgres/replicationConnection.js';
import { type SlotState, slotIsLost } from './slotHealth.js';

/** What was noted of the source, in the target, with what was applied last. */
export interface KnownSource {
  readonly systemId: string;
  readonly timeline: number;
  /** Every transaction that ends at or before it is in the target. 0 if it does not say. */
  readonly appliedThrough: Lsn;
}

export interface FoundSource {
  readonly identity: SystemIdentity;
  /** The ancestors of its timeline; only asked for where the timeline is another one. */
  readonly history: readonly TimelineSwitch[];
  /** Undefined if it is not there. */
  readonly slot: SlotState | undefined;
}

/**
 * Why following cannot go on without a gap; undefined if it can. In this order:
 *
 * | found                                              | fault |
 * |----------------------------------------------------|-------|
 * | another cluster                                    | FF809 |
 * | a timeline that left ours before what was applied  | FF809 |
 * | an older timeline                                  | FF809 |
 * | no slot                                            | FF800 |
 * | a slot that is invalidated or without log          | FF802 |
 * | a slot that was confirmed beyond what was applied  | FF812 |
 *
 * A replica that took over with the slot (`failover`, 17) and everything that was applied is a source as good.
 */
export function brokenContinuity(
  known: KnownSource | undefined,
  found: FoundSource,
  slotName: string,
): Fault | undefined {
  const { slot } = found;
  const foreign = known && foreignSource(known, found);
  if (foreign !== undefined) return new Fault('FF809', foreign);
  const unusable = unusableSlot(slot, slotName);
  if (unusable !== undefined || slot === undefined) return unusable;
  const applied = known?.appliedThrough ?? 0n;
  if (applied > 0n && slot.confirmedLsn !== undefined && slot.confirmedLsn > applied) {
    const places = `${formatLsn(slot.confirmedLsn)}, the target has everything up to ${formatLsn(applied)}`;
    return new Fault('FF812', `slot "${slotName}" was confirmed up to ${places}`);
  }
  return undefined;
}

/** FF800, FF802: undefined where there is a slot with all of its log. */
export function unusableSlot(slot: SlotState | undefined, slotName: string): Fault | undefined {
  if (slot === undefined) return new Fault('FF800', `slot "${slotName}" is not there`);
  if (!slotIsLost(slot)) return undefined;
  const why = slot.invalidationReason ?? slot.walStatus ?? 'its log is gone';
  return new Fault('FF802', `slot "${slotName}" is lost${why === 'lost' ? '' : ` (${why})`}`);
}

function foreignSource(known: KnownSource, { identity, history }: FoundSource): string | undefined {
  if (identity.systemId !== known.systemId) {
    return 'another database cluster answers (its system identifier differs)';
  }
  if (identity.timeline === known.timeline) {
    const isBehind = identity.position < known.appliedThrough;
    return isBehind ? 'the source ends before what was applied already' : undefined;
  }
  const left = history.find((one) => one.timeline === known.timeline);
  const timelines = `timeline ${identity.timeline} instead of ${known.timeline}`;
  if (left === undefined) return `the source is on ${timelines}, which does not come from it`;
  if (left.position >= known.appliedThrough) return undefined;
  return `the source is on ${timelines}, which branched off before what was applied already`;
}
