import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { type DumpSchema, dumpSchema } from '../../src/engine/dump/dump.js';
import { extractPgDump } from '../../src/engine/dump/extract.mjs';
import { findNativePgDump } from '../../src/engine/dump/native.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import { makeCertificates } from '../support/postgres/certificates.js';
import { type Major, startServer, type TestServer } from '../support/postgres/embedded.js';

const password = 's3cret-dump';
const folder = mkdtempSync(join(tmpdir(), 'flexferry-dump-'));
const distDir = join(folder, 'dist');
const servers = new Map<Major, TestServer>();

const schema = `
  CREATE EXTENSION hstore;
  CREATE SCHEMA "we""ird.Schéma *?$";
  CREATE SCHEMA "we""ird"; CREATE TABLE "we""ird".not_this ();
  CREATE SCHEMA other; CREATE TABLE other.not_this_either ();
  CREATE TABLE "we""ird.Schéma *?$"."Tab\\le ""ü""" (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "näme" text DEFAULT 'O''Reilly \\n', tags hstore);
  COMMENT ON TABLE "we""ird.Schéma *?$"."Tab\\le ""ü""" IS 'line 1
\\restrict nothing
line 3 日本語 🚢';
  CREATE FUNCTION "we""ird.Schéma *?$".body() RETURNS text LANGUAGE sql AS $$ SELECT '
\\unrestrict nothing
' $$;
  CREATE INDEX ON "we""ird.Schéma *?$"."Tab\\le ""ü""" ("näme");
  SELECT lo_create(0);
  CREATE PUBLICATION p FOR ALL TABLES;
  CREATE ROLE owner; ALTER TABLE other.not_this_either OWNER TO owner; CREATE ROLE reader; GRANT SELECT ON other.not_this_either TO reader;
`;

before(async () => {
  extractPgDump(distDir);
  await build({
    entryPoints: { pgDumpWorker: 'src/engine/dump/worker.ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outdir: distDir,
    logLevel: 'error',
  });
  const tls = await makeCertificates();
  const hba =
    'local all all trust\nhostssl all dumper 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust';
  for (const major of [13, 17] as const) {
    const server = await startServer({ major, tls, hba });
    servers.set(major, server);
    await server.query(
      'postgres',
      `SET password_encryption = 'scram-sha-256'; CREATE ROLE dumper LOGIN SUPERUSER PASSWORD '${password}'`,
    );
    await server.query('postgres', schema);
  }
});
after(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});

function serverOf(major: Major): TestServer {
  const server = servers.get(major);
  assert.ok(server);
  return server;
}

function dump(major: Major, options: Partial<DumpSchema> = {}) {
  const text = `host=127.0.0.1 port=${serverOf(major).port} user=dumper password=${password} dbname=postgres sslmode=require`;
  const { spec } = resolveConnectionInput({ text }, {});
  const signal = new AbortController().signal;
  return dumpSchema({
    spec,
    versionNum: major * 10_000,
    tool: 'builtin',
    signal,
    distDir,
    log: () => {},
    ...options,
  });
}

/** Sessions of ours that are still on the server, after time to go. */
async function leftSessions(major: Major): Promise<unknown[]> {
  for (const end = Date.now() + 3_000; ; await sleep(20)) {
    const left = await serverOf(major).query(
      'postgres',
      `SELECT pid, application_name, state FROM pg_stat_activity WHERE usename = 'dumper'`,
    );
    if (left.length === 0 || Date.now() > end) return left;
  }
}

