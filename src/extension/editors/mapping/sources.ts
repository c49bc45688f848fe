import * as vscode from 'vscode';
import type { FaultData } from '../../../protocol/connection.js';
import type { ConnectionInput, MappingCatalog, MappingTarget } from '../../../protocol/engine.js';
import type { RelationName } from '../../../protocol/model.js';
import type { ProjectServer } from '../../../protocol/project.js';
import { askPassword } from '../../commands/askPassword.js';
import type { BrowsingEngine } from '../../engine/browsingEngine.js';
import type { ServerRegistry } from '../../servers/serverRegistry.js';
import { type Reading, Readings } from './readings.js';
import type { Trial } from './rowTexts.js';

const t = vscode.l10n.t;

const keyOf = (...parts: readonly string[]) => JSON.stringify(parts);

/**
 * What the servers of one project say: catalogs of its sources, what its targets hold, what row filters find. Read once,
 * in the background; a password goes only to the connection that it was stored for.
 */
export class Sources implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #catalogs = new Readings<MappingCatalog>(2, () => this.#changed.fire());
  readonly #targets = new Readings<MappingTarget>(2, () => this.#changed.fire());
  readonly #trials = new Readings<Extract<Trial, { state: 'estimated' }>>(2, () => this.#changed.fire());
  /** Passwords of connections that no registered server has, by connection; they live until the editor is closed. */
  readonly #passwords = new Map<string, string>();

  constructor(
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
  ) {}

  catalog(server: ProjectServer, database: string): Reading<MappingCatalog> {
    const key = keyOf(server.connection, database);
    this.#catalogs.ensure(key, async (token) =>
      this.engine.mappingCatalog(await this.#input(server, database), token),
    );
    return this.#catalogs.get(key) ?? { state: 'waiting' };
  }

  target(server: ProjectServer, database: string): Reading<MappingTarget> {
    const key = keyOf(server.connection, database);
    this.#targets.ensure(key, async (token) =>
      this.engine.mappingTarget(await this.#input(server, database), token),
    );
    return this.#targets.get(key) ?? { state: 'waiting' };
  }

  /** What a row filter finds; begins to try it unless it was tried before. */
  trial(server: ProjectServer, database: string, relation: RelationName, where: string): Trial {
    const { schema, name } = relation;
    const key = keyOf(server.connection, database, schema, name, where);
    this.#trials.ensure(key, async (token) => {
      const connection = await this.#input(server, database);
      const found = await this.engine.tryRowFilter({ connection, schema, name, where }, token);
      return { state: 'estimated', ...found };
    });
    return this.knownTrial(server, database, relation, where) ?? { state: 'trying' };
  }

  /** The same without trying. */
  knownTrial(
    server: ProjectServer,
    database: string,
    { schema, name }: RelationName,
    where: string,
  ): Trial | undefined {
    const reading = this.#trials.get(keyOf(server.connection, database, schema, name, where));
    if (!reading) return undefined;
    if (reading.state === 'ready') return reading.value;
    if (reading.state === 'failed') return { state: 'failed', message: reading.fault.message };
    return { state: 'trying' };
  }

  retry(server: ProjectServer, database: string): void {
    this.#catalogs.forget(keyOf(server.connection, database));
    this.#changed.fire();
  }

  cancel(server: ProjectServer, database: string): void {
    this.#catalogs.cancel(keyOf(server.connection, database));
  }

  /** Reads everything anew. */
  refresh(): void {
    for (const readings of [this.#catalogs, this.#targets, this.#trials]) readings.forgetAll();
    this.#changed.fire();
  }

  /** Asks for the password of a server and reads what failed again. */
  async enterPassword(server: ProjectServer): Promise<void> {
    const record = this.registry.recordOf(server);
    if (record) {
      if (!(await askPassword(this.registry, record))) return;
    } else {
      const prompt = t('Password of {0}. It is kept until the editor is closed.', describeConnection(server));
      const password = await vscode.window.showInputBox({ prompt, password: true, ignoreFocusOut: true });
      if (password === undefined) return;
      this.#passwords.set(server.connection, password);
    }
    this.refresh();
  }

  async databases(server: ProjectServer, token?: vscode.CancellationToken) {
    return this.engine.databases(await this.#input(server), token);
  }

  dispose(): void {
    for (const readings of [this.#catalogs, this.#targets, this.#trials]) readings.dispose();
    this.#passwords.clear();
    this.#changed.dispose();
  }

  async #input(server: ProjectServer, database?: string): Promise<ConnectionInput> {
    const record = this.registry.recordOf(server);
    const password = record
      ? await this.registry.password(record.id)
      : this.#passwords.get(server.connection);
    return {
      text: server.connection,
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
    };
  }
}

/** A connection for human eyes: host and the like, without whatever password a hand may have written into it. */
export function describeConnection({ connection }: ProjectServer): string {
  try {
    const url = new URL(connection);
    if (/^postgres(ql)?:$/.test(url.protocol) && url.host !== '')
      return `${url.username === '' ? '' : `${decodeURIComponent(url.username)}@`}${url.host}`;
  } catch {
    // not a URI, so keywords
  }
  const word = (name: string) => new RegExp(`(?:^|\\s)${name}\\s*=\\s*(\\S+)`).exec(connection)?.[1];
  const [user, host, port] = [word('user'), word('host') ?? word('hostaddr'), word('port')];
  return `${user === undefined ? '' : `${user}@`}${host ?? t('local server')}${port === undefined ? '' : `:${port}`}`;
}

/** Whether a fault goes away with a password. */
export const asksForPassword = (fault: FaultData | undefined) => fault?.code === 'FF102';
