import * as vscode from 'vscode';
import type { FaultData } from '../../protocol/connection.js';
import type { ObjectKind, ObjectNode } from '../../protocol/engine.js';
import { commands } from '../contributions.js';
import { faultText } from '../faults.js';
import type { ServerRecord } from '../servers/serverRecord.js';

const t = vscode.l10n.t;

export interface GroupNode {
  readonly kind: 'group';
  readonly parts: readonly string[];
}
export interface ServerNode {
  readonly kind: 'server';
  readonly record: ServerRecord;
}
export interface CatalogNode {
  readonly kind: 'object';
  readonly record: ServerRecord;
  readonly object: ObjectNode;
  readonly parent: BranchNode;
}
/** A node whose children come from the server. */
export type BranchNode = ServerNode | CatalogNode;

/** The last child of a branch that is not wholly there: loading, failed, empty, or with more to come. */
export interface TailNode {
  readonly kind: 'more' | 'loading' | 'empty' | 'fault';
  readonly parent: BranchNode;
  readonly fault?: FaultData;
}
export type ServersNode = GroupNode | ServerNode | CatalogNode | TailNode;

const icons: Record<ObjectKind, string> = {
  database: 'database',
  schema: 'symbol-namespace',
  folder: 'folder',
  table: 'table',
  view: 'eye',
  materializedView: 'layers',
  foreignTable: 'link-external',
  function: 'symbol-method',
  sequence: 'list-ordered',
  type: 'symbol-structure',
  extension: 'extensions',
  column: 'symbol-field',
  index: 'list-tree',
  role: 'account',
};

/** Folder nodes carry a key as their name; this is what the user reads. */
function folderLabel(name: string): string {
  const labels: Record<string, string> = {
    tables: t('Tables'),
    views: t('Views'),
    functions: t('Functions'),
    sequences: t('Sequences'),
    types: t('Types'),
    extensions: t('Extensions'),
    partitions: t('Partitions'),
    roles: t('Roles'),
  };
  return labels[name] ?? name;
}

export function nodeId(node: ServersNode): string {
  if (node.kind === 'group') return `group/${node.parts.map(encodeURIComponent).join('/')}`;
  if (node.kind === 'server') return `server/${node.record.id}`;
  if (node.kind === 'object')
    return `server/${node.record.id}/${node.object.path.map(encodeURIComponent).join('/')}`;
  return `${nodeId(node.parent)}/${node.kind}`;
}

/** The database a node lies in; undefined for a server and what is above databases. */
export function databaseOf(node: BranchNode): string | undefined {
  let at: BranchNode = node;
  while (at.kind === 'object') {
    if (at.object.kind === 'database') return at.object.name;
    at = at.parent;
  }
  return undefined;
}

const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;

export function toTreeItem(node: ServersNode): vscode.TreeItem {
  const item = makeItem(node);
  item.id = nodeId(node);
  return item;
}

function makeItem(node: ServersNode): vscode.TreeItem {
  switch (node.kind) {
    case 'group': {
      const item = new vscode.TreeItem(node.parts.at(-1) ?? '', Expanded);
      item.iconPath = vscode.ThemeIcon.Folder;
      item.contextValue = 'type=group';
      return item;
    }
    case 'server':
      return serverItem(node.record);
    case 'object':
      return objectItem(node);
    default:
      return tailItem(node);
  }
}

function serverItem(record: ServerRecord): vscode.TreeItem {
  const roles = { source: t('source'), target: t('target'), both: t('source and target') };
  const roleIcons = { source: 'server', target: 'azure', both: 'server-environment' };
  const item = new vscode.TreeItem(record.name, Collapsed);
  item.description = roles[record.role];
  item.iconPath = new vscode.ThemeIcon(roleIcons[record.role]);
  item.contextValue = `type=server,role=${record.role}`;
  item.accessibilityInformation = { label: `${record.name}, ${roles[record.role]}` };
  return item;
}

function objectItem({ object, record }: CatalogNode): vscode.TreeItem {
  const label = object.kind === 'folder' ? folderLabel(object.name) : object.name;
  const item = new vscode.TreeItem(label, object.expandable ? Collapsed : None);
  if (object.description !== undefined) item.description = object.description;
  item.iconPath = new vscode.ThemeIcon(icons[object.kind]);
  item.contextValue = `type=${object.kind},role=${record.role}`;
  return item;
}

function tailItem(node: TailNode): vscode.TreeItem {
  if (node.kind === 'loading') {
    const item = new vscode.TreeItem(t('Loading…'));
    item.iconPath = new vscode.ThemeIcon('loading~spin');
    item.contextValue = 'type=loading';
    return item;
  }
  if (node.kind === 'empty') {
    const item = new vscode.TreeItem(t('Nothing here'));
    item.contextValue = 'type=empty';
    return item;
  }
  if (node.kind === 'more') {
    const item = new vscode.TreeItem(t('Load more…'));
    item.iconPath = new vscode.ThemeIcon('ellipsis');
    item.contextValue = 'type=more';
    item.command = { command: commands.loadMore, title: t('Load more…'), arguments: [node] };
    return item;
  }
  const text = node.fault ? node.fault.message : t('Loading was cancelled.');
  const item = new vscode.TreeItem(text);
  item.description = t('click to retry');
  item.tooltip = node.fault ? faultText(node.fault) : text;
  item.iconPath = new vscode.ThemeIcon(node.fault ? 'error' : 'circle-slash');
  item.contextValue = `type=fault,password=${node.fault?.code === 'FF102' ? 'yes' : 'no'}`;
  item.command = { command: commands.retryNode, title: t('Retry'), arguments: [node] };
  return item;
}
