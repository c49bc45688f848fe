import * as vscode from 'vscode';
import { DdlCommands } from './commands/ddlCommands.js';
import { FollowCommands } from './commands/followCommands.js';
import { MigrateCommand } from './commands/migrate.js';
import { MigrationCommands } from './commands/migrationCommands.js';
import { ServerCommands } from './commands/serverCommands.js';
import { commands } from './contributions.js';
import { MappingEditor } from './editors/mapping/mappingEditor.js';
import { EditorState } from './editors/review/editorState.js';
import { LanguageService } from './editors/review/languageService.js';
import { StateFeed } from './editors/review/stateFeed.js';
import { TableDdl } from './editors/review/tableDdl.js';
import { VirtualDocuments } from './editors/review/virtualDocuments.js';
import { BrowsingEngine } from './engine/browsingEngine.js';
import { FollowRequests } from './migrations/followRequests.js';
import { Migrations } from './migrations/migrations.js';
import { MigrationStarter } from './migrations/startMigration.js';
import { Dashboard } from './panels/dashboard.js';
import { ReportPanel } from './panels/reportPanel.js';
import { importDemoServers } from './servers/demoServers.js';
import { ServerRegistry } from './servers/serverRegistry.js';
import { FollowNotices } from './views/followNotices.js';
import { MigrationsView } from './views/migrationsView.js';
import { ServersView } from './views/serversView.js';
import { createStatusBar } from './views/statusBar.js';

/** What the extension-host suite looks at; nothing is exported outside of tests. */
export interface TestApi {
  readonly registry: ServerRegistry;
  readonly migrations: Migrations;
  readonly serversView: ServersView;
  readonly migrationsView: MigrationsView;
  readonly language: LanguageService;
  readonly mapping: MappingEditor;
}

/** Only wires: no file, process or connection is opened before something is shown or asked for. */
export function activate(context: vscode.ExtensionContext): TestApi | undefined {
  const dist = vscode.Uri.joinPath(context.extensionUri, 'dist');
  const script = vscode.Uri.joinPath(dist, 'engine.js').fsPath;
  const icon = vscode.Uri.joinPath(context.extensionUri, 'media', 'flexferry-color.svg');
  const log = vscode.window.createOutputChannel('Flexferry', { log: true });

  const registry = new ServerRegistry(context);
  const engine = new BrowsingEngine(script, log);
  const migrations = new Migrations(context, script, log);
  const language = new LanguageService(dist);
  const documents = new VirtualDocuments();
  const tables = new TableDdl();
  const requests = new FollowRequests(registry, engine);
  const feed = new StateFeed(language, migrations);
  const starter = new MigrationStarter(registry, (migration) => feed.flush(migration));
  const dashboard = new Dashboard(dist, icon, migrations, context.workspaceState, log);
  const report = new ReportPanel(icon);
  const mapping = new MappingEditor(dist, registry, engine, log);
  const serversView = new ServersView(registry, engine);
  const migrationsView = new MigrationsView(migrations);

  context.subscriptions.push(
    log,
    engine,
    migrations,
    report,
    tables,
    ...dashboard.register(),
    ...serversView.register(),
    ...migrationsView.register(),
    ...new ServerCommands(registry, engine, serversView).register(),
    ...new MigrationCommands(migrations, starter, dashboard, report).register(),
    ...new FollowCommands(migrations, requests, dashboard, tables).register(),
    ...new MigrateCommand(registry, engine, migrations, context.globalStorageUri, serversView).register(),
    ...mapping.register(),
    ...language.register(),
    ...documents.register(),
    ...feed.register(),
    ...new DdlCommands({ registry, engine, migrations, language, documents, tables, script, log }).register(),
    new EditorState(migrations),
    createStatusBar(migrations),
    new FollowNotices(migrations, (migration) => dashboard.isShowing(migration)),
    vscode.commands.registerCommand(commands.showLog, () => log.show()),
  );
  importDemoServers(registry).catch((error: unknown) => log.error(`demo servers: ${String(error)}`));
  const testing = context.extensionMode === vscode.ExtensionMode.Test;
  return testing ? { registry, migrations, serversView, migrationsView, language, mapping } : undefined;
}
