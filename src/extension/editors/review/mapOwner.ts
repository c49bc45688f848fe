import { modify } from 'jsonc-parser';
import * as vscode from 'vscode';
import type { RoleReference } from '../../../protocol/ddl.js';
import { commands } from '../../contributions.js';
import { showFault, toFault } from '../../faults.js';
import { readProject } from '../../migrations/projectFiles.js';
import { ddlFileOf } from '../ddlFile.js';
import { contextOf } from './projectTarget.js';
import { rangeOf } from './statementCommands.js';

const t = vscode.l10n.t;

function asRoleReference(given: unknown): RoleReference | undefined {
  const { uri, role } = (given ?? {}) as Partial<Record<keyof RoleReference, unknown>>;
  return typeof uri === 'string' && typeof role === 'string' && role !== '' ? { uri, role } : undefined;
}

/** Puts a role of the source into `options.roles` of the project; asks for the role `to` that takes its place. */
export async function mapOwner(given: unknown, to?: unknown): Promise<void> {
  const reference = asRoleReference(given);
  const uri = reference && vscode.Uri.parse(reference.uri);
  const file = uri && ddlFileOf(uri);
  if (!file) {
    void vscode.window.showInformationMessage(
      t('This command belongs to a role in a generated SQL file: choose it among the quick fixes there.'),
    );
    return;
  }
  const from = reference.role;
  const target = typeof to === 'string' && to !== '' ? to : await askTarget(from, await contextOf(uri));
  if (target === undefined) return;
  try {
    // Reading it says what is wrong with it before anything is changed.
    await readProject(file.project);
    const document = await vscode.workspace.openTextDocument(file.project);
    if (!(await putRole(document, from, target))) return;
    const again = t('Review DDL Again');
    const message = t(
      '{0} belongs to {1} on the target from now on, where the DDL is generated again.',
      from,
      target,
    );
    if ((await vscode.window.showInformationMessage(message, again)) !== again) return;
    await document.save();
    await vscode.commands.executeCommand(commands.generateDdl, file.project);
  } catch (error) {
    void showFault(toFault(error));
  }
}

async function putRole(document: vscode.TextDocument, from: string, to: string): Promise<boolean> {
  const text = document.getText();
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const edits = modify(text, ['options', 'roles', from], to, {
    formattingOptions: {
      insertSpaces: !indent.startsWith('\t'),
      tabSize: indent.length,
      eol: text.includes('\r\n') ? '\r\n' : '\n',
    },
  });
  const change = new vscode.WorkspaceEdit();
  for (const { offset, length, content } of edits)
    change.replace(document.uri, rangeOf(document, offset, offset + length), content);
  return vscode.workspace.applyEdit(change);
}

async function askTarget(
  from: string,
  context: { readonly target: { readonly roles: readonly string[] } } | undefined,
): Promise<string | undefined> {
  const other = t('Another role…');
  const roles = (context?.target.roles ?? []).filter((name) => !name.startsWith('pg_') && name !== from);
  if (roles.length > 0) {
    const placeHolder = t('Role on the target that takes the place of {0}', from);
    const chosen = await vscode.window.showQuickPick([...roles, other], { placeHolder });
    if (chosen !== other) return chosen;
  }
  return vscode.window.showInputBox({
    prompt: t('Role on the target that takes the place of {0}', from),
    validateInput: (text) => (text === '' ? t('Enter a name.') : undefined),
  });
}
