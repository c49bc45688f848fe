import * as vscode from 'vscode';
import type { ServerRecord } from '../servers/serverRecord.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { inputStep } from './steps.js';

const t = vscode.l10n.t;

/** Asks for the password of a registered server and keeps it. False when cancelled. */
export async function askPassword(registry: ServerRegistry, record: ServerRecord): Promise<boolean> {
  const toggle = {
    on: t('It is kept in the secret storage.'),
    off: t('It is kept until this window closes.'),
    value: true,
  };
  const { outcome, text } = await inputStep(
    { title: record.name, step: 1, total: 1, back: false },
    { prompt: t('Password of {0}', record.name), password: true, toggle },
  );
  if (outcome !== 'next') return false;
  await registry.setPassword(record.id, text, toggle.value ? 'keep' : 'session');
  return true;
}
