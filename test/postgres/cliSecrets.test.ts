import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CliFolder, CliRun, cliFolder, doneOf, poll, runCli } from '../support/flexferry.js';
import { gatedSchema, gates, holdGate, untilBlocked } from '../support/gates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const password = 'S3cret:of@the/source';
/** Stands in rows that break something on the target. */
const marker = 'ROWVALUE-7f3a';
let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({
    major: 13,
    hba: 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256',
    settings: { password_encryption: 'scram-sha-256' },
  });
  target = await startFlexibleServerTwin({ major: 17 });
  await source.query('postgres', `CREATE ROLE mover LOGIN SUPERUSER PASSWORD '${password}'`);
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** Every file that a run wrote, and what it said. */
function everythingIn(folder: CliFolder, ...more: string[]): Map<string, string> {
  const files = readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.pgpass')
    .map((entry) => join(entry.parentPath, entry.name));
  const found = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
  for (const [i, text] of more.entries()) found.set(`output ${i}`, text);
  return found;
}

function assertNowhere(texts: Map<string, string>, ...secrets: string[]): void {
  assert.ok(texts.size > 4, 'reads the files');
  for (const [name, text] of texts)
    for (const secret of secrets)
      for (const form of [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
      ])
        assert.ok(!text.includes(form), `${name} holds ${form}`);
}

/** Command line and environment of the process and of all its descendants, as /proc shows them. */
function processes(root: number): { pid: number; cmdline: string; environ: string }[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parent === root ? processes(Number(name)) : [];
      } catch {
        return [];
      }
    });
  const read = (file: string): string => readFileSync(`/proc/${root}/${file}`, 'utf8').replaceAll('\0', ' ');
  return [{ pid: root, cmdline: read('cmdline'), environ: read('environ') }, ...children];
}

describe('the password is nowhere', () => {
  const bare = (database: string): string => `postgresql://mover@127.0.0.1:${source.port}/${database}`;
  const bareTarget = (database: string): string =>
    target.uri(database).replace(`:${encodeURIComponent(target.admin.password)}@`, '@');
  const secrets = (): string[] => [password, target.admin.password];
  const ways: Readonly<
    Record<string, (database: string, folder: CliFolder) => { args: string[]; env: Record<string, string> }>
  > = {
    'given in the URI': (d) => ({
      args: [
        '--source',
        bare(d).replace('mover@', `mover:${encodeURIComponent(password)}@`),
        '--target',
        target.uri(d),
      ],
      env: {},
    }),
    'given by the environment': (d) => ({
      args: ['--source', bare(d), '--target', bareTarget(d)],
      env: { FLEXFERRY_SOURCE_PASSWORD: password, FLEXFERRY_TARGET_PASSWORD: target.admin.password },
    }),
    'given by .pgpass': (d, folder) => {
      const file = join(folder.home, '.pgpass');
      const escaped = (text: string): string => text.replace(/[\\:]/g, '\\$&');
      writeFileSync(
        file,
        `127.0.0.1:${source.port}:*:mover:${escaped(password)}\n127.0.0.1:${target.port}:*:*:${escaped(target.admin.password)}\n`,
      );
      chmodSync(file, 0o600);
      return { args: ['--source', bare(d), '--target', bareTarget(d)], env: {} };
    },
  };
  for (const [way, give] of Object.entries(ways)) {
    test(way, { skip: process.platform !== 'linux' && 'reads /proc' }, async () => {
      using folder = cliFolder();
      const database = await source.createDatabase();
      await source.query(database, gatedSchema);
      await target.createDatabase(database);
      const { args, env } = give(database, folder);
      const gate = await holdGate(target, database, gates.copy);
      const run = new CliRun(['clone', ...args], { folder, env });
      await untilBlocked(target, 'copy');
      const [own, ...children] = processes(run.child.pid ?? 0);
      await gate.release();
      const result = await run.result;
      assert.equal(result.code, 0, result.stdout);
      // What the user typed or exported is his own; nothing beyond that.
      if (way !== 'given in the URI') assertNowhere(everythingIn(folder, own?.cmdline ?? ''), ...secrets());
      assertNowhere(
        everythingIn(folder, result.stdout, result.stderr, ...children.map((c) => c.cmdline)),
        ...secrets(),
      );
      if (way !== 'given by the environment')
        assertNowhere(everythingIn(folder, own?.environ ?? ''), ...secrets());
    });
  }

  test('a refused password', async () => {
    using folder = cliFolder();
    const result = await runCli(['clone', '--source', bare('postgres'), '--target', bareTarget('x')], {
      folder,
      env: { FLEXFERRY_SOURCE_PASSWORD: `${password}!` },
    });
    assert.equal(doneOf(result).fault?.code, 'FF102');
    assertNowhere(everythingIn(folder, result.stdout, result.stderr), password);
  });

  test('text output of a refused URI', async () => {
    using folder = cliFolder();
    for (const uri of [
      `postgresql://mover:${password}@127.0.0.1/x`,
      `host=127.0.0.1 password='${password} x`,
      `mover:${password}`,
    ]) {
      const result = await runCli(['clone', '--source', uri, '--target', uri], { folder, json: false });
      assert.ok([2, 3].includes(result.code ?? 0), uri);
      assert.ok(!result.stderr.includes('S3cret') && !result.stdout.includes('S3cret'), result.stderr);
    }
  });
});

