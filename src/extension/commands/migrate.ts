import * as vscode from 'vscode';
import { formatBytes } from '../../base/format.js';
import { commands, settings } from '../contributions.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { showFault, toFault } from '../faults.js';
import {
  defaultChoice,
  type MigrationPlan,
  nameProblem,
  projectOf,
  targetName,
} from '../migrations/migrationPlan.js';
import type { Migrations } from '../migrations/migrations.js';
import {
  newProjectUri,
  projectFolder,
  projectName,
  projectSuffix,
  writeProject,
} from '../migrations/projectFiles.js';
import { canBe, type ServerRecord } from '../servers/serverRecord.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { databaseOf } from '../views/serverNodes.js';
import type { ServersView } from '../views/serversView.js';
import { showSummary } from './migrateSummary.js';
import { busyPick, inputStep, pickStep } from './steps.js';

const t = vscode.l10n.t;

/** "Migrate to Flexible Server…": every choice has a default, so that the summary comes first and Enter starts. */
export class MigrateCommand {
  constructor(
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
    private readonly migrations: Migrations,
    private readonly storage: vscode.Uri,
    private readonly view: ServersView,
  ) {}

  register(): vscode.Disposable[] {
    return [vscode.commands.registerCommand(commands.migrate, (node: unknown) => this.#migrate(node))];
  }

  async #migrate(node: unknown): Promise<void> {
    const source = this.view.recordOf(node) ?? (await this.#pickServer('source'));
    if (!source) return;
    const plan = await this.#newPlan(source, databaseOfNode(node));
    if (!plan) return;
    const decided = await this.#decide(plan);
    if (decided) await this.#create(plan, decided);
  }

  async #newPlan(source: ServerRecord, database: string | undefined): Promise<MigrationPlan | undefined> {
    const retry = t('Retry');
    const edit = t('Edit Server…');
    for (;;) {
      try {
        const input = await this.registry.input(source);
        const title = t('Migrate {0} to Flexible Server', source.name);
        const available = await busyPick(title, t('Reading the databases…'), (token) =>
          this.engine.databases(input, token),
        );
        if (!available) return undefined;
        const configuration = vscode.workspace.getConfiguration();
        const target = this.#defaultTarget(source);
        return {
          source,
          available,
          chosen: database === undefined ? defaultChoice(available) : [database],
          names: new Map(),
          mode: 'offline',
          jobs: configuration.get(settings.jobs, 4),
          indexJobs: configuration.get(settings.indexJobs, 4),
          dumpTool: configuration.get(settings.dumpTool, 'auto'),
          ...(target && { target }),
        };
      } catch (error) {
        const chosen = await showFault(toFault(error), retry, edit);
        if (chosen === edit) await vscode.commands.executeCommand(commands.editServer, source.id);
        if (chosen !== retry) return undefined;
      }
    }
  }

  #defaultTarget(source: ServerRecord): ServerRecord | undefined {
    const targets = this.registry.list().filter((record) => canBe(record, 'target'));
    return targets.find((record) => record.id !== source.id) ?? targets[0];
  }

  /** The summary, again and again until the user starts or leaves. */
  async #decide(plan: MigrationPlan): Promise<'start' | 'map' | undefined> {
    for (;;) {
      const name = `${this.#projectName(plan)}${projectSuffix}`;
      const choice = await showSummary(plan, name, this.#askTarget(plan));
      if (!choice) return undefined;
      if (choice.action === 'start' || choice.action === 'map') return choice.action;
      if (choice.action === 'databases') await this.#chooseDatabases(plan);
      if (choice.action === 'target') await this.#chooseTarget(plan);
      if (choice.action === 'addTarget') await this.#addTarget(plan);
      if (choice.action === 'mode') await this.#chooseMode(plan);
      if (choice.action === 'jobs') await this.#chooseJobs(plan);
      if (choice.action === 'name') await this.#rename(plan, choice.source);
    }
  }

