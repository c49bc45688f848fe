import * as vscode from 'vscode';
import { onlyFollows } from '../../protocol/followView.js';
import { commands, views } from '../contributions.js';
import type { Migration } from '../migrations/migration.js';
import { progressText } from '../migrations/runText.js';

const t = vscode.l10n.t;

/**
 * Shows a run as a cancellable notification and as progress of the Migrations view, until `ended` settles or nothing
 * but following goes on: that has no end of its own, and the status bar tells of it.
 */
export function showRunProgress(migration: Migration, ended: Promise<unknown>): void {
  const argument = encodeURIComponent(JSON.stringify([migration.uri.toString()]));
  const details = `[${t('Open dashboard')}](command:${commands.openDashboard}?${argument})`;
  let listener: vscode.Disposable | undefined;
  const follows = new Promise<void>((resolve) => {
    listener = migration.onDidChange(() => {
      if (migration.running && onlyFollows(migration.snapshot)) resolve();
    });
  });
  const settled = Promise.race([ended, follows]).then(
    () => listener?.dispose(),
    () => listener?.dispose(),
  );
  void vscode.window.withProgress({ location: { viewId: views.migrations } }, () => settled);
  void vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `${t('Migrating {0}', migration.name)} (${details})`,
      cancellable: true,
    },
    async (progress, token) => {
      let shown = 0;
      const reports = migration.onDidChange(() => {
        const { snapshot } = migration;
        if (!snapshot || !migration.running) return;
        const percent = Math.floor(snapshot.fraction * 100);
        progress.report({ message: progressText(snapshot), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
      token.onCancellationRequested(() => migration.stop());
      await settled;
      reports.dispose();
    },
  );
}
