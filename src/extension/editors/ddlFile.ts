/** Where generated SQL files stand beside their project, by path alone: see src/protocol/ddl.ts. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { folderName } from '../../protocol/ddlFolder.js';
import { databaseKey, type Project, type ProjectDatabase } from '../../protocol/project.js';
import { projectSuffix } from '../migrations/projectFiles.js';

export const sections = ['pre-data.sql', 'post-data.sql'] as const;
export type SectionFile = (typeof sections)[number];

/** Generated SQL files, as a glob for selectors. */
export const generatedPattern = '**/*.flexferry/ddl/**/*.sql';

export interface DdlFile {
  /** The project file that it belongs to; it need not be there. */
  readonly project: vscode.Uri;
  /** `<name>.flexferry`. */
  readonly directory: vscode.Uri;
  /** Name of the database's folder; absent for globals.sql. */
  readonly folder?: string;
  /** File name below the folder. */
  readonly file: string;
}

/** What a URI says about the generated file it names; undefined for any other. Schemes are not looked at. */
export function ddlFileOf(uri: vscode.Uri): DdlFile | undefined {
  const found = /^(.*\/[^/]+\.flexferry)\/ddl\/(?:([^/]+)\/)?([^/]+\.sql)$/.exec(uri.path);
  if (!found) return undefined;
  const [, path = '', folder, file = ''] = found;
  const directory = vscode.Uri.file(path);
  return {
    project: vscode.Uri.joinPath(
      directory,
      '..',
      `${posix.basename(path).replace(/\.flexferry$/, '')}${projectSuffix}`,
    ),
    directory,
    ...(folder !== undefined && { folder }),
    file,
  };
}

/** The folder beside a project file that takes ddl/, generated/ and runs/. */
export function directoryOf(project: vscode.Uri): vscode.Uri {
  return project.with({ path: project.path.replace(/\.json$/, '') });
}

/** What runs of one database. `database` is its key in events and reports. */
export function ddlUri(project: vscode.Uri, database: string, file: SectionFile): vscode.Uri {
  return vscode.Uri.joinPath(directoryOf(project), 'ddl', folderName(database), file);
}

/** The database of a project whose files stand in a folder. */
export function databaseOf(project: Project, folder: string | undefined): ProjectDatabase | undefined {
  if (folder === undefined) return undefined;
  return project.databases.find((_, index) => folderName(databaseKey(project.databases, index)) === folder);
}
