import * as vscode from 'vscode';
import { followedDatabases } from '../../protocol/followView.js';
import { contextKeys } from '../contributions.js';
import { Migration } from './migration.js';
import { exists, projectFolder, projectSuffix } from './projectFiles.js';

const knownKey = 'flexferry.projects';
const removedKey = 'flexferry.removedProjects';
const maximalFound = 200;

/**
 * The projects of this window: the ones started here, and project files found in the workspace and in the storage of
 * the extension, less the ones the user took off the list.
 */
export class Migrations implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Migration | undefined>();
  /** Fires the migration that changed, undefined when the list did. */
  readonly onDidChange = this.#changed.event;
  readonly #all = new Map<string, Migration>();
  readonly #shown = new Map<string, boolean>();

  constructor(
    private readonly context: Pick<vscode.ExtensionContext, 'workspaceState' | 'globalStorageUri'>,
    private readonly script: string,
    private readonly output: vscode.LogOutputChannel,
  ) {}

  list(): Migration[] {
    return [...this.#all.values()];
  }

  running(): Migration[] {
    return this.list().filter((migration) => migration.running);
  }

  /** The migration of a project file; made known, and put back on the list if it was removed. */
  async open(uri: vscode.Uri): Promise<Migration> {
    const key = uri.toString();
    await this.#remember(key);
    return this.#track(uri);
  }

  /** The migration of a project file with its last run read; undefined where the user took it off the list. */
  async known(uri: vscode.Uri): Promise<Migration | undefined> {
    const key = uri.toString();
    if (!this.#all.has(key) && (this.#stored(removedKey).includes(key) || !(await exists(uri))))
      return undefined;
    const migration = this.#track(uri);
    await migration.read();
    return migration;
  }

  /** Takes a project off the list; its files stay. */
  async remove(migration: Migration): Promise<void> {
    const key = migration.uri.toString();
    await this.context.workspaceState.update(
      knownKey,
      this.#stored(knownKey).filter((uri) => uri !== key),
    );
    await this.context.workspaceState.update(removedKey, [...this.#stored(removedKey), key]);
    this.#all.delete(key);
    migration.dispose();
    this.#changed.fire(undefined);
  }

  /** Looks for project files and reads the last run of each. */
  async discover(): Promise<void> {
    const removed = new Set(this.#stored(removedKey));
    const found = new Map<string, vscode.Uri>();
    const add = (uri: vscode.Uri) => {
      if (uri.scheme === 'file' && !removed.has(uri.toString())) found.set(uri.toString(), uri);
    };
    for (const key of this.#stored(knownKey)) {
      const uri = vscode.Uri.parse(key);
      if (await exists(uri)) add(uri);
    }
    for (const uri of await vscode.workspace.findFiles(
      `**/*${projectSuffix}`,
      '**/node_modules/**',
      maximalFound,
    ))
      add(uri);
    for (const uri of await this.#inStorage()) add(uri);
    for (const [key, migration] of this.#all) {
      if (found.has(key) || migration.running) continue;
      this.#all.delete(key);
      migration.dispose();
    }
    for (const uri of found.values()) void this.#track(uri).read(true);
    this.#changed.fire(undefined);
  }

  dispose(): void {
    for (const migration of this.#all.values()) migration.dispose();
    this.#changed.dispose();
  }

  async #inStorage(): Promise<vscode.Uri[]> {
    const folder = vscode.Uri.joinPath(this.context.globalStorageUri, 'projects');
    if (projectFolder(this.context.globalStorageUri).toString() !== folder.toString()) return [];
    try {
      const entries = await vscode.workspace.fs.readDirectory(folder);
      return entries
        .filter(([name, type]) => type === vscode.FileType.File && name.endsWith(projectSuffix))
        .map(([name]) => vscode.Uri.joinPath(folder, name));
    } catch {
      return []; // nothing was ever kept there
    }
  }

  #track(uri: vscode.Uri): Migration {
    const key = uri.toString();
    const known = this.#all.get(key);
    if (known) return known;
    const migration = new Migration(uri, this.script, this.output);
    migration.onDidChange(() => {
      this.#setContext();
      this.#changed.fire(migration);
    });
    this.#all.set(key, migration);
    this.#changed.fire(undefined);
    return migration;
  }

  #setContext(): void {
    const running = this.running();
    const set = (key: string, value: boolean) => {
      if ((this.#shown.get(key) ?? false) === value) return;
      this.#shown.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    };
    set(contextKeys.running, running.length > 0);
    set(
      contextKeys.following,
      running.some(({ snapshot }) => followedDatabases(snapshot).length > 0),
    );
  }

  #stored(key: string): string[] {
    const value: unknown = this.context.workspaceState.get(key);
    return Array.isArray(value) ? value.filter((uri): uri is string => typeof uri === 'string') : [];
  }

  async #remember(key: string): Promise<void> {
    const known = this.#stored(knownKey);
    if (!known.includes(key)) await this.context.workspaceState.update(knownKey, [...known, key]);
    const removed = this.#stored(removedKey);
    if (removed.includes(key))
      await this.context.workspaceState.update(
        removedKey,
        removed.filter((uri) => uri !== key),
      );
  }
}
