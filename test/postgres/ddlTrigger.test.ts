import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUpFollow } from '../../src/engine/online/cleanUpFollow.js';
import { connect } from '../../src/engine/postgres/connect.js';
import { dropDdlTrigger, makeDdlTrigger } from '../../src/engine/replication/ddlTrigger.js';
import type { FollowSnapshot, FollowStatus } from '../../src/protocol/follow.js';
import type { RunEvent } from '../../src/protocol/model.js';
import { poll, runCli } from '../support/flexferry.js';
import { assertSucceeded, type RunningClone, startClone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits, specOf } from '../support/replication.js';

let source: TestServer;
let old: TestServer;
let target: TestServer;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  old = await startServer({ major: 13, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  for (const { child } of runs) child.kill('SIGKILL');
  await Promise.all(runs.map(({ ended }) => ended));
  await Promise.all([source?.stop(), old?.stop(), target?.stop()]);
});

/** A test that fails leaves its run behind. */
const runs: RunningClone[] = [];
const slotless = 'flexferry_0123456789ab';
const begin = `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')`;

async function databaseOf(server: TestServer): Promise<string> {
  const database = await server.createDatabase();
  await server.query(database, begin);
  await target.createDatabase(database);
  return database;
}

/** A run that follows, with the last it said of itself. */
function following(server: TestServer, database: string, ...args: string[]) {
  const events: RunEvent[] = [];
  const run = startClone(server.uri(database), target.uri(database), ['--online', ...args], (event) =>
    events.push(event),
  );
  runs.push(run);
  const snapshot = (): FollowSnapshot | undefined => {
    const last = events.findLast((event) => event.event === 'progress' && event.follow !== undefined);
    return last?.event === 'progress' ? last.follow?.[database] : undefined;
  };
  const until = (wanted: (follow: FollowSnapshot) => boolean, what: string): Promise<void> =>
    poll(() => {
      if (run.child.exitCode !== null)
        throw new Error(`ended before: ${what}: ${JSON.stringify(events.at(-1))}`);
      const said = snapshot();
      return said !== undefined && wanted(said);
    }, what);
  return { run, events, until, isFollowing: () => until(({ state }) => state === 'following', 'following') };
}

const specsOf = (server: TestServer, database: string) => ({
  source: specOf(server.uri(database)),
  target: specOf(target.uri(database)),
});
const pairArgs = (server: TestServer, database: string) => [
  '--source',
  server.uri(database),
  '--target',
  target.uri(database),
];

async function statusOf(database: string): Promise<FollowStatus> {
  const { stdout } = await runCli(['status', '--json', ...pairArgs(source, database)], { json: false });
  return JSON.parse(stdout) as FollowStatus;
}

/** Event triggers, and schemas and functions of ours. */
async function ours(server: TestServer, database: string): Promise<string[]> {
  const rows = await server.query<{ item: string }>(
    database,
    `SELECT 'event trigger ' || evtname AS item FROM pg_event_trigger
     UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname ~ '^flexferry_'
     UNION ALL SELECT 'function ' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
       WHERE nspname ~ '^flexferry_' ORDER BY 1`,
  );
  return rows.map(({ item }) => item);
}

const told = (follow: FollowSnapshot | undefined): string[] =>
  follow?.ddlSeen?.last.map(({ command, object }) => `${command} ${object}`) ?? [];

