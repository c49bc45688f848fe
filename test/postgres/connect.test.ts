import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Fault } from '../../src/engine/errors/fault.js';
import { connect } from '../../src/engine/postgres/connect.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import { serverFacts } from '../../src/engine/postgres/facts.js';
import { terminateBackends } from '../../src/engine/postgres/terminate.js';
import type { ErrorCode } from '../../src/protocol/errorCodes.js';
import { makeCertificates } from '../support/postgres/certificates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';

const password = 's3cret-pässword';
const folder = mkdtempSync(join(tmpdir(), 'flexferry-connect-'));
const env = { HOME: folder, APPDATA: folder };

let plain: TestServer;
let secure: TestServer;
const authorityFile = join(folder, 'authority.crt');
const strangerFile = join(folder, 'stranger.crt');

before(async () => {
  const [own, stranger] = await Promise.all([makeCertificates(), makeCertificates()]);
  writeFileSync(authorityFile, own.authority);
  writeFileSync(strangerFile, stranger.authority);
  plain = await startServer({
    major: 13,
    hba: [
      'local all all trust',
      'host all postgres 127.0.0.1/32 trust',
      'host all ghost 127.0.0.1/32 trust',
      'host all nologin 127.0.0.1/32 trust',
      'host all md5user 127.0.0.1/32 md5',
      'host all clear 127.0.0.1/32 password',
      'host all scram 127.0.0.1/32 scram-sha-256',
    ].join('\n'),
  });
  secure = await startServer({
    major: 17,
    tls: own,
    hba: [
      'local all all trust',
      'hostssl all scram 127.0.0.1/32 scram-sha-256',
      'host all postgres 127.0.0.1/32 trust',
      'hostnossl all plainonly 127.0.0.1/32 scram-sha-256',
    ].join('\n'),
  });
  await plain.query(
    'postgres',
    `CREATE ROLE nologin; SET password_encryption = 'md5'; CREATE ROLE md5user LOGIN PASSWORD '${password}';
     SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD '${password}';
     CREATE ROLE clear LOGIN PASSWORD '${password}';`,
  );
  await plain.createDatabase('closed');
  await plain.query('postgres', 'REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
  await secure.query(
    'postgres',
    `CREATE ROLE scram LOGIN PASSWORD '${password}'; CREATE ROLE plainonly LOGIN PASSWORD '${password}'`,
  );
});
after(async () => {
  await Promise.all([plain?.stop(), secure?.stop()]);
  rmSync(folder, { recursive: true });
});

function spec(text: string) {
  return resolveConnectionInput({ text: `connect_timeout=10 ${text}` }, env).spec;
}
function at(server: TestServer, text: string) {
  return spec(`host=127.0.0.1 port=${server.port} dbname=postgres ${text}`);
}

/** Connects, asks whether the session is encrypted, closes. */
async function encrypted(connection: ReturnType<typeof spec>): Promise<boolean> {
  const session = await connect(connection, 'test');
  try {
    const { rows } = await session.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()',
    );
    const facts = await serverFacts(session);
    assert.equal(facts.encrypted, rows[0]?.ssl);
    return facts.encrypted;
  } finally {
    await session.close();
  }
}

async function fails(connection: ReturnType<typeof spec>, code: ErrorCode, words = /./): Promise<Fault> {
  let caught: unknown;
  await connect(connection, 'test').then(
    (session) => session.close(),
    (error: unknown) => {
      caught = error;
    },
  );
  assert.ok(caught instanceof Fault, `expected a fault, got ${inspect(caught)}`);
  assert.equal(caught.code, code, inspect(caught));
  assert.match(caught.message, words);
  for (const text of [
    inspect(caught, { depth: 9, showHidden: true }),
    JSON.stringify(caught.toData()),
    String(caught.stack),
  ]) {
    assert.ok(!text.includes(password), `the password shows: ${text}`);
  }
  return caught;
}

