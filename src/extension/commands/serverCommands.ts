import * as vscode from 'vscode';
import { commands } from '../contributions.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { showFault, toFault } from '../faults.js';
import { newDraft, type ServerDraft } from '../servers/serverDraft.js';
import { freeName, groupParts, type ServerRecord, type ServerRole } from '../servers/serverRecord.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import type { ServersView } from '../views/serversView.js';
import { askPassword } from './askPassword.js';
import { serverSteps } from './serverSteps.js';
import { runSteps } from './steps.js';

const t = vscode.l10n.t;

/** What "Add Server" takes from another extension or a test instead of asking. */
export interface ServerArguments {
  readonly name: string;
  readonly role: ServerRole;
  readonly connection: string;
  readonly password?: string;
  readonly group?: string;
}

function isServerArguments(value: unknown): value is ServerArguments {
  return (
    typeof value === 'object' && value !== null && 'name' in value && 'connection' in value && 'role' in value
  );
}

export class ServerCommands {
  constructor(
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
    private readonly view: ServersView,
  ) {}

  register(): vscode.Disposable[] {
    const on = (command: string, run: (record: ServerRecord) => Promise<unknown>) =>
      vscode.commands.registerCommand(command, async (node: unknown) => {
        const record = this.view.recordOf(node) ?? (await this.#pick());
        if (record) await run(record);
      });
    return [
      vscode.commands.registerCommand(commands.addServer, (given: unknown) => this.#add(given)),
      on(commands.editServer, (record) => this.#edit(record)),
      on(commands.duplicateServer, (record) => this.#duplicate(record)),
      on(commands.removeServer, (record) => this.#remove(record)),
      on(commands.testServer, (record) => this.#test(record)),
      on(commands.setServerRole, (record) => this.#setRole(record)),
      on(commands.moveServer, (record) => this.#move(record)),
      on(commands.enterPassword, (record) => askPassword(this.registry, record)),
      on(commands.copyConnection, async (record) => vscode.env.clipboard.writeText(record.connection)),
    ];
  }

  async #pick(): Promise<ServerRecord | undefined> {
    const items = this.registry
      .list()
      .map((record) => ({ label: record.name, description: record.group ?? '', record }));
    return (await vscode.window.showQuickPick(items, { placeHolder: t('Server') }))?.record;
  }

  /** Returns the id of the new server, undefined when cancelled. */
  async #add(given: unknown): Promise<string | undefined> {
    if (isServerArguments(given)) {
      const { canonical, password } = await this.engine.resolve({ text: given.connection });
      const { name, role, group } = given;
      const record = { name, role, connection: canonical, ...(group !== undefined && { group }) };
      return (await this.registry.add(record, given.password ?? password)).id;
    }
    const draft = newDraft();
    const taken = () => this.registry.list().map((record) => record.name);
    if (
      !(await runSteps(
        t('Add Server'),
        serverSteps(this.engine, taken, async () => undefined),
        draft,
      ))
    )
      return undefined;
    const added = await this.registry.add(recordOf(draft), ...passwordOf(draft));
    await this.view.reveal(added.id);
    return added.id;
  }

  async #edit(record: ServerRecord): Promise<void> {
    const draft = newDraft(record);
    const taken = () =>
      this.registry
        .list()
        .filter((other) => other.id !== record.id)
        .map((other) => other.name);
    const steps = serverSteps(this.engine, taken, () => this.registry.password(record.id));
    if (!(await runSteps(t('Edit Server'), steps, draft))) return;
    await this.registry.update({ ...recordOf(draft), id: record.id }, ...passwordOf(draft));
  }

  async #duplicate(record: ServerRecord): Promise<void> {
    const { id, ...rest } = record;
    const name = freeName(
      record.name,
      this.registry.list().map((other) => other.name),
    );
    const added = await this.registry.add({ ...rest, name }, await this.registry.password(id));
    await this.view.reveal(added.id);
  }

  async #remove(record: ServerRecord): Promise<void> {
    const remove = t('Remove');
    const detail = t('Its connection and password are forgotten. Nothing on the server changes.');
    const message = t('Remove the server "{0}"?', record.name);
    const chosen = await vscode.window.showWarningMessage(message, { modal: true, detail }, remove);
    if (chosen === remove) await this.registry.remove(record.id);
  }

  async #test(record: ServerRecord): Promise<void> {
    const title = t('Connecting to {0}', record.name);
    try {
      const facts = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title, cancellable: true },
        async (_, token) => this.engine.test(await this.registry.input(record), token),
      );
      const parts = [
        `PostgreSQL ${facts.version}`,
        ...(facts.isFlexibleServer ? [t('Flexible Server')] : []),
        facts.encrypted ? t('encrypted') : t('not encrypted'),
        t('as {0}', facts.user),
      ];
      void vscode.window.showInformationMessage(`${record.name}: ${parts.join(', ')}`);
    } catch (error) {
      const fault = toFault(error);
      const edit = t('Edit Server…');
      const chosen = await showFault({ ...fault, message: `${record.name}: ${fault.message}` }, edit);
      if (chosen === edit) await this.#edit(record);
    }
  }

  async #setRole(record: ServerRecord): Promise<void> {
    const items: (vscode.QuickPickItem & { role: ServerRole })[] = [
      { label: t('Source'), role: 'source' },
      { label: t('Target'), role: 'target' },
      { label: t('Source and target'), role: 'both' },
    ];
    const chosen = await vscode.window.showQuickPick(
      items.map((item) => ({ ...item, description: item.role === record.role ? t('now') : '' })),
      { placeHolder: t('What is {0}?', record.name) },
    );
    if (chosen) await this.registry.update({ ...record, role: chosen.role });
  }

  async #move(record: ServerRecord): Promise<void> {
    const group = await vscode.window.showInputBox({
      title: t('Move {0} to a group', record.name),
      prompt: t('Path of the group with "/" between nested ones. Empty for none.'),
      value: record.group ?? '',
    });
    if (group === undefined) return;
    const { group: _, ...rest } = record;
    const parts = groupParts(group);
    await this.registry.update(parts.length === 0 ? rest : { ...rest, group: parts.join('/') });
  }
}

function recordOf(draft: ServerDraft): Omit<ServerRecord, 'id'> {
  const { name, role, connection, group } = draft;
  return { name, role, connection, ...(group !== undefined && { group }) };
}

function passwordOf(draft: ServerDraft): [string | undefined, 'keep' | 'session'] {
  return [draft.pastedPassword ?? draft.password, draft.keepPassword ? 'keep' : 'session'];
}
