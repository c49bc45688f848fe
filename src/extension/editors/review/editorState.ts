import * as vscode from 'vscode';
import { contextKeys } from '../../contributions.js';
import type { Migration } from '../../migrations/migration.js';
import type { Migrations } from '../../migrations/migrations.js';
import { ddlFileOf } from '../ddlFile.js';

export function projectState(migration: Migration): 'new' | 'running' | 'resumable' | 'done' {
  if (migration.running) return 'running';
  if (migration.resumable) return 'resumable';
  return migration.snapshot?.state === 'succeeded' || migration.isOver ? 'done' : 'new';
}

/** Keeps the context key that decides whether the generated file in front offers to start or to continue its project. */
export class EditorState implements vscode.Disposable {
  readonly #listeners: vscode.Disposable[];
  #shown: string | undefined;

  constructor(private readonly migrations: Migrations) {
    this.#listeners = [
      vscode.window.onDidChangeActiveTextEditor(() => void this.#update()),
      migrations.onDidChange(() => void this.#update()),
    ];
    void this.#update();
  }

  dispose(): void {
    for (const listener of this.#listeners) listener.dispose();
  }

  async #update(): Promise<void> {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const file = uri?.scheme === 'file' ? ddlFileOf(uri) : undefined;
    const migration = file && (await this.migrations.known(file.project));
    const state = migration && projectState(migration);
    if (state === this.#shown) return;
    this.#shown = state;
    await vscode.commands.executeCommand('setContext', contextKeys.ddlState, state);
  }
}
