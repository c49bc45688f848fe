import * as vscode from 'vscode';
import type { Outcome } from './checking.js';
import type { JsonObject } from './projectText.js';

const t = vscode.l10n.t;

/** Which way a row that more than its own entry leaves out is taken. */
export type LeftOutAnswer = 'all' | 'onlyThis' | 'text' | undefined;

/** Says what leaves a row out and asks what to change. */
export async function askLeftOut(
  label: string,
  outcome: Extract<Outcome, { state: 'asks' }>,
): Promise<LeftOutAnswer> {
  const lines = outcome.causes.map(({ list, entry }) =>
    list.startsWith('include.')
      ? t('{0} does not name it; {1} is added.', list, entry)
      : t('{0} holds {1}; it is removed.', list, entry),
  );
  const adds = outcome.causes.every(({ list }) => list.startsWith('include.'));
  const all = outcome.onlyThis
    ? t('Take the Whole Schema')
    : adds
      ? t('Add to the Filter')
      : t('Remove the Filter');
  const only = t('Take Only This');
  const text = t('Open as Text');
  const detail = [...lines, t('A removed filter lets everything in that it left out.')].join('\n');
  const chosen = await vscode.window.showWarningMessage(
    t('{0} is left out by a filter. Change the filter?', label),
    { modal: true, detail },
    ...(outcome.onlyThis ? [only] : []),
    all,
    text,
  );
  if (chosen === all) return 'all';
  if (chosen === only) return 'onlyThis';
  return chosen === text ? 'text' : undefined;
}

export const answered = (
  outcome: Extract<Outcome, { state: 'asks' }>,
  answer: 'all' | 'onlyThis',
): JsonObject => (answer === 'onlyThis' ? (outcome.onlyThis ?? outcome.data) : outcome.data);