describe('what goes wrong while connecting has its code', () => {
  test('wrong password', async () => {
    await fails(at(plain, 'user=scram password=wrong'), 'FF102', /scram/);
    await fails(at(plain, `user=md5user password=${password}x`), 'FF102');
  });
  test('no password', async () => {
    await fails(at(plain, 'user=scram'), 'FF102', /none was given/);
  });
  test('unknown host', async () => {
    await fails(spec('host=no-such-host.invalid user=u'), 'FF101', /no-such-host.invalid/);
  });
  test('nobody listens on the port', async () => {
    await fails(spec('host=127.0.0.1 port=1 user=u'), 'FF100', /127.0.0.1:1/);
    await fails(spec(`host=${folder} user=u`), 'FF100');
  });
  test('no such database', async () => {
    await fails(at(plain, 'user=postgres dbname=missing'), 'FF103', /missing/);
  });
  test('role that does not exist, or may not log in, or not into this database', async () => {
    await fails(at(plain, 'user=ghost'), 'FF113');
    await fails(at(plain, 'user=nologin'), 'FF113');
    await fails(at(plain, `user=scram password=${password} dbname=closed`), 'FF113', /closed/);
  });
  test('no entry in pg_hba.conf', async () => {
    await fails(at(plain, 'user=nobody'), 'FF107');
  });
  test('all connections are in use', async () => {
    await using full = await startServer({
      major: 17,
      settings: {
        max_connections: '4',
        max_wal_senders: '0',
        superuser_reserved_connections: '0',
        wal_level: 'replica',
        max_replication_slots: '0',
      },
    });
    const holders = [];
    try {
      for (let i = 0; i < 4; i++) holders.push(await connect(at(full, 'user=postgres'), 'test'));
      await fails(at(full, 'user=postgres'), 'FF108');
    } finally {
      await Promise.all(holders.map((session) => session.close()));
    }
  });
});

describe('authentication', () => {
  for (const user of ['md5user', 'scram', 'clear']) {
    test(user, async () => {
      assert.equal(await encrypted(at(plain, `user=${user} password=${password}`)), false);
    });
  }
  test('PG* variables of this process are not looked at', async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      PGPASSWORD: password,
      PGOPTIONS: '-c no_such=1',
      PGSSLNEGOTIATION: 'x',
      PGREPLICATION: 'true',
    });
    try {
      await fails(at(plain, 'user=scram'), 'FF102', /none was given/);
      assert.equal(await encrypted(at(plain, 'user=postgres')), false);
    } finally {
      for (const name of ['PGPASSWORD', 'PGOPTIONS', 'PGSSLNEGOTIATION', 'PGREPLICATION']) {
        if (before[name] === undefined) delete process.env[name];
      }
    }
  });
  test('.pgpass and a service file', async () => {
    writeFileSync(join(folder, 'pass'), `127.0.0.1:${plain.port}:*:scram:${password}\n`, { mode: 0o600 });
    writeFileSync(
      join(folder, 'services'),
      `[mine]\nhost=127.0.0.1\nport=${plain.port}\nuser=scram\ndbname=postgres\n`,
    );
    const files = { ...env, PGPASSFILE: join(folder, 'pass'), PGSERVICEFILE: join(folder, 'services') };
    const resolved = resolveConnectionInput({ text: 'service=mine' }, files);
    assert.equal(await encrypted(resolved.spec), false);
  });
  test('unix socket', async () => {
    assert.equal(
      await encrypted(
        spec(`host=${plain.socketDir} port=${plain.port} user=postgres dbname=postgres sslmode=require`),
      ),
      false,
    );
  });
});

