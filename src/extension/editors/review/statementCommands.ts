import * as vscode from 'vscode';
import type { StatementReference } from '../../../protocol/ddl.js';
import type { LanguageService } from './languageService.js';
import { commentOut, restore, stillThere, type TextReplacement } from './statementText.js';
import { sourceUri, type VirtualDocuments } from './virtualDocuments.js';

const t = vscode.l10n.t;

/** What a lens or quick fix hands over; anything else is undefined. */
export function asReference(given: unknown): StatementReference | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { uri, start, end, key, object } = given as Partial<Record<keyof StatementReference, unknown>>;
  if (typeof uri !== 'string' || typeof start !== 'number' || typeof end !== 'number') return undefined;
  if (typeof key !== 'string') return undefined;
  return { uri, start, end, key, object: typeof object === 'string' ? object : '' };
}

export interface FoundStatement {
  readonly reference: StatementReference;
  readonly document: vscode.TextDocument;
  /** The statement as it stands there. */
  readonly text: string;
}

/** The statement of a reference where it still stands at its place; says so where it does not. */
export async function findStatement(given: unknown): Promise<FoundStatement | undefined> {
  const reference = asReference(given);
  if (!reference) {
    void vscode.window.showInformationMessage(
      t('This command belongs to a statement of a generated SQL file: choose it above the statement.'),
    );
    return undefined;
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(reference.uri));
  const all = document.getText();
  if (stillThere(all, reference))
    return { reference, document, text: all.slice(reference.start, reference.end) };
  void vscode.window.showWarningMessage(
    t('{0} has changed meanwhile: nothing was done. Choose the command again.', reference.object),
  );
  return undefined;
}

export const rangeOf = (document: vscode.TextDocument, start: number, end: number): vscode.Range =>
  new vscode.Range(document.positionAt(start), document.positionAt(end));

async function apply(document: vscode.TextDocument, edit: TextReplacement): Promise<boolean> {
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, rangeOf(document, edit.start, edit.end), edit.text);
  if (await vscode.workspace.applyEdit(change)) return true;
  void vscode.window.showWarningMessage(
    t('{0} cannot be changed.', vscode.workspace.asRelativePath(document.uri)),
  );
  return false;
}

/** Makes a statement a comment. One undo takes it back; it counts when the file is saved. */
export async function skipStatement(given: unknown): Promise<void> {
  const found = await findStatement(given);
  if (!found) return;
  const edit = commentOut(found.document.getText(), found.reference.start, found.reference.end);
  if (edit) await apply(found.document, edit);
}

export async function unskipStatement(given: unknown): Promise<void> {
  const found = await findStatement(given);
  if (!found) return;
  const edit = restore(found.document.getText(), found.reference.start, found.reference.end);
  if (edit) await apply(found.document, edit);
}

/** Compares a statement with what it was generated from. */
export async function showSourceStatement(
  given: unknown,
  language: LanguageService,
  documents: VirtualDocuments,
): Promise<void> {
  const found = await findStatement(given);
  if (!found) return;
  const { document, reference, text } = found;
  const source = await language.source(reference);
  if (source === null || source === text) {
    void vscode.window.showInformationMessage(
      source === null
        ? t(
            '{0} does not come from the source as it stands here: it was added or edited by hand.',
            reference.object,
          )
        : t('{0} is the same on the source.', reference.object),
    );
    return;
  }
  const side = (name: string, sql: string) =>
    documents.set(sourceUri(document.uri).with({ query: `${name}=${reference.key}` }), `${sql}\n`);
  await vscode.commands.executeCommand(
    'vscode.diff',
    side('source', source),
    side('now', text),
    t('{0}: source ↔ will run', reference.object),
    { preview: true },
  );
}
