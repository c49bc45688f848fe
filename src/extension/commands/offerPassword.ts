import * as vscode from 'vscode';
import type { FaultData } from '../../protocol/connection.js';
import type { Project } from '../../protocol/project.js';
import { showFault } from '../faults.js';
import { recordOf } from '../migrations/projectPasswords.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { askPassword } from './askPassword.js';

const t = vscode.l10n.t;

/** Shows that a password was refused and offers to enter another one. True where it was entered. */
export async function offerPassword(
  registry: ServerRegistry,
  project: Project,
  fault: FaultData,
): Promise<boolean> {
  const records = [recordOf(registry, project.source), recordOf(registry, project.target)].filter(
    (record) => record !== undefined,
  );
  const chosen = await showFault(fault, ...records.map((record) => t('Password of {0}…', record.name)));
  const record = records.find(({ name }) => chosen === t('Password of {0}…', name));
  return record !== undefined && (await askPassword(registry, record));
}
