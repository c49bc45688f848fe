import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatLsn } from '../../src/engine/postgres/lsn.js';
import type { FollowSnapshot } from '../../src/protocol/follow.js';
import type { RunEvent } from '../../src/protocol/model.js';
import { doneOf, poll, runCli } from '../support/flexferry.js';
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
  // One whose test failed would go on, and this process with it.
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all([source?.stop(), target?.stop()]);
});
const started: RunningClone[] = [];

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
    started.push(this.run);
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

  get pair(): string[] {
    return ['--source', source.uri(this.database), '--target', target.uri(this.database)];
  }

  /** A command of the command line for this pair. */
  async ask(...args: readonly string[]): Promise<void> {
    const result = await runCli([...args, ...this.pair], { json: false });
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

test('while tables are added, the others are followed; what is written into the new ones is not lost', async () => {
  const database = await source.createDatabase();
  await source.query(
    database,
    `CREATE TABLE a (id int PRIMARY KEY, v int);
     CREATE FUNCTION slow(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN v; END $$`,
  );
  await target.createDatabase(database);
  let following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  let rows = 0;
  let slowest = 0;
  const write = async (added: string): Promise<void> => {
    const id = ++rows;
    await source.query(
      database,
      `BEGIN; INSERT INTO a VALUES (${id}, 0); UPDATE a SET v = v + 1 WHERE id = ${id} / 2;
       INSERT INTO ${added} VALUES (${1000 + id}, 0); DELETE FROM ${added} WHERE id = ${id}; COMMIT`,
    );
    const began = performance.now();
    const arrived = `SELECT FROM a WHERE id = ${id}`;
    await poll(async () => (await target.query(database, arrived)).length === 1, 'it arrives');
    slowest = Math.max(slowest, performance.now() - began);
  };
  for (const added of ['added', 'killed']) {
    await source.query(
      database,
      `CREATE TABLE ${added} (id int PRIMARY KEY, v int); INSERT INTO ${added} SELECT i, i FROM generate_series(1, 500) i;
       CREATE INDEX ON ${added} (slow(v))`,
    );
    await following.until((follow) => follow.newTables.length === 1, 'the new table is seen');
    await following.ask('add-tables');
    await following.until((follow) => follow.state === 'copying', 'it is copied');
    for (let n = 1; following.snapshot?.state === 'copying' && n <= 5; n++) await write(added);
    if (added === 'killed') {
      following.run.child.kill('SIGKILL');
      await following.run.ended;
      following = new Following(database);
    }
    await following.until((follow) => follow.state === 'following', 'all are followed');
    await write(added);
  }
  assert.ok(rows > 4, 'nothing was written meanwhile');
  assert.ok(slowest < 4000, `a row took ${slowest} ms`);
  await following.ask('cutover', '--yes', '--fence', 'read-only');
  assertSucceeded(await following.run.ended);
  for (const table of ['a', 'added', 'killed']) await same(database, `SELECT * FROM ${table} ORDER BY id`);
});

test('a request is met where the connection breaks right behind it', async () => {
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE first (id int PRIMARY KEY)');
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  // The first statement of the run about its state behind the one that takes the request out.
  await target.query(
    database,
    `CREATE SEQUENCE public.taken; CREATE SEQUENCE public.broken;
     CREATE FUNCTION public.take() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN PERFORM nextval('public.taken'); RETURN NULL; END $$;
     CREATE FUNCTION public.break() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF (SELECT is_called FROM public.taken) AND nextval('public.broken') = 1 THEN
         PERFORM pg_terminate_backend(pg_backend_pid());
       END IF;
       RETURN NULL;
     END $$;
     CREATE TRIGGER take AFTER DELETE ON flexferry.request EXECUTE FUNCTION public.take();
     CREATE TRIGGER break BEFORE UPDATE ON flexferry.follow EXECUTE FUNCTION public.break()`,
  );
  await source.query(database, 'CREATE TABLE second (id int PRIMARY KEY)');
  await following.until((follow) => follow.newTables.length === 1, 'the new table is seen');
  await following.ask('add-tables');
  await following.until((follow) => follow.newTables.length === 0, 'it is taken along');
  const [broken] = await target.query<{ times: string }>(
    database,
    'SELECT last_value::text AS times FROM public.broken WHERE is_called',
  );
  assert.ok(Number(broken?.times) > 0, 'the connection was not broken');
  await following.ask('cancel');
  await following.run.ended;
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

  const other = await target.createDatabase();
  const pair = ['--source', source.uri(database), '--target', target.uri(other)];
  const cancelled = startClone(source.uri(database), target.uri(other), ['--online']);
  await poll(
    async () => (await runCli(['status', ...pair], { json: false })).stdout.includes('following'),
    'following',
  );
  const answer = await runCli(['cancel', ...pair], { json: false });
  assert.equal(answer.code, 0, answer.stdout + answer.stderr);
  assert.match(answer.stdout, /given up its replication slot\. .*--restart begins anew/);
  const end = await cancelled.ended;
  assert.deepEqual([end.exitCode, end.done?.fault?.code], [4, 'FF867']);
  const status = await runCli(['status', ...pair], { json: false });
  assert.match(status.stdout, /: finished, .*\nrun {10}none is at work, last/);
  const again = await runCli(['clone', '--online', ...pair]);
  assert.deepEqual([again.code, doneOf(again).fault?.code], [3, 'FF866']);
  const cleaned = await runCli(['cleanup', ...pair], { json: false });
  assert.equal(cleaned.code, 0, cleaned.stdout + cleaned.stderr);
  assert.deepEqual(await source.query('postgres', 'SELECT slot_name FROM pg_replication_slots'), []);
  assert.deepEqual(await source.query(database, 'SELECT pubname FROM pg_publication'), []);
  assert.deepEqual(
    await target.query(other, "SELECT nspname FROM pg_namespace WHERE nspname = 'flexferry'"),
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

/** Runs the DDL that is shown for the tables that stopped, until none is. */
async function runShownDdl(following: Following, stopped: number): Promise<void> {
  await following.until((follow) => follow.stopped.length === stopped, 'they stop');
  for (const { ddl } of following.snapshot?.stopped ?? []) await target.query(following.database, ddl ?? '');
  await following.until((follow) => follow.stopped.length === 0, 'they go on');
}

const changedTables = `CREATE TABLE typ (id int PRIMARY KEY, w int); CREATE TABLE lesser (id int PRIMARY KEY, v int, w int);
  CREATE TABLE renamed (id int PRIMARY KEY, v int); CREATE TABLE dropped (id int PRIMARY KEY);
  INSERT INTO typ VALUES (1, 1); INSERT INTO lesser VALUES (1, 1, 1); INSERT INTO renamed VALUES (1, 1)`;
const changeThem = `ALTER TABLE typ ALTER w TYPE bigint; UPDATE typ SET w = 5000000000;
  ALTER TABLE lesser DROP COLUMN w; UPDATE lesser SET v = 2; DROP TABLE dropped;
  ALTER TABLE renamed RENAME TO other; UPDATE other SET v = 2`;

test('tables with other columns and names on the source are compared as they are now', async () => {
  const database = await source.createDatabase();
  await source.query(database, changedTables);
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  await source.query(database, changeThem);
  await runShownDdl(following, 2);
  await following.ask('cutover', '--yes', '--verify', 'full');
  const { done, exitCode } = await following.run.ended;
  assert.equal(exitCode, 1);
  assert.ok(done);
  assert.deepEqual(
    done.findings
      .filter(({ severity }) => severity !== 'note')
      .map(({ code, object }) => [code, object])
      .sort(),
    [
      ['FF854', 'table public.dropped'],
      ['FF854', 'table public.renamed'],
    ],
  );
  await same(database, 'SELECT * FROM typ, lesser');
  assert.deepEqual(await target.query(database, 'SELECT * FROM renamed'), [{ id: 1, v: 2 }]);
});

test('a run that goes on takes the new columns for what they are', async () => {
  const database = await source.createDatabase();
  await source.query(database, changedTables);
  await target.createDatabase(database);
  const first = new Following(database);
  await first.until((follow) => follow.state === 'following', 'following');
  const [columns = ''] = changeThem.split('DROP TABLE');
  await source.query(database, columns);
  await runShownDdl(first, 2);
  first.run.child.kill('SIGINT');
  await first.run.ended;
  const second = new Following(database);
  await second.until((follow) => follow.state === 'following', 'following');
  await source.query(database, 'UPDATE typ SET w = w + 1; UPDATE lesser SET v = 3');
  await second.ask('cutover', '--yes', '--verify', 'full');
  assertSucceeded(await second.run.ended);
  await same(database, 'SELECT * FROM typ, lesser');
});

test('so they are at a position that was asked for', async () => {
  const database = await source.createDatabase();
  await source.query(database, changedTables.replace('CREATE TABLE dropped', 'CREATE TABLE stays'));
  await target.createDatabase(database);
  const [{ lsn = '' } = {}] = await source.query<{ lsn: string }>(
    database,
    `SELECT (pg_current_wal_lsn() - '0/0' + (64 << 20))::text AS lsn`,
  );
  const following = new Following(database, ['--endpos', formatLsn(BigInt(lsn))]);
  await following.until((follow) => follow.state === 'following', 'following');
  await source.query(database, changeThem.replace('DROP TABLE dropped;', ''));
  await runShownDdl(following, 2);
  for (let segment = 0; segment < 5; segment++)
    await source.query(database, `SELECT pg_logical_emit_message(true, 'x', 'x'); SELECT pg_switch_wal()`);
  const { done } = await following.run.ended;
  assert.ok(done);
  assert.deepEqual(
    done.findings.filter(({ code }) => code === 'FF600' || code === 'FF601'),
    [],
  );
  assert.deepEqual([done.fault, done.state, done.totals.different], [undefined, 'incomplete', 0]);
});

test('a table that somebody takes out of the publication is a no-go, not a gap', async () => {
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)');
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  const slot = following.snapshot?.slot.name ?? '';
  await source.query(database, `ALTER PUBLICATION "${slot}" DROP TABLE t`);
  await source.query(database, 'INSERT INTO t VALUES (1)');
  const refused = await runCli(['cutover', ...following.pair, '--yes', '--verify', 'none'], { json: false });
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /NO-GO {2}stoppedTables: 1 table taken out of the publication: .*public\.t/);
  following.run.child.kill('SIGKILL');
  await following.run.ended;
});

test('a slot that is lost is no interruption: only a new base copy helps', async () => {
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY)');
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  const slot = following.snapshot?.slot.name ?? '';
  following.run.child.kill('SIGKILL');
  await following.run.ended;
  await poll(
    () =>
      source.query(database, 'SELECT pg_drop_replication_slot($1)', [slot]).then(
        () => true,
        () => false,
      ),
    'the slot is dropped',
  );
  await poll(async () => {
    const { stdout } = await runCli(['status', ...following.pair], { json: false });
    return /^run {10}none is at work(, last.*)?$[\s\S]*^LOST .*--restart/m.test(stdout);
  }, 'the status says that it is lost');
  const again = await runCli(['clone', '--online', ...following.pair]);
  const { fault, state } = doneOf(again);
  assert.deepEqual([again.code, state, fault?.code], [1, 'incomplete', 'FF800']);
  assert.match(fault?.fix ?? '', /--restart/);
  const anew = await runCli(['clone', '--online', '--restart', '--endpos', 'current', ...following.pair]);
  assert.equal(anew.code, 0, anew.stderr);
});

test('partitions that are added come with the indexes, keys and triggers of their table', async () => {
  const database = await source.createDatabase();
  await source.query(
    database,
    `CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (1);
     CREATE TABLE audit (what text);
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;
     CREATE TABLE sales (id int, day int, customer int REFERENCES customers, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
     CREATE INDEX by_customer ON sales (customer); CREATE INDEX by_note ON sales (lower(note)) WHERE id > 0;
     CREATE TRIGGER noted AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION note();
     CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10); INSERT INTO sales VALUES (1, 1, 1)`,
  );
  await target.createDatabase(database);
  const following = new Following(database);
  await following.until((follow) => follow.state === 'following', 'following');
  await source.query(
    database,
    `CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (10) TO (20);
     ALTER INDEX sales_2_customer_idx RENAME TO another_name; CREATE INDEX of_its_own ON sales_2 (note);
     CREATE TABLE a_leaf (LIKE sales INCLUDING DEFAULTS); ALTER TABLE a_leaf ADD PRIMARY KEY (id, day);
     CREATE TABLE sales_3 PARTITION OF sales FOR VALUES FROM (20) TO (40) PARTITION BY RANGE (day);
     ALTER TABLE sales_3 ATTACH PARTITION a_leaf FOR VALUES FROM (20) TO (30);
     INSERT INTO customers VALUES (2); INSERT INTO sales VALUES (2, 12, 2), (3, 22, 2)`,
  );
  await following.until((follow) => follow.newTables.length === 2, 'they are seen');
  await following.ask('add-tables');
  await following.until(
    (follow) => follow.newTables.length === 0 && follow.state === 'following',
    'they are taken',
  );
  await source.query(
    database,
    `INSERT INTO sales VALUES (4, 13, 2), (5, 23, 1); DELETE FROM sales WHERE id = 2`,
  );
  await following.ask('cutover', '--yes', '--verify', 'full');
  assertSucceeded(await following.run.ended);
  for (const what of [
    'SELECT tableoid::regclass::text, * FROM sales ORDER BY id',
    'SELECT count(*) FROM audit',
    'SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $$public$$ ORDER BY 1',
    'SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits ORDER BY 1, 2',
    'SELECT conrelid::regclass::text, contype::text, convalidated FROM pg_constraint WHERE conrelid > 16383 ORDER BY 1, 2, 3',
    'SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE tgname = $$noted$$ ORDER BY 1',
  ])
    await same(database, what);
});
