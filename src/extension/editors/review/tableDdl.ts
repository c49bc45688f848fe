import * as vscode from 'vscode';
import type { StoppedTable } from '../../../protocol/follow.js';
import { followedDatabases } from '../../../protocol/followView.js';
import { databaseKey } from '../../../protocol/project.js';
import { commands, contextKeys } from '../../contributions.js';
import type { Migration } from '../../migrations/migration.js';
import { readProject } from '../../migrations/projectFiles.js';

const t = vscode.l10n.t;

/** Whose DDL a document holds. */
export interface TableDdlDocument {
  readonly migration: Migration;
  /** Key of the database. */
  readonly source: string;
  readonly schema: string;
  readonly name: string;
}

/**
 * DDL that makes a stopped table fit its source again: in editors of their own, to be read, changed and run on the
 * target. They are files of nobody: nothing of them runs by itself.
 */
export class TableDdl implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #documents = new Map<string, TableDdlDocument>();
  #listeners: vscode.Disposable[] = [];

  async open(migration: Migration, source: string, table: StoppedTable): Promise<void> {
    this.#listen();
    const { schema, name } = table;
    const known = [...this.#documents].find(
      ([, of]) =>
        of.migration === migration && of.source === source && of.schema === schema && of.name === name,
    );
    const document = known
      ? await vscode.workspace.openTextDocument(vscode.Uri.parse(known[0]))
      : await vscode.workspace.openTextDocument({
          language: 'sql',
          content: `${heading(source, table)}\n\n${(table.ddl ?? '').trim()}\n`,
        });
    this.#documents.set(document.uri.toString(), { migration, source, schema, name });
    await vscode.window.showTextDocument(document, { preview: false });
    this.#update();
  }

  of(uri: vscode.Uri): TableDdlDocument | undefined {
    return this.#documents.get(uri.toString());
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const of = this.of(document.uri);
    if (!of) return [];
    const { migration, source, schema, name } = of;
    const top = new vscode.Range(0, 0, 0, 0);
    return [
      new vscode.CodeLens(top, { command: commands.runSelection, title: t('Run on target') }),
      new vscode.CodeLens(top, {
        command: commands.retryTable,
        title: t('Retry table'),
        arguments: [{ migration, source, schema, name }],
      }),
    ];
  }

  dispose(): void {
    for (const listener of this.#listeners) listener.dispose();
  }

  /** Only once there is something to listen for. */
  #listen(): void {
    if (this.#listeners.length > 0) return;
    this.#listeners = [
      vscode.languages.registerCodeLensProvider({ scheme: 'untitled', language: 'sql' }, this),
      vscode.window.onDidChangeActiveTextEditor(() => this.#update()),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#documents.delete(uri.toString())),
    ];
  }

  #update(): void {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const ours = uri !== undefined && this.of(uri) !== undefined;
    void vscode.commands.executeCommand('setContext', contextKeys.tableDdl, ours);
  }
}

function heading(source: string, { schema, name, fault }: StoppedTable): string {
  const lines = [
    // VS Code takes the first words for the title of the editor.
    t('DDL of {0}', `${schema}.${name}`),
    t('Stopped in {0}: {1}', source, fault.message),
    t('Review this and run it on the target.'),
  ];
  return lines.flatMap((line) => line.split('\n').map((part) => `-- ${part}`)).join('\n');
}

/** Whether the changes of a table are applied again, within so many milliseconds. */
export async function goesOn(
  { migration, source, schema, name }: TableDdlDocument,
  milliseconds: number,
): Promise<boolean> {
  const isStopped = () =>
    followedDatabases(migration.snapshot)
      .find((database) => database.source === source)
      ?.follow.stopped.some((table) => table.schema === schema && table.name === name) === true;
  if (!isStopped()) return true;
  return new Promise((resolve) => {
    const end = (outcome: boolean) => {
      clearTimeout(timer);
      listener.dispose();
      resolve(outcome);
    };
    const timer = setTimeout(() => end(false), milliseconds);
    const listener = migration.onDidChange(() => {
      if (!isStopped()) end(true);
    });
  });
}

/** Where its SQL runs: the database on the target of the project. */
export async function targetDatabase({ migration, source }: TableDdlDocument) {
  const project = await readProject(migration.uri);
  const database = project.databases.find((_, index) => databaseKey(project.databases, index) === source);
  return database && { project, database };
}
