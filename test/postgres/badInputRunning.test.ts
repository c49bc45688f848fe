import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  assertNothingLeft,
  type CliFolder,
  type CliResult,
  CliRun,
  cliFolder,
  doneOf,
  poll,
  problemsOf,
  reportOf,
  runCli,
} from '../support/flexferry.js';
import { gatedSchema, gates, holdGate, untilBlocked } from '../support/gates.js';
import { startCutProxy } from '../support/postgres/cutProxy.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { isRoot, serverAccount } from '../support/postgres/runFolder.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({ major: 13 });
  target = await startFlexibleServerTwin({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

async function gated(): Promise<{ database: string; args: string[] }> {
  const database = await source.createDatabase();
  await source.query(database, gatedSchema);
  await target.createDatabase(database);
  return { database, args: ['clone', '--source', source.uri(database), '--target', target.uri(database)] };
}

/** About 13 MB of COPY data: more than all buffers on the way hold. */
async function bulky(rows = 100_000): Promise<string> {
  const database = await source.createDatabase();
  await source.query(
    database,
    `CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small SELECT generate_series(1, 100);
     CREATE TABLE bulk (id int PRIMARY KEY, what text);
     INSERT INTO bulk SELECT i, repeat('0123456789', 12) FROM generate_series(1, ${rows}) i`,
  );
  return database;
}

/** Until a COPY runs on the target. */
function untilCopying(server: TestTwin): Promise<void> {
  const copies = `SELECT FROM pg_stat_progress_copy WHERE bytes_processed > 1000000`;
  return poll(async () => (await server.superQuery('postgres', copies)).length > 0, 'a COPY');
}

const withPort = (uri: string, port: number): string => uri.replace(/:\d+\//, `:${port}/`);

function assertInterrupted(result: CliResult, folder: CliFolder, code: string, says: RegExp): void {
  const done = doneOf(result);
  assert.equal(done.fault?.code, code, `${done.fault?.message}\n${result.stdout}`);
  assert.match(done.fault.message, says);
  assert.deepEqual([result.code, done.exitCode, done.state], [4, 4, 'interrupted']);
  const report = reportOf(folder);
  assert.deepEqual([report.snapshot.state, report.snapshot.fault?.code], ['interrupted', code]);
  assert.notEqual(
    report.databases[0]?.tables.every((t) => t.verification?.equal),
    true,
  );
  const page = readFileSync(join(folder.report, 'report.html'), 'utf8');
  assert.ok(page.includes('Interrupted') && page.includes(code));
}

async function assertResumes(args: readonly string[], folder: CliFolder): Promise<void> {
  const result = await runCli(args, { folder });
  const done = doneOf(result);
  assert.deepEqual(problemsOf(done), []);
  assert.equal(result.code, 0, done.fault?.message);
  assert.ok(done.tables.length > 0 && done.tables.every((t) => t.equal));
  await assertNothingLeft(source, target, folder);
}

describe('the network breaks in the middle of the copy', () => {
  test('to the source', async () => {
    using folder = cliFolder();
    const database = await bulky();
    await using proxy = await startCutProxy(source.port, { delayMs: { toClient: 3 } });
    const args = [
      'clone',
      '--source',
      withPort(source.uri(database), proxy.port),
      '--target',
      target.uri(database),
    ];
    const run = new CliRun(args, { folder });
    await poll(() => proxy.bytesToClient > 2_000_000, 'data on its way');
    proxy.cut();
    assertInterrupted(await run.result, folder, 'FF115', /source server closed the connection/);
    await assertNothingLeft(source, target, folder);
    proxy.heal();
    await assertResumes(args, folder);
  });

  test('to the target', async () => {
    using folder = cliFolder();
    const database = await bulky();
    await using proxy = await startCutProxy(target.port, { delayMs: { toServer: 3 } });
    const args = [
      'clone',
      '--source',
      source.uri(database),
      '--target',
      withPort(target.uri(database), proxy.port),
    ];
    const run = new CliRun(args, { folder });
    await untilCopying(target);
    proxy.cut();
    assertInterrupted(await run.result, folder, 'FF115', /target server closed the connection/);
    proxy.heal();
    await assertResumes(args, folder);
  });
});

describe('a server stops', () => {
  test('the source, in the middle of the copy', async () => {
    using folder = cliFolder();
    const database = await bulky();
    await using proxy = await startCutProxy(source.port, { delayMs: { toClient: 3 } });
    const args = [
      'clone',
      '--source',
      withPort(source.uri(database), proxy.port),
      '--target',
      target.uri(database),
    ];
    const run = new CliRun(args, { folder });
    await poll(() => proxy.bytesToClient > 2_000_000, 'data on its way');
    await source.restart();
    assertInterrupted(await run.result, folder, 'FF115', /source|terminating connection/);
    await assertResumes(args, folder);
  });

  for (const phase of ['copy', 'indexes', 'postData'] as const) {
    test(`the target, in the middle of ${phase}`, async () => {
      using folder = cliFolder();
      const { database, args } = await gated();
      const gate = await holdGate(target, database, gates[phase]);
      const run = new CliRun(args, { folder });
      await untilBlocked(target, phase);
      await target.restart();
      assertInterrupted(await run.result, folder, 'FF115', /target|terminating connection/);
      await gate.release();
      await assertResumes(args, folder);
    });
  }

  test('the target, in a crash', async () => {
    using folder = cliFolder();
    const { database, args } = await gated();
    const gate = await holdGate(target, database, gates.copy);
    const run = new CliRun(args, { folder });
    await untilBlocked(target, 'copy');
    const [backend] = await target.superQuery<{ pid: number }>(
      'postgres',
      `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'flexferry%copy%' LIMIT 1`,
    );
    // As the out-of-memory killer does: the postmaster then restarts everybody.
    process.kill(backend?.pid ?? 0, 'SIGKILL');
    const result = await run.result;
    assert.ok(['FF114', 'FF115'].includes(doneOf(result).fault?.code ?? ''), doneOf(result).fault?.message);
    assert.equal(result.code, 4);
    await gate.release();
    await poll(
      () =>
        target.superQuery('postgres', 'SELECT 1').then(
          () => true,
          () => false,
        ),
      'the restart',
    );
    await assertResumes(args, folder);
  });
});

test('a target that becomes read-only in the middle', async () => {
  using folder = cliFolder();
  const { database, args } = await gated();
  const gate = await holdGate(target, database, gates.copy);
  const run = new CliRun([...args, '--jobs', '1'], { folder });
  await untilBlocked(target, 'copy');
  // What a Flexible Server does at 95 % of its storage.
  await target.superQuery('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on');
  await target.superQuery('postgres', 'SELECT pg_reload_conf()');
  await gate.release();
  const result = await run.result;
  await target.superQuery('postgres', 'ALTER SYSTEM RESET default_transaction_read_only');
  await target.superQuery('postgres', 'SELECT pg_reload_conf()');
  assertInterrupted(result, folder, 'FF503', /read-only/);
  await assertNothingLeft(source, target, folder);
  await assertResumes(args, folder);
});

test('a target into which another migration is running', async () => {
  using folder = cliFolder();
  using second = cliFolder();
  const { database, args } = await gated();
  const gate = await holdGate(target, database, gates.copy);
  const first = new CliRun(args, { folder });
  await untilBlocked(target, 'copy');
  const result = await runCli(args, { folder: second });
  const done = doneOf(result);
  assert.deepEqual([result.code, done.state, done.fault?.code], [3, 'refused', 'FF208'], done.fault?.message);
  assert.match(done.fault?.message ?? '', new RegExp(database));
  await gate.release();
  assert.equal((await first.result).code, 0, 'the first goes on undisturbed');
  await assertNothingLeft(source, target, second);
});

/** A file system of so many MB that PostgreSQL may use, or why there is none. */
function smallDisk(
  megabytes: number,
): { path: string; grow(megabytes: number): void; remove(): void } | string {
  if (!isRoot || process.platform !== 'linux') return 'only root on Linux may mount a small file system';
  const path = mkdtempSync(join(tmpdir(), 'flexferry-disk-'));
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
  };
  try {
    mount(`size=${megabytes}m`);
  } catch {
    rmSync(path, { recursive: true });
    return 'this machine lets nobody mount a file system';
  }
  const folder = join(path, 'space');
  mkdirSync(folder);
  const account = serverAccount();
  if (account) chownSync(folder, account.uid, account.gid);
  return {
    path: folder,
    grow: (to) => mount(`remount,size=${to}m`),
    remove: () => {
      execFileSync('umount', ['-l', path], { stdio: 'pipe' });
      rmSync(path, { recursive: true });
    },
  };
}

test('a target without space', async (t) => {
  const disk = smallDisk(24);
  if (typeof disk === 'string') return t.skip(disk);
  using folder = cliFolder();
  const database = await bulky(200_000);
  try {
    await target.superQuery('postgres', `CREATE TABLESPACE tiny LOCATION '${disk.path}'`);
    await target.superQuery(
      'postgres',
      `CREATE DATABASE ${database} TABLESPACE tiny OWNER ${target.admin.user}`,
    );
    const args = ['clone', '--source', source.uri(database), '--target', target.uri(database)];
    const result = await runCli(args, { folder });
    assertInterrupted(result, folder, 'FF502', /No space left on device/);
    assert.equal(doneOf(result).fault?.sqlstate, '53100');
    await assertNothingLeft(source, target, folder);
    disk.grow(200);
    await assertResumes(args, folder);
  } finally {
    await target.superQuery('postgres', `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await target.superQuery('postgres', 'DROP TABLESPACE IF EXISTS tiny');
    disk.remove();
  }
});
