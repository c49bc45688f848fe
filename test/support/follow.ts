import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { columnsNow, driftDdl } from '../../src/engine/catalog/columnDrift.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Lsn } from '../../src/engine/postgres/lsn.js';
import {
  connectReplication,
  createSlot,
  identifySystem,
} from '../../src/engine/postgres/replicationConnection.js';
import type { TableToFollow } from '../../src/engine/replication/apply/followedTables.js';
import { type FollowEnd, Follower, type FollowerOptions } from '../../src/engine/replication/follower.js';
import { createRun } from '../../src/engine/run/checkpoint.js';
import { createFollow, noteSlot } from '../../src/engine/run/followState.js';
import type { RelationName } from '../../src/protocol/model.js';
import { poll } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';
import { logEnd, specOf } from './replication.js';

export const followIdentity = 'test/source';

export interface FollowSetup {
  readonly source: TestServer;
  readonly target: TestServer;
  readonly database: string;
  /** The same on both sides, but for what follows. */
  readonly schema: string;
  readonly onSource?: string;
  readonly onTarget?: string;
  readonly lanes?: number;
  readonly options?: Partial<FollowerOptions>;
  readonly filters?: Readonly<Record<string, string>>;
  /** Of the databases, such as `ENCODING 'LATIN1' TEMPLATE template0`. */
  readonly encodings?: { readonly source?: string; readonly target?: string };
  /** Statement that makes the publication `pub`. Default: of all tables. */
  readonly publication?: string;
  /** Names on the target of tables that have another one there. */
  readonly renames?: Readonly<Record<string, RelationName>>;
}

