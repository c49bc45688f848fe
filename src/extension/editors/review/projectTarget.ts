import * as vscode from 'vscode';
import { describeServer } from '../../../protocol/connection.js';
import type { DdlContext } from '../../../protocol/ddl.js';
import type { BrowsingEngine } from '../../engine/browsingEngine.js';
import { readProject } from '../../migrations/projectFiles.js';
import { connectionOf } from '../../migrations/projectPasswords.js';
import type { ServerRegistry } from '../../servers/serverRegistry.js';
import { databaseOf, ddlFileOf } from '../ddlFile.js';
import type { SqlTarget } from './runOnTarget.js';
import { type TableDdl, targetDatabase } from './tableDdl.js';

const t = vscode.l10n.t;

/** Where the SQL of a document belongs. Says so, and is undefined, for a file of no project. Throws faults. */
export async function targetOf(
  uri: vscode.Uri,
  registry: ServerRegistry,
  engine: BrowsingEngine,
  tables: TableDdl,
): Promise<SqlTarget | undefined> {
  const table = tables.of(uri);
  const found = table ? await targetDatabase(table) : await databaseOfFile(uri);
  if (!found) {
    void vscode.window.showInformationMessage(
      t('{0} belongs to no database of a project.', vscode.workspace.asRelativePath(uri)),
    );
    return undefined;
  }
  const { project, database } = found;
  const connection = await connectionOf(registry, project.target, database.target);
  const { spec } = await engine.resolve(connection);
  return { project, connection, name: `${describeServer(spec)}/${database.target}` };
}

async function databaseOfFile(uri: vscode.Uri) {
  const file = ddlFileOf(uri);
  const project = file && (await readProject(file.project));
  // Roles and other globals are the same in every database.
  const database =
    project && (file.folder === undefined ? project.databases[0] : databaseOf(project, file.folder));
  return database && { project, database };
}

/** What was known of the target when the DDL was generated; undefined before. */
export async function contextOf(uri: vscode.Uri): Promise<DdlContext | undefined> {
  const file = ddlFileOf(uri);
  if (file?.folder === undefined) return undefined;
  const context = vscode.Uri.joinPath(file.directory, 'generated', file.folder, 'context.json');
  try {
    return JSON.parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(context))) as DdlContext;
  } catch {
    return undefined;
  }
}
