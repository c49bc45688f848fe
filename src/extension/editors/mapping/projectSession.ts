import * as vscode from 'vscode';
import type { MappingCatalog, MappingTarget } from '../../../protocol/engine.js';
import type { MappingGesture, PanelNotice } from '../../../protocol/mappingPanel.js';
import type { ProjectServer } from '../../../protocol/project.js';
import { mayRun } from '../../migrations/startMigration.js';
import { answered, askLeftOut } from './askLeftOut.js';
import { buildTree, type DatabaseTree, type TableEntry } from './databaseTree.js';
import { DocumentEdits } from './documentEdits.js';
import { applyGesture, type DataGesture, withDatabases } from './gestures.js';
import { type DatabaseView, type ProjectView, readData } from './projectData.js';
import { type JsonObject, readText } from './projectText.js';
import type { Reading } from './readings.js';
import { readKey } from './rowKey.js';
import type { Trial } from './rowTexts.js';
import type { Sources } from './sources.js';
import type { ShownDatabase } from './visibleRows.js';

const t = vscode.l10n.t;

/** A document that is typed in is not connected with before it has been still for this long. */
const stillMs = 1000;

interface KnownTree {
  readonly text: string;
  readonly catalog: MappingCatalog;
  readonly tree: DatabaseTree;
}

/**
 * One project file that is open in mapping panels, any number of them. Its state is the document's text; this holds only
 * what follows from it and from the servers.
 */
