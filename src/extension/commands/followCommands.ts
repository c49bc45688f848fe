import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { FollowState } from '../../protocol/follow.js';
import {
  canAddTables,
  cutoverStage,
  followCan,
  followedDatabases,
  openDdl,
} from '../../protocol/followView.js';
import type { CutoverChoices } from '../../protocol/webview.js';
import { commands } from '../contributions.js';
import type { TableDdl } from '../editors/review/tableDdl.js';
import { showFault, toFault } from '../faults.js';
import type { FollowRequests } from '../migrations/followRequests.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { writeCleanUp } from '../migrations/savedRun.js';
import { mayRun, refuseUntrusted } from '../migrations/startMigration.js';
import type { Dashboard } from '../panels/dashboard.js';
import { givenMigration, pickMigration } from './chooseMigration.js';
import { pickTable, refuse, sourceOf, stoppedTables } from './chooseTable.js';
import {
  agreeCleanUp,
  agreeCutover,
  agreeFinishWayBack,
  agreeHandOver,
  agreeSkip,
} from './followQuestions.js';

const t = vscode.l10n.t;

type Can = keyof ReturnType<typeof followCan>;

/** Commands of online migrations. They take a node of the Migrations view, or ask which one is meant. */
export class FollowCommands {
  constructor(
    private readonly migrations: Migrations,
    private readonly requests: FollowRequests,
    private readonly dashboard: Dashboard,
    private readonly ddl: TableDdl,
  ) {}

  register(): vscode.Disposable[] {
    type Run = (migration: Migration, given: unknown, more: unknown) => Promise<void> | void;
    const on = (command: string, fits: (migration: Migration) => boolean, run: Run) =>
      vscode.commands.registerCommand(command, async (given: unknown, more: unknown) => {
        try {
          const migration =
            (await givenMigration(this.migrations, given)) ?? (await pickMigration(this.migrations, fits));
          if (migration) await run(migration, given, more);
        } catch (error) {
          void showFault(toFault(error));
        }
      });
    const can = (what: Can) => (migration: Migration) => canOf(migration)[what];
    const hasDdl = (migration: Migration) => ddlOf(migration).size > 0;
    const hasStopped = (migration: Migration) => stoppedTables(migration).length > 0;
    return [
      on(commands.cutOver, can('cutOver'), (migration, _, choices) =>
        choices === undefined ? this.#open(migration) : this.#cutOver(migration, choices as CutoverChoices),
      ),
      on(commands.goBack, can('goBack'), (migration, _, choices) =>
        choices === undefined ? this.#open(migration) : this.#cutOver(migration, choices as CutoverChoices),
      ),
      on(commands.confirmHandOver, can('confirm'), (migration, _, agreed) =>
        this.#handOver(migration, agreed === true),
      ),
      on(commands.undoCutover, can('undo'), (migration) =>
        this.#ask(migration, ['cuttingOver', 'holding'], 'undo'),
      ),
      on(commands.finishWayBack, can('finish'), (migration, given) => this.#finish(migration, given)),
      on(commands.addTables, can('addTables'), (migration, given) => this.#addTables(migration, given)),
      on(commands.ddlDone, hasDdl, (migration, given) => this.#ddlDone(migration, given)),
      on(commands.cleanUpFollow, canCleanUp, (migration) => this.#cleanUp(migration)),
      on(commands.retryTable, hasStopped, (migration, given) => this.#retry(migration, given)),
      on(commands.skipChange, hasStopped, (migration, given) => this.#skip(migration, given)),
      on(commands.reviewTableDdl, hasStopped, (migration, given) => this.#reviewDdl(migration, given)),
    ];
  }

  #open(migration: Migration): void {
    migration.following.cutoverOpen = true;
    migration.touch();
    this.dashboard.show(migration);
  }

  async #cutOver(migration: Migration, choices: CutoverChoices): Promise<void> {
    const forth = inState(migration, 'following');
    const back = forth.length === 0;
    const databases = back ? inState(migration, 'wayBack') : forth;
    if (databases.length === 0 || !(await agreeCutover(databases, choices, back))) return;
    // One id: all are handed over together, or none.
    const id = randomUUID();
    await this.requests.send(migration, databases, () => ({
      command: 'cutover',
      ...choices,
      ...(back && { wayBack: false }),
      hold: true,
      id,
    }));
  }

  /** `agreed`: the user pressed the button at the end of the steps, which is the question already. */
  async #handOver(migration: Migration, agreed: boolean): Promise<void> {
    const databases = inState(migration, 'holding');
    if (!canOf(migration).confirm) return refuse(t('Not every database is ready to be handed over.'));
    const back = followedDatabases(migration.snapshot).some(({ follow }) => follow.isWayBack);
    if (agreed || (await agreeHandOver(databases, back))) await this.#ask(migration, ['holding'], 'confirm');
  }

  async #finish(migration: Migration, given: unknown): Promise<void> {
    const databases = ofNode(inState(migration, 'wayBack'), given);
    if (databases.length === 0 || !(await agreeFinishWayBack(databases))) return;
    await this.requests.send(migration, databases, () => ({ command: 'finish' }));
  }

  async #addTables(migration: Migration, given: unknown): Promise<void> {
    const all = followedDatabases(migration.snapshot).filter(({ follow }) => canAddTables(follow));
    const databases = ofNode(
      all.map(({ source }) => source),
      given,
    );
    if (databases.length === 0) return refuse(t('There are no new tables.'));
    await this.requests.send(migration, databases, () => ({ command: 'addTables' }));
  }

  /** What the dashboard showed is done; what came since is not. */
  async #ddlDone(migration: Migration, given: unknown): Promise<void> {
    const open = ddlOf(migration);
    const databases = ofNode([...open.keys()], given);
    if (databases.length === 0) return refuse(t('There is no DDL that is to be dealt with.'));
    const shown = numberOf(given, 'through');
    await this.requests.send(migration, databases, (database) => ({
      command: 'ddlDone',
      through: shown ?? open.get(database) ?? 0,
    }));
  }

  async #ask(
    migration: Migration,
    states: readonly FollowState[],
    command: 'confirm' | 'undo',
  ): Promise<void> {
    const databases = inState(migration, ...states);
    if (databases.length > 0) await this.requests.send(migration, databases, () => ({ command }));
  }

