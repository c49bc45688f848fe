import * as vscode from 'vscode';
import { type FollowedDatabase, followedDatabases, slotDanger } from '../../protocol/followView.js';
import { commands } from '../contributions.js';
import { faultText } from '../faults.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';

const t = vscode.l10n.t;

/**
 * Says what an online migration needs the user for, once each: tables that are stopped, a slot that is about to be
 * lost, a cutover that waits or failed. Nothing where the dashboard shows it anyway.
 */
export class FollowNotices implements vscode.Disposable {
  readonly #told = new WeakMap<Migration, Set<string>>();
  readonly #listener: vscode.Disposable;

  constructor(
    migrations: Migrations,
    private readonly isShown: (migration: Migration) => boolean,
  ) {
    this.#listener = migrations.onDidChange((migration) => {
      if (migration?.running) this.#look(migration);
      else if (migration) this.#told.delete(migration);
    });
  }

  dispose(): void {
    this.#listener.dispose();
  }

  #look(migration: Migration): void {
    const told = this.#told.get(migration) ?? new Set<string>();
    this.#told.set(migration, told);
    const now = new Map(
      followedDatabases(migration.snapshot).flatMap((database) => noticesOf(migration, database)),
    );
    // What is over may be told again when it comes back.
    for (const key of told) if (!now.has(key)) told.delete(key);
    const news = [...now].filter(([key]) => !told.has(key));
    for (const [key] of news) told.add(key);
    if (this.isShown(migration)) return;
    const [first] = news;
    if (first) void this.#tell(migration, first[1]);
  }

  async #tell(migration: Migration, message: string): Promise<void> {
    const open = t('Open Dashboard');
    if ((await vscode.window.showWarningMessage(message, open)) === open)
      await vscode.commands.executeCommand(commands.openDashboard, { migration });
  }
}

function noticesOf(
  migration: Migration,
  { source, follow }: FollowedDatabase,
): [key: string, message: string][] {
  const notices: [string, string][] = [];
  const where = `${migration.name}: ${source}`;
  if (follow.state === 'holding')
    notices.push([
      `${source} holding`,
      follow.isWayBack
        ? t('{0} is ready to be handed back to the source, and waits for you.', where)
        : t('{0} is ready to be handed over, and waits for you.', where),
    ]);
  const { fault } = follow.cutover ?? {};
  if (fault) notices.push([`${source} fault ${fault.code}`, `${where}: ${faultText(fault)}`]);
  if (follow.ended) notices.push([`${source} ended`, `${where}: ${faultText(follow.ended)}`]);
  const [stopped] = follow.stopped;
  if (stopped) {
    const name = `${stopped.schema}.${stopped.name}`;
    const more = follow.stopped.length;
    const message =
      more === 1
        ? t('{0}: the changes of {1} wait: {2}', where, name, stopped.fault.message)
        : t('{0}: the changes of {1} tables wait, of {2} among them.', where, more, name);
    notices.push([`${source} stopped ${more}`, message]);
  }
  const danger = slotDanger(follow.slot);
  if (danger === 'urgent')
    notices.push([
      `${source} slot`,
      t('{0}: the source will soon remove log that is still needed. The dashboard says when.', where),
    ]);
  return notices;
}
