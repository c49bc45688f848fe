import assert from 'node:assert/strict';
import { createServer, connect as dial, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../src/engine/postgres/connect.js';
import { parseLsn } from '../../src/engine/postgres/lsn.js';
import { poll } from '../support/flexferry.js';
import { TestFollow } from '../support/follow.js';
import { type CutProxy, startCutProxy } from '../support/postgres/cutProxy.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits, specOf } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `crash_${++made}`;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const schema =
  'CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE log (id int); CREATE TABLE log2 (id int)';

/** Writes until it is told to stop: a row that is written twice or not at all is seen in the logs. */
function write(database: string): () => Promise<void> {
  let stopping = false;
  const ended = (async () => {
    const client = await source.connect(database);
    for (let id = 1; !stopping; id++)
      await client.query(
        `BEGIN; INSERT INTO t VALUES (${id}, 0); UPDATE t SET n = n + 1 WHERE id > ${id - 10}; INSERT INTO log VALUES (${id}); INSERT INTO log2 VALUES (${id}); COMMIT`,
      );
    await client.end();
  })();
  return async () => {
    stopping = true;
    await ended;
  };
}

async function same(f: TestFollow): Promise<void> {
  await f.caughtUp();
  await f.rows('SELECT count(*), sum(n), sum(n * id) FROM t');
  for (const log of ['log', 'log2']) await f.rows(`SELECT count(*), count(DISTINCT id), sum(id) FROM ${log}`);
  assert.deepEqual(f.stops, {});
  assert.equal(f.failure, undefined);
}

/** Passes everything on but the answer to a COMMIT, of every so many one: it is done, and nobody hears of it. */
async function losingProxy(
  port: number,
  every: number,
  most: number,
): Promise<{ port: number; lost: () => number } & AsyncDisposable> {
  let commits = 0;
  let lost = 0;
  const answer = Buffer.from('C\0\0\0\vCOMMIT\0', 'latin1');
  const server = createServer((client: Socket) => {
    const upstream = dial({ host: '127.0.0.1', port });
    client.pipe(upstream);
    upstream.on('data', (piece: Buffer) => {
      const isCommit = piece.includes(answer);
      if (isCommit) commits += 1;
      if (!isCommit || lost >= most || commits % every !== 0) {
        client.write(piece);
        return;
      }
      lost += 1;
      client.destroy();
      upstream.destroy();
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return {
    port: address.port,
    lost: () => lost,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

const throughPort = (database: string, port: number) => {
  const spec = specOf(target.uri(database).replace(/:\d+\//, `:${port}/`));
  return {
    target: specOf(target.uri(database)),
    open: (purpose: string) => connect(spec, `run:test ${purpose}`, { side: 'target' as const }),
  };
};

describe('nothing is lost or repeated', () => {
  test('connections are cut, backends ended and servers restarted while rows come', async () => {
    await using f = await TestFollow.start({ source, target, database: name(), lanes: 2, schema });
    const stop = write(f.setup.database);
    for (let i = 0; i < 6; i++) {
      const reached = f.follower.figures.transactions;
      await poll(() => f.follower.figures.transactions > reached, 'something is applied');
      const one = i % 3 === 2 ? source : target;
      const which = i % 2 === 0 ? '%' : `% apply ${1 + (i % 3)}`;
      await one.query(
        'postgres',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'flexferry${which}'`,
      );
    }
    await target.restart({}, 'immediate');
    await f.caughtUp();
    await f.stop();
    f.run();
    await stop();
    await source.restart();
    await same(f);
  });

  test('the connection to the target is cut at any byte', async () => {
    const database = name();
    await using proxy: CutProxy = await startCutProxy(target.port);
    await using f = await TestFollow.start({
      source,
      target,
      database,
      lanes: 2,
      schema,
      options: throughPort(database, proxy.port),
    });
    const stop = write(database);
    for (let i = 0; i < 7; i++) {
      // From the first of a connection to well into the work.
      const reached = proxy.bytesToClient;
      await poll(() => proxy.bytesToClient > reached + 2_500 * ((i * 3) % 7), 'bytes pass');
      proxy.cut();
      proxy.heal();
    }
    await stop();
    await same(f);
  });

  test('a commit whose answer is lost counts once', async () => {
    const database = name();
    await using proxy = await losingProxy(target.port, 3, 4);
    await using f = await TestFollow.start({
      source,
      target,
      database,
      lanes: 2,
      schema,
      options: throughPort(database, proxy.port),
    });
    const stop = write(database);
    await poll(() => proxy.lost() >= 4, 'answers are lost');
    await stop();
    await same(f);
  });

  test('lanes that are not equally far meet again', async () => {
    const database = name();
    await using f = await TestFollow.start({
      source,
      target,
      database,
      lanes: 2,
      schema: `${schema}; CREATE TABLE u (id int PRIMARY KEY)`,
    });
    // The second lane does not commit with the first, twice.
    await f.onTarget(`CREATE SEQUENCE met; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('public.met') IN (3, 4) THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER fail BEFORE UPDATE ON flexferry.lane FOR EACH ROW WHEN (NEW.lane = 1) EXECUTE FUNCTION fail();
      ALTER TABLE flexferry.lane ENABLE ALWAYS TRIGGER fail`);
    const stop = write(database);
    await poll(() => f.messages.length >= 2, 'a lane is left behind');
    await f.change('INSERT INTO u VALUES (1); ALTER TABLE u ADD n int; INSERT INTO u VALUES (2, 2)');
    await stop();
    assert.deepEqual(f.stops, { 'public.u': 'FF816' });
    await f.onTarget('ALTER TABLE u ADD n int');
    f.follower.retry({ schema: 'public', name: 'u' }, false);
    await f.untilGoingOn('public.u');
    await f.rows('SELECT * FROM u ORDER BY 1');
    await same(f);
    const lanes = await f.onTarget<{ n: number }>(
      'SELECT count(DISTINCT applied)::int AS n FROM flexferry.lane',
    );
    assert.deepEqual(lanes, [{ n: 1 }]);
  });

  test('it ends at the position that was asked for', async () => {
    const database = name();
    await using f = await TestFollow.start({ source, target, database, schema });
    await f.change('INSERT INTO t VALUES (1)');
    await f.stop();
    await source.query(database, 'INSERT INTO t VALUES (2)');
    const [{ lsn } = { lsn: '' }] = await source.query<{ lsn: string }>(
      database,
      'SELECT pg_current_wal_lsn()::text AS lsn',
    );
    await source.query(database, 'INSERT INTO t VALUES (3)');
    (f.setup as { options?: object }).options = { endLsn: parseLsn(lsn) };
    f.run();
    assert.equal(await f.ended, 'end');
    assert.deepEqual(await f.onTarget('SELECT id FROM t ORDER BY 1'), [{ id: 1 }, { id: 2 }]);
  });

  test('it is cancelled at once, though somebody holds a lock', async () => {
    const f = await TestFollow.start({ source, target, database: name(), schema });
    const user = await target.connect(f.setup.database);
    await user.query('BEGIN; LOCK TABLE t');
    await source.query(f.setup.database, 'INSERT INTO t VALUES (1)');
    await poll(
      async () => (await f.onTarget(`SELECT FROM pg_locks WHERE NOT granted`)).length > 0,
      'the apply waits',
    );
    const began = Date.now();
    await f[Symbol.asyncDispose]();
    assert.ok(Date.now() - began < 10_000);
    await user.query('COMMIT');
    assert.deepEqual(await f.onTarget(`SELECT FROM t`), []);
    const left = await user.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'flexferry run:test%' AND datname = current_database()`,
    );
    assert.deepEqual(left.rows, []);
    await user.end();
  });
});