/** Two databases that are equal, a slot of the source, and a follower between them that runs. */
export class TestFollow implements AsyncDisposable {
  readonly messages: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'flexferry-apply-'));
  private readonly abort = new AbortController();
  follower!: Follower;
  ended!: Promise<FollowEnd>;
  failure: unknown;
  tables: TableToFollow[] = [];
  startLsn: Lsn = 0n;

  private constructor(readonly setup: FollowSetup) {}

  static async start(setup: FollowSetup): Promise<TestFollow> {
    const { source, target, database, schema, onSource, onTarget } = setup;
    const follow = new TestFollow(setup);
    for (const [server, encoding = ''] of [
      [source, setup.encodings?.source],
      [target, setup.encodings?.target],
    ] as const)
      await server.query('postgres', `CREATE DATABASE "${database}" ${encoding}`);
    await source.query(database, schema);
    await target.query(database, schema);
    if (onSource !== undefined) await source.query(database, onSource);
    if (onTarget !== undefined) await target.query(database, onTarget);
    await source.query(database, setup.publication ?? 'CREATE PUBLICATION pub FOR ALL TABLES');
    await follow.makeSlot();
    follow.run();
    return follow;
  }

  private async makeSlot(): Promise<void> {
    const { source, target, database, lanes = 1, filters = {}, renames = {} } = this.setup;
    const slot = `slot_${database}`;
    const session = await connect(specOf(target.uri(database)), 'test');
    const sender = await connectReplication(specOf(source.uri(database)), 'test');
    try {
      await createRun(session, {
        run: '00000000-0000-0000-0000-000000000000',
        source: followIdentity,
        renames: '',
        preexisting: [],
      });
      const row = {
        source: followIdentity,
        slot,
        publications: ['pub'],
        lanes,
        ownsSlot: true,
        wayBack: false,
      };
      await createFollow(session, row);
      const identity = await identifySystem(sender);
      const made = await createSlot(sender, { name: slot });
      this.startLsn = made.consistentPoint;
      await noteSlot(session, followIdentity, { ...identity, startLsn: made.consistentPoint });
    } finally {
      await session.close();
      await sender.close();
    }
    const rows = await source.query<{ oid: string; schema: string; name: string; columns: string }>(
      database,
      `SELECT c.oid::text, n.nspname AS schema, c.relname AS name,
         (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::int8, 'typeModifier', a.atttypmod, 'number', a.attnum) ORDER BY attnum), '[]')
          FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
            AND ${source.major >= 12 ? "attgenerated = ''" : 'true'})::text AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    );
    this.tables = rows.map(({ oid, schema, name, columns }) => ({
      oid: Number(oid),
      schema,
      name,
      target: renames[`${schema}.${name}`] ?? { schema, name },
      since: this.startLsn,
      columns: JSON.parse(columns) as NonNullable<TableToFollow['columns']>,
      ...(filters[`${schema}.${name}`] !== undefined && { filter: filters[`${schema}.${name}`] as string }),
    }));
  }

  /** Also again, after {@link stop}. */
  run(): void {
    const { source, target, database, options } = this.setup;
    const spec = specOf(target.uri(database));
    this.follower = new Follower({
      source: specOf(source.uri(database)),
      target: spec,
      open: (purpose) => connect(spec, `run:test ${purpose}`, { side: 'target' }),
      close: (session) => session.close(),
      identity: followIdentity,
      tables: this.tables,
      drift: async (table) => {
        const session = await connect(specOf(source.uri(database)), 'test');
        const columns = await columnsNow(session, table.oid);
        await session.close();
        const ddl = columns && driftDdl(table.target, table.columns ?? [], columns);
        return { ...(columns && { columns }), ...(ddl !== undefined && { ddl }) };
      },
      encoding: 'utf8',
      replicaRole: true,
      temporaryFolder: this.folder,
      onFailure: 'table',
      log: (_, message) => this.messages.push(message),
      signal: this.abort.signal,
      ...options,
    });
    this.failure = undefined;
    this.ended = this.follower.run();
    this.ended.catch((error: unknown) => {
      this.failure = error;
    });
  }

  async stop(): Promise<FollowEnd> {
    this.follower.stop();
    return this.ended;
  }

  /** Runs on the source and waits until it is applied. */
  async change(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) await this.setup.source.query(this.setup.database, sql);
    await this.caughtUp();
  }

  async caughtUp(): Promise<void> {
    await this.follower.appliedThrough(await logEnd(this.setup.source, this.setup.database));
  }

  /** Rows of both sides as text, in their order; must be the same. */
  async rows(query: string): Promise<unknown[]> {
    const { source, target, database } = this.setup;
    const [here, there] = await Promise.all([source.query(database, query), target.query(database, query)]);
    assert.deepEqual(there, here);
    return here;
  }

  onTarget<Row = Record<string, unknown>>(sql: string): Promise<Row[]> {
    return this.setup.target.query<Row>(this.setup.database, sql);
  }

  /** Codes of the faults for which tables are stopped, by name. */
  get stops(): Record<string, string> {
    const stopped = this.follower.tables?.stopped ?? [];
    return Object.fromEntries(
      stopped.map((table) => [`${table.schema}.${table.name}`, table.stopped?.fault.code ?? '']),
    );
  }

  /** What is shown to the user of a table whose columns changed. */
  ddlOf(table: string): string | undefined {
    const stopped = this.follower.tables?.stopped ?? [];
    return stopped.find((one) => `${one.schema}.${one.name}` === table)?.stopped?.ddl;
  }

  untilStopped(table: string): Promise<void> {
    return poll(
      () => this.follower.tables?.stopped.some((t) => `${t.schema}.${t.name}` === table) === true,
      `${table} stops`,
    );
  }

  untilGoingOn(table: string): Promise<void> {
    return poll(
      () => this.follower.tables?.stopped.every((t) => `${t.schema}.${t.name}` !== table) === true,
      `${table} goes on`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort.abort();
    await this.ended.catch(() => {});
    const { source, database } = this.setup;
    await source.query(database, `SELECT pg_drop_replication_slot('slot_${database}')`).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}
