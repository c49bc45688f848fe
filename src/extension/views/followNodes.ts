/** What nodes of the Migrations view say of an online migration, and what may be done with them. */
import * as vscode from 'vscode';
import type { StoppedTable } from '../../protocol/follow.js';
import {
  canAddTables,
  type FollowedDatabase,
  followCan,
  followedDatabases,
} from '../../protocol/followView.js';
import { canCleanUp } from '../commands/followCommands.js';
import { faultText } from '../faults.js';
import { needsAttention } from '../migrations/followText.js';
import type { Migration } from '../migrations/migration.js';

const t = vscode.l10n.t;
const flag = (name: string, is: boolean): string => `${name}=${is ? 'yes' : 'no'}`;

/** The part of a project's context value by which its menu offers what can be done now. */
export function followContext(migration: Migration): string {
  const can = followCan(followedDatabases(migration.snapshot), migration.running);
  return [
    flag('cutOver', can.cutOver),
    flag('goBack', can.goBack),
    flag('confirm', can.confirm),
    flag('undo', can.undo),
    flag('finish', can.finish),
    flag('addTables', can.addTables),
    flag('cleanUp', canCleanUp(migration)),
  ].join(',');
}

/** The same of one database; its cutover is that of the group. */
export function databaseContext(migration: Migration, database: FollowedDatabase): string {
  const can = followCan(followedDatabases(migration.snapshot), migration.running);
  const { follow } = database;
  return [
    flag('cutOver', can.cutOver && follow.state === 'following'),
    flag('goBack', can.goBack && follow.state === 'wayBack'),
    flag('confirm', can.confirm),
    flag('undo', can.undo),
    flag('finish', can.finish && follow.state === 'wayBack'),
    flag('addTables', migration.running && canAddTables(follow)),
    flag('stopped', migration.running && follow.stopped.length > 0),
  ].join(',');
}

export const attentionIcon = (): vscode.ThemeIcon =>
  new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));

/** Of a live database that is followed. */
export function followIcon(database: FollowedDatabase): vscode.ThemeIcon {
  const { state } = database.follow;
  if (needsAttention([database])) return attentionIcon();
  if (state === 'handedOver' || state === 'finished')
    return new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed'));
  return new vscode.ThemeIcon('sync~spin');
}

/** A table whose changes wait. */
export function stoppedItem(table: StoppedTable): vscode.TreeItem {
  const name = `${table.schema}.${table.name}`;
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.None);
  item.iconPath = attentionIcon();
  item.contextValue = `type=stoppedTable,${flag('ddl', table.ddl !== undefined)}`;
  item.description = t('waiting changes: {0}', table.waiting);
  item.tooltip = faultText(table.fault);
  item.accessibilityInformation = { label: `${name}, ${t('stopped')}, ${item.description}` };
  return item;
}
