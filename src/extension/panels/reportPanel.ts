import * as vscode from 'vscode';
import { panels } from '../contributions.js';
import type { Migration } from '../migrations/migration.js';
import { staticDocument } from './html.js';

const t = vscode.l10n.t;

/** Shows report.html of the last run of a migration, in one panel that is used again. */
export class ReportPanel implements vscode.Disposable {
  #panel: vscode.WebviewPanel | undefined;

  constructor(private readonly icon: vscode.Uri) {}

  async show(migration: Migration): Promise<void> {
    const directory = migration.snapshot?.reportDirectory;
    if (directory === undefined) {
      void vscode.window.showInformationMessage(
        t('{0} has not run yet, so there is no report.', migration.name),
      );
      return;
    }
    const file = vscode.Uri.joinPath(vscode.Uri.file(directory), 'report.html');
    let html: string;
    try {
      html = new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
    } catch {
      void vscode.window.showWarningMessage(
        t('The report is not written yet: it is when the migration ends. It will be at {0}.', file.fsPath),
      );
      return;
    }
    const panel = this.#open();
    panel.title = t('Report: {0}', migration.name);
    panel.webview.html = staticDocument(html);
    panel.reveal();
  }

  dispose(): void {
    this.#panel?.dispose();
  }

  #open(): vscode.WebviewPanel {
    if (this.#panel) return this.#panel;
    const panel = vscode.window.createWebviewPanel(panels.report, '', vscode.ViewColumn.Active, {
      enableScripts: false,
      enableFindWidget: true,
      localResourceRoots: [],
    });
    panel.iconPath = this.icon;
    panel.onDidDispose(() => {
      this.#panel = undefined;
    });
    this.#panel = panel;
    return panel;
  }
}