test('DDL that no row follows is told, also after a kill; it stays on the source and cleanup removes it', async () => {
  const database = await databaseOf(source);
  const first = following(source, database, '--ddl-trigger');
  await first.isFollowing();
  assert.ok(first.events.some((event) => event.event === 'finding' && event.finding.code === 'FF881'));
  const made = await ours(source, database);
  assert.match(
    made.join(),
    /^event trigger (flexferry_[0-9a-f]{12})_ddl,event trigger \1_drop,function tell,schema \1_ddl$/,
  );
  assert.deepEqual(await ours(target, database), []);
  await source.query(
    database,
    `CREATE TABLE gone (id int); CREATE TEMP TABLE passing (id int PRIMARY KEY); DROP TABLE passing;
     CREATE INDEX "by Ü" ON t (v); CREATE VIEW seen AS SELECT 1 AS one; ALTER TABLE t ADD COLUMN w int`,
  );
  await source.query(database, 'BEGIN; CREATE VIEW never AS SELECT 1; ROLLBACK');
  await source.query(database, 'DROP TABLE gone; ALTER TABLE t DROP COLUMN w');
  const expected = [
    'CREATE TABLE public.gone',
    'CREATE INDEX public."by Ü"',
    'CREATE VIEW public.seen',
    'ALTER TABLE public.t',
    'DROP TABLE public.gone',
    'ALTER TABLE public.t',
  ];
  await first.until((follow) => follow.ddlSeen?.total === expected.length, 'the DDL is told');
  first.run.child.kill('SIGKILL');
  await first.run.ended;
  assert.deepEqual(told((await statusOf(database)).follow), expected);

  await source.query(database, 'CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1');
  // The consent was given once.
  const second = following(source, database);
  await second.until((follow) => follow.ddlSeen?.total === expected.length + 1, 'it goes on');
  await source.query(database, 'CREATE TABLE added (id int PRIMARY KEY)');
  await second.until((follow) => follow.newTables.length === 1, 'the new table is seen');
  const { code } = await runCli(['add-tables', ...pairArgs(source, database)], { json: false });
  assert.equal(code, 0);
  await second.until((f) => f.newTables.length === 0 && f.state === 'following', 'it is taken in');
  await source.query(database, 'INSERT INTO added VALUES (1)');
  await poll(
    async () => (await target.query(database, 'SELECT FROM added')).length === 1,
    'changes go on as ever',
  );
  const { follow } = await statusOf(database);
  assert.deepEqual(told(follow), [
    ...expected,
    'CREATE FUNCTION public.f()',
    'CREATE TABLE public.added',
    'CREATE INDEX public.added_pkey',
  ]);
  const text = await runCli(['status', ...pairArgs(source, database)], { json: false });
  assert.match(text.stdout, /^DDL {10}9 commands on the source since the start: run the same on the target/m);

  // The user did what was told, and later more comes.
  const done = await runCli(['ddl-done', ...pairArgs(source, database)], { json: false });
  assert.equal(done.code, 0, done.stdout);
  await second.until((f) => f.ddlSeen?.done === 9, 'it is dealt with');
  const again = await runCli(['ddl-done', ...pairArgs(source, database)], { json: false });
  assert.match(again.stderr, /FF863: There is no DDL of the source that is to be dealt with/);
  await poll(async () => (await statusOf(database)).follow?.ddlSeen?.done === 9, 'it is written down');
  second.run.child.kill('SIGKILL');
  await second.run.ended;
  const without = await runCli(['status', ...pairArgs(source, database)], { json: false });
  assert.match(without.stdout, /^DDL {10}9 commands on the source since the start, all dealt with$/m);
  await source.query(database, 'DROP VIEW seen');
  const third = following(source, database);
  await third.until((f) => f.ddlSeen?.total === 10 && f.ddlSeen.done === 9, 'what came since is told');
  third.run.child.kill('SIGKILL');
  await third.run.ended;
  const removed = await cleanUpFollow(specsOf(source, database));
  for (const item of made.filter((item) => !item.startsWith('function')))
    assert.ok(removed.includes(`source: ${item}`), `${item} not in ${removed.join()}`);
  assert.deepEqual(await ours(source, database), []);
  await source.query(database, 'CREATE VIEW later AS SELECT 1 AS one');
});

