import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Fault } from '../../src/engine/errors/fault.js';
import { connect } from '../../src/engine/postgres/connect.js';
import {
  connectReplication,
  createSlot,
  dropSlot,
  identifySystem,
  timelineHistory,
} from '../../src/engine/postgres/replicationConnection.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { importSnapshot } from '../../src/engine/postgres/snapshot.js';
import { brokenContinuity } from '../../src/engine/replication/continuity.js';
import { readSlot, slotIsLost } from '../../src/engine/replication/slotHealth.js';
import type { ErrorCode } from '../../src/protocol/errorCodes.js';
import { poll } from '../support/flexferry.js';
import { startCutProxy } from '../support/postgres/cutProxy.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { startFlexibleServerTwin } from '../support/postgres/twin.js';
import {
  Follower,
  flushedCommits,
  logEnd,
  makeSlot,
  specOf,
  untilNoSession,
} from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Fault, `no fault, but ${String(error)}`);
  return error;
}
async function fails(work: Promise<unknown>, code: ErrorCode, words = /./): Promise<void> {
  const fault = await faultOf(work);
  assert.equal(fault.code, code, fault.message);
  assert.match(fault.message, words);
}

for (const major of wanted)
  describe(`a replication connection to PostgreSQL ${major}`, () => connection(major));

