import * as vscode from 'vscode';
import type { BrowsingEngine } from '../../engine/browsingEngine.js';
import { projectSuffix } from '../../migrations/projectFiles.js';

/** Loaded with the first project file: activation has no time for it. */
const loadProblems = () => import('./projectProblems.js');

/** After the last keystroke. */
const delayMs = 300;

export const isProject = (document: vscode.TextDocument) => document.uri.path.endsWith(projectSuffix);

/** What is wrong with the open project files, in the Problems view, whether they are open as panel or as text. */
export class ProjectDiagnostics implements vscode.Disposable, vscode.CodeActionProvider {
  readonly #collection = vscode.languages.createDiagnosticCollection('flexferry.project');
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Map<string, vscode.CancellationTokenSource>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  /** Fires the file whose problems are known anew. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly engine: BrowsingEngine,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  register(): vscode.Disposable[] {
    for (const document of vscode.workspace.textDocuments) this.#later(document, 0);
    return [
      this,
      vscode.workspace.onDidOpenTextDocument((document) => this.#later(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.#later(document, delayMs);
      }),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document.uri)),
      vscode.languages.registerCodeActionsProvider(
        { pattern: `**/*${projectSuffix}`, scheme: 'file' },
        this,
        { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] },
      ),
    ];
  }

  of(uri: vscode.Uri): readonly vscode.Diagnostic[] {
    return this.#collection.get(uri) ?? [];
  }

  async provideCodeActions(
    document: vscode.TextDocument,
    _: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): Promise<vscode.CodeAction[]> {
    return (await loadProblems()).upgradeActions(document, diagnostics);
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const running of this.#running.values()) running.cancel();
    this.#collection.dispose();
    this.#changed.dispose();
  }

  #later(document: vscode.TextDocument, delay: number): void {
    if (!isProject(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#timers.delete(key);
        void this.#check(document);
      }, delay),
    );
  }

  #forget(uri: vscode.Uri): void {
    const key = uri.toString();
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#running.get(key)?.cancel();
    this.#running.delete(key);
    this.#collection.delete(uri);
  }

  async #check(document: vscode.TextDocument): Promise<void> {
    const key = document.uri.toString();
    this.#running.get(key)?.cancel();
    const token = new vscode.CancellationTokenSource();
    this.#running.set(key, token);
    const text = document.getText();
    const { diagnosticOf, olderVersion } = await loadProblems();
    let found: vscode.Diagnostic[];
    try {
      const { problems } = await this.engine.checkProject(text, token.token);
      found = problems.map((problem) => diagnosticOf(document, text, problem));
    } catch (error) {
      if (token.token.isCancellationRequested) return;
      this.log.warn(`check of ${document.uri.path}: ${String(error)}`);
      found = [];
    }
    // Positions are those of a text that is gone: the check of the new one is on its way.
    if (document.getText() !== text) return;
    // Another check has begun, or the file was closed.
    if (this.#running.get(key) !== token) return;
    this.#running.delete(key);
    this.#collection.set(document.uri, [...found, ...olderVersion(document, text)]);
    this.#changed.fire(document.uri);
  }
}