  /** Which databases the target has, so that the summary can say what is new. An error is left to the run itself. */
  #askTarget(plan: MigrationPlan): Promise<void> | undefined {
    const { target } = plan;
    if (!target || plan.targetDatabases) return undefined;
    const ask = async () => {
      const found = await this.engine.databases(await this.registry.input(target));
      if (plan.target === target) plan.targetDatabases = new Set(found.map((database) => database.name));
    };
    return ask();
  }

  async #chooseDatabases(plan: MigrationPlan): Promise<void> {
    const items = plan.available.map((database) => ({
      label: database.name,
      description: database.canConnect
        ? database.bytes === null
          ? ''
          : formatBytes(database.bytes)
        : t('you may not connect to it'),
      picked: plan.chosen.includes(database.name),
    }));
    const title = t('Databases of {0}', plan.source.name);
    const picked = await vscode.window.showQuickPick(items, {
      title,
      canPickMany: true,
      ignoreFocusOut: true,
    });
    if (picked) plan.chosen = picked.map((item) => item.label);
  }

  async #chooseTarget(plan: MigrationPlan): Promise<void> {
    const target = await this.#pickServer('target');
    if (!target) return;
    plan.target = target;
    delete plan.targetDatabases;
  }

  async #addTarget(plan: MigrationPlan): Promise<void> {
    const id = await vscode.commands.executeCommand<string | undefined>(commands.addServer);
    const target = id === undefined ? undefined : this.registry.get(id);
    if (!target) return;
    plan.target = target;
    delete plan.targetDatabases;
  }

  async #chooseMode(plan: MigrationPlan): Promise<void> {
    const { outcome, value } = await pickStep(
      { title: t('Mode'), step: 1, total: 1, back: true },
      {
        placeholder: t('May the applications go on writing while it runs?'),
        active: plan.mode,
        items: [
          {
            label: t('Offline'),
            detail: t('One consistent copy. What is written to the source after the start stays behind.'),
            value: 'offline' as const,
          },
          {
            label: t('Online'),
            detail: t(
              'Changes of the source are followed until you cut over, with seconds of write downtime. Needs wal_level = logical.',
            ),
            value: 'online' as const,
          },
        ],
      },
    );
    if (outcome === 'next' && value) plan.mode = value;
  }

  async #chooseJobs(plan: MigrationPlan): Promise<void> {
    const count = (text: string) =>
      /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 64
        ? undefined
        : t('Enter a number from 1 to 64.');
    const at = { title: t('Jobs'), step: 1, total: 2, back: false };
    const tables = await inputStep(at, {
      prompt: t('Tables copied at the same time'),
      value: String(plan.jobs),
      validate: count,
    });
    if (tables.outcome !== 'next') return;
    plan.jobs = Number(tables.text);
    const indexes = await inputStep(
      { ...at, step: 2 },
      { prompt: t('Indexes built at the same time'), value: String(plan.indexJobs), validate: count },
    );
    if (indexes.outcome === 'next') plan.indexJobs = Number(indexes.text);
  }

  async #rename(plan: MigrationPlan, source: string): Promise<void> {
    const problems = {
      empty: t('Enter a name.'),
      long: t('A name has at most 63 bytes.'),
      reserved: t('This name is reserved.'),
      same: t('Source and target would be the same database.'),
      taken: t('Another database of this migration goes there.'),
    };
    const { outcome, text } = await inputStep(
      { title: t('Target name of {0}', source), step: 1, total: 1, back: true },
      {
        prompt: t('Name of the database on the target. It is created if it does not exist.'),
        value: targetName(plan, source),
        validate(entered) {
          const problem = nameProblem(plan, source, entered);
          return problem && problems[problem];
        },
      },
    );
    if (outcome === 'next') plan.names.set(source, text);
  }

  async #pickServer(role: 'source' | 'target'): Promise<ServerRecord | undefined> {
    const records = this.registry.list().filter((record) => canBe(record, role));
    const add = `$(add) ${t('Add Server…')}`;
    const items = records.map((record) => ({ label: record.name, description: record.group ?? '', record }));
    const picked = await vscode.window.showQuickPick<vscode.QuickPickItem & { record?: ServerRecord }>(
      [...items, { label: add }],
      {
        placeHolder: role === 'source' ? t('Migrate from which server?') : t('Migrate to which server?'),
        ignoreFocusOut: true,
      },
    );
    if (picked?.label !== add) return picked?.record;
    const id = await vscode.commands.executeCommand<string | undefined>(commands.addServer);
    return id === undefined ? undefined : this.registry.get(id);
  }

  #projectName(plan: MigrationPlan): string {
    const [first] = plan.chosen;
    return plan.chosen.length === 1 && first !== undefined ? first : plan.source.name;
  }

  async #create(plan: MigrationPlan, then: 'start' | 'map'): Promise<void> {
    const { target } = plan;
    if (!target) return;
    try {
      const uri = await newProjectUri(projectFolder(this.storage), this.#projectName(plan));
      await writeProject(uri, projectOf(plan, target, projectName(uri)));
      const migration = await this.migrations.open(uri);
      const command = then === 'start' ? commands.startMigration : commands.openMapping;
      await vscode.commands.executeCommand(command, { migration });
    } catch (error) {
      void showFault(toFault(error));
    }
  }
}

function databaseOfNode(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null || !('kind' in node)) return undefined;
  return node.kind === 'object' ? databaseOf(node as Parameters<typeof databaseOf>[0]) : undefined;
}
