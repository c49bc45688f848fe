import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { runMigration } from '../../src/engine/migration.js';
import { followedDatabases } from '../../src/protocol/followView.js';
import type { RunSnapshot } from '../../src/protocol/model.js';
import { defaultOptions } from '../../src/protocol/project.js';
import { cliFolder, poll } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
before(async () => {
  const settings = { ...flushedCommits, max_slot_wal_keep_size: '16MB' };
  source = await startServer({ major: 17, settings });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** Every process of a server, which answers nothing until they go on. */
async function pause(server: TestServer): Promise<() => void> {
  const rows = await server.query<{ pid: number }>(
    'postgres',
    'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
  );
  const pids = [server.pid, ...rows.map(({ pid }) => pid)];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  };
}

test('while the target answers nothing, the source is seen and let go of, and the run ends by itself', async () => {
  using folder = cliFolder();
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY, v text)');
  let last: RunSnapshot | undefined;
  let isOver = false;
  const running = runMigration(
    {
      project: {
        version: 2,
        name: 'paused',
        source: { connection: source.uri(database) },
        target: { connection: target.uri(database) },
        databases: [{ source: database, target: database, mode: 'online' as const }],
        options: defaultOptions,
      },
      directory: join(folder.path, 'project'),
      restart: false,
    },
    {
      onSnapshot: (snapshot) => {
        last = snapshot;
      },
      onEvent: () => undefined,
      signal: new AbortController().signal,
      distDir: resolve(__dirname, '../../dist'),
    },
  ).then((snapshot) => {
    isOver = true;
    return snapshot;
  });
  const follow = () => followedDatabases(last)[0]?.follow;
  await poll(() => follow()?.state === 'following', 'it is followed');
  await source.query(database, 'INSERT INTO t VALUES (0)');
  await poll(async () => (await target.query(database, 'SELECT FROM t')).length === 1, 'changes come');
  const goOn = await pause(target);
  try {
    for (let from = 1; from < 60_000; from += 3_000)
      await source.query(
        database,
        `INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(${from}, ${from + 2_999}) i`,
      );
    await poll(() => follow()?.slot.walStatus === 'unreserved', 'the danger is shown');
    await poll(() => follow()?.reconnecting?.code === 'FF899', 'the stream is closed');
    const began = Date.now();
    await source.query('postgres', 'CHECKPOINT');
    assert.ok(Date.now() - began < 10_000, 'the checkpoint ends');
    await poll(() => follow()?.ended?.code === 'FF802', 'the loss is told');
    await poll(() => isOver, 'the run ends', 60_000);
  } finally {
    goOn();
  }
  const end = await running;
  assert.deepEqual([end.state, end.fault?.code], ['incomplete', 'FF802']);
});
