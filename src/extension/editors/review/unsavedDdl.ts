import * as vscode from 'vscode';
import { directoryOf } from '../ddlFile.js';

const t = vscode.l10n.t;

function unsavedOf(project: vscode.Uri): vscode.TextDocument[] {
  const ddl = `${directoryOf(project).path}/ddl/`;
  return vscode.workspace.textDocuments.filter(
    ({ uri, isDirty }) =>
      isDirty && uri.scheme === 'file' && (uri.path.startsWith(ddl) || uri.toString() === project.toString()),
  );
}

/**
 * What is saved is what runs: offers to save the editors of a project that are not. False where the user would rather
 * not go on.
 */
export async function offerToSave(project: vscode.Uri): Promise<boolean> {
  const unsaved = unsavedOf(project);
  if (unsaved.length === 0) return true;
  const save = t('Save and Go On');
  const leave = t('Go On Without');
  const names = unsaved.map(({ uri }) => vscode.workspace.asRelativePath(uri));
  const detail = `${t('What is saved is what runs.')}\n\n${names.join('\n')}`;
  const message = t('Save the changes first?');
  const chosen = await vscode.window.showWarningMessage(message, { modal: true, detail }, save, leave);
  if (chosen !== save) return chosen === leave;
  const saved = await Promise.all(unsaved.map((document) => document.save()));
  return saved.every(Boolean);
}
