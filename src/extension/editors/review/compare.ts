import * as vscode from 'vscode';
import type { ConnectionInput } from '../../../protocol/engine.js';
import { readDdl } from '../../../protocol/engine.js';
import { EngineProcess } from '../../engine/engineProcess.js';
import { showFault, toFault } from '../../faults.js';
import { ddlFileOf, sections } from '../ddlFile.js';
import { sourceUri, targetUri, type VirtualDocuments } from './virtualDocuments.js';

const t = vscode.l10n.t;

const nameOf = (uri: vscode.Uri): string => {
  const { folder, file } = ddlFileOf(uri) ?? {};
  return folder === undefined ? (file ?? '') : `${folder}/${file}`;
};

/** The DDL of the source on the left, what will run on the right. */
export async function compareWithSource(file: vscode.Uri): Promise<void> {
  const isGlobals = ddlFileOf(file)?.folder === undefined;
  const title = isGlobals
    ? t('{0}: generated ↔ will run', nameOf(file))
    : t('{0}: source ↔ will run', nameOf(file));
  await vscode.commands.executeCommand('vscode.diff', sourceUri(file), file, title);
}

/** A database as it is now, read in an engine of its own. */
export interface TargetReader {
  readonly script: string;
  readonly log: vscode.LogOutputChannel;
}

/** What the target has now on the left, what will run on the right. */
export async function compareWithTarget(
  file: vscode.Uri,
  connection: ConnectionInput,
  documents: VirtualDocuments,
  { script, log }: TargetReader,
): Promise<void> {
  const engine = new EngineProcess(script, log, 'reading DDL');
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Reading the DDL of {0}', connection.database ?? ''),
    cancellable: true,
  };
  try {
    const ddl = await vscode.window.withProgress(options, async (_, token) => {
      const answer = engine.request(readDdl, connection, token);
      const cancelled = new Promise<undefined>((resolve) =>
        token.onCancellationRequested(() => resolve(undefined)),
      );
      return Promise.race([answer, cancelled]);
    });
    if (!ddl) return;
    const text = file.path.endsWith(`/${sections[1]}`) ? ddl.postData : ddl.preData;
    const left = documents.set(targetUri(file), text);
    const title = t('{0}: target now ↔ will run', nameOf(file));
    await vscode.commands.executeCommand('vscode.diff', left, file, title);
  } catch (error) {
    void showFault(toFault(error));
  } finally {
    engine.dispose();
  }
}
