/** What the page of the dashboard is told, and what it may ask for. */
import * as vscode from 'vscode';
import { followCan, followedDatabases } from '../../protocol/followView.js';
import { needsNewBase } from '../../protocol/needsNewBase.js';
import {
  type DashboardAction,
  type DashboardMessage,
  type DashboardState,
  type StoppedTableAction,
  webviewProtocolVersion,
} from '../../protocol/webview.js';
import { canCleanUp } from '../commands/followCommands.js';
import { commands } from '../contributions.js';
import { toFault } from '../faults.js';
import type { Migration } from '../migrations/migration.js';

const t = vscode.l10n.t;

export function dashboardState(migration: Migration): DashboardState {
  const { snapshot, running, following } = migration;
  const isLost = snapshot?.fault !== undefined && needsNewBase(snapshot.fault.code);
  return {
    type: 'state',
    version: webviewProtocolVersion,
    name: migration.name,
    project: migration.uri.toString(),
    ...(snapshot && { snapshot }),
    history: migration.history,
    log: migration.log,
    lag: following.lag,
    cutoverOpen: following.cutoverOpen,
    asking: following.asking(Date.now()),
    ...(following.cleanUp && { cleanUp: following.cleanUp }),
    can: {
      ...followCan(followedDatabases(snapshot), running),
      start: migration.startable,
      stop: running && snapshot?.state !== 'stopping',
      resume: migration.resumable && !isLost,
      restart: migration.resumable && isLost,
      openReport: !running && snapshot !== undefined,
      openDdl: snapshot !== undefined,
      cleanUp: canCleanUp(migration),
    },
  };
}

const actionCommands: Readonly<Record<Exclude<DashboardAction, 'closeCutover'>, string>> = {
  start: commands.startMigration,
  stop: commands.stopMigration,
  resume: commands.resumeMigration,
  restart: commands.restartMigration,
  openReport: commands.openReport,
  openDdl: commands.openDdl,
  showLog: commands.showLog,
  openProject: commands.revealProject,
  cutOver: commands.cutOver,
  goBack: commands.goBack,
  confirm: commands.confirmHandOver,
  undo: commands.undoCutover,
  finish: commands.finishWayBack,
  cleanUp: commands.cleanUpFollow,
};

const tableCommands: Readonly<Record<StoppedTableAction, string>> = {
  retry: commands.retryTable,
  skip: commands.skipChange,
  reviewDdl: commands.reviewTableDdl,
};

/** Does what the page asks for; `post` answers it. */
export async function answerDashboard(
  message: Exclude<DashboardMessage, { type: 'ready' }>,
  migration: Migration,
  post: (answer: unknown) => void,
  log: vscode.LogOutputChannel,
): Promise<void> {
  const run = (command: string, given: object, ...more: unknown[]) =>
    vscode.commands.executeCommand(command, { migration, ...given }, ...more);
  switch (message.type) {
    case 'action':
      if (message.action === 'closeCutover') {
        migration.following.cutoverOpen = false;
        migration.touch();
      } else if (message.action === 'confirm') await run(commands.confirmHandOver, {}, true);
      else await run(actionCommands[message.action], {});
      return;
    case 'startCutover':
      await run(commands.cutOver, {}, message.choices);
      return;
    case 'addTables':
      await run(commands.addTables, { source: message.database });
      return;
    case 'ddlDone':
      await run(commands.ddlDone, { source: message.database, through: message.through });
      return;
    case 'stoppedTable': {
      const { action, database: source, schema, name } = message;
      await run(tableCommands[action], { source, schema, name });
      return;
    }
    case 'copyConnection':
      return copyConnection(migration, message.database);
    case 'tables': {
      const { request, type, ...query } = message;
      try {
        const page = await migration.tables({ ...query, limit: Math.min(query.limit, 500) });
        post({ type, request, offset: query.offset, ...page });
      } catch (error) {
        log.warn(`tables of ${migration.name}: ${toFault(error).message}`);
      }
    }
  }
}

/** From the state of the host: what the page says is no connection to trust. */
async function copyConnection(migration: Migration, database: string): Promise<void> {
  const found = followedDatabases(migration.snapshot).find(({ source }) => source === database);
  const connection = found?.follow.cutover?.handOver?.connection;
  if (connection === undefined) return;
  await vscode.env.clipboard.writeText(connection);
  vscode.window.setStatusBarMessage(`$(pass) ${t('Connection string copied')}`, 5000);
}
