import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import { formatLsn, type Lsn, parseLsn } from '../../src/engine/postgres/lsn.js';
import { connectReplication, createSlot } from '../../src/engine/postgres/replicationConnection.js';
import type { Row } from '../../src/engine/replication/pgoutputMessages.js';
import {
  type FollowRequest,
  followSource,
  type SourceChanges,
} from '../../src/engine/replication/sourceChanges.js';
import type { SourceEvent, TransactionBegin } from '../../src/engine/replication/sourceEvents.js';
import type { ConnectionSpec } from '../../src/protocol/connection.js';
import { poll } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';

export const specOf = (uri: string): ConnectionSpec => resolveConnectionInput({ text: uri }, {}).spec;

/** Makes a slot and leaves its snapshot. */
export async function makeSlot(server: TestServer, database: string, name: string): Promise<Lsn> {
  const session = await connectReplication(specOf(server.uri(database)), 'test');
  try {
    return (await createSlot(session, { name })).consistentPoint;
  } finally {
    await session.close();
  }
}

/**
 * For servers whose changes are followed: a walsender sends what is flushed, and the tests' own setting flushes at
 * some time after the commit.
 */
export const flushedCommits = { synchronous_commit: 'on' } as const;

/** Where the log ends, with all commits of a server with {@link flushedCommits}. */
export async function logEnd(server: TestServer, database: string): Promise<Lsn> {
  const [row] = await server.query<{ lsn: string }>(
    database,
    'SELECT pg_current_wal_flush_lsn()::text AS lsn',
  );
  return parseLsn(row?.lsn ?? '') ?? 0n;
}

export interface Transaction {
  readonly begin: TransactionBegin;
  /** One line a change, readable: see {@link line}. */
  readonly changes: readonly string[];
  readonly endLsn: Lsn;
}

const value = (one: Row[number]): string =>
  one === null ? 'NULL' : typeof one === 'symbol' ? 'UNCHANGED' : one;
const row = (one: Row | undefined): string => `(${(one ?? []).map(value).join('|')})`;

/** `insert s.t (1|a)`, `update s.t key(1|NULL) (2|a)`, `truncate s.t,s.u cascade`. */
export function line(change: SourceEvent): string {
  switch (change.kind) {
    case 'insert':
      return `insert ${change.relation.schema}.${change.relation.name} ${row(change.row)}`;
    case 'update': {
      const before = change.key ? ` key${row(change.key)}` : change.old ? ` old${row(change.old)}` : '';
      return `update ${change.relation.schema}.${change.relation.name}${before} ${row(change.row)}`;
    }
    case 'delete': {
      const before = change.key ? `key${row(change.key)}` : `old${row(change.old)}`;
      return `delete ${change.relation.schema}.${change.relation.name} ${before}`;
    }
    case 'truncate': {
      const tables = change.relations.map(({ schema, name }) => `${schema}.${name}`).sort();
      const options = `${change.cascade ? ' cascade' : ''}${change.restartIdentity ? ' restart' : ''}`;
      return `truncate ${tables.join(',')}${options}`;
    }
    case 'message':
      return `message ${change.transactional ? 'in' : 'outside'} ${change.prefix}: ${change.content}`;
    default:
      return change.kind;
  }
}

export interface FollowerOptions extends Partial<FollowRequest> {
  /** After every piece; by default all is confirmed at once. */
  readonly onPiece?: (events: readonly SourceEvent[], changes: SourceChanges) => Promise<void> | void;
}

/** Reads the changes of a source in the background and keeps them. */
export class Follower implements AsyncDisposable {
  readonly transactions: Transaction[] = [];
  /** What stood outside of transactions. */
  readonly outside: string[] = [];
  /** Complaints about the order of events: must stay empty. */
  readonly disorder: string[] = [];
  position: Lsn = 0n;
  failure: unknown;
  private open: string[] = [];
  /** What was left after the end. */
  private left: readonly string[] | undefined;
  readonly done: Promise<void>;

  private constructor(
    readonly changes: SourceChanges,
    readonly folder: string,
    private readonly options: FollowerOptions,
  ) {
    this.done = this.run().catch((error: unknown) => {
      this.failure = error;
    });
  }

  static async start(spec: ConnectionSpec, slot: string, options: FollowerOptions = {}): Promise<Follower> {
    const folder = mkdtempSync(join(tmpdir(), 'flexferry-follow-'));
    try {
      const times = { statusMs: 100, ...options.times };
      const request = { spec, slot, publications: ['pub'], temporaryFolder: folder, ...options, times };
      return new Follower(await followSource(request), folder, options);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** Until everything up to `lsn` was handed out. */
  async until(lsn: Lsn): Promise<void> {
    await poll(
      async () => {
        if (this.failure !== undefined) throw this.failure;
        return this.position >= lsn;
      },
      `changes up to ${formatLsn(lsn)} (now ${formatLsn(this.position)})`,
    );
  }

  /** The changes so far of the transaction that is open are not kept: for large ones. */
  forget(): void {
    this.open = [];
  }

  /** Files that wait on disk. */
  get spooled(): readonly string[] {
    return this.left ?? readdirSync(this.folder, { recursive: true }).map(String);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.changes.stop();
    await this.done;
    this.left ??= this.spooled;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(): Promise<void> {
    let begin: TransactionBegin | undefined;
    for await (const events of this.changes) {
      for (const event of events) {
        if (event.kind === 'begin') {
          if (begin !== undefined) this.disorder.push('begin in a transaction');
          begin = event;
          this.open = [];
        } else if (event.kind === 'commit') {
          if (begin?.xid !== event.xid) this.disorder.push('commit of another transaction');
          if (event.endLsn <= this.position) this.disorder.push('commits are not in order');
          if (begin !== undefined)
            this.transactions.push({ begin, changes: this.open, endLsn: event.endLsn });
          begin = undefined;
          this.position = event.endLsn;
        } else if (event.kind === 'progress') {
          if (begin !== undefined) this.disorder.push('progress in a transaction');
          if (event.lsn <= this.position) this.disorder.push('progress goes back');
          this.position = event.lsn;
        } else if (begin === undefined) {
          if (event.kind !== 'message' || event.transactional) this.disorder.push('change without begin');
          this.outside.push(line(event));
        } else this.open.push(line(event));
      }
      if (this.options.onPiece === undefined) this.changes.confirm(this.position);
      else await this.options.onPiece(events, this.changes);
    }
  }
}

/** Until no session of ours is left there. */
export function untilNoSession(server: TestServer): Promise<void> {
  return poll(async () => {
    const rows = await server.query(
      'postgres',
      "SELECT FROM pg_stat_activity WHERE application_name LIKE 'flexferry%'",
    );
    return rows.length === 0;
  }, 'sessions end');
}
