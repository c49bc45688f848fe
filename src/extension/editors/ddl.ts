import * as vscode from 'vscode';
import { folderName } from '../../protocol/ddlFolder.js';
import { commands } from '../contributions.js';

const t = vscode.l10n.t;

/** SQL files below a folder, by name; none where there is no such folder. */
export async function sqlFiles(folder: vscode.Uri): Promise<vscode.Uri[]> {
  let entries: [string, vscode.FileType][];
  try {
    entries = await vscode.workspace.fs.readDirectory(folder);
  } catch {
    return [];
  }
  const found: vscode.Uri[] = [];
  for (const [name, type] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const uri = vscode.Uri.joinPath(folder, name);
    if (type === vscode.FileType.Directory) found.push(...(await sqlFiles(uri)));
    else if (name.endsWith('.sql')) found.push(uri);
  }
  return found;
}

/** Opens the generated DDL of a project in editors: of one database, or after a choice where there are several. */
export async function openDdl(directory: string, database?: string): Promise<void> {
  const ddl = vscode.Uri.joinPath(vscode.Uri.file(directory), 'ddl');
  const all = await sqlFiles(ddl);
  if (all.length === 0) {
    const review = t('Review DDL');
    const message = t(
      'There is no generated DDL yet: it is written when it is reviewed or a migration starts.',
    );
    if ((await vscode.window.showInformationMessage(message, review)) === review)
      await vscode.commands.executeCommand(commands.generateDdl, vscode.Uri.file(`${directory}.json`));
    return;
  }
  const folderOf = (uri: vscode.Uri) =>
    uri.path
      .slice(ddl.path.length + 1)
      .split('/')
      .slice(0, -1)
      .join('/');
  // globals.sql stands beside the folders of databases.
  const folders = [...new Set(all.map(folderOf))].filter((name) => name !== '');
  const wanted = database === undefined ? undefined : folderName(database);
  let folder = wanted !== undefined && folders.includes(wanted) ? wanted : folders[0];
  if (folders.length > 1 && folder !== wanted)
    folder = await vscode.window.showQuickPick(folders, { placeHolder: t('Database') });
  if (folder === undefined) return;
  // Pre-data last, so that it is the one in front.
  for (const uri of all.filter((file) => folderOf(file) === folder || folderOf(file) === '')) {
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: false, preserveFocus: true });
  }
  const first = all.find((file) => folderOf(file) === folder && file.path.endsWith('/pre-data.sql'));
  if (first) await vscode.window.showTextDocument(first, { preview: false });
}
