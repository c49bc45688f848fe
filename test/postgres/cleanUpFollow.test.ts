import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { fenceSource, planFence } from '../../src/engine/cutover/fence.js';
import { cleanUpFollow } from '../../src/engine/online/cleanUpFollow.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { formerIdentities, makeIdentitiesFull } from '../../src/engine/replication/replicaIdentity.js';
import { createRun } from '../../src/engine/run/checkpoint.js';
import { noteSaid, noteState } from '../../src/engine/run/followState.js';
import type { ErrorCode } from '../../src/protocol/errorCodes.js';
import { poll } from '../support/flexferry.js';
import { FollowedPair, quiet, takeRequests } from '../support/followRows.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { Follower, flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestTwin;
before(async () => {
  source = await startServer({ major: 13, settings: flushedCommits });
  target = await startFlexibleServerTwin({ major: 17 });
  await target.allowReplication();
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const pairOf = () => FollowedPair.create(source, target);
const signal = new AbortController().signal;
const refused = (work: Promise<unknown>, code: ErrorCode) =>
  assert.rejects(work, (error: unknown) => error instanceof Error && 'code' in error && error.code === code);

/** Slots, publications, settings, identities and schemas of ours on both sides. */
async function left(pair: FollowedPair): Promise<string[]> {
  const sql = `SELECT 'slot ' || slot_name AS item FROM pg_replication_slots WHERE database = current_database()
    UNION ALL SELECT 'publication ' || pubname FROM pg_publication
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'flexferry'
    UNION ALL SELECT 'full ' || relname FROM pg_class WHERE relreplident = 'f'
    UNION ALL SELECT 'setting ' || array_to_string(setconfig, ' ') FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`;
  const rows = [
    ...(await source.query<{ item: string }>(pair.sourceDatabase, sql)),
    ...(await target.superQuery<{ item: string }>(pair.targetDatabase, sql)),
  ];
  return rows.map((row) => row.item);
}

const untilActive = (slot: string, active: boolean): Promise<void> =>
  poll(
    async () => {
      const [row] = await source.query<{ active: boolean }>(
        'postgres',
        `SELECT active FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      return row?.active === active;
    },
    `the slot is ${active ? 'read' : 'let go'}`,
  );

/** What a cutover and tables without a key leave to be put back. */
async function changeSource(pair: FollowedPair, state: Session): Promise<void> {
  const session = await pair.open('source');
  await session.script('CREATE TABLE public.keyless (v int)');
  const { rows } = await session.query<{ oid: string }>(
    `SELECT oid::text FROM pg_class WHERE relname = 'keyless'`,
  );
  const identities = await formerIdentities(session, rows);
  const fence = await planFence(session);
  await noteState(state, pair.source, { undo: { identities, fence } });
  await makeIdentitiesFull(session, rows);
  await fenceSource(session, fence, { signal });
  await session.close();
}

describe('everything goes', () => {
  test('fence, slot that is read, publications, identities, checkpoints; the second time nothing is left', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const state = await pair.open('target');
    await changeSource(pair, state);
    await state.close();
    await using follower = await Follower.start(pair.specs.source, slot, { publications: [slot] });
    const told: string[] = [];
    const removed = await cleanUpFollow(pair.specs, { onRemoved: (line) => told.push(line) });
    assert.deepEqual(removed, [
      `source: fence of the database ${pair.sourceDatabase} (default_transaction_read_only)`,
      `source: replication slot ${slot}`,
      `source: publication ${slot}`,
      `source: publication ${slot}_insert`,
      'source: REPLICA IDENTITY FULL of public.keyless',
      'target: checkpoints, schema flexferry',
    ]);
    assert.deepEqual(told, removed);
    assert.deepEqual(await left(pair), []);
    await poll(() => follower.failure !== undefined, 'the reader of the slot is ended');
    await source.query(pair.sourceDatabase, 'INSERT INTO keyless VALUES (1); UPDATE keyless SET v = 2');
    assert.deepEqual(await cleanUpFollow(pair.specs), []);
  });

  test('whatever of it is there: stopped at any step it goes on', async () => {
    const steps: readonly [string, (pair: FollowedPair, slot: string) => Promise<unknown>][] = [
      [
        'the slot was not made',
        (p, slot) => source.query(p.sourceDatabase, `SELECT pg_drop_replication_slot('${slot}')`),
      ],
      [
        'a publication is gone',
        async (p, slot) => {
          await source.query(p.sourceDatabase, `SELECT pg_drop_replication_slot('${slot}')`);
          await source.query(p.sourceDatabase, `DROP PUBLICATION ${slot}`);
        },
      ],
      [
        'the position is not known',
        (p) =>
          target.query(
            p.targetDatabase,
            'DELETE FROM flexferry.lane; UPDATE flexferry.follow SET start_lsn = NULL',
          ),
      ],
      ['no run', (p) => target.query(p.targetDatabase, 'DELETE FROM flexferry.run')],
      [
        'tables are missing',
        (p) =>
          target.query(p.targetDatabase, 'DROP TABLE flexferry.parked, flexferry.work, flexferry.request'),
      ],
      ['no row', (p) => target.query(p.targetDatabase, 'DELETE FROM flexferry.follow')],
      [
        'an empty schema',
        (p) => target.query(p.targetDatabase, 'DROP SCHEMA flexferry CASCADE; CREATE SCHEMA flexferry'),
      ],
    ];
    for (const [what, step] of steps) {
      await using pair = await pairOf();
      await step(pair, await pair.begin());
      assert.ok((await cleanUpFollow(pair.specs)).length > 0, what);
      assert.deepEqual(await left(pair), [], what);
      assert.deepEqual(await cleanUpFollow(pair.specs), [], what);
    }
  });

  test('memberships that a run took', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const role = `keeper_${pair.slot}`;
    await target.query('postgres', `CREATE ROLE ${role}; GRANT ${role} TO CURRENT_USER`);
    await target.query(
      pair.targetDatabase,
      `INSERT INTO flexferry.work (source, kind, item) VALUES ('${pair.source}', 'role', '${role}')`,
    );
    const removed = await cleanUpFollow(pair.specs);
    assert.ok(removed.includes(`target: membership in the role ${role}`), removed.join('\n'));
  });

  test('of the way back, too, on both servers', async () => {
    await using pair = await pairOf();
    await target.query(pair.targetDatabase, 'CREATE TABLE t (id int PRIMARY KEY, v text)');
    const slot = await pair.begin();
    const back = await pair.begin({ isBack: true });
    const state = await pair.open('target');
    await changeSource(pair, state);
    await noteState(state, pair.source, { state: 'wayBack' });
    await state.close();
    const removed = await cleanUpFollow(pair.specs);
    assert.match(removed[0] ?? '', /^source: stays read-only, since it was handed over.*ALTER DATABASE/);
    assert.deepEqual(removed.slice(1), [
      `source: replication slot ${slot}`,
      `source: publication ${slot}`,
      `source: publication ${slot}_insert`,
      'source: REPLICA IDENTITY FULL of public.keyless',
      `target: replication slot ${back}`,
      `target: publication ${back}`,
      `target: publication ${back}_insert`,
      'source: checkpoints, schema flexferry',
      'target: checkpoints, schema flexferry',
    ]);
    assert.deepEqual(await left(pair), ['setting default_transaction_read_only=on']);
  });
});

describe('what is of others stays', () => {
  test('a slot and publications that were there before the migration', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin({ ownsSlot: false });
    assert.deepEqual(await cleanUpFollow(pair.specs), ['target: checkpoints, schema flexferry']);
    assert.deepEqual(await left(pair), [`publication ${slot}`, `publication ${slot}_insert`, `slot ${slot}`]);
  });

  test('where the target has forgotten: only what carries the name of this migration and is not read', async () => {
    await using pair = await pairOf();
    await using other = await FollowedPair.create(source, target);
    const slot = await pair.begin();
    const foreign = await other.begin();
    const named = 'flexferry_0123456789ab';
    await source.query(pair.sourceDatabase, `CREATE PUBLICATION ${named}`);
    await target.query(pair.targetDatabase, 'DROP SCHEMA flexferry CASCADE');
    {
      await using _ = await Follower.start(pair.specs.source, slot, { publications: [slot] });
      assert.deepEqual(await cleanUpFollow(pair.specs), [], 'it is read');
    }
    await untilActive(slot, false);
    await target.query('postgres', `DROP DATABASE ${pair.targetDatabase}`);
    assert.deepEqual(await cleanUpFollow(pair.specs), [
      `source: replication slot ${slot}`,
      `source: publication ${slot}`,
      `source: publication ${slot}_insert`,
    ]);
    assert.deepEqual(await source.query(pair.sourceDatabase, 'SELECT pubname FROM pg_publication'), [
      { pubname: named },
    ]);
    assert.equal((await left(other)).filter((item) => item.endsWith(foreign)).length, 2);
  });

  test('checkpoints of another source in the same target', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    const run = '00000000-0000-4000-8000-000000000001';
    await createRun(state, { run, source: 'other/db', renames: '[]', preexisting: [] });
    assert.ok((await cleanUpFollow(pair.specs)).includes('target: checkpoints of this migration'));
    assert.deepEqual(await target.query(pair.targetDatabase, 'SELECT source FROM flexferry.run'), [
      { source: 'other/db' },
    ]);
    assert.deepEqual(await cleanUpFollow(pair.specs), []);
  });

  test('a slot that somebody else reads', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const foreign = new pg.Client({
      host: source.socketDir,
      port: source.port,
      user: 'postgres',
      database: pair.sourceDatabase,
      application_name: 'their consumer',
      replication: 'database',
    } as pg.ClientConfig);
    await foreign.connect();
    foreign.on('error', () => undefined);
    const options = `proto_version '1', publication_names '${slot}'`;
    foreign.query(`START_REPLICATION SLOT ${slot} LOGICAL 0/0 (${options})`).catch(() => undefined);
    await untilActive(slot, true);
    await refused(cleanUpFollow(pair.specs), 'FF801');
    assert.equal((await left(pair)).length, 4);
    foreign.connection.stream.destroy();
    await untilActive(slot, false);
    assert.equal((await cleanUpFollow(pair.specs)).length, 4);
  });
});

describe('a run that is at work', () => {
  test('is not disturbed', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const state = await pair.open('target');
    await noteSaid(state, pair.source, quiet);
    await pair.run();
    await refused(cleanUpFollow(pair.specs), 'FF862');
    assert.ok((await left(pair)).includes(`slot ${slot}`));
  });

  test('is cancelled first if that is wanted', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const state = await pair.open('target');
    const run = await pair.run();
    const cleaning = cleanUpFollow(pair.specs, { cancel: true });
    await poll(async () => (await takeRequests(state, pair.source)).length > 0, 'the request');
    assert.ok((await left(pair)).includes(`slot ${slot}`), 'not before it has ended');
    await run.close();
    await state.close();
    assert.equal((await cleaning).length, 4);
    assert.deepEqual(await left(pair), []);
  });

  test('that was killed is swept away', async () => {
    await using pair = await pairOf();
    await pair.begin();
    // Its lock is gone, but a session of it is busy with what would be dropped.
    const busy = await pair.open('target', 'run:87654321 lane');
    await busy.query('BEGIN');
    await busy.query('SELECT FROM flexferry.lane FOR UPDATE');
    assert.equal((await cleanUpFollow(pair.specs)).length, 4);
  });

  test('a clean-up is interrupted at once', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await refused(cleanUpFollow(pair.specs, { signal: AbortSignal.abort() }), 'FF509');
    assert.equal((await cleanUpFollow(pair.specs)).length, 4);
  });
});
