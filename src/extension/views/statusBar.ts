import * as vscode from 'vscode';
import { commands } from '../contributions.js';
import type { Migrations } from '../migrations/migrations.js';
import { progressText } from '../migrations/runText.js';

const t = vscode.l10n.t;

/** One status item while at least one migration runs. */
export function createStatusBar(migrations: Migrations): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('flexferry.progress', vscode.StatusBarAlignment.Left);
  item.name = t('Flexferry migration');
  const update = () => {
    const running = migrations.running();
    const [first] = running;
    if (!first) return item.hide();
    const percent = `${Math.floor((first.snapshot?.fraction ?? 0) * 100)} %`;
    const label = running.length === 1 ? `${first.name} ${percent}` : t('{0} migrations', running.length);
    item.text = `$(sync~spin) ${label}`;
    item.tooltip = running
      .map(
        (migration) =>
          `${migration.name}: ${migration.snapshot ? progressText(migration.snapshot) : t('starting')}`,
      )
      .join('\n');
    item.command = {
      command: commands.openDashboard,
      title: t('Open Dashboard'),
      arguments: [{ kind: 'project', migration: first }],
    };
    item.accessibilityInformation = { label: t('Migration {0}', label) };
    item.show();
  };
  return vscode.Disposable.from(item, migrations.onDidChange(update));
}
