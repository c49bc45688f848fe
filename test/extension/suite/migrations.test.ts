import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import type { TestApi } from '../../../src/extension/extension.js';
import {
  defaultChoice,
  type MigrationPlan,
  nameProblem,
  projectOf,
} from '../../../src/extension/migrations/migrationPlan.js';
import {
  newProjectUri,
  projectDirectory,
  projectFolder,
  readProject,
  writeProject,
} from '../../../src/extension/migrations/projectFiles.js';
import type { MigrationsNode } from '../../../src/extension/views/migrationNodes.js';
import { startServer, type TestServer } from '../../support/postgres/embedded.js';

const database = (name: string, canConnect = true) => ({ name, bytes: 1, canConnect });

describe('a migration', () => {
  let api: TestApi;
  let source: TestServer;
  let target: TestServer;
  const password = 'not-in-any-file';

  before(async function () {
    this.timeout(60_000);
    const extension = vscode.extensions.getExtension<TestApi>('flexferry.flexferry');
    const found = await extension?.activate();
    assert.ok(found);
    api = found;
    [source, target] = await Promise.all([startServer({ major: 13 }), startServer({ major: 17 })]);
    await source.createDatabase('shop');
    await source.query(
      'shop',
      `CREATE TABLE goods AS SELECT g AS id, 'good ' || g AS name FROM generate_series(1, 5000) AS g;
      ALTER TABLE goods ADD PRIMARY KEY (id)`,
    );
  });
  after(async () => {
    for (const { id } of api.registry.list()) await api.registry.remove(id);
    await Promise.all([source?.stop(), target?.stop()]);
  });

  const plan = async (): Promise<MigrationPlan> => {
    const add = (name: string, role: string, server: TestServer): Thenable<string> =>
      vscode.commands.executeCommand('flexferry.addServer', {
        name,
        role,
        connection: server.uri('postgres'),
        password,
      });
    const from = api.registry.get(await add('from', 'source', source));
    const to = api.registry.get(await add('to', 'target', target));
    assert.ok(from && to);
    return {
      source: from,
      target: to,
      available: [database('shop')],
      chosen: ['shop'],
      names: new Map(),
      mode: 'offline',
      jobs: 2,
      indexJobs: 2,
      dumpTool: 'builtin',
    };
  };

  it('chooses what a user would choose', () => {
    assert.deepEqual(defaultChoice([database('a'), database('b', false), database('postgres')]), ['a']);
    assert.deepEqual(defaultChoice([database('postgres')]), ['postgres']);
  });

  it('checks target names', async () => {
    const checked = await plan();
    checked.chosen = ['shop', 'other'];
    assert.equal(nameProblem(checked, 'shop', 'shop'), undefined);
    assert.equal(nameProblem(checked, 'shop', ' '), 'empty');
    assert.equal(nameProblem(checked, 'shop', 'ü'.repeat(32)), 'long');
    assert.equal(nameProblem(checked, 'shop', 'azure_sys'), 'reserved');
    assert.equal(nameProblem(checked, 'shop', 'other'), 'taken');
    checked.target = checked.source;
    assert.equal(nameProblem(checked, 'shop', 'shop'), 'same');
  });

  it('is written to the folder without a secret, runs, and is shown with phases and tables', async function () {
    this.timeout(90_000);
    const { target: to, ...rest } = await plan();
    assert.ok(to);
    const folder = projectFolder(vscode.Uri.file('/nowhere'));
    assert.equal(folder.fsPath, vscode.workspace.workspaceFolders?.[0]?.uri.fsPath);
    const uri = await newProjectUri(folder, 'shop');
    await writeProject(uri, projectOf(rest, to, 'shop'));
    const text = readFileSync(uri.fsPath, 'utf8');
    assert.ok(!text.includes(password));
    assert.equal((await readProject(uri)).databases[0]?.target, 'shop');
    const migration = await api.migrations.open(uri);
    await vscode.commands.executeCommand('flexferry.startMigration', uri.toString());
    for (
      const until = Date.now() + 60_000;
      migration.snapshot?.state !== 'succeeded' || migration.running;
    ) {
      assert.ok(
        Date.now() < until,
        `the run is ${migration.snapshot?.state}: ${migration.snapshot?.fault?.message}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await target.query('shop', 'SELECT FROM goods')).length, 5000);
    await shown(api, uri.toString());
    const run = migration.snapshot?.reportDirectory ?? '';
    assert.ok(run.startsWith(`${projectDirectory(uri)}/runs/`), run);
    for (const file of ['report.json', 'report.html', 'events.jsonl'])
      assert.ok(!readFileSync(`${run}/${file}`, 'utf8').includes(password), `the password is in ${file}`);
  });

  it('an unreadable project file is told with its code', async () => {
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    const uri = vscode.Uri.joinPath(folder.uri, 'broken.flexferry.json');
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode('{"version": 99}'));
    await assert.rejects(
      readProject(uri),
      (error: unknown) => (error as { data: { code: string } }).data.code === 'FF701',
    );
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode('{'));
    await assert.rejects(
      readProject(uri),
      (error: unknown) => (error as { data: { code: string } }).data.code === 'FF700',
    );
    await vscode.workspace.fs.delete(uri);
  });
});

/** The Migrations view holds the run down to its tables. */
async function shown(api: TestApi, id: string): Promise<void> {
  const view = api.migrationsView;
  const below = async (node: MigrationsNode | undefined, wanted: (node: MigrationsNode) => boolean) => {
    const found = (await view.getChildren(node)).find(wanted);
    assert.ok(found);
    return found;
  };
  const project = await below(undefined, (node) => view.getTreeItem(node).id === id);
  assert.match(view.getTreeItem(project).contextValue ?? '', /state=done,run=yes/);
  const shop = await below(project, (node) => node.kind === 'database' && node.source === 'shop');
  const verify = await below(shop, (node) => node.kind === 'phase' && node.phase === 'verify');
  const table = await below(verify, (node) => node.kind === 'table' && node.table.name === 'goods');
  assert.match(String(view.getTreeItem(table).description), /5,000 rows equal/);
}
