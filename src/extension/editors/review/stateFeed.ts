import * as vscode from 'vscode';
import type { Migration } from '../../migrations/migration.js';
import type { Migrations } from '../../migrations/migrations.js';
import { ddlFileOf, ddlUri, sections } from '../ddlFile.js';
import { isGenerated, type LanguageService } from './languageService.js';

/** While a run goes on, states are sent at most this often: each time those of a whole database. */
const pauseMs = 1000;

/** Tells the language server what became of the statements of the projects whose files are open. */
export class StateFeed implements vscode.Disposable {
  readonly #followed = new Map<Migration, vscode.Disposable>();
  readonly #told = new Map<Migration, Set<string>>();
  readonly #due = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly language: LanguageService,
    private readonly migrations: Migrations,
  ) {}

  register(): vscode.Disposable[] {
    const opened = (document: vscode.TextDocument) => {
      if (isGenerated(document)) void this.#follow(document.uri);
    };
    for (const document of vscode.workspace.textDocuments) opened(document);
    return [
      this,
      vscode.workspace.onDidOpenTextDocument(opened),
      this.language.onDidStart(() => {
        this.#told.clear();
        for (const migration of this.#followed.keys()) this.#tellAll(migration);
      }),
    ];
  }

  /** Tells at once what is known of a project. */
  async flush(migration: Migration): Promise<void> {
    await this.#follow(ddlUri(migration.uri, '', 'pre-data.sql'));
    await Promise.all(migration.statements.databases().map((database) => this.#tell(migration, database)));
  }

  dispose(): void {
    for (const timer of this.#due.values()) clearTimeout(timer);
    for (const subscription of this.#followed.values()) subscription.dispose();
    this.#followed.clear();
  }

  async #follow(uri: vscode.Uri): Promise<void> {
    const file = ddlFileOf(uri);
    const migration = file && (await this.migrations.known(file.project));
    if (!migration || this.#followed.has(migration)) return;
    this.#followed.set(
      migration,
      migration.onDidChangeStatements((database) => {
        if (database === undefined) this.#tellAll(migration);
        else this.#tellSoon(migration, database);
      }),
    );
    this.#tellAll(migration);
  }

  #tellAll(migration: Migration): void {
    const databases = new Set([...(this.#told.get(migration) ?? []), ...migration.statements.databases()]);
    for (const database of databases) this.#tellSoon(migration, database);
  }

  #tellSoon(migration: Migration, database: string): void {
    const id = `${migration.uri} ${database}`;
    if (this.#due.has(id)) return;
    const tell = () => {
      this.#due.delete(id);
      this.#tell(migration, database).catch(() => undefined); // the server has ended; it is told after its next start
    };
    this.#due.set(id, setTimeout(tell, pauseMs));
  }

  async #tell(migration: Migration, database: string): Promise<void> {
    const told = this.#told.get(migration) ?? new Set();
    this.#told.set(migration, told.add(database));
    await this.language.sendStates({
      uris: sections.map((file) => ddlUri(migration.uri, database, file).toString()),
      states: Object.fromEntries(migration.statements.of(database)),
    });
  }
}
