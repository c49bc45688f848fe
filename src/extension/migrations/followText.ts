import * as vscode from 'vscode';
import { formatBytes, formatSeconds } from '../../base/format.js';
import type { FollowSnapshot } from '../../protocol/follow.js';
import {
  cutoverStage,
  type FollowedDatabase,
  forecastOf,
  groupDowntime,
  leadingDatabase,
  slotDanger,
} from '../../protocol/followView.js';
import { followStateLabel } from './runText.js';

const t = vscode.l10n.t;

/** "lag 0.4 s", or what keeps the changes from coming. */
function lagText(follow: FollowSnapshot): string {
  if (follow.ended) return t('failed');
  if (follow.reconnecting) return t('reconnecting');
  const lag = t('lag {0}', formatSeconds(follow.lagSeconds));
  return forecastOf(follow) === 'fallingBehind' ? t('{0} and growing', lag) : lag;
}

/** The state in a word or two; what a cutover back is about to do is not what the one before did. */
function stateText({ state, isWayBack, wentBack }: FollowSnapshot): string {
  if (wentBack) return t('back on the source');
  if (isWayBack && state === 'cuttingOver') return t('going back');
  return isWayBack && state === 'holding' ? t('ready to hand back') : followStateLabel(state);
}

/** What a followed database is doing, in a few words: for a node of the tree. */
export function followText(follow: FollowSnapshot, running = true): string {
  if (running && follow.ended) return `${t('failed')}: ${follow.ended.message}`;
  const state = stateText(follow);
  if (!running && follow.state !== 'handedOver' && follow.state !== 'finished')
    return `${state}, ${t('not running')}`;
  // What needs the user comes before what may be cut off.
  const parts = [state];
  if (follow.stopped.length > 0) parts.push(t('{0} stopped', follow.stopped.length));
  if (follow.newTables.length > 0 && follow.state === 'following')
    parts.push(t('{0} new', follow.newTables.length));
  if (follow.state === 'following' || follow.state === 'wayBack') parts.push(lagText(follow));
  const { downtimeMs } = follow.cutover ?? {};
  if (downtimeMs !== undefined && follow.state !== 'following' && follow.state !== 'wayBack')
    parts.push(t('write downtime {0}', formatSeconds(downtimeMs / 1000)));
  return parts.join(', ');
}

/** "lag 0.4 s" of the database that says most: for the status bar. */
export function shortFollowText(databases: readonly FollowedDatabase[]): string {
  const stage = cutoverStage(databases);
  const downtime = groupDowntime(databases);
  const leading = leadingDatabase(databases);
  if (!leading) return '';
  if (stage === 'before') return lagText(leading.follow);
  if (stage === 'after' && leading.follow.state === 'wayBack')
    return `${t('way back')}, ${lagText(leading.follow)}`;
  const state = stateText(leading.follow);
  return downtime === undefined ? state : `${state}, ${formatSeconds(downtime / 1000)}`;
}

/** Whether the user should look at it. */
export function needsAttention(databases: readonly FollowedDatabase[]): boolean {
  return databases.some(({ follow }) => {
    const danger = slotDanger(follow.slot);
    const forecast = forecastOf(follow);
    return (
      follow.ended !== undefined ||
      follow.stopped.length > 0 ||
      follow.state === 'holding' ||
      danger === 'urgent' ||
      danger === 'lost' ||
      forecast === 'reconnecting' ||
      forecast === 'fallingBehind' ||
      forecast === 'stalled'
    );
  });
}

/** All of it in a sentence a line: for the hover of the status bar. */
export function followLines(databases: readonly FollowedDatabase[]): string[] {
  return databases.map(({ source, follow }) => {
    const kept = t('{0} of log kept on the source', formatBytes(follow.slot.retainedBytes));
    return `${source}: ${followText(follow)}, ${kept}`;
  });
}
