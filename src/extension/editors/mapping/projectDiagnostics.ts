import * as vscode from 'vscode';
import type { ProjectPath, ProjectProblem } from '../../../protocol/project.js';
import type { BrowsingEngine } from '../../engine/browsingEngine.js';
import { projectSuffix } from '../../migrations/projectFiles.js';
import { applyGesture } from './gestures.js';
import { readData } from './projectData.js';
import { editText, isObject, locate, readText, smallestReplacement } from './projectText.js';

const t = vscode.l10n.t;

const source = 'Flexferry';
const olderCode = 'older-version';
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

  provideCodeActions(
    document: vscode.TextDocument,
    _: vscode.Range,
    context: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const diagnostic = context.diagnostics.find(({ code }) => code === olderCode);
    const edit = diagnostic && upgradeEdit(document);
    if (!diagnostic || !edit) return [];
    const title = t('Upgrade the project file to the current version');
    const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    action.diagnostics = [diagnostic];
    action.isPreferred = true;
    action.edit = edit;
    return [action];
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
    let found: vscode.Diagnostic[];
    try {
      const { problems } = await this.engine.checkProject(text, token.token);
      found = problems.map((problem) => diagnosticOf(document, text, problem));
    } catch (error) {
      if (token.token.isCancellationRequested) return;
      this.log.warn(`check of ${document.uri.path}: ${String(error)}`);
      found = [];
    }
    // Another check has begun, or the file was closed.
    if (this.#running.get(key) !== token) return;
    this.#running.delete(key);
    this.#collection.set(document.uri, [...found, ...olderVersion(document, text)]);
    this.#changed.fire(document.uri);
  }
}

function rangeOf(document: vscode.TextDocument, text: string, path: ProjectPath): vscode.Range {
  const { offset, length } = locate(text, path);
  return new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
}

function diagnosticOf(
  document: vscode.TextDocument,
  text: string,
  problem: ProjectProblem,
): vscode.Diagnostic {
  const { path, offset } = problem;
  const at = offset !== undefined && path.length === 0 ? document.positionAt(offset) : undefined;
  const range = at ? new vscode.Range(at, at) : rangeOf(document, text, path);
  const severity =
    problem.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const diagnostic = new vscode.Diagnostic(range, problem.message, severity);
  diagnostic.source = source;
  diagnostic.code = problem.code;
  return diagnostic;
}

/** An older file runs as it is; upgrading it is offered. */
function olderVersion(document: vscode.TextDocument, text: string): vscode.Diagnostic[] {
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
  if (read.state === 'broken' || !isObject(read.data)) return undefined;
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
