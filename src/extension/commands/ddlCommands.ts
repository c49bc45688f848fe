import * as vscode from 'vscode';
import { commands } from '../contributions.js';
import { ddlFileOf } from '../editors/ddlFile.js';
import { allowExtension } from '../editors/review/allowExtension.js';
import { compareWithSource, compareWithTarget } from '../editors/review/compare.js';
import { conflictText, showGenerated, writeDdl } from '../editors/review/generate.js';
import type { LanguageService } from '../editors/review/languageService.js';
import { mapOwner } from '../editors/review/mapOwner.js';
import { contextOf, targetOf } from '../editors/review/projectTarget.js';
import { RunDiagnostics } from '../editors/review/runDiagnostics.js';
import { TargetRunner } from '../editors/review/runOnTarget.js';
import { showSourceStatement, skipStatement, unskipStatement } from '../editors/review/statementCommands.js';
import { runSelection, runStatement, showStatementState } from '../editors/review/statementRuns.js';
import type { TableDdl } from '../editors/review/tableDdl.js';
import { offerToSave } from '../editors/review/unsavedDdl.js';
import { sourceScheme, targetScheme, type VirtualDocuments } from '../editors/review/virtualDocuments.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { showFault, toFault } from '../faults.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { readProject } from '../migrations/projectFiles.js';
import { passwordsOf } from '../migrations/projectPasswords.js';
import { mayRun, refuseUntrusted } from '../migrations/startMigration.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { activeProject, givenMigration, pickMigration } from './chooseMigration.js';
import { offerPassword } from './offerPassword.js';

const t = vscode.l10n.t;

/** What the commands of the review work with. */
export interface DdlReview {
  readonly registry: ServerRegistry;
  readonly engine: BrowsingEngine;
  readonly migrations: Migrations;
  readonly language: LanguageService;
  readonly documents: VirtualDocuments;
  readonly tables: TableDdl;
  /** Bundle of the engine. */
  readonly script: string;
  readonly log: vscode.LogOutputChannel;
}

/** Commands of generated SQL files. */
export class DdlCommands {
  readonly #runner: TargetRunner;

  constructor(private readonly review: DdlReview) {
    this.#runner = new TargetRunner(review.script, review.log);
  }

  register(): vscode.Disposable[] {
    const { language, documents, migrations, tables } = this.review;
    const on = (command: string, run: (...given: unknown[]) => Promise<unknown>) =>
      vscode.commands.registerCommand(command, async (...given: unknown[]) => {
        try {
          await run(...given);
        } catch (error) {
          void showFault(toFault(error));
        }
      });
    const diagnostics = new RunDiagnostics();
    const targetOfFile = (uri: vscode.Uri) => this.#targetOf(uri);
    const runs = { runner: this.#runner, migrations, diagnostics, tables, targetOf: targetOfFile };
    return [
      diagnostics,
      on(commands.generateDdl, (given) => this.#generate(given)),
      on(commands.diffSource, (given) => this.#onFile(given, compareWithSource)),
      on(commands.diffTarget, (given) => this.#onFile(given, (uri) => this.#compareWithTarget(uri))),
      on(commands.skipStatement, skipStatement),
      on(commands.unskipStatement, unskipStatement),
      on(commands.runStatement, (given) => runStatement(given, runs)),
      on(commands.runSelection, () => runSelection(runs)),
      on(commands.showSourceStatement, (given) => showSourceStatement(given, language, documents)),
      on(commands.showStatementState, (given) => showStatementState(given, migrations)),
      on(commands.mapOwner, mapOwner),
      on(commands.allowExtension, (given) => allowExtension(given, (uri) => this.#allowFacts(uri))),
      on(commands.checkSqlFile, () => this.#checkFile()),
      on(commands.restartLanguageServer, () => language.restart()),
      on(commands.showLanguageServerLog, async () => language.showLog()),
    ];
  }

  async #generate(given: unknown): Promise<void> {
    const { migrations } = this.review;
    const migration =
      (await givenMigration(migrations, given ?? activeProject())) ??
      (await pickMigration(migrations, ({ running }) => !running));
    if (!migration) return;
    if (!mayRun(migration.uri)) return refuseUntrusted();
    if (migration.running) {
      void vscode.window.showInformationMessage(
        t('{0} is running. Its DDL can be generated again when it has ended.', migration.name),
      );
      return;
    }
    if (await offerToSave(migration.uri)) await this.#write(migration);
  }

  async #write(migration: Migration): Promise<void> {
    const { registry, language, documents, script, log } = this.review;
    const project = await readProject(migration.uri);
    try {
      const passwords = await passwordsOf(registry, project);
      const generated = await writeDdl(migration.uri, project, passwords, script, log);
      if (!generated) return;
      const directories = generated.files.map(({ path }) => ddlFileOf(vscode.Uri.file(path)));
      const contexts = directories.flatMap((file) =>
        file?.folder === undefined
          ? []
          : [vscode.Uri.joinPath(file.directory, 'generated', file.folder, 'context.json')],
      );
      await language.filesChanged([...new Map(contexts.map((uri) => [uri.path, uri])).values()]);
      const [first] = directories;
      if (first) documents.refresh(first.directory);
      await showGenerated(generated);
      const conflicts = conflictText(generated);
      if (conflicts !== undefined) void vscode.window.showWarningMessage(conflicts);
    } catch (error) {
      const fault = toFault(error);
      if (fault.code !== 'FF102') throw error;
      if (await offerPassword(registry, project, fault)) await this.#write(migration);
    }
  }

  /** The generated file that a menu was opened on, or the one in front. */
  async #onFile(given: unknown, run: (uri: vscode.Uri) => Promise<void>): Promise<void> {
    const active = vscode.window.activeTextEditor?.document.uri;
    const uri = given instanceof vscode.Uri ? given : active;
    const isOurs = (candidate: vscode.Uri) => [sourceScheme, targetScheme, 'file'].includes(candidate.scheme);
    if (uri && isOurs(uri) && ddlFileOf(uri)) return run(vscode.Uri.file(uri.path));
    void vscode.window.showInformationMessage(t('Open a generated SQL file first.'));
  }

  async #compareWithTarget(uri: vscode.Uri): Promise<void> {
    const { documents, script, log } = this.review;
    const target = await this.#targetOf(uri);
    if (target) await compareWithTarget(uri, target.connection, documents, { script, log });
  }

  /** Undefined, and said so, where the file is of no project, or its project may not connect anywhere. */
  async #targetOf(uri: vscode.Uri) {
    const { registry, engine, tables } = this.review;
    const project = tables.of(uri)?.migration.uri ?? ddlFileOf(uri)?.project;
    if (project && !mayRun(project)) {
      await refuseUntrusted();
      return undefined;
    }
    return targetOf(uri, registry, engine, tables);
  }

  async #allowFacts(uri: vscode.Uri) {
    const project = ddlFileOf(uri)?.project;
    const connection = project && (await readProject(project)).target.connection;
    const resolved =
      connection === undefined ? undefined : await this.review.engine.resolve({ text: connection });
    const host = resolved?.spec.hosts[0]?.host;
    const allowed = (await contextOf(uri))?.target.allowedExtensions;
    return { ...(host !== undefined && { host }), ...(allowed !== undefined && { allowed }) };
  }

  async #checkFile(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (!document) void vscode.window.showInformationMessage(t('Open a SQL file first.'));
    else if (ddlFileOf(document.uri)) await this.review.language.start();
    else await this.review.language.check(document);
  }
}
