import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { ConnectionInput } from '../../protocol/engine.js';
import type { ProjectServer } from '../../protocol/project.js';
import { isServerRecord, type ServerRecord } from './serverRecord.js';

const stateKey = 'flexferry.servers';
const secretKey = (id: string) => `flexferry.server.${id}`;

/** `session` passwords live in memory until the window closes; `keep` ones go to the secret storage. */
export type PasswordKeeping = 'keep' | 'session';

/** The registered servers: records in globalState (no secrets), passwords in SecretStorage or memory. */
export class ServerRegistry {
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  /** Fires the id of the server that changed, undefined when the list did. */
  readonly onDidChange = this.#changed.event;
  readonly #session = new Map<string, string>();

  constructor(private readonly context: Pick<vscode.ExtensionContext, 'globalState' | 'secrets'>) {}

  list(): ServerRecord[] {
    const stored: unknown = this.context.globalState.get(stateKey);
    return Array.isArray(stored) ? stored.filter(isServerRecord) : [];
  }

  get(id: string): ServerRecord | undefined {
    return this.list().find((record) => record.id === id);
  }

  /** The server that a project means; one that it does not name by id is found by its connection. */
  recordOf(server: ProjectServer): ServerRecord | undefined {
    const byId = server.server === undefined ? undefined : this.get(server.server);
    // A project file decides where the connection goes; a stored password goes only where it was stored for.
    if (byId && byId.connection === server.connection) return byId;
    return this.list().find((record) => record.connection === server.connection);
  }

  async add(
    record: Omit<ServerRecord, 'id'>,
    password?: string,
    keeping: PasswordKeeping = 'keep',
  ): Promise<ServerRecord> {
    const added = { ...record, id: randomUUID() };
    await this.#storePassword(added.id, password, keeping);
    await this.#save([...this.list(), added]);
    this.#changed.fire(undefined);
    return added;
  }

  /** Replaces a record; an undefined password leaves the stored one as it is. */
  async update(record: ServerRecord, password?: string, keeping: PasswordKeeping = 'keep'): Promise<void> {
    await this.#storePassword(record.id, password, keeping);
    await this.#save(this.list().map((old) => (old.id === record.id ? record : old)));
    this.#changed.fire(record.id);
    this.#changed.fire(undefined);
  }

  async remove(id: string): Promise<void> {
    this.#session.delete(id);
    await this.context.secrets.delete(secretKey(id));
    await this.#save(this.list().filter((record) => record.id !== id));
    this.#changed.fire(undefined);
  }

  async setPassword(id: string, password: string, keeping: PasswordKeeping): Promise<void> {
    await this.#storePassword(id, password, keeping);
    this.#changed.fire(id);
  }

  /** The password, or undefined where there is none: a missing one is normal (other machine, no keyring, .pgpass). */
  async password(id: string): Promise<string | undefined> {
    return this.#session.get(id) ?? (await this.context.secrets.get(secretKey(id)));
  }

  /** What the engine needs to connect. The password goes no further than its IPC pipe. */
  async input(record: ServerRecord, database?: string): Promise<ConnectionInput> {
    const password = await this.password(record.id);
    return {
      text: record.connection,
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
    };
  }

  async #storePassword(id: string, password: string | undefined, keeping: PasswordKeeping): Promise<void> {
    if (password === undefined) return;
    this.#session.delete(id);
    if (keeping === 'session') {
      this.#session.set(id, password);
      await this.context.secrets.delete(secretKey(id));
    } else {
      await this.context.secrets.store(secretKey(id), password);
    }
  }

  async #save(records: readonly ServerRecord[]): Promise<void> {
    await this.context.globalState.update(stateKey, records);
  }
}
