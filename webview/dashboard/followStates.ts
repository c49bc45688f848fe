import { formatBytes, formatCount, formatSeconds } from '../../src/base/format.js';
import type {
  CutoverStep,
  CutoverStepSnapshot,
  FollowSnapshot,
  FollowState,
  GateCheck,
} from '../../src/protocol/follow.js';
import type { EarlyCheck } from '../../src/protocol/followView.js';
import { t } from '../shared/l10n.js';
import { type StateLook, workLook } from './states.js';

const spinning = 'sync codicon-modifier-spin';

/** What a cutover back is about to do is not what the one before did. */
export function followLook({ state, isWayBack, wentBack, ended }: FollowSnapshot): StateLook {
  if (ended) return { icon: 'error', tone: 'bad', label: t('failed') };
  const looks: Record<FollowState, StateLook> = {
    copying: { icon: spinning, tone: 'busy', label: t('copying the base') },
    following: { icon: spinning, tone: 'busy', label: t('following changes') },
    cuttingOver: { icon: spinning, tone: 'busy', label: t('cutting over') },
    holding: { icon: 'debug-pause', tone: 'warn', label: t('ready to hand over') },
    undoing: { icon: spinning, tone: 'warn', label: t('taking the cutover back') },
    handedOver: { icon: 'pass-filled', tone: 'good', label: t('handed over') },
    wayBack: { icon: spinning, tone: 'busy', label: t('following the way back') },
    finished: { icon: 'pass-filled', tone: 'good', label: t('finished') },
  };
  const look = looks[state];
  if (wentBack) return { ...look, label: t('back on the source') };
  if (isWayBack && state === 'cuttingOver') return { ...look, label: t('going back') };
  return isWayBack && state === 'holding' ? { ...look, label: t('ready to hand back') } : look;
}

/** `back`: of a cutover from the target to the source. */
export function stepLabel(step: CutoverStep, back: boolean): string {
  const labels: Record<CutoverStep, string> = {
    gate: t('Check'),
    fence: back ? t('Fence the target') : t('Fence the source'),
    drain: t('Apply the last changes'),
    sequences: t('Set sequences'),
    constraints: t('Constraints and triggers'),
    refresh: t('Refresh materialized views'),
    verify: t('Verify'),
    handOver: back ? t('Hand back') : t('Hand over'),
  };
  return labels[step];
}

export function stepLook(state: CutoverStepSnapshot['state']): StateLook {
  return state === 'undone' ? { icon: 'discard', tone: 'dim', label: t('taken back') } : workLook(state);
}

export function verdictLook(verdict: GateCheck['verdict']): StateLook {
  const looks: Record<GateCheck['verdict'], StateLook> = {
    go: { icon: 'pass', tone: 'good', label: t('Go') },
    warn: { icon: 'warning', tone: 'warn', label: t('Warning') },
    noGo: { icon: 'circle-slash', tone: 'bad', label: t('No go') },
  };
  return looks[verdict];
}

/** A check that can be told before the cutover, in a sentence. */
export function earlyCheckText({ check, verdict }: EarlyCheck, follow: FollowSnapshot): string {
  const go = verdict === 'go';
  switch (check) {
    case 'base':
      return t('The base copy is not finished.');
    case 'lag':
      return lagCheckText(follow, go);
    case 'stoppedTables':
      return go ? t('No table is stopped.') : t('Stopped tables: {0}', formatCount(follow.stopped.length));
    case 'newTables':
      return go
        ? t('No table is new on the source.')
        : t('New tables that are not migrated: {0}', formatCount(follow.newTables.length));
    case 'slot':
      return slotCheckText(follow.slot, verdict);
    case 'errors':
      if (follow.ended) return follow.ended.message;
      return go ? t('Both servers answer.') : t('The connection is being made again.');
  }
}

function lagCheckText({ lagSeconds, isWayBack }: FollowSnapshot, go: boolean): string {
  const lag = formatSeconds(lagSeconds);
  const behind = isWayBack ? t('The source is {0} behind.', lag) : t('The target is {0} behind.', lag);
  return go ? behind : `${behind} ${t('The cutover lasts at least until it has caught up.')}`;
}

function slotCheckText(slot: FollowSnapshot['slot'], verdict: EarlyCheck['verdict']): string {
  if (verdict === 'go') return t('The log that is needed is kept, {0}.', formatBytes(slot.retainedBytes));
  if (verdict === 'noGo') return t('Log that is needed was removed.');
  return slot.lostInSeconds === undefined
    ? t('Log that is needed may be removed at any time: raise max_slot_wal_keep_size.')
    : t('Log that is needed is removed in {0}.', formatSeconds(slot.lostInSeconds));
}
