import * as vscode from 'vscode';
import type { FaultData } from '../../../protocol/connection.js';
import { faultText } from '../../faults.js';

/** Errors of SQL that was run by hand, at their place until the document changes. */
export class RunDiagnostics implements vscode.Disposable {
  readonly #shown = vscode.languages.createDiagnosticCollection('flexferry-run');
  readonly #listeners = [
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) this.#shown.delete(document.uri);
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#shown.delete(uri)),
  ];

  /** From the place of the error to the end of its line, or of the SQL that ran. Offsets in UTF-16 units. */
  show(document: vscode.TextDocument, start: number, end: number, fault: FaultData): void {
    const from = document.positionAt(start);
    const last = document.positionAt(end);
    const line = document.lineAt(from).range.end;
    const range = new vscode.Range(from, last.isBefore(line) ? last : line);
    const diagnostic = new vscode.Diagnostic(range, faultText(fault), vscode.DiagnosticSeverity.Error);
    diagnostic.source = 'postgresql';
    diagnostic.code = fault.sqlstate ?? fault.code;
    this.#shown.set(document.uri, [diagnostic]);
  }

  dispose(): void {
    this.#shown.dispose();
    for (const listener of this.#listeners) listener.dispose();
  }
}
