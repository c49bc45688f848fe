import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunParams, runMigration } from '../../src/protocol/engine.js';
import { defaultOptions } from '../../src/protocol/project.js';
import { startEngine } from '../support/engineProcess.js';
import {
  assertNothingLeft,
  CliRun,
  cliFolder,
  doneOf,
  poll,
  reportOf,
  runCli,
} from '../support/flexferry.js';
import { gatedSchema, gates, holdGate, untilBlocked } from '../support/gates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
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

async function gated(): Promise<string> {
  const database = await source.createDatabase();
  await source.query(database, gatedSchema);
  return target.createDatabase(database);
}

test('the engine ends with the window that started it, and leaves a report and nothing else', async () => {
  using folder = cliFolder();
  const database = await gated();
  const params: RunParams = {
    project: {
      version: 2,
      name: database,
      source: { connection: source.uri(database) },
      target: { connection: target.uri(database) },
      databases: [{ source: database, target: database }],
      options: defaultOptions,
    },
    directory: join(folder.path, 'project'),
    reportDirectory: folder.report,
    restart: false,
  };
  const { engine, connection, ended } = startEngine(folder);
  connection.listen();
  const gate = await holdGate(target, database, gates.copy);
  connection.sendRequest(runMigration, params).catch(() => undefined);
  await untilBlocked(target, 'copy');
  // What the engine sees when the extension host is killed.
  engine.disconnect();
  await ended;
  connection.dispose();
  await assertNothingLeft(source, target, folder);
  await gate.release();
  assert.deepEqual(
    [reportOf(folder).snapshot.state, reportOf(folder).snapshot.fault?.code],
    ['interrupted', 'FF509'],
  );
  const resumed = await runCli(
    ['clone', '--source', source.uri(database), '--target', target.uri(database)],
    { folder },
  );
  assert.equal(resumed.code, 0, doneOf(resumed).fault?.message);
});

test('kill -9 of the command line: the next run clears what it left busy on the target', async () => {
  using folder = cliFolder();
  const database = await gated();
  const args = ['clone', '--source', source.uri(database), '--target', target.uri(database)];
  const gate = await holdGate(target, database, gates.indexes);
  const first = new CliRun(args, { folder });
  await untilBlocked(target, 'indexes');
  const busy = await sessions();
  first.child.kill('SIGKILL');
  await first.result;
  const second = new CliRun(args, { folder });
  // It waits at the same gate, while none of the killed run's sessions is left.
  await poll(async () => {
    const now = await sessions();
    return now.length > 0 && now.every((name) => !busy.includes(name));
  }, 'sessions of the second run alone');
  await untilBlocked(target, 'indexes again');
  await gate.release();
  const result = await second.result;
  assert.equal(result.code, 0, doneOf(result).fault?.message);
  assert.ok(doneOf(result).tables.every((t) => t.equal));
  await assertNothingLeft(source, target, folder);
});

async function sessions(): Promise<string[]> {
  const rows = await target.superQuery<{ name: string }>(
    'postgres',
    `SELECT substring(application_name, 'run:\\w+') AS name FROM pg_stat_activity WHERE application_name LIKE 'flexferry run:%'`,
  );
  return rows.map((r) => r.name);
}
