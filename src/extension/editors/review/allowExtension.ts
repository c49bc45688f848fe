import * as vscode from 'vscode';
import type { ExtensionReference } from '../../../protocol/ddl.js';

const t = vscode.l10n.t;

const documentation = 'https://learn.microsoft.com/azure/postgresql/extensions/how-to-allow-extensions';
const azureDomain = '.postgres.database.azure.com';

/** A word as a POSIX shell reads it. */
const shellWord = (word: string): string =>
  /^[\w.,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The command that allow-lists an extension beside what is allowed already. */
export function allowCommand(
  host: string | undefined,
  allowed: readonly string[],
  extension: string,
): string {
  const server = host?.endsWith(azureDomain) ? host.slice(0, -azureDomain.length) : '<server>';
  const value = [...new Set([...allowed.map((name) => name.toLowerCase()), extension])].join(',');
  return [
    'az postgres flexible-server parameter set',
    '--resource-group <resource-group>',
    `--server-name ${server}`,
    '--name azure.extensions',
    `--value ${shellWord(value)}`,
  ].join(' ');
}

export interface AllowFacts {
  readonly host?: string;
  /** azure.extensions as it was when the DDL was generated. */
  readonly allowed?: readonly string[] | null;
}

/** Says which server parameter lets an extension in, and helps to change it. Nothing is changed from here. */
export async function allowExtension(
  given: unknown,
  factsOf: (uri: vscode.Uri) => Promise<AllowFacts>,
): Promise<void> {
  const { uri, extension } = (given ?? {}) as Partial<Record<keyof ExtensionReference, unknown>>;
  if (typeof uri !== 'string' || typeof extension !== 'string') return;
  const { host, allowed } = await factsOf(vscode.Uri.parse(uri));
  const command = allowCommand(host, allowed ?? [], extension);
  const copy = t('Copy Command');
  const open = t('Open Documentation');
  const detail = [
    t('In the Azure portal: Settings, Server parameters, azure.extensions.'),
    t('Or with the Azure CLI, which replaces the whole list:'),
    command,
    t('Review the DDL again afterwards.'),
  ].join('\n\n');
  const message = t('The server parameter azure.extensions of the target has to name {0}.', extension);
  const chosen = await vscode.window.showInformationMessage(message, { modal: true, detail }, copy, open);
  if (chosen === copy) {
    await vscode.env.clipboard.writeText(command);
    vscode.window.setStatusBarMessage(t('The command is in the clipboard.'), 5000);
  }
  if (chosen === open) await vscode.env.openExternal(vscode.Uri.parse(documentation));
}
