/** What is asked before something that cannot be, or need not be, taken back lightly. */
import * as vscode from 'vscode';
import type { StoppedTable } from '../../protocol/follow.js';
import type { CutoverStage } from '../../protocol/followView.js';
import type { CutoverChoices } from '../../protocol/webview.js';
import { faultText } from '../faults.js';

const t = vscode.l10n.t;

async function agree(message: string, detail: readonly string[], button: string): Promise<boolean> {
  const options = { modal: true, detail: detail.join('\n\n') };
  return (await vscode.window.showWarningMessage(message, options, button)) === button;
}

/** Names of databases in a sentence. */
export const named = (databases: readonly string[]): string => databases.join(', ');

/** `back`: from the target to the source. */
export function agreeCutover(
  databases: readonly string[],
  choices: CutoverChoices,
  back: boolean,
): Promise<boolean> {
  if (back) return agreeGoBack(databases, choices);
  const fence =
    choices.fence === 'readOnly'
      ? t(
          'The source becomes read-only (default_transaction_read_only) and all other sessions on it are ended. Undo puts it back.',
        )
      : t(
          'The source is left alone. Stop your applications now: what they write after the last change was applied stays behind.',
        );
  const checks = choices.force ? [t('Checks that say no are passed over.')] : [];
  const wayBack = choices.wayBack
    ? [
        t(
          'After the hand-over changes of the target are applied to the source, until you finish the way back.',
        ),
      ]
    : [];
  const end = t('It stops before the last step and waits for you. Until then everything can be undone.');
  return agree(t('Cut over {0}?', named(databases)), [fence, ...checks, ...wayBack, end], t('Start Cutover'));
}

function agreeGoBack(databases: readonly string[], choices: CutoverChoices): Promise<boolean> {
  const fence =
    choices.fence === 'readOnly'
      ? t(
          'The target becomes read-only (default_transaction_read_only) and all other sessions on it are ended. Undo puts it back.',
        )
      : t(
          'The target is left alone. Stop your applications now: what they write after the last change was applied stays behind.',
        );
  const checks = choices.force ? [t('Checks that say no are passed over.')] : [];
  const end = t('It stops before the last step and waits for you. Until then everything can be undone.');
  return agree(
    t('Go back with {0} to the source?', named(databases)),
    [fence, ...checks, end],
    t('Start Going Back'),
  );
}

export function agreeHandOver(databases: readonly string[], back: boolean): Promise<boolean> {
  if (back)
    return agree(
      t('Hand {0} back to the source?', named(databases)),
      [t('Applications belong to the source again from then on. This cannot be undone.')],
      t('Hand Back'),
    );
  return agree(
    t('Hand {0} over to the target?', named(databases)),
    [t('Applications belong to the target from then on. This cannot be undone.')],
    t('Hand Over'),
  );
}

export function agreeFinishWayBack(databases: readonly string[]): Promise<boolean> {
  return agree(
    t('Finish the way back of {0}?', named(databases)),
    [
      t(
        'Changes of the target are no longer applied to the source. After that the source is out of date, and there is no going back to it.',
      ),
    ],
    t('Finish Way Back'),
  );
}

/** `back`: changes of the target are followed, or were. */
export function agreeCleanUp(
  name: string,
  running: boolean,
  stage: CutoverStage,
  back: boolean,
): Promise<boolean> {
  const cuttingOver = stage === 'running' || stage === 'holding' || stage === 'undoing';
  const removed = back
    ? removedBack()
    : t(
        'On the source the replication slot, the publications and a read-only fence are removed and replica identities are put back; on the target the checkpoints are removed. Tables and rows that were copied stay.',
      );
  return agree(
    t('Cancel the online migration {0} and clean up after it?', name),
    [
      ...(cuttingOver ? [t('A cutover is going on: it is given up.')] : []),
      ...(stage === 'after' || back
        ? [t('The target stays with the applications. The way back is given up.')]
        : []),
      removed,
      t('It cannot be resumed after that. To go on later, stop it instead.'),
    ],
    running ? t('Cancel and Clean Up') : t('Clean Up'),
  );
}

const removedBack = (): string =>
  t(
    'On both servers replication slot, publications and checkpoints are removed. The source stays read-only, and the tables and rows of both stay.',
  );

export function agreeSkip(table: StoppedTable): Promise<boolean> {
  return agree(
    t('Leave out one change of {0}?', `${table.schema}.${table.name}`),
    [
      faultText(table.fault),
      t(
        'The change that cannot be applied is left out, and those after it are applied. The row differs then.',
      ),
    ],
    t('Skip Change'),
  );
}

/** A run that is stopped in the middle of a cutover gives the source free, so that the next one has to begin again. */
export function agreeStop(name: string): Promise<boolean> {
  return agree(
    t('Stop {0} in the middle of its cutover?', name),
    [
      t(
        'The cutover is given up: a source that was made read-only can be written to again. What was done on the target is taken back when the migration is resumed.',
      ),
    ],
    t('Stop'),
  );
}
