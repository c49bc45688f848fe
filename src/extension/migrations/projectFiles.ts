import * as vscode from 'vscode';
import { errorCodes } from '../../protocol/errorCodes.js';
import {
  defaultOptions,
  formatProject,
  type Project,
  projectVersion,
  upgradeProject,
} from '../../protocol/project.js';
import { ExtensionFault } from '../faults.js';

export const projectSuffix = '.flexferry.json';

/** Name of the project a file holds, from its path. */
export function projectName(uri: vscode.Uri): string {
  return (uri.path.split('/').at(-1) ?? '').replace(/\.flexferry\.json$/, '');
}

/** Absolute path of the folder beside a project file that takes ddl/ and runs/. */
export function projectDirectory(uri: vscode.Uri): string {
  return uri.fsPath.replace(/\.json$/, '');
}

/** A file name that every file system takes; names of databases are free text. */
export function safeFileName(name: string): string {
  const safe = name.replace(/[^\p{L}\p{N}._ -]/gu, '-').replace(/^[.\s]+|[.\s]+$/g, '');
  return safe === '' ? 'migration' : safe.slice(0, 80);
}

/**
 * Where new projects go: the first folder on disk of a trusted workspace, else the storage of the extension
 * (no folder, virtual or untrusted workspace).
 */
export function projectFolder(storage: vscode.Uri): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
  return folder && vscode.workspace.isTrusted ? folder.uri : vscode.Uri.joinPath(storage, 'projects');
}

export async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}

/** The file a new project of this name goes to; an existing one is never taken. */
export async function newProjectUri(folder: vscode.Uri, name: string): Promise<vscode.Uri> {
  const base = safeFileName(name);
  for (let n = 1; ; n += 1) {
    const uri = vscode.Uri.joinPath(folder, `${n === 1 ? base : `${base} ${n}`}${projectSuffix}`);
    if (!(await exists(uri))) return uri;
  }
}

export async function writeProject(uri: vscode.Uri, project: Project): Promise<void> {
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(uri, '..'));
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(formatProject(project)));
}

/** Reads a project far enough to show and start it; the engine checks it whole before it does anything. */
export async function readProject(uri: vscode.Uri): Promise<Project> {
  const bad = (message: string, code: 'FF700' | 'FF701' = 'FF700') =>
    new ExtensionFault({ code, message, fix: errorCodes[code].help, object: uri.fsPath });
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
  } catch (error) {
    throw bad(
      `${projectName(uri)}${projectSuffix}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (typeof parsed !== 'object' || parsed === null) throw bad(vscode.l10n.t('The file holds no object.'));
  const project = upgradeProject(parsed) as Partial<Project>;
  if (typeof project.version === 'number' && project.version > projectVersion)
    throw bad(vscode.l10n.t('Its version is {0}.', project.version), 'FF701');
  if (
    project.version !== projectVersion ||
    typeof project.source?.connection !== 'string' ||
    typeof project.target?.connection !== 'string' ||
    !Array.isArray(project.databases)
  )
    throw bad(vscode.l10n.t('version, source, target or databases is missing or wrong.'));
  return {
    ...(project as Project),
    name: project.name ?? projectName(uri),
    options: { ...defaultOptions, ...project.options },
  };
}
