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

export function followLook(state: FollowState): StateLook {
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
  return looks[state];
}

export function stepLabel(step: CutoverStep): string {
  const labels: Record<CutoverStep, string> = {
    gate: t('Check'),
    fence: t('Fence the source'),
    drain: t('Apply the last changes'),
    sequences: t('Set sequences'),
    constraints: t('Constraints and triggers'),
    refresh: t('Refresh materialized views'),
    verify: t('Verify'),
    handOver: t('Hand over'),
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
  const lag = formatSeconds(follow.lagSeconds);
  const { lostInSeconds } = follow.slot;
  switch (check) {
    case 'base':
      return t('The base copy is not finished.');
    case 'lag':
      return go
        ? t('The target is {0} behind.', lag)
        : t('The target is {0} behind: the cutover lasts at least until it has caught up.', lag);
    case 'stoppedTables':
      return go ? t('No table is stopped.') : t('Stopped tables: {0}', formatCount(follow.stopped.length));
    case 'newTables':
      return go
        ? t('No table is new on the source.')
        : t('New tables that are not migrated: {0}', formatCount(follow.newTables.length));
    case 'slot':
      if (go)
        return t('The source keeps the log that is needed, {0}.', formatBytes(follow.slot.retainedBytes));
      return verdict === 'noGo'
        ? t('The source has removed log that is needed.')
        : lostInSeconds === undefined
          ? t('The source may remove log that is needed at any time.')
          : t('The source removes log that is needed in {0}.', formatSeconds(lostInSeconds));
    case 'errors':
      return go ? t('Both servers answer.') : t('The connection is being made again.');
  }
}
