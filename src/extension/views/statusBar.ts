import * as vscode from 'vscode';
import { followedDatabases, onlyFollows } from '../../protocol/followView.js';
import { commands } from '../contributions.js';
import { followLines, needsAttention, shortFollowText } from '../migrations/followText.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { progressText } from '../migrations/runText.js';

const t = vscode.l10n.t;

/** "shop 42 %" while it is copied, "shop: lag 0.4 s" while it is followed. */
function labelOf({ name, snapshot }: Migration): string {
  if (onlyFollows(snapshot)) return `${name}: ${shortFollowText(followedDatabases(snapshot))}`;
  return `${name} ${Math.floor((snapshot?.fraction ?? 0) * 100)} %`;
}

function linesOf({ name, snapshot }: Migration): string[] {
  if (!snapshot) return [`${name}: ${t('starting')}`];
  return onlyFollows(snapshot)
    ? [name, ...followLines(followedDatabases(snapshot)).map((line) => `  ${line}`)]
    : [`${name}: ${progressText(snapshot)}`];
}

/** One status item while at least one migration runs. */
export function createStatusBar(migrations: Migrations): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('flexferry.progress', vscode.StatusBarAlignment.Left);
  item.name = t('Flexferry migration');
  const update = () => {
    const running = migrations.running();
    const [first] = running;
    if (!first) return item.hide();
    const label = running.length === 1 ? labelOf(first) : t('{0} migrations', running.length);
    const attention = running.some(({ snapshot }) => needsAttention(followedDatabases(snapshot)));
    item.text = `$(${attention ? 'warning' : 'sync~spin'}) ${label}`;
    item.tooltip = running.flatMap(linesOf).join('\n');
    item.command = {
      command: commands.openDashboard,
      title: t('Open Dashboard'),
      arguments: [{ kind: 'project', migration: first }],
    };
    const spoken = attention ? t('Migration {0}, needs attention', label) : t('Migration {0}', label);
    item.accessibilityInformation = { label: spoken };
    item.show();
  };
  return vscode.Disposable.from(item, migrations.onDidChange(update));
}