test('a native pg_dump never gets it as an argument, and ends with the run', {
  skip: process.platform === 'win32' && 'a shell script',
}, async () => {
  using folder = cliFolder();
  const database = await source.createDatabase();
  const bin = join(folder.path, 'bin');
  const pidFile = join(folder.path, 'pid');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'pg_dump'),
    `#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi\necho $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}\nexec sleep 600\n`,
    { mode: 0o755 },
  );
  const run = new CliRun(
    [
      'clone',
      '--dump-tool',
      'native',
      '--source',
      `postgresql://mover@127.0.0.1:${source.port}/${database}`,
      '--target',
      target.uri(database),
    ],
    { folder, env: { PATH: `${bin}:${process.env['PATH']}`, FLEXFERRY_SOURCE_PASSWORD: password } },
  );
  await poll(() => readdirSync(folder.path).includes('pid'), 'the dump');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (process.platform === 'linux') {
    const all = processes(run.child.pid ?? 0);
    assert.ok(
      all.some((p) => p.pid === pid),
      'a child of ours',
    );
    for (const { cmdline } of all) assert.ok(!cmdline.includes('S3cret'), cmdline);
  }
  run.child.kill('SIGTERM');
  const result = await run.result;
  assert.deepEqual([result.code, doneOf(result).fault?.code], [4, 'FF509']);
  assert.throws(() => process.kill(pid, 0), 'pg_dump is gone');
});

test('row values are in no log, event or report, whatever they break', async () => {
  using folder = cliFolder();
  const database = await source.createDatabase();
  // Holds on the source, whose version says so, and breaks on the target.
  await source.query(
    database,
    `CREATE FUNCTION holds(v text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('server_version_num')::int < 150000$$;
     CREATE FUNCTION shouts(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
       $$BEGIN IF NOT public.holds(v) THEN RAISE EXCEPTION 'bad value %', v USING DETAIL = v, HINT = v; END IF; RETURN v; END$$;
     CREATE FUNCTION casts(v text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
       $$BEGIN IF NOT public.holds(v) THEN RETURN v::int; END IF; RETURN 1; END$$;
     CREATE TABLE by_check (v text CHECK (holds(v)));
     CREATE TABLE by_shout (v text CHECK (shouts(v) IS NOT NULL));
     CREATE TABLE by_cast (v text CHECK (casts(v) = 1));
     CREATE TABLE by_index (v text); CREATE INDEX ON by_index (shouts(v)); CREATE INDEX ON by_index (casts(v));
     CREATE TABLE by_key (v text); CREATE TABLE keys (v text PRIMARY KEY);
     ALTER TABLE by_key ADD CONSTRAINT known FOREIGN KEY (v) REFERENCES keys;
     CREATE TABLE by_unique (v text); CREATE TABLE fine (id int PRIMARY KEY, v text);
     CREATE MATERIALIZED VIEW by_view AS SELECT shouts('${marker}'::text || v) AS v FROM by_index;
     SET session_replication_role = replica;
     INSERT INTO by_check VALUES ('${marker}'); INSERT INTO by_shout VALUES ('${marker}'); INSERT INTO by_cast VALUES ('${marker}');
     INSERT INTO by_index VALUES ('${marker}'); INSERT INTO by_key VALUES ('${marker}'); INSERT INTO fine VALUES (1, '${marker}')`,
  );
  const text = await runCli(
    [
      'clone',
      '--source',
      `postgresql://mover@127.0.0.1:${source.port}/${database}`,
      '--target',
      target.uri(database),
    ],
    { folder, env: { FLEXFERRY_SOURCE_PASSWORD: password } },
  );
  const done = doneOf(text);
  assert.equal(text.code, 1);
  const failed = new Map(done.findings.filter((f) => f.severity === 'error').map((f) => [f.object, f.code]));
  for (const table of ['by_check', 'by_shout', 'by_cast'])
    assert.equal(failed.get(`table public.${table}`), 'FF501', table);
  assert.ok([...failed].some(([object, code]) => code === 'FF504' && /known/.test(object ?? '')));
  assert.ok([...failed].filter(([, code]) => code === 'FF500').length >= 2, 'both indexes');
  assert.equal(done.tables.find((t) => t.table === 'fine')?.equal, true);
  const texts = everythingIn(folder, text.stdout, text.stderr);
  // The view's own definition is DDL: that is where the user wrote the marker himself.
  for (const name of texts.keys()) if (/\/(ddl|generated)\//.test(name)) texts.delete(name);
  assertNowhere(texts, marker);
});

test('bytes that are no text in the encoding of the target', async () => {
  using folder = cliFolder();
  await source.query('postgres', `CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`);
  await target.createDatabase('ascii_copy');
  const client = await source.connect('ascii');
  await client.query(
    `SET client_encoding = 'SQL_ASCII'; CREATE TABLE latin (v text); CREATE TABLE plain (v text); INSERT INTO plain VALUES ('a');
     INSERT INTO latin SELECT convert_from('\\x${Buffer.from(marker).toString('hex')}e9'::bytea, 'SQL_ASCII')`,
  );
  await client.end();
  const result = await runCli(
    [
      'clone',
      '--source',
      `postgresql://mover@127.0.0.1:${source.port}/ascii`,
      '--target',
      target.uri('ascii_copy'),
    ],
    { folder, env: { FLEXFERRY_SOURCE_PASSWORD: password } },
  );
  const done = doneOf(result);
  const finding = done.findings.find((f) => f.code === 'FF501');
  assert.deepEqual([result.code, finding?.object], [1, 'table public.latin'], result.stdout);
  assert.match(finding?.message ?? '', /UTF8/);
  assert.equal(done.tables.find((t) => t.table === 'plain')?.equal, true);
  assertNowhere(everythingIn(folder, result.stdout, result.stderr), marker, '0xe9');
});
