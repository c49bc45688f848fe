import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import {
  type FenceRecord,
  fenceSource,
  fenceStands,
  isLifted,
  liftFence,
  liftSql,
  planFence,
} from '../../src/engine/cutover/fence.js';
import { fencedLsn } from '../../src/engine/cutover/fencedLsn.js';
import { canFence, fenceFacts } from '../../src/engine/cutover/fenceFacts.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { poll } from '../support/flexferry.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { flushedCommits, logEnd, specOf } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const { signal } = new AbortController();

for (const major of wanted) {
  describe(`the fence of PostgreSQL ${major}`, () => {
    let server: TestServer;
    const open: { end(): Promise<void> }[] = [];

    before(async () => {
      await ensureMajor(major);
      server = await startServer({ major, settings: { ...flushedCommits, max_prepared_transactions: '5' } });
      await server.query(
        'postgres',
        `CREATE ROLE owner LOGIN; CREATE ROLE app LOGIN; CREATE ROLE stubborn LOGIN; CREATE ROLE twice LOGIN;
         CREATE ROLE nologin; CREATE ROLE calm LOGIN;
         ALTER ROLE stubborn SET default_transaction_read_only = off; ALTER ROLE stubborn SET work_mem = '5MB';
         ALTER ROLE nologin SET default_transaction_read_only = off; ALTER ROLE calm SET default_transaction_read_only = on`,
      );
    });
    after(async () => {
      await Promise.all(open.map((one) => one.end().catch(() => {})));
      await server.stop();
    });

    /** A database of `owner` with a table, and our session there. */
    async function place(user = 'postgres'): Promise<{ database: string; session: Session }> {
      const database = await server.createDatabase();
      await server.query(
        database,
        `ALTER DATABASE ${database} OWNER TO owner; CREATE TABLE t (a int PRIMARY KEY);
         GRANT ALL ON t TO PUBLIC`,
      );
      const session = await connect(specOf(server.uri(database, user)), 'test', { side: 'source' });
      open.push({ end: () => session.close() });
      return { database, session };
    }
    async function application(database: string, user = 'app'): Promise<pg.Client> {
      const client = new pg.Client({
        connectionString: server.uri(database, user),
        application_name: 'shop',
      });
      client.on('error', () => undefined);
      await client.connect();
      open.push(client);
      return client;
    }
    const settings = async (): Promise<unknown> =>
      await server.query(
        'postgres',
        'SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2',
      );
    const isGone = (client: pg.Client): Promise<void> =>
      poll(
        () =>
          client.query('SELECT 1').then(
            () => false,
            () => true,
          ),
        'the end of the session',
      );
    const readOnly = /read-only transaction/;

    test('ends the sessions that are there, and those that come cannot write', async () => {
      const { database, session } = await place();
      const [idle, writing] = [await application(database), await application(database)];
      await writing.query('BEGIN; INSERT INTO t VALUES (1)');
      const elsewhere = await application('postgres');
      const record = await planFence(session);
      assert.deepEqual(JSON.parse(JSON.stringify(record)), record, 'plain data');
      const { ended, stays } = await fenceSource(session, record, { signal });
      assert.deepEqual([ended, stays], [2, []]);
      await isGone(idle);
      await isGone(writing);
      await elsewhere.query('SELECT 1');
      const again = await application(database);
      await assert.rejects(again.query('INSERT INTO t VALUES (2)'), readOnly);
      assert.deepEqual((await again.query('SELECT * FROM t')).rows, []);
      await session.query('INSERT INTO public.t VALUES (3)');
      assert.ok(await fenceStands(session, record));
      assert.deepEqual(await fenceSource(session, record, { signal }), { ended: 1, stays: [] }, 'again');
    });

    test('puts back exactly what was, and frees the sessions that came', async () => {
      const { database, session } = await place();
      await server.query(
        database,
        `ALTER DATABASE ${database} SET work_mem = '7MB'; ALTER DATABASE ${database} SET default_transaction_read_only = 'false';
         ALTER DATABASE ${database} SET lock_timeout = '9s';
         ALTER ROLE twice IN DATABASE ${database} SET work_mem = '8MB';
         ALTER ROLE twice IN DATABASE ${database} SET default_transaction_read_only = off`,
      );
      const before = await settings();
      const record = await planFence(session);
      assert.deepEqual(
        { setting: record.setting, roles: record.roles },
        {
          setting: 'false',
          roles: [
            { role: 'stubborn', setting: null },
            { role: 'twice', setting: 'off' },
          ],
        },
      );
      assert.ok(await isLifted(session, record));
      await fenceSource(session, record, { signal });
      assert.ok(!(await isLifted(session, record)));
      const came: pg.Client[] = [];
      for (const user of ['app', 'stubborn', 'twice', 'calm', 'postgres']) {
        const client = await application(database, user);
        await assert.rejects(client.query('INSERT INTO t VALUES (1)'), readOnly, user);
        came.push(client);
      }
      const { ended } = await liftFence(session, record, { signal });
      assert.equal(ended, came.length);
      for (const client of came) await isGone(client);
      assert.deepEqual(await settings(), before);
      for (const user of ['app', 'stubborn', 'twice', 'postgres'])
        await (await application(database, user)).query(
          'INSERT INTO t SELECT coalesce(max(a), 0) + 1 FROM t',
        );
      await assert.rejects((await application(database, 'calm')).query('DELETE FROM t'), readOnly);
      const user = await application(database);
      assert.deepEqual(await liftFence(session, record, { signal }), { ended: 0 }, 'again disturbs nobody');
      await user.query('SELECT 1');
    });

    test('a session that began behind the fence can lift it, and SQL by hand does the same', async () => {
      const { database, session } = await place();
      const before = await settings();
      const record = await planFence(session);
      await fenceSource(session, record, { signal });
      const late = await connect(specOf(server.uri(database)), 'test', { side: 'source' });
      open.push({ end: () => late.close() });
      await liftFence(late, record, { signal });
      assert.deepEqual(await settings(), before);
      await fenceSource(session, record, { signal });
      const client = await application(database, 'postgres');
      await client.query('SET default_transaction_read_only = off');
      await client.query(liftSql(record));
      assert.deepEqual(await settings(), before);
    });

    test('the setting of a database that is read-only already stays', async () => {
      const { database, session } = await place();
      await server.query(database, `ALTER DATABASE ${database} SET default_transaction_read_only = on`);
      const before = await settings();
      const record = await planFence(session);
      await fenceSource(session, record, { signal });
      await liftFence(session, record, { signal });
      assert.deepEqual(await settings(), before);
    });

    test('prepared transactions forbid it, and nothing is changed', async () => {
      const { database, session } = await place();
      await server.query(database, `BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'p'`);
      const client = await application(database);
      const before = await settings();
      assert.equal((await fenceFacts(session)).prepared, 1);
      const record = await planFence(session);
      await assert.rejects(fenceSource(session, record, { signal }), { code: 'FF842' });
      assert.deepEqual(await settings(), before);
      await client.query('SELECT 1');
      await server.query(database, `ROLLBACK PREPARED 'p'`);
      await fenceSource(session, record, { signal });
    });

    test('knows beforehand whether this user may', async () => {
      const { database, session } = await place('owner');
      await application(database);
      const root = await application(database, 'postgres');
      const facts = await fenceFacts(session);
      // CREATEROLE is missing, so the role with a setting of its own cannot be fenced.
      assert.deepEqual(facts, {
        isOwner: true,
        untouchableRoles: ['stubborn'],
        sessions: 0,
        unendable: [
          { role: 'app', isSuperuser: false, count: 1 },
          { role: 'postgres', isSuperuser: true, count: 1 },
        ],
        prepared: 0,
        subscriptions: [],
      });
      assert.ok(!canFence(facts));
      await assert.rejects(planFence(session), { code: 'FF841', message: /stubborn/ });
      const other = await connect(specOf(server.uri(database, 'app')), 'test', { side: 'source' });
      open.push({ end: () => other.close() });
      const ofOther = await fenceFacts(other);
      assert.equal(ofOther.isOwner, false);
      const record: FenceRecord = { database, at: '-infinity', setting: null, roles: [] };
      await assert.rejects(fenceSource(other, record, { signal }), { code: 'FF841' });
      await root.query('SELECT 1');
    });

    test('an owner who may end sessions fences, and says who stays', async () => {
      await server.query('postgres', 'GRANT pg_signal_backend TO owner');
      const { database, session } = await place('owner');
      const client = await application(database);
      const root = await application(database, 'postgres');
      const record: FenceRecord = {
        ...(await planFence(session).catch(() => undefined)),
        database,
        at: '-infinity',
        setting: null,
        roles: [],
      };
      try {
        const { ended, stays } = await fenceSource(session, record, { signal });
        assert.equal(ended, 1);
        assert.deepEqual(
          stays.map(({ role, program, mayEnd }) => ({ role, program, mayEnd })),
          [{ role: 'postgres', program: 'shop', mayEnd: false }],
        );
        await isGone(client);
        // One that cannot be ended and writes: nobody can prove anything.
        await root.query('BEGIN; INSERT INTO t VALUES (1)');
        const writing = fenceSource(session, record, { signal, limitMs: 300 });
        await assert.rejects(writing, {
          code: 'FF842',
          message: /postgres \(shop\), process \d+ has a writing transaction open/,
        });
        const waiting = fenceSource(session, record, { signal });
        await root.query('ROLLBACK');
        await waiting;
        await liftFence(session, record, { signal });
      } finally {
        await server.query('postgres', 'REVOKE pg_signal_backend FROM owner');
      }
    });

    test('the position behind everything that was committed', async () => {
      const { database, session } = await place('owner');
      for (const way of ['message', 'without the right to send one']) {
        if (way !== 'message')
          await server.query(
            database,
            `DO $$ BEGIN EXECUTE (SELECT 'REVOKE EXECUTE ON FUNCTION ' || p.oid::regprocedure || ' FROM PUBLIC'
              FROM pg_proc p WHERE proname = 'pg_logical_emit_message' AND proargtypes[2] = 'text'::regtype); END $$`,
          );
        const writer = await application(database);
        await writer.query(
          'SET synchronous_commit = off; INSERT INTO t SELECT coalesce(max(a), 0) + 1 FROM t',
        );
        const [row] = (await writer.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn'))
          .rows;
        const lsn = await fencedLsn(session, signal);
        const { rows } = await session.query<{ ok: boolean }>(
          `SELECT '${row?.lsn}'::pg_lsn <= $1::pg_lsn AS ok`,
          [`${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`],
        );
        assert.ok(rows[0]?.ok, way);
        assert.ok(lsn <= (await logEnd(server, database)), 'it is flushed');
      }
    });

    test('who begins while it is raised is ended or read-only', async () => {
      const { database, session } = await place();
      let stop = false;
      const writers: pg.Client[] = [];
      const storm = (async () => {
        while (!stop) {
          const client = await application(database);
          writers.push(client);
          if (writers.length > 60)
            await writers
              .shift()
              ?.end()
              .catch(() => {});
        }
      })();
      await poll(() => writers.length > 3, 'some sessions');
      const record = await planFence(session);
      await fenceSource(session, record, { signal });
      const lasting = [...writers];
      stop = true;
      await storm;
      for (const client of [...lasting, ...writers])
        await assert.rejects(client.query('INSERT INTO t VALUES (1)'), (error: Error) => {
          assert.doesNotMatch(error.message, /duplicate/);
          return true;
        });
      assert.deepEqual(await server.query(database, 'SELECT * FROM t'), []);
    });
  });
}
