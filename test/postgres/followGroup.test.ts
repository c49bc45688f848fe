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
  source = await startServer({ major: 13, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

test('a database of a group that cannot be followed any more says so at once, the others go on', async () => {
  using folder = cliFolder();
  const names = [await source.createDatabase(), await source.createDatabase()] as const;
  for (const name of names) await source.query(name, 'CREATE TABLE t (id int PRIMARY KEY)');
  let last: RunSnapshot | undefined;
  const stop = new AbortController();
  const running = runMigration(
    {
      project: {
        version: 2,
        name: 'group',
        source: { connection: source.uri('postgres') },
        target: { connection: target.uri('postgres') },
        databases: names.map((name) => ({ source: name, target: name, mode: 'online' as const })),
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
      signal: stop.signal,
      distDir: resolve(__dirname, '../../dist'),
    },
  );
  const follows = () => followedDatabases(last).map(({ follow }) => follow);
  await poll(() => follows().filter(({ state }) => state === 'following').length === 2, 'both are followed');
  const [lost, kept] = names;
  const slot = follows()[0]?.slot.name ?? '';
  await poll(async () => {
    await source.query(
      lost,
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    await source.query(lost, `SELECT pg_drop_replication_slot('${slot}')`).catch(() => undefined);
    const left = await source.query(lost, `SELECT FROM pg_replication_slots WHERE slot_name = '${slot}'`);
    return left.length === 0;
  }, 'the slot is dropped');
  await poll(() => follows()[0]?.ended !== undefined, 'it says that it has ended');
  assert.equal(follows()[0]?.ended?.code, 'FF800');
  assert.deepEqual([last?.state, follows()[1]?.ended], ['running', undefined]);
  await source.query(kept, 'INSERT INTO t VALUES (1)');
  await poll(async () => (await target.query(kept, 'SELECT FROM t')).length === 1, 'the other is followed');
  stop.abort();
  await running;
});
