import * as vscode from 'vscode';
import { editText, type JsonObject, readText, smallestReplacement } from './projectText.js';

/** What an edit makes of the data as it then is; undefined where there is nothing to do. */
export type DataEdit = (data: JsonObject) => JsonObject | undefined | Promise<JsonObject | undefined>;

/** An edit that VS Code refused because the document changed under it is computed anew this many times. */
const attempts = 3;

/**
 * Edits of one document, one after the other: each is computed from the text that the one before left, and is one
 * WorkspaceEdit, which is one step of undo.
 */
export class DocumentEdits {
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly document: vscode.TextDocument) {}

  /** Gives false where VS Code refuses the edit, e.g. of a read-only file. Rejects where the text cannot be read. */
  run(edit: DataEdit): Promise<boolean> {
    const done = this.#last.then(() => this.#apply(edit));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #apply(edit: DataEdit): Promise<boolean> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { version } = this.document;
      const before = this.document.getText();
      const read = readText(before);
      if (read.state === 'broken') throw new SyntaxError(read.message);
      const data = await edit(read.data);
      if (data === undefined) return true;
      const replacement = smallestReplacement(before, editText(before, data));
      if (!replacement) return true;
      // While the user was asked the document may have changed.
      if (this.document.version !== version) continue;
      const change = new vscode.WorkspaceEdit();
      const range = new vscode.Range(
        this.document.positionAt(replacement.start),
        this.document.positionAt(replacement.end),
      );
      change.replace(this.document.uri, range, replacement.text);
      if (await vscode.workspace.applyEdit(change)) return true;
    }
    return false;
  }
}
