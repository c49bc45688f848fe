import type { CutoverStage, FollowedDatabase } from '../../src/protocol/followView.js';
import { t } from '../shared/l10n.js';

/** What is going on, and what the buttons below do. Empty before there is anything to be said. */
export function stageText(
  stage: CutoverStage,
  databases: readonly FollowedDatabase[],
  live: boolean,
  ready: boolean,
): string {
  const back = databases.some(({ follow }) => follow.isWayBack);
  if (stage === 'before') return '';
  if (stage === 'after') return afterText(databases);
  if (!live)
    return t(
      'The migration was stopped in its cutover. Unless its process was killed, the database can be written to again. Resume it: what was done is taken back; where nobody could write since, the cutover goes on instead.',
    );
  if (stage === 'undoing')
    return t('The steps are being taken back. After that everything is as before, and changes are followed.');
  if (stage === 'running') return t('Nobody can write until the steps have ended. Undo takes them back.');
  if (!ready) return t('Not every database is ready. Cut over those that are left, or undo the others.');
  return back
    ? t(
        'Every step but the last is done. Hand back: applications use the source again. Undo: they go on with the target as before.',
      )
    : t(
        'Every step but the last is done. Hand over: applications use the target from now on. Undo: they go on with the source as before.',
      );
}

function afterText(databases: readonly FollowedDatabase[]): string {
  if (databases.some(({ follow }) => follow.state === 'wayBack'))
    return t('Changes of the target are applied to the source, until you finish the way back or go back.');
  return databases.some(
    ({ follow }) => follow.wentBack || (follow.isWayBack && follow.state === 'handedOver'),
  )
    ? t('The source belongs to the applications again.')
    : t('The target belongs to the applications.');
}