  async #retry(migration: Migration, given: unknown): Promise<void> {
    const found = await pickTable(migration, given);
    if (!found) return;
    const { schema, name } = found.table;
    await this.requests.send(migration, [found.source], () => ({ command: 'retry', schema, name }));
  }

  async #skip(migration: Migration, given: unknown): Promise<void> {
    const found = await pickTable(migration, given);
    if (!found || !(await agreeSkip(found.table))) return;
    const { schema, name } = found.table;
    await this.requests.send(migration, [found.source], () => ({ command: 'skip', schema, name }));
  }

  async #reviewDdl(migration: Migration, given: unknown): Promise<void> {
    const found = await pickTable(migration, given);
    if (!found) return;
    if (found.table.ddl === undefined) return refuse(t('There is no DDL to review for this table.'));
    await this.ddl.open(migration, found.source, found.table);
  }

  async #cleanUp(migration: Migration): Promise<void> {
    if (!mayRun(migration.uri)) return refuseUntrusted();
    const { following } = migration;
    const followed = followedDatabases(migration.snapshot);
    const back = followed.some(({ follow }) => follow.isWayBack);
    if (!(await agreeCleanUp(migration.name, migration.running, cutoverStage(followed), back))) return;
    following.isCleaningUp = true;
    try {
      const title = t('Cleaning up after {0}', migration.name);
      const removed = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title },
        async () => {
          migration.stop();
          await migration.whenEnded();
          return this.requests.cleanUp(migration);
        },
      );
      following.cleanUp = { at: Date.now(), removed };
      const folder = migration.snapshot?.reportDirectory;
      if (folder !== undefined) await writeCleanUp(folder, following.cleanUp).catch(() => undefined);
    } finally {
      following.isCleaningUp = false;
      migration.touch();
    }
    const count = following.cleanUp.removed.reduce((sum, { what }) => sum + what.length, 0);
    void this.#tellCleanUp(migration, count);
  }

  async #tellCleanUp(migration: Migration, count: number): Promise<void> {
    const details = t('Open Dashboard');
    const message =
      count === 0
        ? t('Nothing was left of the online migration {0}.', migration.name)
        : t('{0} is cleaned up: {1} things were removed. The dashboard lists them.', migration.name, count);
    if ((await vscode.window.showInformationMessage(message, details)) === details)
      this.dashboard.show(migration);
  }
}

/** Whether there is something that a clean-up could remove. */
export function canCleanUp(migration: Migration): boolean {
  if (migration.following.cleanUp || migration.following.isCleaningUp) return false;
  if (migration.snapshot?.state === 'succeeded') return false;
  // What is handed over without a way back is cleaned up by its run.
  return followedDatabases(migration.snapshot).some(
    ({ follow: { state } }) => state !== 'finished' && (state !== 'handedOver' || !migration.running),
  );
}

function canOf(migration: Migration): ReturnType<typeof followCan> {
  return followCan(followedDatabases(migration.snapshot), migration.running);
}

function inState(migration: Migration, ...states: readonly FollowState[]): string[] {
  return followedDatabases(migration.snapshot)
    .filter(({ follow }) => states.includes(follow.state) && !follow.ended)
    .map(({ source }) => source);
}

/** The database of a node alone, or all where the node is a project. */
function ofNode(databases: readonly string[], given: unknown): readonly string[] {
  const source = sourceOf(given);
  return source === undefined ? databases : databases.filter((database) => database === source);
}

function numberOf(given: unknown, name: string): number | undefined {
  const value: unknown = typeof given === 'object' && given !== null ? Reflect.get(given, name) : undefined;
  return typeof value === 'number' ? value : undefined;
}

/** How much DDL was seen of the databases where some of it is to be dealt with. */
function ddlOf(migration: Migration): Map<string, number> {
  const seen = followedDatabases(migration.snapshot).flatMap(({ source, follow: { ddlSeen } }) =>
    ddlSeen && openDdl(ddlSeen) ? [[source, ddlSeen.total] as const] : [],
  );
  return new Map(migration.running ? seen : []);
}
