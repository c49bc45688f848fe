import assert from 'node:assert/strict';
import type { FollowStatus } from '../../src/protocol/follow.js';
import { type CliFolder, CliRun, cliFolder, poll, runCli } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';

/** A migration by the command line, with the commands of both directions. */
export class Migration implements AsyncDisposable {
  readonly folder: CliFolder = cliFolder();
  readonly to: string;
  run!: CliRun;

  constructor(
    readonly from: TestServer,
    readonly onto: TestServer | TestTwin,
    readonly database: string,
    private readonly args: readonly string[] = [],
  ) {
    this.to = `${database}_new`;
  }

  /** Of a new database that `sql` fills. `args`: instead of `clone --online --way-back`. */
  static async create(
    from: TestServer,
    onto: TestServer | TestTwin,
    sql: string,
    args: readonly string[] = [],
  ): Promise<Migration> {
    const database = await from.createDatabase();
    await from.query(database, sql);
    return new Migration(from, onto, database, args);
  }

  get pair(): string[] {
    return ['--source', this.from.uri(this.database), '--target', this.onto.uri(this.to)];
  }
  /** The same, seen from the other side. */
  get back(): string[] {
    return ['--source', this.onto.uri(this.to), '--target', this.from.uri(this.database)];
  }

  start(...options: string[]): void {
    const args = this.args.length > 0 ? this.args : ['clone', '--online', '--way-back', ...this.pair];
    this.run = new CliRun([...args, ...options], { folder: this.folder });
  }

  until(state: string): Promise<void> {
    return this.run.until((event) => event.event === 'follow' && event.state === state, state);
  }

  async kill(): Promise<void> {
    this.run.child.kill('SIGKILL');
    await this.run.result;
  }

  async ask(command: string, ends: readonly string[], ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runCli([command, ...ends, ...args], { json: false });
    assert.equal(code, 0, `${command}: ${stdout}${stderr}\n${this.run.stdout.slice(-3000)}`);
    return stdout;
  }

  async status(ends: readonly string[]): Promise<FollowStatus> {
    return JSON.parse(await this.ask('status', ends, '--json')) as FollowStatus;
  }

  old<Row = Record<string, unknown>>(sql: string): Promise<Row[]> {
    return this.from.query<Row>(this.database, sql);
  }
  new<Row = Record<string, unknown>>(sql: string): Promise<Row[]> {
    return 'superQuery' in this.onto
      ? this.onto.superQuery<Row>(this.to, sql)
      : this.onto.query<Row>(this.to, sql);
  }

  /** Rows of tables on both sides: the same once the way back has caught up. */
  async untilSame(tables: readonly (readonly [onSource: string, onTarget: string])[]): Promise<void> {
    const rows = async (read: Migration['old'], name: string): Promise<string> =>
      JSON.stringify(await read(`SELECT t::text FROM ${name} t ORDER BY 1`));
    let different: string[] = [];
    await poll(async () => {
      different = [];
      for (const [onSource, onTarget] of tables)
        if ((await rows((sql) => this.old(sql), onSource)) !== (await rows((sql) => this.new(sql), onTarget)))
          different.push(onSource);
      return different.length === 0;
    }, 'the same rows').catch((error: unknown) => {
      throw new Error(`${String(error)}: ${different.join(', ')}\n${this.run.stdout.slice(-3000)}`);
    });
  }

  /** Everything of ours on both servers. */
  async left(): Promise<string[]> {
    const sql = `SELECT 'slot ' || slot_name AS item FROM pg_replication_slots WHERE database = current_database()
      UNION ALL SELECT 'publication ' || pubname FROM pg_publication
      UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'flexferry'
      UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'flexferry%'
      UNION ALL SELECT 'setting ' || array_to_string(setconfig, ' ') FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    const of = async (side: string, rows: Promise<{ item: string }[]>): Promise<string[]> =>
      (await rows).map(({ item }) => `${side} ${item}`);
    return [...(await of('source', this.old(sql))), ...(await of('target', this.new(sql)))];
  }
  untilLeft(expected: readonly string[]): Promise<void> {
    return poll(
      async () => JSON.stringify((await this.left()).sort()) === JSON.stringify([...expected].sort()),
      'only what stays',
      5_000,
    ).catch(async () => assert.deepEqual((await this.left()).sort(), [...expected].sort()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run?.child.kill('SIGKILL');
    this.folder[Symbol.dispose]();
  }
}
