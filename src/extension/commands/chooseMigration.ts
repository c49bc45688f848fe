import * as vscode from 'vscode';
import { ddlFileOf } from '../editors/ddlFile.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { projectSuffix } from '../migrations/projectFiles.js';
import { runStateLabel } from '../migrations/runText.js';

const t = vscode.l10n.t;

/** The project file that a document is or belongs to. */
export function projectOf(uri: vscode.Uri): vscode.Uri | undefined {
  return uri.path.endsWith(projectSuffix) ? uri : ddlFileOf(uri)?.project;
}

/** The project of the editor in front. */
export function activeProject(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom)
    return projectOf(input.uri);
  return input instanceof vscode.TabInputTextDiff ? projectOf(input.modified) : undefined;
}

/** What a command was given: a node of the view, or the URI of a project file or of one of its generated files. */
export async function givenMigration(migrations: Migrations, given: unknown): Promise<Migration | undefined> {
  if (typeof given === 'object' && given !== null) {
    if ('migration' in given) return given.migration as Migration;
    if ('parent' in given) return givenMigration(migrations, given.parent);
  }
  const uri = typeof given === 'string' ? vscode.Uri.parse(given) : given;
  const project = uri instanceof vscode.Uri ? projectOf(uri) : undefined;
  if (!project) return undefined;
  const migration = await migrations.open(project);
  await migration.read();
  return migration;
}

/** The one that comes into question, or what the user picks of several. */
export async function pickMigration(
  migrations: Migrations,
  choices: (migration: Migration) => boolean,
): Promise<Migration | undefined> {
  if (migrations.list().length === 0) await migrations.discover();
  const all = migrations.list().filter(choices);
  if (all.length === 0)
    void vscode.window.showInformationMessage(t('There is no migration to do this with.'));
  if (all.length <= 1) return all[0];
  const items = all.map((migration) => ({
    label: migration.name,
    description: migration.snapshot ? runStateLabel(migration.snapshot.state) : t('not started yet'),
    migration,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder: t('Migration') }))?.migration;
}
