import type pg from 'pg';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { type Side, toFault } from '../errors/mapError.js';
import { driverConnection } from './driver.js';
import type { SessionStart } from './pinnedSettings.js';
import type { Session } from './session.js';

const closeTimeoutMs = 2_000;

/** Wraps a connected client whose settings are pinned. */
export function openSession(
  client: pg.Client,
  spec: ConnectionSpec,
  start: SessionStart,
  side: Side,
): Session {
  const state = new OpenSession(client, spec, start, side);
  client.on('error', () => state.lost());
  client.on('end', () => state.lost());
  return state;
}

class OpenSession implements Session {
  readonly versionNum: number;
  readonly backendPid: number;
  #closed = false;
  /** Ends when the statement before has: pg wants one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly client: pg.Client,
    readonly spec: ConnectionSpec,
    start: SessionStart,
    readonly side: Side,
  ) {
    this.versionNum = start.versionNum;
    this.backendPid = start.backendPid;
    // Inspecting a session must not print the password.
    Object.defineProperty(this, 'spec', { enumerable: false });
    Object.defineProperty(this, 'client', { enumerable: false });
  }

  get closed(): boolean {
    return this.#closed;
  }

  lost(): void {
    this.#closed = true;
  }

  async query<Row = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }> {
    const result = await this.#run(() =>
      values === undefined ? this.client.query(sql) : this.client.query(sql, [...values]),
    );
    // Several statements in one text give several results; the last one answers.
    const last = Array.isArray(result) ? (result as pg.QueryResult[]).at(-1) : result;
    return { rows: (last?.rows ?? []) as Row[], rowCount: last?.rowCount ?? 0 };
  }

  async script(sql: string): Promise<void> {
    await this.#run(() => this.client.query(sql));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeTimeoutMs);
    });
    await Promise.race([this.client.end().catch(() => {}), late]);
    clearTimeout(timer);
    this.destroy();
  }

  destroy(): void {
    this.#closed = true;
    driverConnection(this.client).stream.destroy();
  }

  async #run<T>(send: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#closed) throw new Fault('FF115', `the connection to the ${this.side} is closed`);
      return send();
    });
    this.#turn = turn.catch(() => {});
    try {
      return await turn;
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** An error without SQLSTATE after the socket went away is the loss itself, whatever its text. */
  #fault(error: unknown): Fault {
    const fault = toFault(error, { side: this.side });
    if (fault.sqlstate !== undefined || fault.code === 'FF115' || !this.#closed) return fault;
    return new Fault('FF115', `the connection to the ${this.side} was lost`, { cause: fault.cause });
  }
}