describe('TLS', () => {
  const login = `user=scram password=${password}`;
  test('prefer takes it where it is offered and does without where not', async () => {
    assert.equal(await encrypted(at(secure, login)), true);
    assert.equal(await encrypted(at(plain, login)), false);
    assert.equal(await encrypted(at(secure, `user=plainonly password=${password}`)), false);
  });
  test('allow takes it only where it is demanded', async () => {
    assert.equal(await encrypted(at(secure, `${login} sslmode=allow`)), true);
    assert.equal(await encrypted(at(secure, 'user=postgres sslmode=allow')), false);
  });
  test('refused by the server', async () => {
    for (const mode of ['require', `verify-full sslrootcert=${authorityFile}`]) {
      await fails(at(plain, `${login} sslmode=${mode}`), 'FF104');
    }
  });
  test('demanded by the server', async () => {
    await fails(at(secure, `${login} sslmode=disable`), 'FF105');
    await fails(at(secure, 'user=nobody sslmode=disable'), 'FF107');
  });
  test('require does not verify, unless there is a root file', async () => {
    assert.equal(await encrypted(at(secure, `${login} sslmode=require`)), true);
    await fails(at(secure, `${login} sslmode=require sslrootcert=${strangerFile}`), 'FF106');
  });
  test('verify-ca and verify-full', async () => {
    for (const mode of ['verify-ca', 'verify-full']) {
      assert.equal(
        await encrypted(at(secure, `${login} sslmode=${mode} sslrootcert=${authorityFile}`)),
        true,
      );
      await fails(at(secure, `${login} sslmode=${mode} sslrootcert=${strangerFile}`), 'FF106');
      await fails(
        at(secure, `${login} sslmode=${mode} sslrootcert=${folder}/none`),
        'FF106',
        /does not exist/,
      );
    }
    await fails(at(secure, `${login} sslrootcert=system`), 'FF106');
  });
  test('channel_binding=require', async () => {
    assert.equal(await encrypted(at(secure, `${login} channel_binding=require`)), true);
    for (const [server, text] of [
      [plain, login],
      [plain, `user=clear password=${password}`],
      [plain, 'user=postgres'],
      [secure, 'user=postgres'],
    ] as const) {
      await fails(at(server, `${text} channel_binding=require`), 'FF116', /channel_binding/);
    }
    assert.equal(await encrypted(at(secure, `${login} channel_binding=disable`)), true);
  });
  test('verify-full looks at the name, verify-ca does not', async () => {
    const misnamed = `${login} host=elsewhere.invalid hostaddr=127.0.0.1 sslrootcert=${authorityFile}`;
    await fails(at(secure, `${misnamed} sslmode=verify-full`), 'FF106', /elsewhere/);
    assert.equal(await encrypted(at(secure, `${misnamed} sslmode=verify-ca`)), true);
    assert.equal(
      await encrypted(
        at(secure, `${misnamed.replace('elsewhere.invalid', 'localhost')} sslmode=verify-full`),
      ),
      true,
    );
  });
});

