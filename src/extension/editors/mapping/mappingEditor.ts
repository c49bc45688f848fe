import * as vscode from 'vscode';
import { commands, editors } from '../../contributions.js';
import type { BrowsingEngine } from '../../engine/browsingEngine.js';
import { projectSuffix } from '../../migrations/projectFiles.js';
import { scriptDocument } from '../../panels/html.js';
import type { ServerRegistry } from '../../servers/serverRegistry.js';
import type { MappingPanel } from './mappingPanel.js';
import { openAsText } from './openAsText.js';
import { ProjectDiagnostics } from './projectDiagnostics.js';
import type { ProjectSession } from './projectSession.js';

const t = vscode.l10n.t;

interface OpenProject {
  readonly session: ProjectSession;
  readonly panels: Set<MappingPanel>;
}

/** The mapping panel: the custom text editor of project files. Panels on one file share what is known of its servers. */
export class MappingEditor implements vscode.CustomTextEditorProvider, vscode.Disposable {
  readonly #open = new Map<string, OpenProject>();
  readonly diagnostics: ProjectDiagnostics;

  constructor(
    private readonly dist: vscode.Uri,
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
    log: vscode.LogOutputChannel,
  ) {
    this.diagnostics = new ProjectDiagnostics(engine, log);
  }

  register(): vscode.Disposable[] {
    return [
      this,
      ...this.diagnostics.register(),
      vscode.window.registerCustomEditorProvider(editors.mapping, this, {
        supportsMultipleEditorsPerDocument: true,
      }),
      vscode.commands.registerCommand(commands.openMapping, (given: unknown) => openMapping(given)),
      vscode.commands.registerCommand(commands.openMappingAsText, () => openAsText()),
    ];
  }

  async resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): Promise<void> {
    // Loaded with the first panel: activation has no time for it.
    const [{ MappingPanel }, { ProjectSession }, { Sources }] = await Promise.all([
      import('./mappingPanel.js'),
      import('./projectSession.js'),
      import('./sources.js'),
    ]);
    const key = document.uri.toString();
    const open = this.#open.get(key) ?? {
      session: new ProjectSession(document, new Sources(this.registry, this.engine)),
      panels: new Set<MappingPanel>(),
    };
    this.#open.set(key, open);
    panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [vscode.Uri.joinPath(this.dist, 'webview')],
    };
    const mapping = new MappingPanel(panel, open.session, this.diagnostics);
    open.panels.add(mapping);
    panel.onDidDispose(() => {
      mapping.dispose();
      open.panels.delete(mapping);
      if (open.panels.size > 0) return;
      open.session.dispose();
      this.#open.delete(key);
    });
    panel.webview.html = scriptDocument(panel.webview, this.dist, 'mapping', t('Flexferry mapping'), {
      l10n: JSON.stringify(vscode.l10n.bundle ?? {}),
    });
  }

  /** The open panels of a file; what the extension-host suite looks at. */
  panelsOf(uri: vscode.Uri): readonly MappingPanel[] {
    return [...(this.#open.get(uri.toString())?.panels ?? [])];
  }

  sessionOf(uri: vscode.Uri): ProjectSession | undefined {
    return this.#open.get(uri.toString())?.session;
  }

  dispose(): void {
    for (const { session } of this.#open.values()) session.dispose();
    this.#open.clear();
  }
}

function projectOf(given: unknown): vscode.Uri | undefined {
  if (given instanceof vscode.Uri) return given;
  if (typeof given === 'string') return vscode.Uri.parse(given);
  if (typeof given !== 'object' || given === null) return undefined;
  if ('migration' in given) {
    const { migration } = given;
    if (typeof migration === 'object' && migration !== null && 'uri' in migration)
      return projectOf(migration.uri);
  }
  return 'parent' in given ? projectOf(given.parent) : undefined;
}

/** Takes a node of the Migrations view, a URI, or asks for one of the workspace's projects. */
async function openMapping(given: unknown): Promise<void> {
  const uri = projectOf(given) ?? activeProject() ?? (await pickProject());
  if (uri) await vscode.commands.executeCommand('vscode.openWith', uri, editors.mapping);
}

function activeProject(): vscode.Uri | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri?.path.endsWith(projectSuffix) ? uri : undefined;
}

async function pickProject(): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles(`**/*${projectSuffix}`, '**/node_modules/**', 200);
  if (found.length === 0)
    void vscode.window.showInformationMessage(t('There is no project file in the open folders.'));
  if (found.length <= 1) return found[0];
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  return (await vscode.window.showQuickPick(items, { placeHolder: t('Project file') }))?.uri;
}
