import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Fault } from '../../src/engine/errors/fault.js';
import { connect } from '../../src/engine/postgres/connect.js';
import { driverConnection } from '../../src/engine/postgres/driver.js';
import {
  Pipeline,
  type PipelineOutcome,
  type PipelineStep,
  preparedLimit,
} from '../../src/engine/postgres/pipeline.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { poll } from '../support/flexferry.js';
import { certificates } from '../support/postgres/certificates.js';
import { startCutProxy } from '../support/postgres/cutProxy.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { specOf } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const quicklyMs = 5_000;
const secret = 'marker-of-a-value';

/** Rejects where a promise takes longer than a lost connection may. */
async function quickly<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${quicklyMs} ms`)), quicklyMs);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const isLoss = (error: unknown): true => {
  assert.ok(error instanceof Fault, inspect(error));
  assert.equal(error.code, 'FF115', inspect(error));
  return true;
};

const lines = (...rows: string[]): Buffer[] => rows.map((row) => Buffer.from(`${row}\n`));

for (const major of wanted) {
  describe(`a pipeline to PostgreSQL ${major}`, () => {
    let server: TestServer;
    let database: string;
    const opened: Session[] = [];

    before(async () => {
      await ensureMajor(major);
      server = await startServer({ major, tls: await certificates() });
      database = await server.createDatabase();
      await server.query(
        database,
        'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE big (id int, v text)',
      );
    });
    after(async () => {
      await Promise.all(opened.map((session) => session.close()));
      await server.stop();
    });

    async function open({ sslmode = 'disable', name = database, port = server.port } = {}): Promise<Session> {
      const uri = `postgresql://postgres@127.0.0.1:${port}/${name}?sslmode=${sslmode}`;
      const session = await connect(specOf(uri), 'test');
      opened.push(session);
      return session;
    }
    /** A session with its pipeline, on empty tables. */
    async function start(
      options: Parameters<typeof open>[0] = {},
    ): Promise<{ session: Session; pipeline: Pipeline }> {
      const session = await open(options);
      if (options.name === undefined) await session.script('TRUNCATE public.t, public.big');
      return { session, pipeline: new Pipeline(session) };
    }
    const content = async (): Promise<unknown[]> =>
      (
        await server.query<{ r: string }>(
          database,
          `SELECT id || ':' || coalesce(v, 'NULL') AS r FROM t ORDER BY id`,
        )
      ).map(({ r }) => r);
    const insert = (id: number | string, v: string | null = 'v'): PipelineStep => ({
      sql: 'INSERT INTO public.t VALUES ($1, $2)',
      values: [String(id), v],
      prepared: true,
    });
    const begin: PipelineStep = { sql: 'BEGIN' };
    const commit: PipelineStep = { sql: 'COMMIT' };
    const prepared = async (session: Session): Promise<string[]> =>
      (
        await session.query<{ statement: string }>(
          'SELECT statement FROM pg_catalog.pg_prepared_statements ORDER BY statement',
        )
      ).rows.map(({ statement }) => statement);
    const usable = async (session: Session): Promise<void> => {
      assert.equal((await session.query<{ one: number }>('SELECT 1 AS one')).rows[0]?.one, 1);
      assert.equal((await session.query<{ n: number }>('SELECT $1::int4 AS n', ['7'])).rows[0]?.n, 7);
      await session.script('SELECT 1; SELECT 2');
    };

    test('runs steps of every kind in one transaction and counts their rows', async () => {
      const { session, pipeline } = await start();
      const outcome = await pipeline.run([
        begin,
        insert(1),
        insert(2, null),
        insert(3, ''),
        {
          sql: 'COPY public.t FROM STDIN',
          copy: [...lines('10\ta', '11\t\\N'), Buffer.from('12'), Buffer.from('\tc\n')],
        },
        { sql: "UPDATE public.t SET v = 'u' WHERE id > $1", values: [Buffer.from('10')] },
        { sql: 'SELECT * FROM public.t' },
        { sql: '' },
        { sql: 'DELETE FROM public.t WHERE id = 2' },
        { sql: 'CREATE TEMPORARY TABLE made (n int)' },
        { sql: 'INSERT INTO pg_temp.made SELECT pg_catalog.generate_series(1, 1000)' },
        { sql: 'COPY public.t TO STDOUT' },
        { sql: 'COPY public.t FROM STDIN', copy: [] },
        { sql: "DO $$ BEGIN RAISE NOTICE 'heard'; END $$" },
        commit,
      ]);
      assert.deepEqual(outcome, { rows: [0, 1, 1, 1, 3, 2, 6, 0, 1, 0, 1000, 5, 0, 0, 0] });
      assert.deepEqual(await content(), ['1:v', '3:', '10:a', '11:u', '12:u']);
      await usable(session);
      assert.deepEqual(await pipeline.run([]), { rows: [] });
    });

    test('sends a batch in one write, and takes one round trip', async () => {
      const delayMs = { toServer: 100, toClient: 100 };
      await using proxy = await startCutProxy(server.port, { delayMs });
      const { session, pipeline } = await start({ port: proxy.port });
      const { stream } = driverConnection(session.client);
      const write = stream.write;
      let writes = 0;
      stream.write = ((...args: Parameters<typeof write>) => {
        writes += 1;
        return Reflect.apply(write, stream, args);
      }) as typeof write;
      const from = Date.now();
      const { rows } = await pipeline.run([
        begin,
        ...Array.from({ length: 100 }, (_, i) => insert(i)),
        commit,
      ]);
      assert.equal(rows.length, 102);
      assert.equal(writes, 1);
      assert.ok(Date.now() - from < 5_000, 'one after the other it would be 20 s');
    });

    test('tells which step failed; nothing behind it ran', async () => {
      const { session, pipeline } = await start();
      const failing: readonly (readonly [PipelineStep, string])[] = [
        [{ sql: 'SELECT 1 / 0' }, '22012'],
        [{ sql: 'SELEC' }, '42601'],
        [{ sql: 'SELECT * FROM public.missing', prepared: true }, '42P01'],
        [insert(1), '23505'],
        [{ sql: 'INSERT INTO public.t VALUES ($1)', values: ['1', '2'] }, '08P01'],
        [{ sql: 'COPY public.t FROM STDIN', copy: lines('5\tx', 'six\ty') }, '22P02'],
        [{ sql: 'COPY public.missing FROM STDIN', copy: lines('5\tx') }, '42P01'],
        [{ sql: 'INSERT INTO public.t VALUES ($1)', values: new Array(65_536).fill('1') }, '54000'],
        [
          { sql: 'INSERT INTO public.t VALUES (1, $1)', values: [Buffer.alloc(0x3fff_ffff)], prepared: true },
          '54000',
        ],
      ];
      for (const [step, sqlstate] of failing) {
        const behind = [
          insert(4),
          { sql: 'COPY public.t FROM STDIN', copy: lines('9\tz') },
          insert(5),
          commit,
        ];
        const outcome = await pipeline.run([begin, insert(1), insert(2), step, ...behind]);
        assert.deepEqual(outcome.rows, [0, 1, 1], step.sql);
        assert.equal(outcome.fault?.sqlstate, sqlstate, step.sql);
        assert.notEqual(outcome.fault, undefined);
        const aborted = await pipeline.run([insert(7)]);
        assert.deepEqual([aborted.rows, aborted.fault?.sqlstate], [[], '25P02']);
        assert.deepEqual(await pipeline.run([{ sql: 'ROLLBACK' }]), { rows: [0] });
        assert.deepEqual(await content(), [], step.sql);
        await usable(session);
      }
    });

    test('what was committed within the run stays', async () => {
      const { pipeline } = await start();
      const outcome = await pipeline.run([begin, insert(1), commit, begin, insert(2), insert(2), commit]);
      assert.deepEqual([outcome.rows, outcome.fault?.code], [[0, 1, 0, 0, 1], 'FF500']);
      await pipeline.run([{ sql: 'ROLLBACK' }]);
      assert.deepEqual(await content(), ['1:v']);
    });

    test('without BEGIN it is one transaction, whose commit may fail behind all steps', async () => {
      const { session, pipeline } = await start();
      const failed = await pipeline.run([insert(1), insert('one')]);
      assert.deepEqual([failed.rows, failed.fault?.sqlstate], [[1], '22P02']);
      await session.script(
        `CREATE TEMPORARY TABLE p (id int PRIMARY KEY);
         CREATE TEMPORARY TABLE c (p int REFERENCES pg_temp.p DEFERRABLE INITIALLY DEFERRED)`,
      );
      const outcome = await pipeline.run([{ sql: 'INSERT INTO pg_temp.c VALUES (1)' }]);
      assert.deepEqual([outcome.rows, outcome.fault?.sqlstate], [[1], '23503']);
      assert.deepEqual(await pipeline.run([insert(1)]), { rows: [1] });
      assert.deepEqual(await content(), ['1:v']);
    });

    test('stops sending when the server has refused, in the middle of a COPY, too', async () => {
      const { session, pipeline } = await start();
      const megabyte = Buffer.from(`1\t${'x'.repeat((1 << 20) - 3)}\n`);
      const copy = [...lines('1\t1', 'two\t2'), ...new Array<Buffer>(200).fill(megabyte)];
      const { stream } = driverConnection(session.client);
      const before = stream.bytesWritten;
      const outcome = await pipeline.run([
        insert(1),
        { sql: 'COPY public.big FROM STDIN', copy },
        { sql: 'COPY public.big FROM STDIN', copy },
        insert(2),
      ]);
      assert.deepEqual([outcome.rows, outcome.fault?.sqlstate], [[1], '22P02']);
      assert.match(outcome.fault?.message ?? '', /line 2 of the COPY/);
      const value: PipelineStep = { sql: 'INSERT INTO public.big VALUES (1, $1)', values: [megabyte] };
      const other = await pipeline.run([
        { sql: 'SELECT 1 / 0' },
        ...new Array<PipelineStep>(200).fill(value),
      ]);
      assert.deepEqual([other.rows, other.fault?.sqlstate], [[], '22012']);
      assert.ok(stream.bytesWritten - before < 200 << 20);
      assert.deepEqual(await content(), []);
      await usable(session);
      assert.deepEqual(await pipeline.run([insert(1)]), { rows: [1] });
    });

    test('prepares a statement once and keeps it', async () => {
      const { session, pipeline } = await start();
      const { sql } = insert(1);
      await pipeline.run([insert(1), insert(2)]);
      assert.deepEqual(await prepared(session), [sql]);
      const made = 'SELECT name, prepare_time::text FROM pg_catalog.pg_prepared_statements';
      const first = (await session.query(made)).rows;
      await pipeline.run([insert(3), { sql: 'SELECT 1' }, insert(4)]);
      assert.deepEqual((await session.query(made)).rows, first);
      // Another pipeline of the same session has its own.
      await new Pipeline(session).run([insert(5)]);
      assert.deepEqual(await prepared(session), [sql, sql]);
      assert.deepEqual(await pipeline.run([insert(6)]), { rows: [1] });
    });

    test('forgets the statement of a step that failed, and those that were never parsed', async () => {
      const { session, pipeline } = await start();
      await session.script('CREATE TEMPORARY TABLE d (a int, b int)');
      const both = {
        sql: 'INSERT INTO pg_temp.d (a, b) VALUES ($1, $2)',
        values: ['1', '2'],
        prepared: true,
      };
      const one = { sql: 'INSERT INTO pg_temp.d (a) VALUES ($1)', values: ['1'], prepared: true };
      assert.deepEqual(await pipeline.run([both]), { rows: [1] });
      await session.script('ALTER TABLE pg_temp.d DROP COLUMN b');
      const outcome = await pipeline.run([insert(1), both, one, both]);
      assert.deepEqual([outcome.rows, outcome.fault?.sqlstate], [[1], '42703']);
      assert.deepEqual(await pipeline.run([one, insert(1)]), { rows: [1, 1] });
      assert.deepEqual(await prepared(session), [one.sql, insert(1).sql]);
      await session.script('ALTER TABLE pg_temp.d ADD COLUMN b text');
      assert.deepEqual(await pipeline.run([{ ...both, values: ['1', 'text'] }, both]), { rows: [1, 1] });
      await session.script('DEALLOCATE ALL');
      assert.equal((await pipeline.run([one])).fault?.sqlstate, '26000');
      assert.deepEqual(await pipeline.run([one]), { rows: [1] });
      // A type of another kind: the parameter of the old statement stays what it was.
      await session.script(`ALTER TABLE pg_temp.d ALTER COLUMN a TYPE date USING '2024-01-01'`);
      const day = { ...one, values: ['2024-01-02'] };
      assert.notEqual((await pipeline.run([day])).fault, undefined);
      assert.deepEqual(await pipeline.run([day]), { rows: [1] });
      assert.deepEqual(await prepared(session), [one.sql]);
    });

    test('closes the statements that were not used for longest', async () => {
      const { session, pipeline } = await start();
      const numbered = (from: number, count: number): PipelineStep[] =>
        Array.from({ length: count }, (_, i) => ({ sql: `SELECT ${1000 + from + i}`, prepared: true }));
      await pipeline.run(numbered(0, preparedLimit));
      await pipeline.run(numbered(0, 10));
      await pipeline.run(numbered(preparedLimit, 5));
      const texts = await prepared(session);
      assert.equal(texts.length, preparedLimit);
      assert.ok(texts.includes('SELECT 1000') && texts.includes('SELECT 1009'));
      assert.ok(!texts.includes('SELECT 1010') && !texts.includes('SELECT 1014'));
      // More in one run than are kept.
      const many = numbered(500, preparedLimit + 20);
      const { rows } = await pipeline.run([...many, ...many]);
      assert.equal(rows.length, 2 * many.length);
      const kept = await prepared(session);
      assert.equal(kept.length, preparedLimit);
      assert.ok(kept.includes('SELECT 1500'));
      assert.deepEqual((await pipeline.run(numbered(0, 3))).rows, [1, 1, 1]);
      assert.equal((await prepared(session)).length, preparedLimit);
    });

    test('writes the bytes of a SQL_ASCII database as they are', async () => {
      const name = `ascii_${major}`;
      await server.query(
        'postgres',
        `CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      );
      const { session } = await start({ name });
      await session.script('CREATE TABLE public."größe" (id int, v text)');
      const pipeline = new Pipeline(session, { encoding: 'latin1', side: 'source' });
      const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1));
      const rows = [bytes.toString('latin1'), bytes, bytes.toString('latin1').repeat(100), null];
      const sql = 'INSERT INTO public."größe" VALUES ($1, $2)';
      const outcome = await pipeline.run(
        rows.map((v, i) => ({ sql, values: [String(i), v], prepared: true })),
      );
      assert.deepEqual(outcome, { rows: [1, 1, 1, 1] });
      const read = await session.query<{ v: string }>(
        `SELECT pg_catalog.encode(pg_catalog.convert_to(v, 'SQL_ASCII'), 'hex') AS v FROM public."größe" ORDER BY id`,
      );
      const hex = bytes.toString('hex');
      assert.deepEqual(
        read.rows.map(({ v }) => v),
        [hex, hex, hex.repeat(100), null],
      );
      assert.equal((await pipeline.run([{ sql: 'SELECT 1 / 0' }])).fault?.code, 'FF510');
    });

    for (const sslmode of ['disable', 'require']) {
      test(`values of 20 MB and more (sslmode=${sslmode})`, async () => {
        const { session, pipeline } = await start({ sslmode });
        const big = (v: string | Buffer): PipelineStep => ({
          sql: 'INSERT INTO public.big VALUES ($1, $2)',
          values: ['1', v],
          prepared: true,
        });
        const text = 'é☃🚢z'.repeat(2 << 20);
        const outcome = await pipeline.run([
          { sql: 'TRUNCATE public.big' },
          big(text),
          big(Buffer.from(text)),
          big('x'.repeat(50_000_000)),
          {
            sql: 'COPY public.big FROM STDIN',
            copy: [Buffer.from('2\t'), Buffer.from(text), Buffer.from('\n')],
          },
        ]);
        assert.deepEqual(outcome, { rows: [0, 1, 1, 1, 1] });
        const { rows } = await session.query<{ n: number; bytes: number }>(
          `SELECT pg_catalog.count(*)::int4 AS n, pg_catalog.octet_length(v) AS bytes FROM public.big GROUP BY v ORDER BY 1`,
        );
        assert.deepEqual(rows, [
          { n: 1, bytes: 50_000_000 },
          { n: 3, bytes: Buffer.byteLength(text) },
        ]);
      });
    }

    test('runs and queries that are started together come one after the other', async () => {
      const { session, pipeline } = await start();
      const tag = (id: number): PipelineStep => ({
        sql: 'INSERT INTO public.t SELECT $1, pg_catalog.count(*)::text FROM public.t',
        values: [String(id)],
      });
      const outcomes = await Promise.all([
        pipeline.run([begin, tag(1), { sql: 'SELECT pg_catalog.pg_sleep(0.1)' }, tag(2), commit]),
        pipeline.run([begin, tag(3), { sql: 'SELECT 1 / 0' }, commit]),
        pipeline.run([{ sql: 'ROLLBACK' }]),
        pipeline.run([begin, tag(4), tag(5), commit]),
      ]);
      assert.deepEqual(
        outcomes.map(({ rows, fault }) => [rows, fault?.sqlstate]),
        [
          [[0, 1, 1, 1, 0], undefined],
          [[0, 1], '22012'],
          [[0], undefined],
          [[0, 1, 1, 0], undefined],
        ],
      );
      assert.deepEqual(await content(), ['1:0', '2:1', '4:2', '5:3']);
      const [first, second] = await Promise.all([
        pipeline.run([{ sql: 'SELECT 1 / 0' }]),
        session.query<{ n: number }>('SELECT 5 AS n'),
      ]);
      assert.deepEqual([first.fault?.sqlstate, second.rows[0]?.n], ['22012', 5]);
    });

    test('random runs, with and without failures, do what they say', async () => {
      const { pipeline } = await start();
      let seed = major;
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return Math.floor((seed / 2 ** 31) * below);
      };
      const expected = new Set<number>();
      let next = 0;
      for (let round = 0; round < 150; round++) {
        const steps: PipelineStep[] = [];
        const rows: number[] = [];
        const added: number[] = [];
        const failsAt = random(3) === 0 ? random(30) : -1;
        for (let i = 0; i <= Math.max(failsAt, random(30)); i++) {
          const size = random(20) === 0 ? random(100_000) : random(100);
          const failing = i === failsAt;
          if (random(4) === 0) {
            const ids = Array.from({ length: random(50) }, () => next++);
            const copied = ids.map((id) => `${id}\t${'c'.repeat(size)}`);
            if (failing) copied.splice(random(copied.length + 1), 0, `no\t${secret}`);
            steps.push({ sql: 'COPY public.t FROM STDIN', copy: lines(...copied) });
            rows.push(ids.length);
            added.push(...ids);
          } else {
            const id = next++;
            const sql = `INSERT INTO public.t VALUES ($1, $2) /* ${random(preparedLimit + 50)} */`;
            const values = [failing ? secret : String(id), random(5) === 0 ? null : 'é'.repeat(size)];
            steps.push({ sql, values, prepared: random(3) > 0 });
            rows.push(1);
            added.push(id);
          }
        }
        const { rows: told, fault } = await pipeline.run(steps);
        assert.deepEqual(told, failsAt < 0 ? rows : rows.slice(0, failsAt));
        assert.equal(fault?.sqlstate, failsAt < 0 ? undefined : '22P02');
        if (failsAt < 0) for (const id of added) expected.add(id);
      }
      const ids = await server.query<{ id: number }>(database, 'SELECT id FROM t ORDER BY id');
      assert.deepEqual(
        ids.map(({ id }) => id),
        [...expected].sort((a, b) => a - b),
      );
    });

    describe('losing its connection', () => {
      const asleep: PipelineStep = { sql: 'SELECT pg_catalog.pg_sleep(60)' };
      const terminate = (session: Session) =>
        server.query('postgres', `SELECT pg_terminate_backend(${session.backendPid})`);
      const untilAsleep = (session: Session) =>
        poll(
          async () =>
            (
              await server.query(
                'postgres',
                `SELECT 1 FROM pg_stat_activity WHERE pid = ${session.backendPid} AND wait_event = 'PgSleep'`,
              )
            ).length > 0,
          'the backend sleeps',
        );
      /** More than the sockets hold, behind a step that takes long. */
      const stuck = [
        begin,
        asleep,
        ...new Array<PipelineStep>(30).fill(insert(1, 'x'.repeat(1 << 20))),
        commit,
      ];

      const ways: readonly (readonly [string, (session: Session) => unknown, string])[] = [
        ['the backend is ended', terminate, 'disable'],
        ['the backend is ended, TLS', terminate, 'require'],
        ['the session is dropped', (session) => session.destroy(), 'disable'],
        ['the session is dropped, TLS', (session) => session.destroy(), 'require'],
        ['the session is closed', (session) => session.close(), 'disable'],
      ];
      for (const [way, lose, sslmode] of ways) {
        for (const [what, steps] of [
          ['small', [begin, asleep, insert(1)]],
          ['large', stuck],
        ] as const) {
          test(`${way} (${what}): every run rejects`, async () => {
            const { session, pipeline } = await start({ sslmode });
            const runs = [pipeline.run(steps), pipeline.run([insert(1)]), pipeline.run([])];
            const ends = Promise.all(runs.map((run) => assert.rejects(run, isLoss)));
            await untilAsleep(session);
            const { stream } = driverConnection(session.client);
            assert.ok(
              stream.writableLength < 3 << 20,
              'what the server does not take is not all in the socket',
            );
            await lose(session);
            await quickly(ends);
            assert.equal(session.closed, true);
            await assert.rejects(pipeline.run([]), isLoss);
            await assert.rejects(session.query('SELECT 1'), isLoss);
            await terminate(session); // it sleeps where only the session went
          });
        }
      }

      test('the network is cut while much is written, TLS or not', async () => {
        for (const sslmode of ['disable', 'require']) {
          await using proxy = await startCutProxy(server.port);
          const { session, pipeline } = await start({ port: proxy.port, sslmode });
          const ends = Promise.all([
            assert.rejects(pipeline.run(stuck), isLoss),
            assert.rejects(pipeline.run([insert(1)]), isLoss),
          ]);
          await untilAsleep(session);
          proxy.cut();
          await quickly(ends);
          assert.equal(session.closed, true);
          await terminate(session);
        }
      });

      test('between an error and its Sync', async () => {
        await using proxy = await startCutProxy(server.port, { holdAfterBytes: { toServer: 100_000 } });
        const { session, pipeline } = await start({ port: proxy.port });
        const failing: PipelineStep[] = [{ sql: 'SELECT 1 / 0' }, ...stuck];
        const end = assert.rejects(pipeline.run(failing), isLoss);
        await poll(async () => {
          const [row] = await server.query<{ query: string; waits: string }>(
            'postgres',
            `SELECT query, wait_event AS waits FROM pg_stat_activity WHERE pid = ${session.backendPid}`,
          );
          return row?.query === 'SELECT 1 / 0' && row.waits === 'ClientRead';
        }, 'the step failed');
        await terminate(session);
        await quickly(end);
        assert.equal(session.closed, true);
      });

      test('while it is idle', async () => {
        const { session, pipeline } = await start();
        await pipeline.run([insert(1)]);
        await terminate(session);
        await poll(() => session.closed, 'the session knows');
        await assert.rejects(pipeline.run([insert(2)]), isLoss);
        const other = await start();
        await terminate(other.session);
        await quickly(assert.rejects(other.pipeline.run([insert(2)]), isLoss));
      });

      test('a statement that is cancelled is an error as others are', async () => {
        const { session, pipeline } = await start();
        const running = pipeline.run([insert(1), asleep, insert(2)]);
        await untilAsleep(session);
        await server.query('postgres', `SELECT pg_cancel_backend(${session.backendPid})`);
        const { rows, fault } = await running;
        assert.deepEqual([rows, fault?.sqlstate], [[1], '57014']);
        await usable(session);
      });

      test('a statement that speaks of a lost connection did not lose ours', async () => {
        const { session, pipeline } = await start();
        const raise = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57P01'; END $$";
        const { fault } = await pipeline.run([{ sql: raise }]);
        assert.deepEqual([fault?.sqlstate, fault?.code], ['57P01', 'FF500']);
        await usable(session);
      });

      test('a COPY without rows, which would wait for ever', async () => {
        for (const steps of [
          [{ sql: 'COPY public.t FROM STDIN' }],
          [{ sql: 'COPY public.t FROM STDIN' }, insert(1)],
        ]) {
          const { session, pipeline } = await start();
          await quickly(assert.rejects(pipeline.run(steps), { code: 'FF900' }));
          assert.equal(session.closed, true);
        }
      });
    });

    test('no value is in a fault', async () => {
      const { pipeline } = await start();
      const says = (outcome: PipelineOutcome): string =>
        `${inspect(outcome, { depth: 9, showHidden: true })} ${outcome.fault?.stack} ${JSON.stringify(outcome)}`;
      await pipeline.run([{ sql: 'TRUNCATE public.t' }, insert(1, secret)]);
      for (const step of [
        insert(secret),
        insert(1, secret),
        { sql: 'SELECT $1::pg_catalog.json', values: [`{"a": ${secret}}`] },
        { sql: 'SELECT $1::pg_catalog.varchar::pg_catalog.timestamptz', values: [secret] },
        { sql: 'INSERT INTO public.t VALUES (1, $1)', values: [Buffer.from(`${secret}\xff`, 'latin1')] },
        { sql: 'COPY public.t FROM STDIN', copy: lines(`1\t${secret}\t${secret}`) },
        { sql: 'COPY public.t FROM STDIN', copy: lines(`${secret}\t1`) },
      ]) {
        const outcome = await pipeline.run([step]);
        assert.match(String(outcome.fault?.sqlstate), /^2[23]/, step.sql);
        assert.ok(!says(outcome).includes(secret), says(outcome));
      }
      assert.ok(!inspect(pipeline, { depth: 9, showHidden: true }).includes(secret));
    });
  });
}