describe('what other programs answer', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  async function listen(answer: (socket: Socket) => void): Promise<number> {
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  }
  async function closeAll() {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise((resolve) => server.close(resolve));
  }
  test('silence ends with the time limit, or when the user has had enough', async () => {
    const silent = spec(`host=127.0.0.1 port=${await listen(() => {})} user=u connect_timeout=1`);
    await fails(silent, 'FF111');
    const abort = new AbortController();
    const attempt = connect({ ...silent, connectTimeout: 0 }, 'test', { signal: abort.signal });
    abort.abort();
    await assert.rejects(attempt, { code: 'FF509' });
    await closeAll();
  });
  test('an authentication method that is not supported does not end the process', async () => {
    // AuthenticationGSS: R, length 8, method 7
    const port = await listen((socket) =>
      socket.once('data', () => socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 7]))),
    );
    await fails(spec(`host=127.0.0.1 port=${port} user=u sslmode=disable`), 'FF116');
    await closeAll();
  });
  test('another protocol', async () => {
    const port = await listen((socket) => socket.end('SSH-2.0-x\r\n'));
    await fails(spec(`host=127.0.0.1 port=${port} user=u`), 'FF100');
    await closeAll();
  });
  // 127.0.0.2 is loopback on Linux alone; there it keeps port 6432 free for others.
  test('a pooler, which invents the process id it reports', {
    skip: process.platform !== 'linux',
  }, async () => {
    for (const invents of [true, false]) {
      const relay = createServer((client) => {
        const backend = createConnection(plain.port, '127.0.0.1');
        client.on('error', () => {}).pipe(backend.on('error', () => {}));
        backend.on('data', (chunk: Buffer) => {
          const key = chunk.indexOf(Buffer.from([0x4b, 0, 0, 0, 12])); // BackendKeyData
          if (invents && key >= 0) chunk.writeInt32BE(123_456_789, key + 5);
          client.write(chunk);
        });
        backend.on('close', () => client.destroy());
      });
      await new Promise<void>((resolve) => relay.listen(6432, '127.0.0.2', resolve));
      const pooled = spec('host=127.0.0.2 port=6432 user=postgres dbname=postgres sslmode=disable');
      if (invents) await fails(pooled, 'FF109');
      else assert.equal(await encrypted(pooled), false);
      await new Promise((resolve) => relay.close(resolve));
    }
  });
  test('hosts in turn: the first that is there', async () => {
    const port = await listen((socket) => socket.destroy());
    const text = `host=127.0.0.1,127.0.0.1,127.0.0.1 port=1,${port},${plain.port} user=postgres dbname=postgres`;
    assert.equal(await encrypted(spec(text)), false);
    await closeAll();
  });
  test('target_session_attrs passes over what does not fit', async () => {
    const readOnly = `options='-c default_transaction_read_only=on'`;
    assert.equal(await encrypted(at(plain, 'user=postgres target_session_attrs=read-write')), false);
    assert.equal(
      await encrypted(at(plain, `user=postgres target_session_attrs=read-only ${readOnly}`)),
      false,
    );
    await fails(
      at(plain, `user=postgres target_session_attrs=read-write ${readOnly}`),
      'FF114',
      /read-write/,
    );
    await fails(at(plain, 'user=postgres target_session_attrs=standby'), 'FF114', /standby/);
  });
  test('a refusal is an answer: no further host is asked', async () => {
    const text = `host=127.0.0.1,127.0.0.1 port=${plain.port},${secure.port} dbname=missing user=postgres`;
    await fails(spec(text), 'FF103');
  });
});

