import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FaultData } from '../../protocol/connection.js';
import type { StatementKey, StatementStatus } from '../../protocol/ddl.js';
import type { RunEvent } from '../../protocol/model.js';

export interface FailedStatement {
  /** Key of the database in events. */
  readonly database: string;
  readonly section: 'preData' | 'postData';
  readonly index: number;
  readonly object: string;
  readonly key: StatementKey;
  readonly error?: FaultData;
}

const sectionOrder = { preData: 0, postData: 1 } as const;

/** What became of the statements of one run, by database and text. */
export class RunStatements {
  readonly #states = new Map<string, Map<StatementKey, StatementStatus>>();
  readonly #failed = new Map<string, FailedStatement>();

  /** The database of an event that says something new. */
  take(event: RunEvent): string | undefined {
    if (event.event !== 'statement') return undefined;
    const { database, state, key, section, index, object, error } = event;
    if (key === undefined || state === 'pending' || state === 'running') return undefined;
    const ofDatabase = this.#states.get(database) ?? new Map<StatementKey, StatementStatus>();
    this.#states.set(database, ofDatabase);
    ofDatabase.set(key, { state, ...(error && { error }) });
    const id = `${database}\0${key}`;
    if (state !== 'failed') this.#failed.delete(id);
    else this.#failed.set(id, { database, section, index, object, key, ...(error && { error }) });
    return database;
  }

  /** Says of one statement what happened outside of a run. */
  set(database: string, key: StatementKey, status: StatementStatus): void {
    const ofDatabase = this.#states.get(database) ?? new Map<StatementKey, StatementStatus>();
    this.#states.set(database, ofDatabase);
    ofDatabase.set(key, status);
    if (status.state !== 'failed') this.#failed.delete(`${database}\0${key}`);
  }

  databases(): string[] {
    return [...this.#states.keys()];
  }

  of(database: string): ReadonlyMap<StatementKey, StatementStatus> {
    return this.#states.get(database) ?? new Map();
  }

  /** In the order in which they run. */
  failed(): FailedStatement[] {
    const databases = this.databases();
    return [...this.#failed.values()].sort(
      (a, b) =>
        databases.indexOf(a.database) - databases.indexOf(b.database) ||
        sectionOrder[a.section] - sectionOrder[b.section] ||
        a.index - b.index,
    );
  }
}

/** What the event log of a run tells; empty where there is none. Read by the line: a log may hold 100,000 statements. */
export async function readRunStatements(runDirectory: string): Promise<RunStatements> {
  const states = new RunStatements();
  const stream = createReadStream(join(runDirectory, 'events.jsonl'), 'utf8');
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (!line.includes('"event":"statement"')) continue;
      try {
        states.take(JSON.parse(line) as RunEvent);
      } catch {
        // A last line that was being written.
      }
    }
  } catch {
    // No log: nothing is known of its statements.
  } finally {
    stream.destroy();
  }
  return states;
}
