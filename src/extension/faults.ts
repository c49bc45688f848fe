import * as vscode from 'vscode';
import { ResponseError } from 'vscode-jsonrpc/node';
import type { FaultData } from '../protocol/connection.js';
import { errorCodes } from '../protocol/errorCodes.js';
import { commands } from './contributions.js';

/** A fault of the extension itself, with the same shape as one of the engine. */
export class ExtensionFault extends Error {
  override readonly name = 'ExtensionFault';
  constructor(readonly data: FaultData) {
    super(data.message);
  }
}

function isFaultData(data: unknown): data is FaultData {
  return typeof data === 'object' && data !== null && 'code' in data && 'message' in data && 'fix' in data;
}

/** Whatever was thrown, as what the user reads. Errors that are none of ours become FF900 without their stack. */
export function toFault(error: unknown): FaultData {
  if (error instanceof ExtensionFault) return error.data;
  if (error instanceof ResponseError && isFaultData(error.data)) return error.data;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'FF900', message, fix: errorCodes.FF900.help };
}

/** One line: what happened, and what to do about it. */
export function faultText(fault: FaultData): string {
  const message = /[.!?]$/.test(fault.message) ? fault.message : `${fault.message}.`;
  return `${message} ${fault.fix} (${fault.code})`;
}

/**
 * Shows a fault as a notification and returns the action that was chosen, if any. "Show Log" is handled here.
 * Never await this where something else waits: a hidden notification stays pending.
 */
export async function showFault(fault: FaultData, ...actions: string[]): Promise<string | undefined> {
  const showLog = vscode.l10n.t('Show Log');
  const chosen = await vscode.window.showErrorMessage(faultText(fault), ...actions, showLog);
  if (chosen !== showLog) return chosen;
  await vscode.commands.executeCommand(commands.showLog);
  return undefined;
}
