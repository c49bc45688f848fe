import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { runMigration } from '../../src/engine/migration.js';
import { requestFollow } from '../../src/engine/online/followControl.js';
import { followedDatabases } from '../../src/protocol/followView.js';
import type { RunSnapshot } from '../../src/protocol/model.js';
import { defaultOptions } from '../../src/protocol/project.js';
import { cliFolder, poll } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits, specOf } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
before(async () => {
  source = await startServer({ major: 13, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** A run that follows as many databases of their own. */
class Group {
  last: RunSnapshot | undefined;
  isOver = false;
  private readonly abort = new AbortController();
  private readonly folder = cliFolder();
  readonly running: Promise<RunSnapshot>;

  private constructor(readonly names: readonly string[]) {
    this.running = runMigration(
      {
        project: {
          version: 2,
          name: 'group',
          source: { connection: source.uri('postgres') },
          target: { connection: target.uri('postgres') },
          databases: names.map((name) => ({ source: name, target: name, mode: 'online' as const })),
          options: defaultOptions,
        },
        directory: join(this.folder.path, 'project'),
        restart: false,
      },
      {
        onSnapshot: (snapshot) => {
          this.last = snapshot;
        },
        onEvent: () => undefined,
        signal: this.abort.signal,
        distDir: resolve(__dirname, '../../dist'),
      },
    ).finally(() => {
      this.isOver = true;
    });
  }

  static async follow(count: number): Promise<Group> {
    const names: string[] = [];
    for (let made = 0; made < count; made++) {
      const name = await source.createDatabase();
      await source.query(name, 'CREATE TABLE t (id int PRIMARY KEY)');
      names.push(name);
    }
    const group = new Group(names);
    await poll(
      () => group.states.every((state) => state === 'following') && group.states.length === count,
      'following',
    );
    return group;
  }

  get follows() {
    return followedDatabases(this.last).map(({ follow }) => follow);
  }

  get states(): string[] {
    return this.follows.map(({ state }) => state);
  }

  async cutOver(): Promise<void> {
    const choices = { fence: 'readOnly', verify: 'none', force: false, wayBack: false } as const;
    for (const name of this.names)
      await requestFollow(
        { source: specOf(source.uri(name)), target: specOf(target.uri(name)) },
        { command: 'cutover', ...choices, hold: true, id: 'one' },
      );
  }

  /** The first of them cannot be followed any more. */
  async loseSlot(): Promise<void> {
    const slot = this.follows[0]?.slot.name ?? '';
    const of = `FROM pg_replication_slots WHERE slot_name = '${slot}'`;
    const [first = ''] = this.names;
    await poll(async () => {
      await source.query(first, `SELECT pg_terminate_backend(active_pid) ${of}`);
      await source.query(first, `SELECT pg_drop_replication_slot(slot_name) ${of}`).catch(() => undefined);
      return (await source.query(first, `SELECT ${of}`)).length === 0;
    }, 'the slot is dropped');
  }

  /** Whether applications may not write. Asked from elsewhere: sessions there are ended with the fence. */
  async fenced(name = this.names[0] ?? ''): Promise<boolean> {
    const rows = await source.query(
      'postgres',
      `SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
       WHERE d.datname = '${name}' AND 'default_transaction_read_only=on' = ANY (s.setconfig)`,
    );
    return rows.length > 0;
  }

  async end(): Promise<void> {
    this.abort.abort();
    await this.running;
    this.folder[Symbol.dispose]();
  }
}

test('a follower that fails while its cutover holds leaves a source that can be written to', async () => {
  const group = await Group.follow(1);
  await group.cutOver();
  await poll(() => group.states[0] === 'holding', 'the cutover holds');
  assert.ok(await group.fenced());
  await group.loseSlot();
  await poll(() => group.isOver, 'the run ends');
  assert.ok(!(await group.fenced()), 'the source is read-only');
  const { state, fault } = await group.running;
  assert.deepEqual([state, fault?.code, group.states[0]], ['incomplete', 'FF800', 'following']);
  assert.equal(group.follows[0]?.cutover?.fault?.code, 'FF800');
  const [name = ''] = group.names;
  const rows = await target.query(name, `SELECT state, undo -> 'fence' AS fence FROM flexferry.follow`);
  assert.deepEqual(rows, [{ state: 'following', fence: null }]);
  await group.end();
});

test('one that fails while the last changes are waited for, too', async () => {
  const group = await Group.follow(1);
  const [name = ''] = group.names;
  const holder = await target.connect(name);
  await holder.query('BEGIN; LOCK TABLE t IN SHARE MODE');
  await source.query(name, 'INSERT INTO t VALUES (1)');
  await group.cutOver();
  const isDraining = () =>
    group.follows[0]?.cutover?.steps.some((one) => one.step === 'drain' && one.state === 'running') === true;
  await poll(isDraining, 'it is waited for');
  assert.ok(await group.fenced());
  await group.loseSlot();
  await target.query(
    name,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%apply%'`,
  );
  await poll(() => group.isOver, 'the run ends');
  assert.ok(!(await group.fenced()), 'the source is read-only');
  const { fault } = await group.running;
  assert.deepEqual([fault?.code, group.follows[0]?.cutover?.fault?.code], ['FF800', 'FF800']);
  await holder.end();
  await group.end();
});

test('in a group the others are freed as well, and are followed on', async () => {
  const group = await Group.follow(2);
  const [, other = ''] = group.names;
  await group.cutOver();
  await poll(() => group.states.every((state) => state === 'holding'), 'the cutover holds');
  await group.loseSlot();
  await poll(async () => !(await group.fenced()) && !(await group.fenced(other)), 'both can be written to');
  await poll(() => group.states.every((state) => state === 'following'), 'the cutover is taken back');
  assert.deepEqual(
    group.follows.map(({ cutover, ended }) => [cutover?.fault?.code, ended?.code]),
    [
      ['FF800', 'FF800'],
      ['FF853', undefined],
    ],
  );
  assert.equal(group.last?.state, 'running');
  await source.query(other, 'INSERT INTO t VALUES (2)');
  await poll(async () => (await target.query(other, 'SELECT FROM t')).length === 1, 'the other is followed');
  await group.end();
});
