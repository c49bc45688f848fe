import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Lsn } from '../../src/engine/postgres/lsn.js';
import { connectReplication, dropSlot } from '../../src/engine/postgres/replicationConnection.js';
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

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

for (const major of wanted) {
  describe(`changes of PostgreSQL ${major}`, () => {
    let server: TestServer;
    let made = 0;

    before(async () => {
      await ensureMajor(major);
      server = await startServer({
        major,
        settings: {
          ...flushedCommits,
          max_prepared_transactions: '10',
          ...(major >= 13 ? { logical_decoding_work_mem: '64kB' } : {}),
        },
      });
    });
    after(() => server.stop());

    /** A database with a schema and a publication of all its tables; follows what `work` does there. */
    async function follow(
      schema: string,
      work: (query: (sql: string) => Promise<unknown>, follower: Follower, database: string) => Promise<void>,
      options: FollowerOptions = {},
    ): Promise<Follower> {
      const database = await server.createDatabase();
      await server.query(database, schema);
      await server.query(database, 'CREATE PUBLICATION pub FOR ALL TABLES');
      made += 1;
      const slot = `slot_${made}`;
      await makeSlot(server, database, slot);
      const follower = await Follower.start(specOf(server.uri(database)), slot, options);
      try {
        await work((sql) => server.query(database, sql), follower, database);
        const end: Lsn = await logEnd(server, database);
        await follower.until(end);
        assert.deepEqual(follower.disorder, []);
      } finally {
        await follower[Symbol.asyncDispose]();
        await untilNoSession(server);
        const session = await connectReplication(specOf(server.uri(database)), 'test');
        await dropSlot(session, slot).finally(() => session.close());
      }
      return follower;
    }
    const changesOf = (follower: Follower) => follower.transactions.map(({ changes }) => changes);

    test('every kind of change, as the text that the server writes', async () => {
      const follower = await follow(
        `CREATE TABLE t (id int PRIMARY KEY, v text, n numeric, at timestamptz, f float8, m money, b bytea)`,
        async (query) => {
          await query(
            `INSERT INTO t VALUES (1, E'a\\tb\\n\\\\é☃🚢', 12345678901234567890.12345678901234567890,
              '2024-01-01 00:00:00.123456+02', 0.1::float4, 12.5, '\\x00ff')`,
          );
          await query("UPDATE t SET v = ''");
          await query('UPDATE t SET id = 2');
          await query('DELETE FROM t');
          await query('INSERT INTO t (id) VALUES (3), (4)');
        },
      );
      // Before 12 not the shortest digits that say the same.
      const float = major < 12 ? '0.100000001490116119' : '0.10000000149011612';
      const rest = `12345678901234567890.12345678901234567890|2023-12-31 22:00:00.123456+00|${float}|$12.50|\\x00ff`;
      assert.deepEqual(changesOf(follower), [
        [`insert public.t (1|a\tb\n\\é☃🚢|${rest})`],
        [`update public.t (1||${rest})`],
        [`update public.t key(1|NULL|NULL|NULL|NULL|NULL|NULL) (2||${rest})`],
        ['delete public.t key(2|NULL|NULL|NULL|NULL|NULL|NULL)'],
        [
          'insert public.t (3|NULL|NULL|NULL|NULL|NULL|NULL)',
          'insert public.t (4|NULL|NULL|NULL|NULL|NULL|NULL)',
        ],
      ]);
      for (const { begin } of follower.transactions) {
        assert.ok(Math.abs(begin.committedAt - Date.now()) < 60_000, `committed at ${begin.committedAt}`);
      }
    });

    test('every replica identity', async () => {
      const follower = await follow(
        `CREATE TABLE full_ (a int, b text); ALTER TABLE full_ REPLICA IDENTITY FULL;
         CREATE TABLE by_index (a int NOT NULL, b text, c int NOT NULL, v text, UNIQUE (c, a));
         ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_c_a_key;
         CREATE TABLE two (a int, b int, c text, PRIMARY KEY (b, a));
         CREATE TABLE keyless (a int)`,
        async (query) => {
          await query("INSERT INTO full_ VALUES (1, 'x'), (1, NULL)");
          await query("UPDATE full_ SET b = 'y' WHERE b IS NULL");
          await query("DELETE FROM full_ WHERE b = 'y'");
          await query("INSERT INTO by_index VALUES (1, 'b', 2, 'v')");
          await query("UPDATE by_index SET v = 'w'");
          await query('UPDATE by_index SET c = 3');
          await query('DELETE FROM by_index');
          await query("INSERT INTO two VALUES (1, 2, 'c')");
          await query("UPDATE two SET c = 'd'");
          await query('DELETE FROM two');
          await query('INSERT INTO keyless VALUES (1)');
        },
      );
      assert.deepEqual(changesOf(follower).flat(), [
        'insert public.full_ (1|x)',
        'insert public.full_ (1|NULL)',
        'update public.full_ old(1|NULL) (1|y)',
        'delete public.full_ old(1|y)',
        'insert public.by_index (1|b|2|v)',
        'update public.by_index (1|b|2|w)',
        'update public.by_index key(1|NULL|2|NULL) (1|b|3|w)',
        'delete public.by_index key(1|NULL|3|NULL)',
        'insert public.two (1|2|c)',
        'update public.two (1|2|d)',
        'delete public.two key(1|2|NULL)',
        'insert public.keyless (1)',
      ]);
    });

    test('a large value that did not change, and rows over 64 kB', async () => {
      const follower = await follow(
        `CREATE TABLE t (id int PRIMARY KEY, big text, small int); ALTER TABLE t ALTER big SET STORAGE EXTERNAL`,
        async (query) => {
          await query("INSERT INTO t VALUES (1, repeat('x', 300000), 1), (2, repeat('é', 5000000), 1)");
          await query('UPDATE t SET small = 2');
        },
      );
      assert.deepEqual(changesOf(follower), [
        [`insert public.t (1|${'x'.repeat(300_000)}|1)`, `insert public.t (2|${'é'.repeat(5_000_000)}|1)`],
        ['update public.t (1|UNCHANGED|2)', 'update public.t (2|UNCHANGED|2)'],
      ]);
    });

    test('TRUNCATE with what it reaches', { skip: major < 11 && 'not sent before 11' }, async () => {
      const follower = await follow(
        `CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES p); CREATE TABLE o (id serial)`,
        async (query) => {
          await query('TRUNCATE p CASCADE');
          await query('TRUNCATE o RESTART IDENTITY');
          await query('TRUNCATE c, o');
        },
      );
      assert.deepEqual(changesOf(follower), [
        ['truncate public.c,public.p cascade'],
        ['truncate public.o restart'],
        ['truncate public.c,public.o'],
      ]);
    });

    test('names of every kind, and tables in other schemas', async () => {
      const long = 'ü'.repeat(31);
      const columns: (readonly [string, boolean])[] = [];
      const follower = await follow(
        `CREATE SCHEMA "a.b ""c"""; CREATE TABLE "a.b ""c"""."🚢 T" ("x ""y" int PRIMARY KEY, "${long}" text)`,
        async (query) => {
          await query(`INSERT INTO "a.b ""c"""."🚢 T" VALUES (1, 'v')`);
        },
        {
          onPiece: (events) => {
            for (const event of events) {
              if (event.kind !== 'insert') continue;
              for (const { name, key } of event.relation.columns) columns.push([name, key]);
            }
          },
        },
      );
      assert.deepEqual(changesOf(follower), [['insert a.b "c".🚢 T (1|v)']]);
      assert.deepEqual(columns, [
        ['x "y', true],
        [long, false],
      ]);
    });

    test('savepoints, rollbacks and transactions that change nothing published', async () => {
      const follower = await follow('CREATE TABLE t (id int PRIMARY KEY)', async (query) => {
        await query('BEGIN; INSERT INTO t VALUES (1); ROLLBACK');
        await query(
          'BEGIN; INSERT INTO t VALUES (2); SAVEPOINT a; INSERT INTO t VALUES (3); SAVEPOINT b; INSERT INTO t VALUES (4); ROLLBACK TO a; INSERT INTO t VALUES (5); COMMIT',
        );
        await query('CREATE TABLE later (id int); DROP TABLE later');
      });
      assert.deepEqual(changesOf(follower), [['insert public.t (2)', 'insert public.t (5)']]);
    });

    test('DDL in the midst of changes', async () => {
      const relations = new Set<unknown>();
      const follower = await follow(
        'CREATE TABLE t (id int PRIMARY KEY, v int)',
        async (query) => {
          await query('INSERT INTO t VALUES (1, 1)');
          await query('ALTER TABLE t ADD w text');
          await query("INSERT INTO t VALUES (2, 2, 'w')");
          await query(
            "BEGIN; INSERT INTO t VALUES (3, 3, 'w'); ALTER TABLE t DROP v; INSERT INTO t VALUES (4, 'w'); ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (5, 'w'); COMMIT",
          );
          await query('ANALYZE u');
          await query("INSERT INTO u VALUES (6, 'w')");
        },
        {
          onPiece: (events) => {
            for (const event of events) if (event.kind === 'insert') relations.add(event.relation);
          },
        },
      );
      assert.deepEqual(changesOf(follower).flat(), [
        'insert public.t (1|1)',
        'insert public.t (2|2|w)',
        'insert public.t (3|3|w)',
        'insert public.t (4|w)',
        'insert public.u (5|w)',
        'insert public.u (6|w)',
      ]);
      assert.equal(relations.size, 4, 'one object for each definition');
    });

    test('transactions of a replication origin name it', async () => {
      const follower = await follow('CREATE TABLE t (id int PRIMARY KEY)', async (query) => {
        await query("SELECT pg_replication_origin_create('orig in')");
        await query(
          "SELECT pg_replication_origin_session_setup('orig in'); BEGIN; SELECT pg_replication_origin_xact_setup('0/ABC', now()); INSERT INTO t VALUES (1); COMMIT",
        );
        await query('INSERT INTO t VALUES (2)');
        await query("SELECT pg_replication_origin_drop('orig in')");
      });
      assert.deepEqual(changesOf(follower), [['insert public.t (1)'], ['insert public.t (2)']]);
      assert.deepEqual(
        follower.transactions.map(({ begin }) => begin.origin),
        ['orig in', undefined],
      );
    });

    test('messages of pg_logical_emit_message', { skip: major < 14 && 'not sent before 14' }, async () => {
      const follower = await follow(
        'CREATE TABLE t (id int PRIMARY KEY)',
        async (query) => {
          await query(
            "SELECT pg_logical_emit_message(true, 'p', 'in'), pg_logical_emit_message(false, 'q', 'é')",
          );
        },
        { messages: true },
      );
      assert.deepEqual(changesOf(follower), [['message in p: in']]);
      assert.deepEqual(follower.outside, ['message outside q: é']);
    });

    test('prepared transactions come at COMMIT PREPARED', async () => {
      const follower = await follow('CREATE TABLE t (id int PRIMARY KEY)', async (query) => {
        await query("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'g''1'");
        await query('INSERT INTO t VALUES (2)');
        await query("COMMIT PREPARED 'g''1'");
        await query("BEGIN; INSERT INTO t VALUES (3); PREPARE TRANSACTION 'g2'");
        await query("ROLLBACK PREPARED 'g2'");
      });
      assert.deepEqual(changesOf(follower), [['insert public.t (2)'], ['insert public.t (1)']]);
    });
  });
}
