import * as vscode from 'vscode';
import {
  largestWindow,
  type MappingAction,
  type MappingHostMessage,
  type MappingMessage,
  type MappingState,
  type MappingView,
  mappingPanelVersion,
  noFilter,
} from '../../../protocol/mappingPanel.js';
import { isMappingMessage } from '../../../protocol/mappingPanelCheck.js';
import { commands } from '../../contributions.js';
import { projectName } from '../../migrations/projectFiles.js';
import { openAsText } from './openAsText.js';
import { panelState } from './panelState.js';
import type { ProjectDiagnostics } from './projectDiagnostics.js';
import { type ProjectIssues, projectIssues } from './projectIssues.js';
import type { ProjectSession } from './projectSession.js';
import { revealing } from './reveal.js';
import { readKey } from './rowKey.js';
import { rowText } from './rowTexts.js';
import { matcher, type VisibleRow, visibleRows } from './visibleRows.js';

/** States are pushed to a page at most once in this many milliseconds. */
const pushMs = 30;

/** One webview on a project file: its own filter and open rows, pushed states, pulled windows of rows. */
export class MappingPanel implements vscode.Disposable {
  #view: MappingView = { filter: noFilter, base: 'standard', toggled: [], toggledFiltered: [] };
  #ready = false;
  #timer: NodeJS.Timeout | undefined;
  #rows:
    | { readonly revision: number; readonly view: MappingView; readonly rows: readonly VisibleRow[] }
    | undefined;
  #issues: { readonly revision: number; readonly issues: ProjectIssues } | undefined;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly session: ProjectSession,
    private readonly diagnostics: ProjectDiagnostics,
  ) {
    this.#subscriptions = [
      session.onDidChange(() => this.#later()),
      diagnostics.onDidChange((uri) => {
        if (uri.toString() === session.document.uri.toString()) this.#later();
      }),
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (isMappingMessage(message)) void this.#answer(message);
      }),
      panel.onDidChangeViewState(() => this.#later()),
    ];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** What the page is told; the extension-host suite looks at it. */
  state(): MappingState {
    const { session } = this;
    const { problem } = this.#matcher();
    const name = session.view?.name ?? projectName(session.document.uri);
    return panelState(session, name, this.diagnostics.of(session.document.uri), this.#found(), problem);
  }

  rows(): readonly VisibleRow[] {
    const { revision } = this.session;
    const known = this.#rows;
    if (known?.revision === revision && known.view === this.#view) return known.rows;
    const hasFinding = (key: string) => this.#found().serious.has(key);
    const { matches } = this.#matcher();
    const rows = visibleRows(this.session.databases(), { view: this.#view, matches, hasFinding });
    this.#rows = { revision: this.session.revision, view: this.#view, rows };
    return rows;
  }

  #matcher() {
    return matcher(this.#view.filter, (key) => this.#found().serious.has(key));
  }

  #found(): ProjectIssues {
    const { revision } = this.session;
    if (this.#issues?.revision !== revision) this.#issues = { revision, issues: projectIssues(this.session) };
    return this.#issues.issues;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.#push(), pushMs);
  }

  #push(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#ready && this.panel.visible) this.#post(this.state());
  }

  #post(message: MappingHostMessage): void {
    void this.panel.webview.postMessage(message);
  }

  async #answer(message: MappingMessage): Promise<void> {
    switch (message.type) {
      case 'ready':
        if (message.version !== mappingPanelVersion) return;
        this.#ready = true;
        this.#view = message.view;
        return this.#push();
      case 'view':
        this.#view = message.view;
        return this.#push();
      case 'rows':
        return this.#sendRows(message);
      case 'gesture': {
        const { request, gesture } = message;
        const problem = await this.session.gesture(gesture);
        return this.#post({ type: 'done', request, ...(problem !== undefined && { problem }) });
      }
      case 'action':
        return this.#act(message.action, message.line);
      case 'catalog':
        return this.#catalog(message.key, message.action);
      case 'reveal':
        return this.#reveal(message.key);
    }
  }

  #sendRows({ request, offset, limit, active }: Extract<MappingMessage, { type: 'rows' }>): void {
    const rows = this.rows();
    const window = rows.slice(offset, offset + Math.min(limit, largestWindow));
    const { byKey } = this.#found();
    const texts = window.map((row) =>
      rowText(row, {
        issuesOf: (key) => byKey.get(key) ?? [],
        trialOf: (tree, entry) => this.session.trialOf(tree, entry, true),
      }),
    );
    this.#post({
      type: 'rows',
      request,
      revision: this.session.revision,
      offset,
      total: rows.length,
      rows: texts,
      activeIndex: active === undefined ? -1 : rows.findIndex(({ key }) => key === active),
    });
  }

  async #act(action: MappingAction, line: number | undefined): Promise<void> {
    const { document } = this.session;
    if (action === 'openAsText') return openAsText(line);
    if (action === 'refresh') return this.session.sources.refresh();
    if (action === 'showLog') return vscode.commands.executeCommand(commands.showLog);
    if (action === 'save') return void (await document.save());
    if (action === 'trust') return vscode.commands.executeCommand('workbench.trust.manage');
    // What runs is what is saved.
    if (document.isDirty && !(await document.save())) return;
    const command = action === 'start' ? commands.startMigration : commands.generateDdl;
    await vscode.commands.executeCommand(command, document.uri);
  }

  #catalog(key: string, action: 'retry' | 'cancel' | 'password'): Promise<void> | undefined {
    const server = this.session.view?.source;
    const id = readKey(key)?.database;
    const database = this.session.view?.databases.find((other) => other.id === id);
    if (!server || !database) return undefined;
    if (action === 'password') return this.session.sources.enterPassword(server);
    if (action === 'retry') this.session.sources.retry(server, database.source);
    else this.session.sources.cancel(server, database.source);
    return undefined;
  }

  #reveal(key: string): void {
    this.#view = revealing(this.#view, key, this.session.databases(), this.rows());
    const index = this.rows().findIndex((row) => row.key === key);
    this.#post({ type: 'reveal', key, index, view: this.#view });
    this.#push();
  }
}
