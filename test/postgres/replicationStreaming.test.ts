import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type pg from 'pg';
import { Fault } from '../../src/engine/errors/fault.js';
import { parseLsn } from '../../src/engine/postgres/lsn.js';
import { needsWholeTransactions } from '../../src/engine/replication/sourceChanges.js';
import { poll } from '../support/flexferry.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import {
  Follower,
  type FollowerOptions,
  flushedCommits,
  logEnd,
  makeSlot,
  specOf,
  untilNoSession,
} from '../support/replication.js';

const wanted = (process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors).filter(
  (major) => major >= 14,
);

for (const major of wanted) describe(`transactions in progress, PostgreSQL ${major}`, () => streaming(major));

function streaming(major: Major): void {
  let server: TestServer;
  let database: string;
  let made = 0;
  const clients: pg.Client[] = [];

  before(async () => {
    await ensureMajor(major);
    server = await startServer({
      major,
      settings: {
        ...flushedCommits,
        max_prepared_transactions: '10',
        logical_decoding_work_mem: '64kB',
        max_replication_slots: '30',
      },
    });
    database = await server.createDatabase();
    await server.query(
      database,
      'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text); CREATE PUBLICATION pub FOR ALL TABLES',
    );
  });
  after(async () => {
    for (const client of clients) await client.end();
    await server.stop();
  });

  const spec = () => specOf(server.uri(database));
  async function slot(): Promise<string> {
    made += 1;
    await makeSlot(server, database, `slot_${made}`);
    return `slot_${made}`;
  }
  async function session(): Promise<pg.Client> {
    const client = await server.connect(database);
    clients.push(client);
    return client;
  }
  const fill = (table: string, from: number, to: number) =>
    `INSERT INTO ${table} SELECT i, repeat(md5(i::text), 2) FROM generate_series(${from}, ${to}) i`;
  const spools = (follower: Follower) => follower.spooled.filter((name) => name.endsWith('.stream'));
  const ids = (changes: readonly string[] = []) =>
    changes.map((change) => Number(/\((\d+)\|/.exec(change)?.[1] ?? Number.NaN));
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_none, i) => from + i);

  async function following(
    work: (follower: Follower, slotName: string) => Promise<void>,
    options: FollowerOptions = {},
  ): Promise<Follower> {
    const name = await slot();
    const follower = await Follower.start(spec(), name, options);
    try {
      await work(follower, name);
      await follower.until(await logEnd(server, database));
      assert.deepEqual(follower.disorder, []);
    } finally {
      await follower[Symbol.asyncDispose]();
    }
    await untilNoSession(server);
    return follower;
  }

  test('nothing of one is seen before its commit, and no file after it', async () => {
    const client = await session();
    const follower = await following(async (running) => {
      await client.query('TRUNCATE t, u');
      await client.query(`BEGIN; ${fill('t', 1, 5000)}`);
      await server.query(database, fill('u', 1, 3));
      await running.until(await logEnd(server, database));
      assert.deepEqual(running.transactions.map(({ changes }) => ids(changes)).at(-1), [1, 2, 3]);
      await poll(() => spools(running).length === 1, 'a spool file');
      const [folder = ''] = readdirSync(running.folder);
      assert.equal(statSync(join(running.folder, folder)).mode & 0o777, 0o700);
      for (const file of readdirSync(join(running.folder, folder))) {
        assert.equal(statSync(join(running.folder, folder, file)).mode & 0o777, 0o600);
      }
      assert.ok(running.changes.spooledBytes > 100_000, `${running.changes.spooledBytes} bytes`);
      await client.query(`${fill('t', 5001, 5003)}; COMMIT`);
      await running.until(await logEnd(server, database));
      assert.deepEqual(spools(running), []);
      assert.equal(running.changes.spooledBytes, 0);
    });
    assert.deepEqual(ids(follower.transactions.at(-1)?.changes), range(1, 5003));
    assert.deepEqual(follower.spooled, []);
  });

  test('nested subtransactions that were rolled back are left out', async () => {
    const client = await session();
    const follower = await following(async (running) => {
      await client.query('TRUNCATE t, u');
      await client.query(`BEGIN; ${fill('t', 1, 2000)}`);
      await client.query(`SAVEPOINT a; ${fill('t', 10_001, 12_000)}`);
      await client.query(
        `SAVEPOINT b; ${fill('t', 20_001, 22_000)}; RELEASE b; ${fill('t', 13_001, 13_500)}`,
      );
      // What b did goes with a, though b was released.
      await client.query(`ROLLBACK TO a; ${fill('t', 14_001, 16_000)}`);
      await client.query(
        `SAVEPOINT c; ${fill('t', 30_001, 32_000)}; SAVEPOINT d; ${fill('t', 40_001, 42_000)}`,
      );
      await client.query(
        `ROLLBACK TO d; ${fill('u', 50_001, 52_000)}; RELEASE c; DELETE FROM t WHERE id < 10`,
      );
      await poll(() => spools(running).length === 1, 'a spool file');
      await client.query('COMMIT');
    });
    const last = follower.transactions.at(-1)?.changes ?? [];
    const inserted = last.filter((change) => change.startsWith('insert'));
    const wantedIds = [
      ...range(1, 2000),
      ...range(14_001, 16_000),
      ...range(30_001, 32_000),
      ...range(50_001, 52_000),
    ];
    assert.deepEqual(ids(inserted), wantedIds);
    assert.deepEqual(
      last.filter((change) => change.startsWith('delete')),
      range(1, 9).map((id) => `delete public.t key(${id}|NULL)`),
    );
  });

  test('several at a time come in the order of their commits, a rolled back one not at all', async () => {
    const [one, two, three] = [await session(), await session(), await session()];
    const follower = await following(async (running) => {
      await server.query(database, 'TRUNCATE t, u');
      for (const client of [one, two, three]) await client.query('BEGIN');
      for (let round = 0; round < 4; round++) {
        await one.query(fill('t', 100_000 + round * 800, 100_000 + round * 800 + 799));
        await two.query(`SAVEPOINT s; ${fill('t', 200_000 + round * 800, 200_000 + round * 800 + 799)}`);
        if (round % 2 === 1) await two.query('ROLLBACK TO s');
        await three.query(fill('u', 300_000 + round * 800, 300_000 + round * 800 + 799));
        await server.query(database, fill('u', round, round));
      }
      await poll(() => spools(running).length === 3, 'three spool files');
      await three.query('ROLLBACK');
      await two.query('COMMIT');
      await one.query('COMMIT');
    });
    const large = follower.transactions
      .map(({ changes }) => ids(changes))
      .filter(({ length }) => length > 10);
    assert.equal(large.length, 2);
    assert.deepEqual(large[0], [...range(200_000, 200_799), ...range(201_600, 202_399)]);
    assert.deepEqual(large[1], range(100_000, 103_199));
    assert.deepEqual(follower.spooled, []);
  });

  const fillD = (from: number, to: number) => fill('d (id, v)', from, to);
  test('DDL inside of one, and after one that was rolled back', async () => {
    const client = await session();
    const follower = await following(async () => {
      await server.query(database, 'CREATE TABLE d (id int PRIMARY KEY, v text)');
      await client.query(
        `BEGIN; ${fillD(1, 1500)}; SAVEPOINT a; ALTER TABLE d ADD w int; ${fillD(2001, 3500)}`,
      );
      await client.query(`ROLLBACK TO a; ${fillD(4001, 5500)}; COMMIT`);
      await client.query(
        `BEGIN; ${fillD(5501, 6000)}; ALTER TABLE d ADD x int; ${fillD(6001, 7500)}; COMMIT`,
      );
      await server.query(database, "INSERT INTO d VALUES (8000, 'v', 8)");
      await client.query(`BEGIN; ALTER TABLE d ADD y int; ${fillD(10_001, 12_000)}; ROLLBACK`);
      await server.query(database, "INSERT INTO d VALUES (8001, 'w', 9)");
    });
    const [first, second, ...small] = follower.transactions.map(({ changes }) => changes);
    assert.deepEqual(ids(first), [...range(1, 1500), ...range(4001, 5500)]);
    assert.deepEqual(ids(second), range(5501, 7500));
    assert.match(second?.[0] ?? '', /^insert public\.d \(5501\|\w{64}\)$/);
    assert.match(second?.at(-1) ?? '', /^insert public\.d \(7500\|\w{64}\|NULL\)$/);
    assert.deepEqual(small, [['insert public.d (8000|v|8)'], ['insert public.d (8001|w|9)']]);
  });

  test('what the server cannot decode while it is in progress it can without streaming', async () => {
    const client = await session();
    await server.query(database, 'CREATE TABLE e (id int PRIMARY KEY, v text)');
    const fillE = (from: number, to: number) => fill('e (id, v)', from, to);
    const name = await slot();
    await client.query(
      `BEGIN; ${fillE(1, 1500)}; SAVEPOINT a; ALTER TABLE e ADD w int; ${fillE(2001, 3500)}`,
    );
    await client.query(
      `ROLLBACK TO a; ${fillE(4001, 5500)}; ALTER TABLE e ADD x int; ${fillE(6001, 7500)}; COMMIT`,
    );
    const end = await logEnd(server, database);
    const streamed = await Follower.start(spec(), name);
    // Where a server has learned it meanwhile, there is nothing to fall back from.
    await streamed.until(end).catch((error: unknown) => {
      assert.ok(error instanceof Fault && needsWholeTransactions(error), String(error));
    });
    await streamed[Symbol.asyncDispose]();
    assert.deepEqual(streamed.spooled, []);
    const whole = await Follower.start(spec(), name, { streaming: false });
    if (streamed.failure !== undefined) {
      await whole.until(end);
      const last = whole.transactions.at(-1)?.changes;
      assert.deepEqual(ids(last), [...range(1, 1500), ...range(4001, 5500), ...range(6001, 7500)]);
    }
    await whole[Symbol.asyncDispose]();
  });

  test('what the target has is not handed out again', async () => {
    const name = await slot();
    const client = await session();
    const first = await Follower.start(spec(), name, { onPiece: () => undefined });
    await client.query('TRUNCATE t');
    await client.query(`BEGIN; ${fill('t', 1, 3000)}; COMMIT`);
    await client.query("INSERT INTO t VALUES (3001, 'v')");
    await client.query("INSERT INTO t VALUES (3002, 'v')");
    await first.until(await logEnd(server, database));
    await first[Symbol.asyncDispose]();
    const all = first.transactions;
    assert.ok(all.length >= 3);
    for (const [index, { endLsn }] of all.entries()) {
      const { identity } = first.changes;
      const known = { ...identity, appliedThrough: endLsn };
      const again = await Follower.start(spec(), name, { known, onPiece: () => undefined });
      await again.until(await logEnd(server, database));
      await again[Symbol.asyncDispose]();
      assert.deepEqual(
        again.transactions.map(({ changes }) => changes),
        all.slice(index + 1).map(({ changes }) => changes),
      );
    }
  });

  const twoPhase = { skip: major < 15 && 'from 15 on' };
  test('a prepared transaction waits for its end, and the slot with it', twoPhase, async () => {
    const client = await session();
    const confirmed = async (name: string) => {
      const [row] = await server.query<{ lsn: string }>(
        database,
        'SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1',
        [name],
      );
      return parseLsn(row?.lsn ?? '') ?? 0n;
    };
    let slotName = '';
    const follower = await following(
      async (running, name) => {
        slotName = name;
        await client.query('TRUNCATE t, u');
        await running.until(await logEnd(server, database));
        const before = await logEnd(server, database);
        // Small and large (streamed), one to be rolled back of each.
        await client.query(`BEGIN; INSERT INTO t VALUES (1, 'p'); PREPARE TRANSACTION 'small'`);
        await client.query(`BEGIN; ${fill('t', 1001, 3000)}; PREPARE TRANSACTION 'large'`);
        await client.query(`BEGIN; ${fill('t', 5001, 7000)}; PREPARE TRANSACTION 'large not'`);
        await client.query(`BEGIN; INSERT INTO t VALUES (2, 'p'); PREPARE TRANSACTION 'small not'`);
        await client.query("INSERT INTO u VALUES (1, 'u')");
        await running.until(await logEnd(server, database));
        assert.equal(running.transactions.at(-1)?.changes[0], 'insert public.u (1|u)');
        // A second look, so that what was confirmed in between has been told.
        await client.query("INSERT INTO u VALUES (2, 'u')");
        await running.until(await logEnd(server, database));
        await poll(async () => (await confirmed(name)) >= before, 'a confirmation');
        assert.ok((await confirmed(name)) < running.position, 'confirmed beyond what is prepared');
      },
      { twoPhase: true },
    );
    const { identity } = follower.changes;
    const known = { ...identity, appliedThrough: follower.position };
    const again = await Follower.start(spec(), slotName, { known });
    await client.query("COMMIT PREPARED 'large'");
    await client.query("ROLLBACK PREPARED 'large not'");
    await client.query("ROLLBACK PREPARED 'small not'");
    await client.query("COMMIT PREPARED 'small'");
    const end = await logEnd(server, database);
    await again.until(end);
    await poll(async () => (await confirmed(slotName)) >= end, 'everything is confirmed');
    await again[Symbol.asyncDispose]();
    assert.deepEqual(
      again.transactions.map(({ begin, changes }) => [begin.gid, ids(changes)]),
      [
        ['large', range(1001, 3000)],
        ['small', [1]],
      ],
    );
    assert.deepEqual(again.disorder, []);
  });

  test('a transaction of 300,000 rows does not grow memory', async () => {
    const client = await session();
    let peak = 0;
    let rows = 0;
    let largestPiece = 0;
    const name = await slot();
    const follower = await Follower.start(spec(), name, {
      onPiece: (events, changes) => {
        rows += events.filter(({ kind }) => kind === 'insert').length;
        largestPiece = Math.max(largestPiece, events.length);
        peak = Math.max(peak, process.memoryUsage.rss());
        const last = events.at(-1);
        if (last?.kind === 'progress') changes.confirm(last.lsn);
        follower.forget();
      },
    });
    globalThis.gc?.();
    const start = process.memoryUsage.rss();
    await client.query('TRUNCATE t');
    await client.query(
      'BEGIN; INSERT INTO t SELECT i, repeat(md5(i::text), 3) FROM generate_series(1, 300000) i',
    );
    await poll(() => follower.changes.spooledBytes > 30_000_000, 'most of it on disk', 60_000);
    const spooled = process.memoryUsage.rss();
    await client.query('COMMIT');
    await follower.until(await logEnd(server, database));
    await follower[Symbol.asyncDispose]();
    const megabytes = (bytes: number) => Math.round(bytes / 1e6);
    console.log(
      `  300,000 rows: RSS ${megabytes(start)} MB before, ${megabytes(spooled)} MB spooled, ${megabytes(peak)} MB at most; pieces of ${largestPiece} at most`,
    );
    assert.equal(rows, 300_000);
    assert.ok(largestPiece < 10_000, `a piece of ${largestPiece} events`);
    assert.ok(peak - start < 100e6, `grew by ${megabytes(peak - start)} MB`);
  });
}