function connection(major: Major): void {
  let server: TestServer;
  let database: string;
  const opened: Session[] = [];

  before(async () => {
    await ensureMajor(major);
    server = await startServer({
      major,
      settings: {
        ...flushedCommits,
        max_replication_slots: '6',
        max_wal_senders: '4',
        wal_sender_timeout: '1500ms',
      },
    });
    database = await server.createDatabase();
    await server.query(
      database,
      'CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE PUBLICATION pub FOR ALL TABLES',
    );
  });
  // Each is one of the few walsenders.
  afterEach(() => Promise.all(opened.splice(0).map((session) => session.close())));
  after(() => server.stop());

  const spec = (port = server.port) => specOf(server.uri(database).replace(`:${server.port}/`, `:${port}/`));
  async function open(): Promise<Session> {
    const session = await connectReplication(spec(), 'test');
    opened.push(session);
    return session;
  }
  async function drop(...names: readonly string[]): Promise<void> {
    const session = await open();
    for (const name of names) await dropSlot(session, name);
    await session.close();
  }
  const slots = async () =>
    (await server.query<{ slot_name: string }>(database, 'SELECT slot_name FROM pg_replication_slots'))
      .length;

  test('knows the server; its slot exports a snapshot of exactly what comes before the changes', async () => {
    await server.query(database, "INSERT INTO t (v) VALUES ('before')");
    const session = await open();
    const identity = await identifySystem(session);
    assert.match(identity.systemId, /^\d{15,}$/);
    assert.equal(identity.timeline, 1);
    assert.deepEqual(await timelineHistory(session, 1), []);
    const created = await createSlot(session, { name: 'snap' });
    await server.query(database, "INSERT INTO t (v) VALUES ('after')");
    const reader = await connect(spec(), 'test');
    await importSnapshot(reader, created.snapshot);
    const { rows } = await reader.query<{ v: string }>('SELECT v FROM public.t');
    assert.deepEqual(rows, [{ v: 'before' }]);
    await reader.close();
    await fails(createSlot(session, { name: 'snap' }), 'FF813', /snap/);
    const again = await open();
    assert.equal((await identifySystem(again)).systemId, identity.systemId);
    const slot = await readSlot(again, 'snap');
    assert.equal(slot?.confirmedLsn, created.consistentPoint);
    assert.equal(slot?.plugin, 'pgoutput');
    assert.equal(slot?.database, database);
    assert.equal(slot?.active, false);
    assert.equal(slotIsLost(slot), false);
    assert.ok(slot.retainedBytes > 0 && slot.lagBytes > 0 && slot.currentLsn > created.consistentPoint);
    const follower = await Follower.start(spec(), 'snap');
    await follower.until(await logEnd(server, database));
    assert.equal((await readSlot(again, 'snap'))?.active, true);
    await follower[Symbol.asyncDispose]();
    assert.deepEqual(
      follower.transactions.map(({ changes }) => changes.map((change) => change.replace(/\d+/, '#'))),
      [['insert public.t (#|after)']],
    );
    await drop('snap');
    assert.equal(await readSlot(again, 'snap'), undefined);
  });

  test('waits only so long for open transactions, and leaves nothing', async () => {
    const client = await server.connect(database);
    await client.query('BEGIN; LOCK t IN ROW EXCLUSIVE MODE; INSERT INTO t DEFAULT VALUES');
    await fails(createSlot(await open(), { name: 'late', lockTimeoutMs: 100 }), 'FF806', /late/);
    const abort = new AbortController();
    const created = faultOf(createSlot(await open(), { name: 'late', signal: abort.signal }));
    await poll(async () => (await slots()) === 1, 'a slot on its way');
    abort.abort();
    assert.equal((await created).code, 'FF509');
    await client.query('ROLLBACK');
    await client.end();
    await poll(async () => (await slots()) === 0, 'no slot');
  });

  test('says what is missing', async () => {
    await fails(Follower.start(spec(), 'nowhere'), 'FF800', /nowhere/);
    await fails(dropSlot(await open(), 'nowhere'), 'FF800');
    await makeSlot(server, database, 'used');
    await fails(Follower.start(spec(), 'used', { publications: ['pub', 'no "pub'] }), 'FF807', /"no "pub"/);
    await using follower = await Follower.start(spec(), 'used');
    await fails(Follower.start(spec(), 'used'), 'FF801', /used/);
    await fails(dropSlot(await open(), 'used'), 'FF801');
    assert.equal(follower.failure, undefined);
    await server.query(database, 'CREATE ROLE plain LOGIN');
    const plain = specOf(server.uri(database, 'plain'));
    await fails(connectReplication(plain, 'test'), 'FF805');
    await follower[Symbol.asyncDispose]();
    await drop('used');
  });

  test('a publication that is dropped while it is followed ends it', async () => {
    await server.query(
      database,
      'CREATE PUBLICATION passing FOR ALL TABLES; ALTER ROLE postgres SET client_min_messages = error',
    );
    await makeSlot(server, database, 'orphan');
    await using follower = await Follower.start(spec(), 'orphan', { publications: ['passing'] });
    await server.query(database, 'DROP PUBLICATION passing');
    await server.query(database, "INSERT INTO t (v) VALUES ('lost?')");
    await poll(() => follower.failure !== undefined, 'the end');
    assert.equal((follower.failure as Fault).code, 'FF807', String(follower.failure));
    await follower[Symbol.asyncDispose]();
    await untilNoSession(server);
    await drop('orphan');
  });

  test('no slot and no sender is left', async () => {
    const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
    const session = await open();
    for (const name of names) await createSlot(session, { name });
    await fails(createSlot(session, { name: 'n7' }), 'FF803');
    await session.close();
    await drop(...names);
    await untilNoSession(server);
    const senders = await Promise.all([open(), open(), open(), open()]);
    await fails(connectReplication(spec(), 'test'), 'FF803');
    await Promise.all(senders.map((sender) => sender.close()));
    await untilNoSession(server);
  });

  test('a cut connection is a lost one, and the next one goes on without a gap', async () => {
    await makeSlot(server, database, 'cut');
    await using proxy = await startCutProxy(server.port);
    await server.query(database, "INSERT INTO t (v) VALUES ('one')");
    const first = await Follower.start(spec(proxy.port), 'cut');
    await first.until(await logEnd(server, database));
    proxy.cut();
    await poll(() => first.failure !== undefined, 'the loss');
    assert.equal((first.failure as Fault).code, 'FF115');
    await first[Symbol.asyncDispose]();
    assert.deepEqual(first.spooled, []);
    await fails(Follower.start(spec(proxy.port), 'cut'), 'FF100');
    proxy.heal();
    await server.query(database, "INSERT INTO t (v) VALUES ('two')");
    await untilNoSession(server);
    const known = { ...first.changes.identity, appliedThrough: first.position };
    const second = await Follower.start(spec(proxy.port), 'cut', { known });
    await second.until(await logEnd(server, database));
    await second[Symbol.asyncDispose]();
    const values = [...first.transactions, ...second.transactions].flatMap(({ changes }) => changes);
    assert.deepEqual(
      values.map((change) => /\|(.*)\)/.exec(change)?.[1]),
      ['one', 'two'],
    );
    await drop('cut');
  });

  test('a silent network is noticed', async () => {
    await makeSlot(server, database, 'silent');
    await using proxy = await startCutProxy(server.port, { holdAfterBytes: { toClient: 6_000 } });
    const times = { silenceMs: 700 };
    const follower = await Follower.start(spec(proxy.port), 'silent', { times });
    await server.query(database, "INSERT INTO t (v) VALUES (repeat('x', 20000))");
    await poll(() => follower.failure !== undefined, 'the loss');
    assert.match(String(follower.failure), /silent for 1 s/);
    assert.equal((follower.failure as Fault).code, 'FF115');
    await follower[Symbol.asyncDispose]();
    proxy.cut();
    await untilNoSession(server);
    await drop('silent');
  });

  test('a consumer slower than wal_sender_timeout keeps its connection and little memory', async () => {
    await makeSlot(server, database, 'slow');
    let longest = 0;
    let slept = false;
    const follower = await Follower.start(spec(), 'slow', {
      onPiece: async (events) => {
        if (!slept && events.some(({ kind }) => kind === 'insert')) {
          slept = true;
          const from = Date.now();
          await poll(() => Date.now() - from > 4_000, 'a long wait');
        }
        longest = Math.max(longest, events.length);
      },
    });
    await server.query(database, "INSERT INTO t (v) SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
    await follower.until(await logEnd(server, database));
    assert.equal(follower.failure, undefined);
    assert.equal(
      follower.transactions.reduce((sum, { changes }) => sum + changes.length, 0),
      20_000,
    );
    assert.ok(longest < 5_000, `a piece of ${longest}`);
    await follower[Symbol.asyncDispose]();
    await drop('slow');
  });

  test('a stop in the midst of a large transaction leaves no session', async () => {
    await makeSlot(server, database, 'midst');
    await server.query(database, "INSERT INTO t (v) SELECT repeat('y', 500) FROM generate_series(1, 100000)");
    let pieces = 0;
    const follower = await Follower.start(spec(), 'midst', {
      onPiece: async () => {
        pieces += 1;
        if (pieces === 3) await follower.changes.stop();
      },
    });
    await follower.done;
    assert.equal(follower.failure, undefined);
    assert.equal(follower.transactions.length, 0);
    await untilNoSession(server);
    await follower[Symbol.asyncDispose]();
    assert.deepEqual(follower.spooled, []);
    await drop('midst');
  });

  test('a replica that took over is the same source as long as it has all', {
    skip: major < 12 && 'pg_promote',
  }, async () => {
    await makeSlot(server, database, 'moved');
    const first = await Follower.start(spec(), 'moved');
    await server.query(database, "INSERT INTO t (v) VALUES ('old timeline')");
    await first.until(await logEnd(server, database));
    await first[Symbol.asyncDispose]();
    // Its own replica: it replays its log, then begins a timeline.
    writeFileSync(join(server.dataDir, 'standby.signal'), '', { mode: 0o666 });
    await server.restart();
    await server.query('postgres', 'SELECT pg_promote()');
    await server.query(database, "INSERT INTO t (v) VALUES ('new timeline')");
    const session = await open();
    const identity = await identifySystem(session);
    assert.equal(identity.timeline, 2);
    const history = await timelineHistory(session, 2);
    assert.equal(history[0]?.timeline, 1);
    const slot = await readSlot(session, 'moved');
    const known = { ...first.changes.identity, appliedThrough: first.position };
    const second = await Follower.start(spec(), 'moved', { known });
    await second.until(await logEnd(server, database));
    await second[Symbol.asyncDispose]();
    assert.match(second.transactions.at(-1)?.changes[0] ?? '', /new timeline/);
    const ahead = { ...known, appliedThrough: (history[0]?.position ?? 0n) + 8n };
    assert.equal(brokenContinuity(ahead, { identity, history, slot }, 'moved')?.code, 'FF809');
    await drop('moved');
  });
}

describe('a source that cannot be followed', () => {
  test('does not write what is needed', async () => {
    await using server = await startServer({ major: 17, settings: { wal_level: 'replica' } });
    const session = await connectReplication(specOf(server.uri('postgres')), 'test');
    await fails(createSlot(session, { name: 's' }), 'FF804');
    await session.close();
  });

  test('has removed what the slot needs', async () => {
    await using server = await startServer({
      major: 17,
      settings: {
        ...flushedCommits,
        max_slot_wal_keep_size: '1MB',
        max_wal_size: '32MB',
        min_wal_size: '32MB',
      },
    });
    await server.query('postgres', 'CREATE TABLE t (v text); CREATE PUBLICATION pub FOR ALL TABLES');
    await makeSlot(server, 'postgres', 'lost');
    const session = await connect(specOf(server.uri('postgres')), 'test');
    const fresh = await readSlot(session, 'lost');
    assert.equal(fresh?.walStatus, 'reserved');
    assert.equal(fresh?.keepBytes, 1 << 20);
    assert.ok((fresh?.safeWalBytes ?? 0) > 0);
    for (let round = 0; round < 4; round++) {
      await server.query('postgres', "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
      await server.query('postgres', 'SELECT pg_switch_wal()');
      await server.query('postgres', 'CHECKPOINT');
    }
    const slot = await readSlot(session, 'lost');
    assert.ok(
      slot && slotIsLost(slot),
      JSON.stringify(slot, (_key, value) => String(value)),
    );
    assert.equal(slot.walStatus, 'lost');
    assert.equal(slot.invalidationReason, 'wal_removed');
    await session.close();
    await fails(Follower.start(specOf(server.uri('postgres')), 'lost'), 'FF802', /wal_removed/);
  });

  test('is followed through TLS and SCRAM', async () => {
    await using twin = await startFlexibleServerTwin({ major: 17, settings: flushedCommits });
    await fails(connectReplication(specOf(twin.uri()), 'test'), 'FF805');
    await twin.allowReplication();
    const database = await twin.createDatabase();
    await twin.query(database, 'CREATE TABLE t (v text)');
    await twin.superQuery(database, 'CREATE PUBLICATION pub FOR ALL TABLES');
    await makeSlot(twin, database, 'secure');
    await using follower = await Follower.start(specOf(twin.uri(database)), 'secure');
    const [row] = await twin.superQuery<{ ssl: boolean; application_name: string }>(
      database,
      'SELECT ssl, application_name FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)',
    );
    assert.deepEqual(row, { ssl: true, application_name: 'flexferry follow' });
    await twin.query(database, "INSERT INTO t VALUES ('secret')");
    await follower.until(await logEnd(twin, database));
    assert.deepEqual(follower.transactions[0]?.changes, ['insert public.t (secret)']);
  });
});
