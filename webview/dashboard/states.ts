import type { Phase, RunState, WorkState } from '../../src/protocol/model.js';
import { t } from '../shared/l10n.js';

export interface StateLook {
  readonly icon: string;
  /** Class that gives the colour; the label says the same. */
  readonly tone: 'good' | 'bad' | 'warn' | 'busy' | 'dim';
  readonly label: string;
}

export function workLook(state: WorkState): StateLook {
  const looks: Record<WorkState, StateLook> = {
    pending: { icon: 'circle-outline', tone: 'dim', label: t('pending') },
    running: { icon: 'sync codicon-modifier-spin', tone: 'busy', label: t('running') },
    done: { icon: 'pass-filled', tone: 'good', label: t('done') },
    skipped: { icon: 'debug-step-over', tone: 'warn', label: t('skipped') },
    failed: { icon: 'error', tone: 'bad', label: t('failed') },
  };
  return looks[state];
}

export function runLook(state: RunState): StateLook {
  const looks: Record<RunState, StateLook> = {
    running: { icon: 'sync codicon-modifier-spin', tone: 'busy', label: t('running') },
    stopping: { icon: 'sync codicon-modifier-spin', tone: 'warn', label: t('stopping') },
    succeeded: { icon: 'verified-filled', tone: 'good', label: t('verified') },
    incomplete: { icon: 'warning', tone: 'warn', label: t('finished with findings') },
    interrupted: { icon: 'debug-pause', tone: 'warn', label: t('interrupted') },
    refused: { icon: 'circle-slash', tone: 'bad', label: t('not started') },
  };
  return looks[state];
}

export function phaseLabel(phase: Phase): string {
  const labels: Record<Phase, string> = {
    assess: t('Assess'),
    dump: t('Dump the schema'),
    preData: t('Create the schema'),
    copy: t('Copy data'),
    indexes: t('Build indexes'),
    constraints: t('Add constraints'),
    postData: t('Triggers, rules, policies'),
    sequences: t('Set sequences'),
    analyze: t('Analyze'),
    follow: t('Follow changes'),
    cutover: t('Cut over'),
    verify: t('Verify'),
  };
  return labels[phase];
}
