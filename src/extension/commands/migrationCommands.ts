import * as vscode from 'vscode';
import { cutoverStage, followedDatabases } from '../../protocol/followView.js';
import { commands } from '../contributions.js';
import { openDdl } from '../editors/ddl.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import { projectDirectory } from '../migrations/projectFiles.js';
import type { MigrationStarter } from '../migrations/startMigration.js';
import type { Dashboard } from '../panels/dashboard.js';
import type { ReportPanel } from '../panels/reportPanel.js';
import { activeProject, givenMigration, pickMigration } from './chooseMigration.js';
import { agreeStop } from './followQuestions.js';

const t = vscode.l10n.t;

/** Commands of migrations. They take a node of the view, the URI of a project file, or ask which one is meant. */
export class MigrationCommands {
  constructor(
    private readonly migrations: Migrations,
    private readonly starter: MigrationStarter,
    private readonly dashboard: Dashboard,
    private readonly report: ReportPanel,
  ) {}

  register(): vscode.Disposable[] {
    type Run = (migration: Migration, node: unknown) => Promise<unknown> | unknown;
    const on = (command: string, run: Run, choices: (migration: Migration) => boolean = () => true) =>
      vscode.commands.registerCommand(command, async (given: unknown) => {
        const migration =
          (await givenMigration(this.migrations, given)) ?? (await pickMigration(this.migrations, choices));
        if (migration) await run(migration, given);
      });
    return [
      on(
        commands.startMigration,
        (migration) => this.#start(migration),
        (migration) => !migration.running,
      ),
      on(
        commands.resumeMigration,
        (migration) => this.#start(migration),
        (migration) => migration.resumable,
      ),
      vscode.commands.registerCommand(commands.continueMigration, async (given: unknown) => {
        const migration =
          (await givenMigration(this.migrations, given ?? activeProject())) ??
          (await pickMigration(this.migrations, ({ resumable }) => resumable));
        // The editors stay in front: the run is watched beside them.
        if (migration) await this.starter.start(migration);
      }),
      on(
        commands.restartMigration,
        (migration) => this.#restart(migration),
        (migration) => !migration.running,
      ),
      on(
        commands.stopMigration,
        (migration) => this.#stop(migration),
        (migration) => migration.running,
      ),
      on(commands.openDashboard, (migration) => this.dashboard.show(migration)),
      on(
        commands.openReport,
        (migration) => this.report.show(migration),
        (migration) => migration.snapshot !== undefined,
      ),
      on(commands.openDdl, (migration, node) => openDdl(projectDirectory(migration.uri), sourceOf(node))),
      on(commands.revealProject, (migration) => vscode.window.showTextDocument(migration.uri)),
      on(
        commands.removeMigration,
        (migration) => this.#remove(migration),
        (migration) => !migration.running,
      ),
    ];
  }

  async #start(migration: Migration): Promise<void> {
    this.dashboard.show(migration);
    await this.starter.start(migration);
  }

  async #stop(migration: Migration): Promise<void> {
    const stage = cutoverStage(followedDatabases(migration.snapshot));
    const fenced = stage === 'running' || stage === 'holding' || stage === 'undoing';
    if (!fenced || (await agreeStop(migration.name))) migration.stop();
  }

  async #restart(migration: Migration): Promise<void> {
    const anew = t('Start Anew');
    const detail = t(
      'Checkpoints of the migration are forgotten. What it created on the target is replaced; what it did not create is left as it is.',
    );
    const message = t('Start {0} anew, without the work done so far?', migration.name);
    if ((await vscode.window.showWarningMessage(message, { modal: true, detail }, anew)) !== anew) return;
    this.dashboard.show(migration);
    await this.starter.start(migration, true);
  }

  async #remove(migration: Migration): Promise<void> {
    const remove = t('Remove');
    const detail = t('Its files stay where they are: {0}', migration.uri.fsPath);
    const message = t('Remove {0} from the list?', migration.name);
    const chosen = await vscode.window.showWarningMessage(message, { modal: true, detail }, remove);
    if (chosen === remove) await this.migrations.remove(migration);
  }
}

function sourceOf(node: unknown): string | undefined {
  if (typeof node === 'object' && node !== null && 'source' in node && typeof node.source === 'string')
    return node.source;
  return undefined;
}
