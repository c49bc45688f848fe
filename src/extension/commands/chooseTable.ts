import * as vscode from 'vscode';
import type { StoppedTable } from '../../protocol/follow.js';
import { type FollowedDatabase, followedDatabases } from '../../protocol/followView.js';
import type { Migration } from '../migrations/migration.js';
import { named } from './followQuestions.js';

const t = vscode.l10n.t;

/** What commands of a table are given, by the dashboard or a node of the Migrations view. */
interface GivenTable {
  readonly source: string;
  readonly schema: string;
  readonly name: string;
}

interface FoundTable {
  readonly source: string;
  readonly table: StoppedTable;
}

export function stoppedTables(migration: Migration): FoundTable[] {
  const of = ({ source, follow }: FollowedDatabase) => follow.stopped.map((table) => ({ source, table }));
  return migration.running ? followedDatabases(migration.snapshot).flatMap(of) : [];
}

function isGivenTable(given: unknown): given is GivenTable {
  return (
    typeof given === 'object' && given !== null && 'source' in given && 'schema' in given && 'name' in given
  );
}

/** The stopped table that a command was given, or the one that the user picks of several. */
export async function pickTable(migration: Migration, given: unknown): Promise<FoundTable | undefined> {
  const all = stoppedTables(migration);
  if (isGivenTable(given)) {
    const { source, schema, name } = given;
    const found = all.find(
      (other) => other.source === source && other.table.schema === schema && other.table.name === name,
    );
    if (!found) refuse(t('{0} is not stopped any more.', `${schema}.${name}`));
    return found;
  }
  const source = sourceOf(given);
  const choices = all.filter((found) => source === undefined || found.source === source);
  if (choices.length === 0) refuse(t('No table is stopped.'));
  if (choices.length <= 1) return choices[0];
  const items = choices.map((found) => ({
    label: `${found.table.schema}.${found.table.name}`,
    description: found.source,
    detail: found.table.fault.message,
    found,
  }));
  const placeHolder = t('Stopped table of {0}', named([migration.name]));
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.found;
}

/** The database that a node or a button of the dashboard stands for. */
export function sourceOf(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null || !('source' in given)) return undefined;
  return typeof given.source === 'string' ? given.source : undefined;
}

export function refuse(message: string): void {
  void vscode.window.showInformationMessage(message);
}
