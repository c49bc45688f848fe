import * as vscode from 'vscode';
import type { Migration } from '../../migrations/migration.js';
import type { FailedStatement } from '../../migrations/runStatements.js';
import { ddlUri, type SectionFile } from '../ddlFile.js';

/** How long the language server may take to find the statement in a large file. */
const findMs = 8000;

const fileOf: Record<FailedStatement['section'], SectionFile> = {
  preData: 'pre-data.sql',
  postData: 'post-data.sql',
};

/** The diagnostic that the language server has put at the server's error. */
function errorIn(uri: vscode.Uri, { error }: FailedStatement): vscode.Diagnostic | undefined {
  const message = error?.message.trim();
  return vscode.languages
    .getDiagnostics(uri)
    .find((diagnostic) => message !== undefined && diagnostic.message.includes(message));
}

async function placeOf(uri: vscode.Uri, failed: FailedStatement): Promise<vscode.Range | undefined> {
  const known = errorIn(uri, failed);
  if (known) return known.range;
  return new Promise((resolve) => {
    const end = (range?: vscode.Range) => {
      clearTimeout(timer);
      listener.dispose();
      resolve(range);
    };
    const timer = setTimeout(end, findMs);
    const listener = vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      if (!uris.some((changed) => changed.toString() === uri.toString())) return;
      const found = errorIn(uri, failed);
      if (found) end(found.range);
    });
  });
}

/** Whether the user is in the middle of something else, which nothing may take the cursor from. */
function typingElsewhere(uri: vscode.Uri): boolean {
  const document = vscode.window.activeTextEditor?.document;
  return document?.isDirty === true && document.uri.toString() !== uri.toString();
}

/**
 * Opens a failed statement with the cursor at the place of the server's error. `tell` gives the language server the
 * states of the run, from which it finds the statement. `asked` by the user: the editor takes the focus in any case.
 */
export async function openFailedStatement(
  migration: Migration,
  failed: FailedStatement,
  tell: (migration: Migration) => Promise<void>,
  asked = false,
): Promise<void> {
  const uri = ddlUri(migration.uri, failed.database, fileOf[failed.section]);
  const document = await vscode.workspace.openTextDocument(uri);
  const preserveFocus = !asked && typingElsewhere(uri);
  const editor = await vscode.window.showTextDocument(document, { preview: false, preserveFocus });
  await tell(migration);
  const place = await placeOf(uri, failed);
  if (!place) return;
  editor.selection = new vscode.Selection(place.start, place.start);
  editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
