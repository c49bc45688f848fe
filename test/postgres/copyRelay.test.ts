import assert from 'node:assert/strict';
import { type AddressInfo, createServer, connect as dial, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../src/engine/postgres/connect.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import { relayCopy } from '../../src/engine/postgres/copyRelay.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';

/** Passes on what the server says in pieces of so many bytes, so that message headers are cut everywhere. */
function startFragmenter(port: number, size: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = dial({ host: '127.0.0.1', port, noDelay: true });
    client.setNoDelay(true);
    client.pipe(upstream);
    upstream.on('data', async (data: Buffer) => {
      upstream.pause();
      for (let at = 0; at < data.length; at += size) {
        client.write(data.subarray(at, at + size));
        // A piece of its own for the reader: the event loop turns in between.
        await new Promise((resolve) => setImmediate(resolve));
      }
      upstream.resume();
    });
    upstream.on('close', () => client.destroy());
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

let source: TestServer;
let target: TestServer;
const opened: Session[] = [];

async function open(uri: string): Promise<Session> {
  const session = await connect(resolveConnectionInput({ text: `${uri}?sslmode=disable` }).spec, 'test');
  opened.push(session);
  return session;
}

const sum = 'SELECT count(*)::int AS n, sum(hashtextextended(t::text, 0))::text AS sum FROM t';

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startServer({ major: 17 })]);
  await source.createDatabase('relay');
  await target.createDatabase('relay');
  const table = 'CREATE TABLE t (id int, body text, raw bytea)';
  await source.query('relay', table);
  await target.query('relay', table);
  await source.query(
    'relay',
    `INSERT INTO t SELECT i, repeat(chr(64 + i % 60), i % 90), decode(repeat('00ff', i % 5), 'hex') FROM generate_series(1, 400) i`,
  );
});
after(async () => {
  await Promise.all(opened.map((session) => session.close()));
  await Promise.all([source, target].map((server) => server.stop()));
});

describe('a COPY forwarded as bytes', () => {
  for (const size of [1, 3, 5, 7, 64]) {
    test(`arrives whole where the network cuts it every ${size} bytes`, async () => {
      const proxy = await startFragmenter(source.port, size);
      try {
        const port = (proxy.address() as AddressInfo).port;
        const from = await open(source.uri('relay').replace(`:${source.port}/`, `:${port}/`));
        const to = await open(target.uri('relay'));
        let seen = 0;
        const result = await relayCopy(
          from,
          to,
          'COPY public.t TO STDOUT',
          'BEGIN; TRUNCATE public.t; COPY public.t FROM STDIN',
          't',
          (bytes) => {
            seen += bytes;
          },
        );
        await to.script('COMMIT');
        assert.equal(result.rows, 400);
        assert.equal(seen, result.bytes);
        assert.deepEqual(await target.query('relay', sum), await source.query('relay', sum));
        // The driver has its connection back.
        assert.equal((await from.query<{ one: number }>('SELECT 1 AS one')).rows[0]?.one, 1);
      } finally {
        proxy.close();
      }
    });
  }

  test('ends with the fault of the source, and the target can go on', async () => {
    const [from, to] = [await open(source.uri('relay')), await open(target.uri('relay'))];
    const failing = 'COPY (SELECT 1 / (300 - id), body, raw FROM public.t ORDER BY id) TO STDOUT';
    await assert.rejects(
      relayCopy(from, to, failing, 'BEGIN; COPY public.t FROM STDIN', 't', () => undefined),
      {
        sqlstate: '22012',
      },
    );
    assert.equal(to.closed, false);
    await to.script('ROLLBACK');
    assert.equal((await to.query<{ one: number }>('SELECT 1 AS one')).rows[0]?.one, 1);
  });

  test('ends with the fault of the target, and no backend of the source stays behind', async () => {
    const [from, to] = [await open(source.uri('relay')), await open(target.uri('relay'))];
    const endless = "COPY (SELECT i, 'x', NULL FROM generate_series(1, 100000000) i) TO STDOUT";
    const refused = 'BEGIN; ALTER TABLE public.t ADD CHECK (id < 50000); COPY public.t FROM STDIN';
    await assert.rejects(
      relayCopy(from, to, endless, refused, 't', () => undefined),
      { sqlstate: '23514' },
    );
    for (let i = 0; ; i++) {
      const left = await source.query(
        'postgres',
        `SELECT 1 FROM pg_stat_activity WHERE pid = ${from.backendPid}`,
      );
      if (left.length === 0) break;
      assert.ok(i < 200, 'the backend of the source is still there');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
