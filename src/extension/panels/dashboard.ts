import * as vscode from 'vscode';
import { isDashboardMessage } from '../../protocol/webview.js';
import { panels } from '../contributions.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { answerDashboard, dashboardState } from './dashboardMessages.js';
import { scriptDocument } from './html.js';

const t = vscode.l10n.t;

/** The project that the dashboard showed last, in workspaceState. */
const lastProjectKey = 'flexferry.shownProject';

/** Pushes to a visible page, at most one in this many milliseconds. */
const pushMs = 250;

/**
 * The dashboard: one panel, showing one migration. The host holds all state and pushes it whole, so that a page that
 * was hidden, or a window that was reloaded, misses nothing. The page pulls tables.
 */
export class Dashboard implements vscode.WebviewPanelSerializer, vscode.Disposable {
  #panel: vscode.WebviewPanel | undefined;
  #migration: Migration | undefined;
  #subscription: vscode.Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ready = false;

  constructor(
    private readonly dist: vscode.Uri,
    private readonly icon: vscode.Uri,
    private readonly migrations: Migrations,
    private readonly memory: vscode.Memento,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  register(): vscode.Disposable[] {
    return [this, vscode.window.registerWebviewPanelSerializer(panels.dashboard, this)];
  }

  /** Whether the user sees this migration. */
  isShowing(migration: Migration): boolean {
    return this.#migration === migration && this.#panel?.visible === true;
  }

  show(migration: Migration): void {
    const panel =
      this.#panel ??
      this.#adopt(vscode.window.createWebviewPanel(panels.dashboard, '', vscode.ViewColumn.Active, {}));
    this.#watch(migration);
    if (!panel.visible) panel.reveal();
  }

  /** After a reload: the page kept the URI of its project, the rest comes from the files of the run. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    // A window that is reloaded at once may not have kept what the page said yet.
    const project =
      typeof state === 'object' && state !== null && 'project' in state
        ? state.project
        : this.memory.get(lastProjectKey);
    if (this.#panel || typeof project !== 'string') return panel.dispose();
    this.#adopt(panel);
    const migration = await this.migrations.open(vscode.Uri.parse(project));
    this.#watch(migration);
    await migration.read();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#subscription?.dispose();
    this.#panel?.dispose();
  }

  #adopt(panel: vscode.WebviewPanel): vscode.WebviewPanel {
    this.#panel = panel;
    this.#ready = false;
    panel.iconPath = this.icon;
    panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [vscode.Uri.joinPath(this.dist, 'webview')],
    };
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (!isDashboardMessage(message)) return;
      if (message.type === 'ready') {
        this.#ready = true;
        this.#push();
      } else if (this.#migration) {
        const post = (answer: unknown) => void panel.webview.postMessage(answer);
        void answerDashboard(message, this.#migration, post, this.log);
      }
    });
    panel.onDidChangeViewState(() => {
      if (panel.visible) this.#push();
    });
    panel.onDidDispose(() => {
      this.#panel = undefined;
      this.#subscription?.dispose();
    });
    panel.webview.html = scriptDocument(panel.webview, this.dist, 'dashboard', t('Flexferry dashboard'), {
      l10n: JSON.stringify(vscode.l10n.bundle ?? {}),
    });
    return panel;
  }

  #watch(migration: Migration): void {
    void this.memory.update(lastProjectKey, migration.uri.toString());
    if (this.#migration !== migration || !this.#subscription) {
      this.#subscription?.dispose();
      this.#migration = migration;
      this.#subscription = migration.onDidChange(() => this.#later());
    }
    if (this.#panel) this.#panel.title = migration.name;
    this.#push();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.#push(), pushMs);
  }

  #push(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#panel?.visible || !this.#ready || !this.#migration) return;
    void this.#panel.webview.postMessage(dashboardState(this.#migration));
  }
}
