import * as vscode from 'vscode';
import { ddlFileOf } from '../ddlFile.js';

const t = vscode.l10n.t;

/** DDL as the source has it, below `generated/`. The path is that of the generated file it is compared with. */
export const sourceScheme = 'flexferry-source';
/** DDL as the target has it now: kept in memory, read anew each time it is asked for. */
export const targetScheme = 'flexferry-target';

/** Where the source's DDL of a generated file stands. globals.sql has none but what was generated last. */
export function sourceFileOf(uri: vscode.Uri): vscode.Uri | undefined {
  const found = ddlFileOf(uri);
  if (!found) return undefined;
  const { directory, folder, file } = found;
  return folder === undefined
    ? vscode.Uri.joinPath(directory, 'generated', file)
    : vscode.Uri.joinPath(directory, 'generated', folder, 'source', file);
}

/** Read-only documents for comparisons. */
export class VirtualDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #texts = new Map<string, string>();
  readonly #open = vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#texts.delete(uri.toString()));

  register(): vscode.Disposable[] {
    return [
      this,
      vscode.workspace.registerTextDocumentContentProvider(sourceScheme, this),
      vscode.workspace.registerTextDocumentContentProvider(targetScheme, this),
    ];
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const known = this.#texts.get(uri.toString());
    if (known !== undefined) return known;
    const file = uri.scheme === sourceScheme && uri.query === '' ? sourceFileOf(uri) : undefined;
    if (file) {
      try {
        return new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
      } catch {
        return t('-- The DDL of the source is written by "Review DDL".');
      }
    }
    return t('-- Compare again: what was read is no longer kept.');
  }

  /** Gives a document its text, also while it is shown. */
  set(uri: vscode.Uri, text: string): vscode.Uri {
    this.#texts.set(uri.toString(), text);
    this.#changed.fire(uri);
    return uri;
  }

  /** The source's DDL below a project's folder was written anew. */
  refresh(directory: vscode.Uri): void {
    for (const { uri } of vscode.workspace.textDocuments)
      if (uri.scheme === sourceScheme && uri.path.startsWith(`${directory.path}/`)) this.#changed.fire(uri);
  }

  dispose(): void {
    this.#open.dispose();
    this.#changed.dispose();
  }
}

/** The source's DDL of a generated file, as a document. */
export const sourceUri = (file: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({ scheme: sourceScheme, path: file.path });
export const targetUri = (file: vscode.Uri): vscode.Uri =>
  vscode.Uri.from({ scheme: targetScheme, path: file.path });
