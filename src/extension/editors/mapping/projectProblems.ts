import * as vscode from 'vscode';
import type { ProjectPath, ProjectProblem } from '../../../protocol/project.js';
import { applyGesture } from './gestures.js';
import { readData } from './projectData.js';
import { editText, locate, readText, smallestReplacement } from './projectText.js';

const t = vscode.l10n.t;

const source = 'Flexferry';
const olderCode = 'older-version';

/** Where a problem is; `inside` counts in the value there, which escapes make longer in the file. */
function rangeOf(
  document: vscode.TextDocument,
  text: string,
  path: ProjectPath,
  inside?: number,
): vscode.Range {
  const { offset, length } = locate(text, path);
  const start =
    inside === undefined ? offset : offset + writtenLength(text.slice(offset, offset + length), inside);
  return new vscode.Range(document.positionAt(start), document.positionAt(offset + length));
}

/** How much of a JSON string, with its quote, its first characters take. */
function writtenLength(written: string, characters: number): number {
  if (!written.startsWith('"')) return 0;
  let at = 1;
  for (let n = 0; n < characters && at < written.length - 1; n += 1)
    at += written[at] !== '\\' ? 1 : written[at + 1] === 'u' ? 6 : 2;
  return at;
}

/** A problem of the project as the Problems view shows it. */
export function diagnosticOf(
  document: vscode.TextDocument,
  text: string,
  problem: ProjectProblem,
): vscode.Diagnostic {
  const { path, offset } = problem;
  const at = offset !== undefined && path.length === 0 ? document.positionAt(offset) : undefined;
  const range = at ? new vscode.Range(at, at) : rangeOf(document, text, path, offset);
  const severity =
    problem.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const diagnostic = new vscode.Diagnostic(range, problem.message, severity);
  diagnostic.source = source;
  diagnostic.code = problem.code;
  return diagnostic;
}

/** An older file runs as it is; upgrading it is offered. */
export function olderVersion(document: vscode.TextDocument, text: string): vscode.Diagnostic[] {
  const read = readText(text);
  if (read.state === 'broken') return [];
  const { version, versionText } = readData(read.data);
  if (version !== 'older') return [];
  const message = t('The project file has version {0}. It can be upgraded in place.', versionText);
  const range = rangeOf(document, text, ['version']);
  const diagnostic = new vscode.Diagnostic(range, message, vscode.DiagnosticSeverity.Information);
  diagnostic.source = source;
  diagnostic.code = olderCode;
  return [diagnostic];
}

function upgradeEdit(document: vscode.TextDocument): vscode.WorkspaceEdit | undefined {
  const text = document.getText();
  const read = readText(text);
  if (read.state === 'broken') return undefined;
  const outcome = applyGesture(read.data, { kind: 'upgrade' }, () => undefined);
  const replacement = outcome.state === 'changed' && smallestReplacement(text, editText(text, outcome.data));
  if (!replacement) return undefined;
  const edit = new vscode.WorkspaceEdit();
  const range = new vscode.Range(
    document.positionAt(replacement.start),
    document.positionAt(replacement.end),
  );
  edit.replace(document.uri, range, replacement.text);
  return edit;
}

/** Quick fixes of a file of an older version. */
export function upgradeActions(
  document: vscode.TextDocument,
  diagnostics: readonly vscode.Diagnostic[],
): vscode.CodeAction[] {
  const diagnostic = diagnostics.find(({ code }) => code === olderCode);
  const edit = diagnostic && upgradeEdit(document);
  if (!diagnostic || !edit) return [];
  const title = t('Upgrade the project file to the current version');
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.diagnostics = [diagnostic];
  action.isPreferred = true;
  action.edit = edit;
  return [action];
}
