import * as vscode from 'vscode';
import { formatBytes, formatCount } from '../../base/format.js';
import type { StoppedTable } from '../../protocol/follow.js';
import {
  type FollowedDatabase,
  followedDatabases,
  onlyFollows,
  wentBack,
} from '../../protocol/followView.js';
import type {
  DatabaseSnapshot,
  PhaseSnapshot,
  RunSnapshot,
  TableSnapshot,
  WorkState,
} from '../../protocol/model.js';
import { commands } from '../contributions.js';
import { projectState } from '../editors/review/editorState.js';
import { faultText } from '../faults.js';
import { followText, needsAttention, shortFollowText } from '../migrations/followText.js';
import type { Migration } from '../migrations/migration.js';
import {
  currentPhase,
  phaseLabel,
  runStateLabel,
  totalsText,
  workStateLabel,
} from '../migrations/runText.js';
import { attentionIcon, databaseContext, followContext, followIcon, stoppedItem } from './followNodes.js';

const t = vscode.l10n.t;

export interface ProjectNode {
  readonly kind: 'project';
  readonly migration: Migration;
}
export interface DatabaseNode {
  readonly kind: 'database';
  readonly migration: Migration;
  readonly source: string;
}
export interface PhaseNode {
  readonly kind: 'phase';
  readonly migration: Migration;
  readonly source: string;
  readonly phase: PhaseSnapshot['phase'];
}
export interface TableNode {
  readonly kind: 'table';
  readonly parent: PhaseNode;
  readonly table: TableSnapshot;
}
export interface MoreTablesNode {
  readonly kind: 'more';
  readonly parent: PhaseNode;
  readonly left: number;
}
/** A table that is stopped while its database is followed; what commands of it are given. */
export interface StoppedTableNode {
  readonly kind: 'stopped';
  readonly parent: PhaseNode;
  readonly migration: Migration;
  readonly source: string;
  readonly schema: string;
  readonly name: string;
  readonly table: StoppedTable;
}
export type MigrationsNode =
  | ProjectNode
  | DatabaseNode
  | PhaseNode
  | TableNode
  | MoreTablesNode
  | StoppedTableNode;

export function migrationNodeId(node: MigrationsNode): string {
  switch (node.kind) {
    case 'project':
      return node.migration.uri.toString();
    case 'database':
      return `${node.migration.uri}#${encodeURIComponent(node.source)}`;
    case 'phase':
      return `${node.migration.uri}#${encodeURIComponent(node.source)}/${node.phase}`;
    case 'stopped':
    case 'table':
      return `${migrationNodeId(node.parent)}/${encodeURIComponent(node.table.schema)}.${encodeURIComponent(node.table.name)}`;
    case 'more':
      return `${migrationNodeId(node.parent)}/more`;
  }
}

const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;

function stateIcon(state: WorkState): vscode.ThemeIcon {
  switch (state) {
    case 'pending':
      return new vscode.ThemeIcon('circle-outline');
    case 'running':
      return new vscode.ThemeIcon('sync~spin');
    case 'done':
      return new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed'));
    case 'skipped':
      return new vscode.ThemeIcon('debug-step-over');
    case 'failed':
      return new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
  }
}

export function runIcon(snapshot: RunSnapshot | undefined, running: boolean): vscode.ThemeIcon {
  if (running) return new vscode.ThemeIcon('sync~spin');
  switch (snapshot?.state) {
    case 'succeeded':
      return new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed'));
    case 'incomplete':
      return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
    case 'interrupted':
      return new vscode.ThemeIcon('debug-pause');
    case 'refused':
      return new vscode.ThemeIcon('circle-slash');
    default:
      return new vscode.ThemeIcon('circle-outline');
  }
}

function projectItem({ migration }: ProjectNode): vscode.TreeItem {
  const { snapshot, running } = migration;
  const item = new vscode.TreeItem(migration.name, running ? Expanded : snapshot ? Collapsed : None);
  const state = projectState(migration);
  const failed = migration.statements.failed().length > 0 ? 'yes' : 'no';
  item.contextValue = `type=project,state=${state},run=${snapshot ? 'yes' : 'no'},failed=${failed},${followContext(migration)}`;
  const isUrgent = running && needsAttention(followedDatabases(snapshot));
  item.iconPath = isUrgent ? attentionIcon() : runIcon(snapshot, running);
  if (!snapshot) item.description = running ? t('starting') : t('not started yet');
  else if (migration.following.cleanUp) item.description = t('cancelled and cleaned up');
  else if (running && onlyFollows(snapshot)) item.description = shortFollowText(followedDatabases(snapshot));
  else if (running) {
    const phase = currentPhase(snapshot);
    const percent = `${Math.floor(snapshot.fraction * 100)} %`;
    item.description = phase ? `${percent}, ${phaseLabel(phase)}` : percent;
  } else if (snapshot.state === 'succeeded' && wentBack(snapshot)) item.description = t('back on the source');
  else item.description = runStateLabel(snapshot.state);
  item.command = {
    command: commands.openDashboard,
    title: t('Open Dashboard'),
    arguments: [{ kind: 'project', migration }],
  };
  item.accessibilityInformation = { label: `${migration.name}, ${item.description}` };
  return item;
}

function databaseOf(node: DatabaseNode | PhaseNode): DatabaseSnapshot | undefined {
  return node.migration.snapshot?.databases.find((database) => database.source === node.source);
}

