import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunParams, requestFollow, runMigration, runSnapshot } from '../../src/protocol/engine.js';
import { followedDatabases } from '../../src/protocol/followView.js';
import { defaultOptions } from '../../src/protocol/project.js';
import { startEngine } from '../support/engineProcess.js';
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

test('a window that goes away while a cutover waits leaves a source that can be written to', async () => {
  using folder = cliFolder();
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY)');
  const params: RunParams = {
    project: {
      version: 2,
      name: database,
      source: { connection: source.uri(database) },
      target: { connection: target.uri(database) },
      databases: [{ source: database, target: database, mode: 'online' }],
      options: defaultOptions,
    },
    directory: join(folder.path, 'project'),
    restart: false,
  };
  const { engine, connection, ended } = startEngine(folder);
  let state: string | undefined;
  connection.onNotification(runSnapshot, (snapshot) => {
    state = followedDatabases(snapshot)[0]?.follow.state;
  });
  connection.listen();
  connection.sendRequest(runMigration, params).catch(() => undefined);
  await poll(() => state === 'following', 'following');
  const choices = { fence: 'readOnly', verify: 'none', force: false, wayBack: false } as const;
  const request = { command: 'cutover', ...choices, hold: true, id: 'one' } as const;
  const pair = { source: { text: source.uri(database) }, target: { text: target.uri(database) } };
  await connection.sendRequest(requestFollow, { ...pair, request });
  await poll(() => state === 'holding', 'the cutover waits');
  // The fence cannot be lifted before this ends.
  const other = await source.connect('postgres');
  await other.query(`BEGIN; ALTER DATABASE "${database}" SET work_mem = '5MB'`);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  engine.disconnect();
  const lifting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER DATABASE%'`;
  await poll(
    async () => isOver || (await source.query('postgres', lifting)).length > 0,
    'the fence is lifted',
  );
  await other.query('COMMIT');
  await other.end();
  await ended;
  connection.dispose();
  const [setting] = await source.query(database, 'SHOW default_transaction_read_only');
  assert.deepEqual(setting, { default_transaction_read_only: 'off' });
});