describe('a session', () => {
  const open = () => connect(at(plain, 'user=postgres'), 'test', { side: 'source' });

  test('says its purpose and pins what makes output exact', async () => {
    await plain.query(
      'postgres',
      `ALTER ROLE scram SET datestyle = 'SQL, DMY'; ALTER ROLE scram SET extra_float_digits = -3;
      ALTER ROLE scram SET statement_timeout = 1; ALTER ROLE scram SET search_path = public; ALTER ROLE scram SET timezone = 'Asia/Tokyo'`,
    );
    for (const server of [plain, secure]) {
      const session = await connect(at(server, `user=scram password=${password}`), 'unit test');
      const { rows } =
        await session.query(`SELECT current_setting('application_name') AS app, '2026-02-01 00:00:00+00'::timestamptz AS t,
        0.1::float8 + 0.2 AS f, current_setting('search_path') AS path, current_setting('row_security') AS rls, 9007199254740993 AS big,
        true AS yes, 7::int2 AS small, '\\x00ff'::bytea AS bytes, null AS none, 1.50 AS exact, current_setting('client_encoding') AS enc`);
      assert.deepEqual(rows, [
        {
          app: 'flexferry unit test',
          t: '2026-02-01 00:00:00+00',
          f: '0.30000000000000004',
          path: '',
          rls: 'off',
          big: '9007199254740993',
          yes: true,
          small: 7,
          bytes: '\\x00ff',
          none: null,
          exact: '1.50',
          enc: 'UTF8',
        },
      ]);
      assert.equal(Math.floor(session.versionNum / 10_000), server.major);
      await session.close();
      await session.close();
    }
  });

  test('passes the bytes of an SQL_ASCII database on as they are', async () => {
    await plain.query(
      'postgres',
      `CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    const session = await connect(at(plain, 'user=postgres dbname=ascii'), 'test');
    assert.deepEqual((await session.query("SELECT current_setting('client_encoding') AS e")).rows, [
      { e: 'SQL_ASCII' },
    ]);
    await session.close();
  });

  test('tells of a failed statement without row values and goes on', async () => {
    const session = await open();
    await session.script(
      "CREATE TEMP TABLE t (a int PRIMARY KEY, b text CHECK (b <> 'secretvalue')); INSERT INTO t VALUES (4711)",
    );
    for (const sql of [
      "SELECT 'secretvalue'::int",
      'INSERT INTO t VALUES (4711)',
      "INSERT INTO t VALUES (1, 'secretvalue')",
      "DO $$ BEGIN RAISE EXCEPTION 'secretvalue 4711'; END $$",
    ]) {
      await assert.rejects(session.query(sql), (error) => {
        assert.ok(error instanceof Fault);
        assert.equal(error.code, 'FF510');
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secretvalue|4711/);
        return true;
      });
    }
    assert.deepEqual((await session.query('SELECT $1::text AS x', ['y'])).rows, [{ x: 'y' }]);
    await session.close();
  });

  test('a script is all or nothing', async () => {
    const session = await open();
    await assert.rejects(session.script('CREATE TABLE public.halfway (); SELECT 1/0'), { sqlstate: '22012' });
    assert.deepEqual((await session.query("SELECT to_regclass('public.halfway') AS r")).rows, [{ r: null }]);
    await session.close();
  });

  test('lost in the middle of a query: every pending query is told, nothing is unhandled', async () => {
    const session = await open();
    const pending = [session.query('SELECT pg_sleep(60)'), session.query('SELECT 1')];
    const outcomes = Promise.allSettled(pending);
    await plain.query('postgres', 'SELECT pg_terminate_backend($1)', [session.backendPid]);
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.equal((outcome.reason as Fault).code, 'FF115');
    }
    await assert.rejects(session.query('SELECT 1'), { code: 'FF115' });
    assert.equal(session.closed, true);
    await session.close();
  });

  test('lost while idle', async () => {
    const session = await open();
    await plain.query('postgres', 'SELECT pg_terminate_backend($1)', [session.backendPid]);
    for (const end = Date.now() + 5_000; !session.closed && Date.now() < end; ) await sleep(10);
    assert.equal(session.closed, true);
    await assert.rejects(session.query('SELECT 1'), { code: 'FF115' });
  });

  test('destroyed by us', async () => {
    const session = await open();
    const query = session.query('SELECT pg_sleep(60)');
    session.destroy();
    await assert.rejects(query, { code: 'FF115' });
    assert.deepEqual(await terminateBackends(session.spec, [session.backendPid]), []);
    const left = await plain.query('postgres', 'SELECT 1 FROM pg_stat_activity WHERE pid = $1', [
      session.backendPid,
    ]);
    assert.deepEqual(left, []);
  });

  test('terminateBackends leaves others alone', async () => {
    const other = await plain.connect('postgres');
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    assert.deepEqual(await terminateBackends(at(plain, 'user=postgres'), [rows[0]?.pid ?? 0]), []);
    assert.equal((await other.query('SELECT 1')).rowCount, 1);
    await other.end();
  });

  test('facts', async () => {
    const session = await open();
    const { version, ...facts } = await serverFacts(session);
    assert.match(version, /^13\./);
    assert.deepEqual(facts, {
      versionNum: session.versionNum,
      user: 'postgres',
      isSuperuser: true,
      isFlexibleServer: false,
      encrypted: false,
      inRecovery: false,
    });
    await session.close();
  });
});