test('without consent nothing is made; with it all is gone after the end, after a cancel, and after restart', async () => {
  const database = await databaseOf(source);
  const plain = following(source, database);
  await plain.isFollowing();
  assert.deepEqual(await ours(source, database), []);
  plain.run.child.kill('SIGKILL');
  await plain.run.ended;
  // Given later it counts from then on.
  const later = following(source, database, '--ddl-trigger');
  await later.isFollowing();
  await poll(async () => (await ours(source, database)).length === 4, 'it is made');
  const cancelled = await runCli(['cancel', ...pairArgs(source, database)], { json: false });
  assert.equal(cancelled.code, 0, cancelled.stdout);
  await later.run.ended;
  assert.deepEqual(await ours(source, database), []);

  const again = await databaseOf(source);
  assertSucceeded(await following(source, again, '--ddl-trigger', '--endpos', 'current').run.ended);
  assert.deepEqual([await ours(source, again), await ours(target, again)], [[], []]);
});

test('gone after the cutover', async () => {
  const database = await databaseOf(source);
  const { run, isFollowing } = following(source, database, '--ddl-trigger');
  await isFollowing();
  const args = ['cutover', '--yes', '--fence', 'read-only', ...pairArgs(source, database)];
  assert.equal((await runCli(args, { json: false })).code, 0);
  assertSucceeded(await run.ended);
  assert.deepEqual([await ours(source, database), await ours(target, database)], [[], []]);
});

test('what fails in it is nothing to the DDL of users, who need no rights for it', async () => {
  const database = await source.createDatabase();
  await using session = Object.assign(await connect(specOf(source.uri(database)), 'test'), {
    async [Symbol.asyncDispose]() {
      await session.close();
    },
  });
  await makeDdlTrigger(session, slotless);
  await makeDdlTrigger(session, slotless);
  await source.query(
    database,
    `CREATE ROLE anybody LOGIN; GRANT CREATE ON DATABASE "${database}" TO anybody;
     REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, bytea, boolean) FROM PUBLIC`,
  );
  const uri = source.uri(database, 'anybody');
  const user = await connect(specOf(uri), 'test');
  try {
    await assert.rejects(
      user.query(`SELECT pg_logical_emit_message(true, 'x', ''::bytea)`),
      /permission denied/,
    );
    // Nor is it led astray by what the user calls like functions of ours.
    await user.script(`CREATE SCHEMA own; SET search_path = own, public;
      CREATE FUNCTION own.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
      CREATE TABLE own.made (id int); DROP TABLE own.made`);
  } finally {
    await user.close();
  }
  const dropped = await dropDdlTrigger(session, slotless);
  assert.deepEqual(dropped, [
    `event trigger ${slotless}_ddl`,
    `event trigger ${slotless}_drop`,
    `schema ${slotless}_ddl`,
  ]);
  assert.deepEqual(await ours(source, database), []);
  assert.deepEqual(await dropDdlTrigger(session, slotless), []);
});

test('a source that cannot tell, and a user who may not let it, are told; the migration goes on', async () => {
  const database = await databaseOf(old);
  const { run, events } = following(old, database, '--ddl-trigger', '--endpos', 'current');
  await run.ended;
  const finding = events.find((event) => event.event === 'finding' && event.finding.code === 'FF880');
  assert.match(JSON.stringify(finding), /older than PostgreSQL 14/);
  assert.deepEqual(await ours(old, database), []);
  assert.deepEqual(
    await target.query(database, 'SELECT * FROM t'),
    await old.query(database, 'SELECT * FROM t'),
  );

  const own = await databaseOf(source);
  await source.query(
    own,
    `CREATE ROLE mover LOGIN REPLICATION; GRANT CREATE ON DATABASE "${own}" TO mover; ALTER TABLE t OWNER TO mover`,
  );
  const byMover: RunEvent[] = [];
  const args = ['--online', '--ddl-trigger', '--endpos', 'current'];
  await startClone(source.uri(own, 'mover'), target.uri(own), args, (event) => byMover.push(event)).ended;
  assert.match(
    JSON.stringify(byMover.find((event) => event.event === 'finding' && event.finding.code === 'FF880')),
    /The user mover may not make event triggers/,
  );
  assert.equal((await target.query(own, 'SELECT FROM t')).length, 1);
});
