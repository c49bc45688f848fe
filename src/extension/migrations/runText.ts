import * as vscode from 'vscode';
import { formatBytes, formatCount, formatSeconds } from '../../base/format.js';
import type { CutoverStep, CutoverStepSnapshot, FollowState } from '../../protocol/follow.js';
import type { Phase, RunEvent, RunSnapshot, RunState, WorkState } from '../../protocol/model.js';
import type { LogLine } from '../../protocol/webview.js';

const t = vscode.l10n.t;

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

export function followStateLabel(state: FollowState): string {
  const labels: Record<FollowState, string> = {
    copying: t('copying the base'),
    following: t('following changes'),
    cuttingOver: t('cutting over'),
    holding: t('ready to hand over'),
    undoing: t('taking the cutover back'),
    handedOver: t('handed over'),
    wayBack: t('following the way back'),
    finished: t('finished'),
  };
  return labels[state];
}

export function cutoverStepLabel(step: CutoverStep): string {
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

export function stepStateLabel(state: CutoverStepSnapshot['state']): string {
  return state === 'undone' ? t('taken back') : workStateLabel(state);
}

export function runStateLabel(state: RunState): string {
  const labels: Record<RunState, string> = {
    running: t('running'),
    stopping: t('stopping'),
    succeeded: t('verified'),
    incomplete: t('finished with findings'),
    interrupted: t('interrupted'),
    refused: t('not started'),
  };
  return labels[state];
}

export function workStateLabel(state: WorkState): string {
  const labels: Record<WorkState, string> = {
    pending: t('pending'),
    running: t('running'),
    done: t('done'),
    skipped: t('skipped'),
    failed: t('failed'),
  };
  return labels[state];
}

/** The phase that a user would say is going on: the first running one. */
export function currentPhase(snapshot: RunSnapshot): Phase | undefined {
  for (const database of snapshot.databases) {
    const running = database.phases.find((phase) => phase.state === 'running');
    if (running) return running.phase;
  }
  return undefined;
}

/** "Copy data, 12 MB of 80 MB, 45 MB/s, 2 s left": the message of the progress notification. */
export function progressText(snapshot: RunSnapshot): string {
  if (snapshot.state === 'stopping') return t('stopping…');
  const phase = currentPhase(snapshot);
  const parts = [phase ? phaseLabel(phase) : t('starting')];
  if (snapshot.bytesTotal > 0)
    parts.push(t('{0} of {1}', formatBytes(snapshot.bytes), formatBytes(snapshot.bytesTotal)));
  if (snapshot.bytesPerSecond > 0) parts.push(`${formatBytes(snapshot.bytesPerSecond)}/s`);
  if (snapshot.etaSeconds !== undefined) parts.push(t('{0} left', formatSeconds(snapshot.etaSeconds)));
  return parts.join(', ');
}

/** "31 tables, 200,000 rows, 24 MB in 12 s": what an ended run did. */
export function totalsText(snapshot: RunSnapshot): string {
  const tables = snapshot.databases.reduce((sum, database) => sum + database.tablesDone, 0);
  const seconds = ((snapshot.endedAt ?? Date.now()) - snapshot.startedAt) / 1000;
  return t(
    '{0} tables, {1} rows, {2} in {3}',
    formatCount(tables),
    formatCount(snapshot.rows),
    formatBytes(snapshot.bytes),
    formatSeconds(seconds),
  );
}

/** One line of the log tail for an event; undefined for events that say nothing worth a line. */
export function eventLine(event: RunEvent): LogLine | undefined {
  const at = Date.parse(event.at);
  const line = (level: LogLine['level'], text: string): LogLine => ({ at, level, text });
  switch (event.event) {
    case 'start':
      return line('info', t('Started: {0} → {1}', event.source, event.target));
    case 'phase':
      return line(
        event.state === 'failed' ? 'error' : 'info',
        `${event.database}: ${phaseLabel(event.phase)}: ${workStateLabel(event.state)}`,
      );
    case 'table': {
      if (event.state !== 'done' && event.state !== 'failed' && event.state !== 'skipped') return undefined;
      const what = `${event.database}: ${event.schema}.${event.table}: ${workStateLabel(event.state)}`;
      const amount = t('{0} rows, {1}', formatCount(event.rows), formatBytes(event.bytes));
      return line(event.state === 'failed' ? 'error' : 'debug', `${what}, ${amount}`);
    }
    case 'statement':
      if (event.state === 'failed')
        return line(
          'error',
          `${event.database}: ${event.object}: ${event.error?.message ?? workStateLabel('failed')}`,
        );
      return event.state === 'skipped'
        ? line('debug', `${event.database}: ${event.object}: ${workStateLabel('skipped')}`)
        : undefined;
    case 'finding': {
      const { severity, code, message } = event.finding;
      return line(severity === 'note' ? 'info' : severity, `${code}: ${message}`);
    }
    case 'log':
      return line(event.level, event.message);
    case 'done':
      return line(
        event.state === 'succeeded' ? 'info' : 'warning',
        t('Ended: {0}', runStateLabel(event.state)),
      );
    case 'follow':
      return line('info', `${event.database}: ${followStateLabel(event.state)}`);
    case 'cutover': {
      const what = `${event.database}: ${cutoverStepLabel(event.step)}: ${stepStateLabel(event.state)}`;
      return line(
        event.state === 'failed' ? 'error' : 'info',
        event.detail ? `${what}, ${event.detail}` : what,
      );
    }
    case 'progress':
      return undefined;
  }
}