export class ProjectSession implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #edits: DocumentEdits;
  readonly #trees = new Map<string, KnownTree>();
  readonly #subscriptions: vscode.Disposable[] = [];
  #view: ProjectView | undefined;
  #notice: PanelNotice | undefined;
  #version = -1;
  #connections = '';
  #still: NodeJS.Timeout | undefined;
  #shown: readonly ShownDatabase[] | undefined;
  /** Raised with every change of what rows show. */
  revision = 1;

  constructor(
    readonly document: vscode.TextDocument,
    readonly sources: Sources,
  ) {
    this.#edits = new DocumentEdits(document);
    this.#read();
    this.#connections = this.#servers();
    this.#subscriptions.push(
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document.uri.toString() === document.uri.toString()) this.#documentChanged();
      }),
      sources.onDidChange(() => this.#fire()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#fire()),
    );
  }

  /** The last state of the file that could be read. */
  get view(): ProjectView | undefined {
    return this.#view;
  }

  get notice(): PanelNotice | undefined {
    if (this.#notice) return this.#notice;
    if (!this.trusted)
      return {
        kind: 'untrusted',
        message: t('The servers of a project in an untrusted workspace are not connected to.'),
      };
    return undefined;
  }

  get editable(): boolean {
    return this.#notice === undefined;
  }

  get trusted(): boolean {
    return mayRun(this.document.uri);
  }

  databases(): readonly ShownDatabase[] {
    this.#shown ??= (this.#view?.databases ?? []).map((view) => this.#show(view));
    return this.#shown;
  }

  catalogOf(id: string): MappingCatalog | undefined {
    return this.#trees.get(id)?.catalog;
  }

  /** What stands on a target database, as far as that may be asked. */
  targetOf(database: string): Reading<MappingTarget> | undefined {
    const server = this.#view?.target;
    if (!server || !this.trusted || this.#servers() !== this.#connections) return undefined;
    return this.sources.target(server, database);
  }

  /** What the row filter of a table finds. `begin` tries it unless that was done. */
  trialOf(tree: DatabaseTree, { table, decision }: TableEntry, begin: boolean): Trial | undefined {
    const server = this.#view?.source;
    const { where } = decision;
    if (!server || where === undefined || !this.trusted) return undefined;
    const database = tree.view.source;
    return begin
      ? this.sources.trial(server, database, table, where)
      : this.sources.knownTrial(server, database, table, where);
  }

  /** Carries a gesture out; gives why nothing was changed, if so. */
  async gesture(gesture: MappingGesture): Promise<string | undefined> {
    if (!this.editable && gesture.kind !== 'upgrade') return this.#notice?.message;
    try {
      const done =
        gesture.kind === 'addDatabase'
          ? await this.#addDatabases()
          : await this.#edits.run((data) => this.#changedBy(data, gesture));
      return done ? undefined : t('VS Code refused the edit. Is the file read-only?');
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  dispose(): void {
    clearTimeout(this.#still);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.sources.dispose();
    this.#changed.dispose();
  }

  #documentChanged(): void {
    // The event also comes for what is no change of the text: saved, dirty.
    if (this.document.version === this.#version) return;
    this.#read();
    const connections = this.#servers();
    if (connections !== this.#connections) {
      clearTimeout(this.#still);
      this.#still = setTimeout(() => {
        this.#connections = connections;
        this.#fire();
      }, stillMs);
    }
    this.#fire();
  }

  #read(): void {
    this.#version = this.document.version;
    const read = readText(this.document.getText());
    this.#notice = undefined;
    if (read.state === 'broken') {
      const { line } = this.document.positionAt(read.offset);
      const message = t('Line {0}: the JSON cannot be read ({1}).', line + 1, read.message);
      this.#notice = { kind: 'broken', message, line };
      return;
    }
    const view = readData(read.data);
    this.#view = view;
    if (view.version === 'newer' || view.version === 'unknown') {
      const message =
        view.version === 'newer'
          ? t(
              'Version {0} of this file was written by a newer Flexferry. Update the extension.',
              view.versionText,
            )
          : t('This file has no version that Flexferry knows.');
      this.#notice = { kind: 'newer', message };
    } else if (view.version === 'older') {
      const message = t('This file has version {0}. Upgrade it to edit it here.', view.versionText);
      this.#notice = { kind: 'older', message };
    } else if (vscode.workspace.fs.isWritableFileSystem(this.document.uri.scheme) === false) {
      this.#notice = { kind: 'readonly', message: t('This version of the file cannot be edited.') };
    }
  }

  #show(view: DatabaseView): ShownDatabase {
    const server = this.#view?.source;
    if (!server || !this.trusted) return { view, status: { state: 'refused' } };
    if (this.#servers() !== this.#connections) return { view, status: { state: 'loading' } };
    const reading = this.sources.catalog(server, view.source);
    if (reading.state === 'failed') return { view, status: reading };
    if (reading.state !== 'ready') return { view, status: { state: 'loading' } };
    return { view, tree: this.#tree(view, reading.value), status: { state: 'ready' } };
  }

  #tree(view: DatabaseView, catalog: MappingCatalog): DatabaseTree {
    const text = JSON.stringify(view);
    const known = this.#trees.get(view.id);
    if (known?.text === text && known.catalog === catalog) return known.tree;
    const tree = buildTree(view, catalog);
    this.#trees.set(view.id, { text, catalog, tree });
    return tree;
  }

  async #changedBy(data: JsonObject, gesture: DataGesture): Promise<JsonObject | undefined> {
    const outcome = applyGesture(data, gesture, (id) => this.catalogOf(id));
    if (outcome.state === 'changed') return outcome.data;
    if (outcome.state === 'unknown') throw new Error(t('The file has changed: this is not in it any more.'));
    const place = 'key' in gesture ? readKey(gesture.key) : undefined;
    const label =
      place?.at === 'table'
        ? `${place.relation.schema}.${place.relation.name}`
        : place?.at === 'schema'
          ? place.schema
          : t('This object');
    const answer = await askLeftOut(label, outcome);
    if (answer === 'text') await vscode.commands.executeCommand('workbench.action.reopenTextEditor');
    return answer === 'all' || answer === 'onlyThis' ? answered(outcome, answer) : undefined;
  }

  async #addDatabases(): Promise<boolean> {
    const server = this.#view?.source;
    if (!server || !this.trusted) return true;
    const present = new Set(this.#view?.databases.map(({ source }) => source));
    const items = this.#databaseItems(server, present);
    const picked = await vscode.window.showQuickPick(items, {
      title: t('Add Databases'),
      placeHolder: t('Databases of the source; one may be added again to be split over several targets'),
      canPickMany: true,
      ignoreFocusOut: true,
    });
    if (!picked || picked.length === 0) return true;
    const names = picked.map(({ label }) => label);
    return this.#edits.run((data) => withDatabases(data, names));
  }

  async #databaseItems(server: ProjectServer, present: ReadonlySet<string>): Promise<vscode.QuickPickItem[]> {
    const found = await this.sources.databases(server);
    return found
      .filter(({ canConnect }) => canConnect)
      .sort((a, b) => Number(present.has(a.name)) - Number(present.has(b.name)))
      .map(({ name }) => ({
        label: name,
        ...(present.has(name) && { description: t('already in the project') }),
      }));
  }

  #servers(): string {
    return JSON.stringify([this.#view?.source, this.#view?.target]);
  }

  #fire(): void {
    this.revision += 1;
    this.#shown = undefined;
    this.#changed.fire();
  }
}