for (const major of [13, 17] as const) {
  describe(`built-in pg_dump on PostgreSQL ${major}`, () => {
    test('dumps names of every kind over TLS and SCRAM; the text restores', async () => {
      const { sql, tool } = await dump(major);
      assert.match(tool, /^built-in pg_dump 18\.\d+$/);
      assert.ok(sql.includes('CREATE TABLE "we""ird.Schéma *?$"."Tab\\le ""ü"""'));
      assert.ok(sql.includes('CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;'));
      assert.ok(sql.includes('line 3 日本語 🚢'));
      for (const wanted of ['\n\\restrict nothing\n', '\n\\unrestrict nothing\n'])
        assert.ok(sql.includes(wanted));
      assert.equal(sql.match(/^\\(un)?restrict/gm)?.length, 2, 'only those of the comment and the function');
      for (const absent of [/^ALTER .* OWNER TO/m, /PUBLICATION/, /lo_create/, /tablespace = [^']/]) {
        assert.doesNotMatch(sql, absent);
      }
      assert.match(sql, /^GRANT SELECT ON TABLE other.not_this_either TO reader;$/m);
      assert.deepEqual(await leftSessions(major), []);
      const target = serverOf(17);
      const database = await target.createDatabase();
      await target.query(database, sql);
      const [comment] = await target.query<{ c: string }>(
        database,
        `SELECT obj_description('"we""ird.Schéma *?$"."Tab\\le ""ü"""'::regclass) AS c`,
      );
      assert.equal(comment?.c, 'line 1\n\\restrict nothing\nline 3 日本語 🚢');
    });

    test('a chosen schema is matched exactly, with the extension it needs', async () => {
      const { sql } = await dump(major, { includeSchemas: ['we"ird.Schéma *?$'] });
      assert.deepEqual(sql.match(/^CREATE SCHEMA .*$/gm), ['CREATE SCHEMA "we""ird.Schéma *?$";']);
      assert.equal(sql.match(/^CREATE TABLE /gm)?.length, 1);
      assert.ok(sql.includes('CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;'));
      const without = await dump(major, { includeSchemas: ['other'] });
      assert.doesNotMatch(without.sql, /CREATE EXTENSION/);
    });

    test('an excluded schema is matched exactly', async () => {
      const { sql } = await dump(major, { excludeSchemas: ['we"ird.Schéma *?$'] });
      assert.deepEqual(sql.match(/^CREATE SCHEMA .*$/gm), [
        'CREATE SCHEMA other;',
        'CREATE SCHEMA "we""ird";',
      ]);
    });

    test('an exported snapshot sees the old schema', async () => {
      const holder = await serverOf(major).connect('postgres');
      try {
        await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        const { rows } = await holder.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
        await serverOf(major).query('postgres', 'CREATE TABLE public.created_later ()');
        const snapshot = String(rows[0]?.id);
        assert.doesNotMatch((await dump(major, { snapshot })).sql, /created_later/);
        assert.match((await dump(major)).sql, /created_later/);
      } finally {
        await holder.end();
        await serverOf(major).query('postgres', 'DROP TABLE IF EXISTS public.created_later');
      }
    });

    test('aborted while it waits for a lock: no session is left on the server', async () => {
      const blocker = await serverOf(major).connect('postgres');
      const abort = new AbortController();
      try {
        await blocker.query('BEGIN; LOCK TABLE other.not_this_either IN ACCESS EXCLUSIVE MODE');
        const dumping = dump(major, { signal: abort.signal });
        const outcome = assert.rejects(dumping, { code: 'FF509' });
        const waiting = `SELECT 1 FROM pg_stat_activity WHERE usename = 'dumper' AND wait_event_type = 'Lock'`;
        for (const end = Date.now() + 10_000; Date.now() < end; await sleep(20)) {
          if ((await serverOf(major).query('postgres', waiting)).length > 0) break;
        }
        assert.equal((await serverOf(major).query('postgres', waiting)).length, 1);
        abort.abort();
        await outcome;
        const left = await serverOf(major).query(
          'postgres',
          `SELECT 1 FROM pg_stat_activity WHERE usename = 'dumper'`,
        );
        assert.deepEqual(left, []);
      } finally {
        await blocker.end();
      }
    });

    test('aborted before it begins', async () => {
      await assert.rejects(dump(major, { signal: AbortSignal.abort() }), { code: 'FF509' });
    });

    test('the source goes away in the middle', async () => {
      const blocker = await serverOf(major).connect('postgres');
      try {
        await blocker.query('BEGIN; LOCK TABLE other.not_this_either IN ACCESS EXCLUSIVE MODE');
        const outcome = assert.rejects(dump(major), (error: { code?: string; message: string }) => {
          assert.equal(error.code, 'FF115');
          assert.ok(!error.message.includes(password));
          return true;
        });
        const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dumper' AND wait_event_type = 'Lock'`;
        for (const end = Date.now() + 10_000; Date.now() < end; await sleep(20)) {
          if ((await serverOf(major).query('postgres', kill)).length > 0) break;
        }
        await outcome;
      } finally {
        await blocker.end();
      }
    });

    test('pg_attver, which newer minors keep among the column options, is not dumped', async () => {
      const database = await serverOf(major).createDatabase();
      await serverOf(major).query(
        database,
        `CREATE TABLE t (a int, b int); ALTER TABLE t ALTER b SET (n_distinct = 5); SET allow_system_table_mods = on;
         UPDATE pg_attribute SET attoptions = array_prepend('pg_attver=7', attoptions) WHERE attrelid = 't'::regclass AND attnum > 0`,
      );
      const { spec } = resolveConnectionInput({ text: serverOf(major).uri(database) }, {});
      const { sql } = await dump(major, { spec });
      assert.doesNotMatch(sql, /pg_attver/);
      assert.deepEqual(sql.match(/^ALTER TABLE .* SET \(.*$/gm), [
        'ALTER TABLE ONLY public.t ALTER COLUMN b SET (n_distinct=5);',
      ]);
    });
  });
}

test('a database of 3,000 tables', async () => {
  const database = await serverOf(17).createDatabase();
  await serverOf(17).query(
    database,
    `DO $$ BEGIN FOR i IN 1..3000 LOOP
       EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text, b numeric DEFAULT 1)', i);
       IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$`,
  );
  const { spec } = resolveConnectionInput({ text: serverOf(17).uri(database) }, {});
  const { sql } = await dump(17, { spec });
  assert.equal(sql.match(/^CREATE TABLE /gm)?.length, 3000);
});

test('pg_dump says what it lacks: FF300 with its own words', async () => {
  await serverOf(17)
    .query('postgres', 'CREATE ROLE weak LOGIN; GRANT pg_monitor TO weak')
    .catch(() => {});
  const socket = `host=${serverOf(17).socketDir} port=${serverOf(17).port} user=weak dbname=postgres`;
  const { spec } = resolveConnectionInput({ text: socket }, {});
  await assert.rejects(dump(17, { spec }), { code: 'FF300', message: /permission denied for/ });
});

describe('native pg_dump', { skip: process.platform === 'win32' }, () => {
  const bin = join(folder, 'bin');
  /** A stand-in that answers as pg_dump does; what it got goes into its output. */
  function fake(version: string, body: string): NodeJS.ProcessEnv {
    mkdirSync(bin, { recursive: true });
    const file = join(bin, 'pg_dump');
    writeFileSync(
      file,
      `#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) ${version}"; exit 0; fi\n${body}\n`,
    );
    chmodSync(file, 0o755);
    return { PATH: `${bin}:/usr/bin:/bin`, PGPASSWORD: 'inherited', PGSSLCRL: 'inherited' };
  }

  test('the newest that is new enough; none is found where there is none', async () => {
    const env = fake('99.4 (Debian 99.4-1)', 'exit 1');
    assert.deepEqual(await findNativePgDump(17, env), {
      file: join(bin, 'pg_dump'),
      version: '99.4',
      major: 99,
    });
    assert.equal(await findNativePgDump(100, env), undefined);
    assert.equal(await findNativePgDump(99, { PATH: 'bin:.:' }), undefined);
    await assert.rejects(dump(17, { tool: 'native', versionNum: 1_000_000, env }), { code: 'FF301' });
  });

  test('gets the password by environment alone, and nothing of the PG* variables of the user', async () => {
    const header = `printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\n\\\\restrict Key1\\n\\n'`;
    const env = fake(
      '99.4',
      `${header}; echo "-- ARGS $*"; env | grep ^PG | sort; printf '\\n\\\\unrestrict Key1\\n\\n'`,
    );
    const { sql, tool } = await dump(17, { tool: 'auto', env, snapshot: '00-1' });
    assert.equal(tool, `${join(bin, 'pg_dump')} 99.4`);
    assert.doesNotMatch(sql, /restrict Key1|inherited/);
    const [args = ''] = /^-- ARGS .*$/m.exec(sql) ?? [];
    assert.ok(!args.includes(password));
    for (const wanted of ['--section=pre-data', '--no-owner', '--snapshot=00-1', '--no-password']) {
      assert.ok(args.includes(wanted), wanted);
    }
    assert.ok(sql.includes(`PGPASSWORD=${password}\n`));
    assert.ok(sql.includes('PGSSLMODE=require\n'));
  });

  test('its pg_attver options are taken out', async () => {
    const lines = [
      'ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=3);',
      'ALTER TABLE ONLY public.t ALTER COLUMN b SET (n_distinct=5, pg_attver=12);',
    ];
    const env = fake('99.4', `cat <<'END'\n${lines.join('\n')}\nEND`);
    const { sql } = await dump(17, { tool: 'native', env });
    assert.equal(sql, 'ALTER TABLE ONLY public.t ALTER COLUMN b SET (n_distinct=5);\n');
  });

  test('its failure is told without the password', async () => {
    const env = fake('99.4', `echo "pg_dump: error: something about ${password} failed" >&2; exit 1`);
    const log: string[] = [];
    await assert.rejects(dump(17, { tool: 'auto', env, log: (line) => log.push(line) }), {
      code: 'FF300',
      message: 'something about *** failed',
    });
    assert.ok(!log.join('\n').includes(password));
  });

  test('one that cannot start is replaced by the built-in one, unless it was asked for', async () => {
    const env = fake('99.4', 'echo "error while loading shared libraries: libpq.so.5" >&2; exit 127');
    const log: string[] = [];
    const { tool } = await dump(17, { tool: 'auto', env, log: (line) => log.push(line) });
    assert.match(tool, /^built-in/);
    assert.match(log.join('\n'), /cannot be started.*libpq\.so\.5.*built-in/s);
    await assert.rejects(dump(17, { tool: 'native', env }), { code: 'FF301' });
  });

  test('is ended when aborted, also if it does not listen', async () => {
    const marker = join(folder, 'pid');
    const env = fake(
      '99.4',
      `trap '' TERM; echo $$ > ${marker}.new; mv ${marker}.new ${marker}; while :; do sleep 0.1; done`,
    );
    const abort = new AbortController();
    const outcome = assert.rejects(dump(17, { tool: 'native', env, signal: abort.signal }), {
      code: 'FF509',
    });
    const { existsSync, readFileSync } = await import('node:fs');
    for (const end = Date.now() + 10_000; !existsSync(marker) && Date.now() < end; ) await sleep(20);
    abort.abort();
    await outcome;
    const pid = Number(readFileSync(marker, 'utf8'));
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});
