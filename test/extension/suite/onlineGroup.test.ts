import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { TestApi } from '../../../src/extension/extension.js';
import type { Migration } from '../../../src/extension/migrations/migration.js';
import { type MigrationPlan, projectOf } from '../../../src/extension/migrations/migrationPlan.js';
import {
  newProjectUri,
  projectFolder,
  writeProject,
} from '../../../src/extension/migrations/projectFiles.js';
import { followedDatabases } from '../../../src/protocol/followView.js';
import { startServer, type TestServer } from '../../support/postgres/embedded.js';
import { eventually } from '../ddlFixture.js';

const names = ['shop', 'ledger'];

/** Answers modal questions with their first button, and keeps what was asked. */
function agreeToAll(): { readonly asked: string[]; restore(): void } {
  const { showWarningMessage } = vscode.window;
  const asked: string[] = [];
  const agree = async (message: string, options: vscode.MessageOptions, ...buttons: string[]) => {
    if (options?.modal !== true) return undefined;
    asked.push(`${message} [${buttons[0]}]`);
    return buttons[0];
  };
  vscode.window.showWarningMessage = agree as typeof showWarningMessage;
  return {
    asked,
    restore: () => {
      vscode.window.showWarningMessage = showWarningMessage;
    },
  };
}

describe('two databases that are migrated online', () => {
  let api: TestApi;
  let source: TestServer;
  let target: TestServer;
  let migration: Migration;
  let questions: ReturnType<typeof agreeToAll>;

  before(async function () {
    this.timeout(60_000);
    const found = await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    assert.ok(found);
    api = found;
    questions = agreeToAll();
    [source, target] = await Promise.all([startServer({ major: 13 }), startServer({ major: 17 })]);
    for (const name of names) {
      await source.createDatabase(name);
      await source.query(name, 'CREATE TABLE goods (id int PRIMARY KEY, name text)');
    }
  });
  after(async () => {
    questions?.restore();
    migration?.stop();
    await migration?.whenEnded();
    for (const { id } of api.registry.list()) await api.registry.remove(id);
    await Promise.all([source?.stop(), target?.stop()]);
  });

  const states = () => followedDatabases(migration.snapshot).map(({ follow }) => follow.state);
  const all = (state: string) =>
    eventually(
      states,
      (now) => migration.running && now.length === 2 && now.every((one) => one === state),
      `all ${state}, ${JSON.stringify(migration.snapshot?.fault)}`,
      40_000,
    );
  const run = (command: string, ...more: unknown[]) =>
    vscode.commands.executeCommand(`flexferry.${command}`, { migration }, ...more);
  const plan = async (): Promise<MigrationPlan> => {
    const add = (name: string, role: string, server: TestServer): Thenable<string> =>
      vscode.commands.executeCommand('flexferry.addServer', {
        name,
        role,
        connection: server.uri('postgres'),
      });
    const from = api.registry.get(await add('from', 'source', source));
    const to = api.registry.get(await add('to', 'target', target));
    assert.ok(from && to);
    return {
      source: from,
      target: to,
      available: [],
      chosen: names,
      names: new Map(),
      mode: 'online',
      jobs: 2,
      indexJobs: 2,
      dumpTool: 'builtin',
    };
  };

  it('are followed together', async function () {
    this.timeout(60_000);
    const { target: to, ...rest } = await plan();
    assert.ok(to);
    const uri = await newProjectUri(projectFolder(vscode.Uri.file('/nowhere')), 'group');
    await writeProject(uri, projectOf(rest, to, 'group'));
    migration = await api.migrations.open(uri);
    await run('startMigration');
    await all('following');
    for (const name of names) {
      await source.query(name, `INSERT INTO goods VALUES (1, '${name}')`);
      await eventually(
        () => target.query(name, 'SELECT name FROM goods'),
        (rows) => rows.length === 1,
        `the change of ${name}`,
      );
    }
  });

  it('are cut over as a group, with consent, and wait for the last step together', async function () {
    this.timeout(60_000);
    const choices = { fence: 'readOnly', verify: 'full', wayBack: false, force: false };
    await run('cutOver', choices);
    assert.deepEqual(questions.asked.splice(0), ['Cut over shop, ledger? [Start Cutover]']);
    await all('holding');
    const ids = followedDatabases(migration.snapshot).map(({ follow }) => follow.cutover?.id);
    assert.equal(new Set(ids).size, 1);
    for (const name of names)
      await assert.rejects(source.query(name, "INSERT INTO goods VALUES (2, '')"), /read-only/);
  });

  it('are taken back together', async function () {
    this.timeout(60_000);
    await run('undoCutover');
    await all('following');
    for (const name of names) await source.query(name, "INSERT INTO goods VALUES (2, '')");
  });

  it('can be stopped and go on', async function () {
    this.timeout(60_000);
    await run('stopMigration');
    await eventually(
      () => migration.running,
      (running) => !running,
      'the end of the run',
    );
    assert.ok(migration.resumable);
    assert.equal((await source.query('shop', 'SELECT FROM pg_replication_slots')).length, 2);
    await run('resumeMigration');
    await all('following');
  });

  it('are handed over, followed back, and nearly gone back with', async function () {
    this.timeout(60_000);
    const choices = { fence: 'readOnly', verify: 'full', wayBack: true, force: false };
    await run('cutOver', choices);
    await all('holding');
    await run('confirmHandOver');
    await all('wayBack');
    for (const name of names) {
      await target.query(name, "INSERT INTO goods VALUES (3, 'from the target')");
      await eventually(
        () => source.query(name, 'SELECT FROM goods WHERE id = 3'),
        (rows) => rows.length === 1,
        `the change of ${name} on its way back`,
      );
    }
    questions.asked.length = 0;
    await run('goBack', choices);
    assert.deepEqual(questions.asked, ['Go back with shop, ledger to the source? [Start Going Back]']);
    await all('holding');
    for (const name of names)
      await assert.rejects(target.query(name, "INSERT INTO goods VALUES (4, '')"), /read-only/);
    await run('undoCutover');
    await all('wayBack');
    for (const name of names) await target.query(name, "INSERT INTO goods VALUES (4, '')");
  });

  it('are cancelled and cleaned up with consent, and what was removed is told', async function () {
    this.timeout(60_000);
    await run('cleanUpFollow');
    assert.match(
      questions.asked.at(-1) ?? '',
      /^Cancel the online migration group .* \[Cancel and Clean Up\]$/,
    );
    assert.ok(!migration.running);
    assert.deepEqual(await source.query('shop', 'SELECT FROM pg_replication_slots'), []);
    for (const server of [source, target])
      for (const name of names)
        assert.deepEqual(await server.query(name, 'SELECT FROM pg_publication'), [], name);
    assert.deepEqual(await target.query('shop', 'SELECT FROM pg_replication_slots'), []);
    const removed = migration.following.cleanUp?.removed ?? [];
    assert.deepEqual(
      removed.map(({ database }) => database),
      names,
    );
    for (const { what } of removed)
      assert.ok(
        what.some((line) => /slot/.test(line)),
        what.join('\n'),
      );
    assert.ok(!migration.resumable);
    await migration.read(true);
    assert.deepEqual(migration.following.cleanUp?.removed, removed);
  });
});
