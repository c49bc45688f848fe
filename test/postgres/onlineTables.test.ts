import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowSnapshot } from '../../src/protocol/follow.js';
import type { RunEvent } from '../../src/protocol/model.js';
import { poll, runCli } from '../support/flexferry.js';
import { assertSucceeded, type RunningClone, startClone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** A run that follows, with what it says of itself. */
class Following {
  readonly events: RunEvent[] = [];
  readonly run: RunningClone;

  constructor(
    readonly database: string,
    args: readonly string[] = [],
  ) {
    this.run = startClone(source.uri(database), target.uri(database), ['--online', ...args], (event) =>
      this.events.push(event),
    );
  }

  get snapshot(): FollowSnapshot | undefined {
    const last = this.events.findLast((event) => event.event === 'progress' && event.follow !== undefined);
    return last?.event === 'progress' ? last.follow?.[this.database] : undefined;
  }

  async until(wanted: (follow: FollowSnapshot) => boolean, what: string): Promise<void> {
    await poll(() => {
      if (this.run.child.exitCode !== null)
        throw new Error(`ended before: ${what}: ${JSON.stringify(this.events.at(-1))}`);
      return this.snapshot !== undefined && wanted(this.snapshot);
    }, what);
  }

  /** A command of the command line for this pair. */
  async ask(...args: readonly string[]): Promise<void> {
    const pair = ['--source', source.uri(this.database), '--target', target.uri(this.database)];
    const result = await runCli([...args, ...pair], { json: false });
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
  }
}

async function same(database: string, query: string): Promise<void> {
  assert.deepEqual(await target.query(database, query), await source.query(database, query));
}

test('a new table is reported, taken along, followed; DDL of the source waits for the target', async () => {
  const database = await source.createDatabase();
  await source.query(
    database,
    'CREATE TABLE first (id int PRIMARY KEY, v text); INSERT INTO first VALUES (1)',
  );
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  await source.query(
    database,
    `CREATE TABLE "se cond" (id int PRIMARY KEY REFERENCES first, note text); INSERT INTO "se cond" VALUES (1, 'before')`,
  );
  await following.until((follow) => follow.newTables.length === 1, 'the new table is seen');
  await following.ask('add-tables');
  await following.until(
    (follow) => follow.newTables.length === 0 && follow.state === 'following',
    'it is taken',
  );
  await source.query(database, `UPDATE "se cond" SET note = 'after'; INSERT INTO first VALUES (2)`);
  await source.query(
    database,
    `ALTER TABLE first ADD COLUMN w int DEFAULT 7; INSERT INTO first VALUES (3, 'c', 8)`,
  );
  await following.until((follow) => follow.stopped.length === 1, 'the table with another column stops');
  const [stopped] = following.snapshot?.stopped ?? [];
  assert.equal(stopped?.fault.code, 'FF816');
  assert.equal(stopped?.ddl?.trim(), 'ALTER TABLE "public"."first" ADD COLUMN "w" integer DEFAULT 7;');
  await target.query(database, stopped?.ddl ?? '');
  await following.until((follow) => follow.stopped.length === 0, 'it goes on by itself');
  await following.ask('cutover', '--yes', '--fence', 'read-only');
  assertSucceeded(await following.run.ended);
  await same(database, 'SELECT * FROM first ORDER BY id');
  await same(database, 'SELECT * FROM "se cond" ORDER BY id');
  assert.deepEqual(
    await target.query(database, "SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated"),
    [{ conname: 'se cond_id_fkey' }],
  );
});

test('killed while it copies and while it follows: the same command goes on; cancel and cleanup leave nothing', async () => {
  const database = await source.createDatabase();
  await source.query(
    database,
    `CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, repeat('a', 200) FROM generate_series(1, 100000) i;
     CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b SELECT i, 'b' FROM generate_series(1, 1000) i`,
  );
  await target.createDatabase(database);
  const first = startClone(
    source.uri(database),
    target.uri(database),
    ['--online', '--jobs', '1'],
    (event) => {
      if (event.event === 'table' && event.state === 'running') first.child.kill('SIGKILL');
    },
  );
  await first.ended;
  await source.query(
    database,
    `UPDATE a SET v = 'x' WHERE id % 3 = 0; DELETE FROM b WHERE id < 100; INSERT INTO a VALUES (0, 'zero')`,
  );
  const second = new Following(database);
  await second.until((follow) => follow.state === 'following', 'following');
  await source.query(database, `UPDATE a SET v = 'y' WHERE id % 5 = 0`);
  second.run.child.kill('SIGKILL');
  await second.run.ended;
  await source.query(database, 'UPDATE b SET v = NULL WHERE id % 2 = 0');
  const third = new Following(database, ['--endpos', 'current']);
  assertSucceeded(await third.run.ended);
  await same(database, 'SELECT * FROM a ORDER BY id');
  await same(database, 'SELECT * FROM b ORDER BY id');

  const again = await target.createDatabase();
  const pair = ['--source', source.uri(database), '--target', target.uri(again)];
  const cancelled = startClone(source.uri(database), target.uri(again), ['--online']);
  await poll(
    async () => (await runCli(['status', ...pair], { json: false })).stdout.includes('following'),
    'following',
  );
  const answer = await runCli(['cancel', ...pair], { json: false });
  assert.equal(answer.code, 0, answer.stdout + answer.stderr);
  assert.equal((await cancelled.ended).exitCode, 4);
  const cleaned = await runCli(['cleanup', ...pair], { json: false });
  assert.equal(cleaned.code, 0, cleaned.stdout + cleaned.stderr);
  assert.deepEqual(await source.query('postgres', 'SELECT slot_name FROM pg_replication_slots'), []);
  assert.deepEqual(await source.query(database, 'SELECT pubname FROM pg_publication'), []);
  assert.deepEqual(
    await target.query(again, "SELECT nspname FROM pg_namespace WHERE nspname = 'flexferry'"),
    [],
  );
});

test('a table that is truncated again and again is copied all the same', async () => {
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE staging (id int PRIMARY KEY); CREATE TABLE other (id int)');
  await target.createDatabase(database);
  let goesOn = true;
  const client = await source.connect(database);
  const truncating = (async () => {
    for (let n = 0; goesOn; n++) {
      await client.query(
        `BEGIN; TRUNCATE staging; INSERT INTO staging SELECT generate_series(0, ${n}); COMMIT`,
      );
      await sleep(15);
    }
  })();
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  goesOn = false;
  await truncating;
  await client.end();
  await following.ask('cutover', '--fence', 'none', '--yes');
  assertSucceeded(await following.run.ended);
  await same(database, 'SELECT id FROM staging ORDER BY id');
});
