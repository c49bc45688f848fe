import * as vscode from 'vscode';
import { type GeneratedDdl, generateDdl } from '../../../protocol/engine.js';
import type { Project } from '../../../protocol/project.js';
import { EngineProcess } from '../../engine/engineProcess.js';
import { projectDirectory, projectName } from '../../migrations/projectFiles.js';
import type { ProjectPasswords } from '../../migrations/projectPasswords.js';
import { sqlFiles } from '../ddl.js';
import { directoryOf, sections } from '../ddlFile.js';

const t = vscode.l10n.t;

/** How long an editor may take to read its file again. */
const freshMs = 5000;

/** Writes the DDL files of a project in an engine of its own. Undefined where the user cancelled; throws faults. */
export async function writeDdl(
  uri: vscode.Uri,
  project: Project,
  passwords: ProjectPasswords,
  script: string,
  log: vscode.LogOutputChannel,
): Promise<GeneratedDdl | undefined> {
  const engine = new EngineProcess(script, log, `DDL of ${projectName(uri)}`);
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Generating the DDL of {0}', projectName(uri)),
    cancellable: true,
  };
  const params = {
    project,
    directory: projectDirectory(uri),
    ...(passwords.source !== undefined && { sourcePassword: passwords.source }),
    ...(passwords.target !== undefined && { targetPassword: passwords.target }),
  };
  try {
    return await vscode.window.withProgress(options, async (_, token) => {
      const answer = engine.request(generateDdl, params, token);
      try {
        return await answer;
      } catch (error) {
        if (token.isCancellationRequested) return undefined;
        throw error;
      }
    });
  } finally {
    engine.dispose();
  }
}

/** Opens what was generated: the first conflict where there is one, else the files of the first database. */
export async function showGenerated({ files }: GeneratedDdl): Promise<void> {
  const conflict = files.find(({ outcome }) => outcome === 'conflict');
  if (conflict) return showConflict(conflict.path);
  const [first] = files.filter(({ database }) => database !== undefined);
  const shown = files.filter(({ database }) => database === undefined || database === first?.database);
  // Pre-data last, so that it is the one in front; globals, which are of no section, first.
  const order = (path: string) =>
    path.endsWith(sections[0]) ? 0 : path.endsWith(sections[1]) ? 1 : sections.length;
  for (const { path } of shown.toSorted((a, b) => order(b.path) - order(a.path)))
    await showFresh(vscode.Uri.file(path));
}

/** Opens the first conflict that is left in the generated files of a project. False where none is. */
export async function showLeftConflict(project: vscode.Uri): Promise<boolean> {
  for (const uri of await sqlFiles(vscode.Uri.joinPath(directoryOf(project), 'ddl'))) {
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    if (!/^<<<<<<< /m.test(text)) continue;
    await showConflict(uri.fsPath);
    return true;
  }
  return false;
}

async function showConflict(path: string): Promise<void> {
  const editor = await showFresh(vscode.Uri.file(path));
  const { document } = editor;
  const at = document.positionAt(Math.max(0, document.getText().search(/^<<<<<<< /m)));
  editor.selection = new vscode.Selection(at, at);
  editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenter);
}

/** An editor with the text that its file has: an open one would hear of it only after a while. */
async function showFresh(uri: vscode.Uri): Promise<vscode.TextEditor> {
  const editor = await vscode.window.showTextDocument(uri, { preview: false });
  const { document } = editor;
  const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  const unix = (lines: string) => lines.replaceAll('\r\n', '\n');
  const isFresh = () => document.isDirty || unix(document.getText()) === unix(text);
  if (isFresh()) return editor;
  const changed = new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    };
    const timer = setTimeout(end, freshMs);
    const listener = vscode.workspace.onDidChangeTextDocument((change) => {
      if (change.document === document && isFresh()) end();
    });
  });
  // Nothing is lost: it has no unsaved changes.
  await vscode.commands.executeCommand('workbench.action.files.revert');
  await changed;
  return editor;
}

/** How many files hold how many conflicts, as a sentence; undefined where there are none. */
export function conflictText({ files }: GeneratedDdl): string | undefined {
  const count = files.reduce((sum, { conflicts }) => sum + conflicts, 0);
  if (count === 0) return undefined;
  return t(
    'Your edits and what is new contradict each other in {0} places. Decide for one side at each: the migration does not start before. Nothing was overwritten.',
    count,
  );
}