function databaseItem(node: DatabaseNode): vscode.TreeItem {
  const database = databaseOf(node);
  const label =
    database && database.target !== node.source ? `${node.source} → ${database.target}` : node.source;
  const item = new vscode.TreeItem(label, node.migration.running ? Expanded : Collapsed);
  item.contextValue = 'type=database,run=yes';
  if (!database) return item;
  const { follow } = database;
  if (follow && follow.state !== 'copying')
    return followedItem(item, label, { ...database, follow }, node.migration);
  item.iconPath = stateIcon(database.state);
  const tables = t('{0} of {1} tables', formatCount(database.tablesDone), formatCount(database.tablesTotal));
  item.description = `${tables}, ${formatBytes(database.bytes)}`;
  item.accessibilityInformation = { label: `${label}, ${workStateLabel(database.state)}, ${tables}` };
  return item;
}

function followedItem(
  item: vscode.TreeItem,
  label: string,
  database: FollowedDatabase,
  migration: Migration,
): vscode.TreeItem {
  item.contextValue = `type=database,run=yes,${databaseContext(migration, database)}`;
  item.iconPath = migration.running ? followIcon(database) : stateIcon(database.state);
  // What it was at last is over.
  item.description = migration.following.cleanUp
    ? t('cancelled and cleaned up')
    : followText(database.follow, migration.running);
  item.accessibilityInformation = { label: `${label}, ${item.description}` };
  return item;
}

/** Phases that work table by table. */
export const tablePhases: readonly string[] = ['copy', 'indexes', 'verify'];

function phaseItem(node: PhaseNode): vscode.TreeItem {
  const phase = databaseOf(node)?.phases.find((other) => other.phase === node.phase);
  const stopped = node.phase === 'follow' && stoppedTables(node).length > 0;
  const branch =
    stopped || (tablePhases.includes(node.phase) && phase !== undefined && phase.state !== 'pending');
  const item = new vscode.TreeItem(phaseLabel(node.phase), branch ? Collapsed : None);
  item.contextValue = 'type=phase';
  if (!phase) return item;
  item.iconPath = stateIcon(phase.state);
  const isCounted = phase.total > 0 && phase.phase !== 'follow';
  const parts = isCounted ? [t('{0} of {1}', formatCount(phase.done), formatCount(phase.total))] : [];
  if (phase.failed > 0) parts.push(t('{0} failed', formatCount(phase.failed)));
  if (phase.skipped > 0) parts.push(t('{0} skipped', formatCount(phase.skipped)));
  if (stopped) parts.push(t('{0} stopped', stoppedTables(node).length));
  item.description = parts.join(', ');
  item.accessibilityInformation = {
    label: `${phaseLabel(node.phase)}, ${workStateLabel(phase.state)}, ${item.description}`,
  };
  return item;
}

/** Of the phase that follows changes. */
export function stoppedTables(node: PhaseNode): readonly StoppedTable[] {
  return databaseOf(node)?.follow?.stopped ?? [];
}

function tableState(table: TableSnapshot, phase: PhaseNode['phase']): WorkState {
  if (phase === 'verify' && table.verification) return table.verification.equal ? 'done' : 'failed';
  if (phase === 'verify' && table.state === 'done') return 'pending';
  if (phase === 'indexes' && table.state === 'done' && table.indexesDone < table.indexesTotal)
    return 'pending';
  return table.state;
}

function tableItem({ table, parent }: TableNode): vscode.TreeItem {
  const item = new vscode.TreeItem(`${table.schema}.${table.name}`, None);
  const state = tableState(table, parent.phase);
  item.iconPath = stateIcon(state);
  item.contextValue = 'type=table';
  if (parent.phase === 'verify' && table.verification)
    item.description = table.verification.equal
      ? t('{0} rows equal', formatCount(table.verification.targetRows))
      : t(
          '{0} rows at the source, {1} at the target',
          formatCount(table.verification.sourceRows),
          formatCount(table.verification.targetRows),
        );
  else if (parent.phase === 'indexes')
    item.description = t('{0} of {1}', table.indexesDone, table.indexesTotal);
  else if (table.state === 'running')
    item.description = t('{0} of about {1}', formatBytes(table.bytes), formatBytes(table.bytesEstimated));
  else item.description = t('{0} rows, {1}', formatCount(table.rows), formatBytes(table.bytes));
  if (table.error) item.tooltip = faultText(table.error);
  item.accessibilityInformation = {
    label: `${table.schema}.${table.name}, ${workStateLabel(state)}, ${item.description}`,
  };
  return item;
}

export function migrationItem(node: MigrationsNode): vscode.TreeItem {
  const item = makeItem(node);
  item.id = migrationNodeId(node);
  return item;
}

function makeItem(node: MigrationsNode): vscode.TreeItem {
  switch (node.kind) {
    case 'project':
      return projectItem(node);
    case 'database':
      return databaseItem(node);
    case 'phase':
      return phaseItem(node);
    case 'table':
      return tableItem(node);
    case 'stopped':
      return stoppedItem(node.table);
    case 'more': {
      const item = new vscode.TreeItem(t('Load more…'), None);
      item.description = t('{0} left', formatCount(node.left));
      item.iconPath = new vscode.ThemeIcon('ellipsis');
      item.command = { command: commands.loadMoreTables, title: t('Load more…'), arguments: [node] };
      return item;
    }
  }
}

/** Hover text of a project: filled in when asked for. */
export function projectTooltip(migration: Migration): string {
  const { snapshot } = migration;
  const lines = [migration.uri.fsPath];
  if (snapshot) lines.push(`${snapshot.source} → ${snapshot.target}`, totalsText(snapshot));
  if (snapshot?.fault) lines.push(faultText(snapshot.fault));
  return lines.join('\n');
}
