import * as vscode from 'vscode';

/** The file in the text editor instead of the panel, as "Reopen Editor With…" does it. */
export async function openAsText(line?: number): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.reopenTextEditor');
  const editor = vscode.window.activeTextEditor;
  if (!editor || line === undefined) return;
  const at = new vscode.Position(line, 0);
  editor.selection = new vscode.Selection(at, at);
  editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
