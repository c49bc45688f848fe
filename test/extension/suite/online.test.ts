import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { settings } from '../../../src/extension/contributions.js';
import type { TestApi } from '../../../src/extension/extension.js';
import type { Migration } from '../../../src/extension/migrations/migration.js';
import { projectDirectory } from '../../../src/extension/migrations/projectFiles.js';
import type { MigrationsNode } from '../../../src/extension/views/migrationNodes.js';
import type { FollowSnapshot } from '../../../src/protocol/follow.js';
import type { RunEvent } from '../../../src/protocol/model.js';
import { cutover, database, follow, run, stoppedTable } from '../../support/followed.js';
import { eventually, writeFixture, writeText } from '../ddlFixture.js';

describe('an online migration', () => {
  let api: TestApi;
  let number = 0;

  before(async () => {
    const found = await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    assert.ok(found);
    api = found;
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    for (const migration of api.migrations.list())
      if (/^online\d/.test(migration.name)) await api.migrations.remove(migration);
  });

  const newMigration = async (): Promise<Migration> => {
    number += 1;
    const databases = [{ source: 'shop', target: 'shop', mode: 'online' as const }];
    const { project } = await writeFixture(`online${number}`, { databases });
    const migration = await api.migrations.open(project);
    await migration.read();
    return migration;
  };

  /** A migration that runs and says this of its database. No process is behind it. */
  const running = async (change: Partial<FollowSnapshot> = {}): Promise<Migration> => {
    const migration = await newMigration();
    Object.defineProperty(migration, 'running', { value: true, configurable: true });
    migration.snapshot = run([database('shop', follow(change))]);
    migration.touch();
    return migration;
  };

  const children = (node: MigrationsNode | undefined) => api.migrationsView.getChildren(node);
  const item = (node: MigrationsNode) => api.migrationsView.getTreeItem(node);
  const databaseNode = async (migration: Migration): Promise<MigrationsNode> => {
    const id = migration.uri.toString();
    const project = (await children(undefined)).find((node) => item(node).id === id);
    assert.ok(project);
    const [found] = await children(project);
    assert.ok(found);
    return found;
  };

  it('shows state and lag of each database, and offers what can be done now', async () => {
    const migration = await running();
    const node = await databaseNode(migration);
    assert.equal(item(node).description, 'following changes, lag 0.4 s');
    assert.match(
      item(node).contextValue ?? '',
      /type=database,.*cutOver=yes,goBack=no,confirm=no,undo=no,finish=no/,
    );
    migration.snapshot = run([
      database('shop', follow({ state: 'holding', cutover: cutover(7, { downtimeMs: 2500 }) })),
    ]);
    assert.equal(item(node).description, 'ready to hand over, write downtime 2.5 s');
    assert.match(item(node).contextValue ?? '', /cutOver=no,goBack=no,confirm=yes,undo=yes,finish=no/);
    migration.snapshot = run([database('shop', follow({ state: 'wayBack', isWayBack: true }))]);
    assert.match(item(node).contextValue ?? '', /goBack=yes,confirm=no,undo=no,finish=yes/);
    migration.snapshot = run([database('shop', follow({ fallingBehind: true, lagSeconds: 70 }))]);
    assert.equal(item(node).description, 'following changes, lag 1 min 10 s and growing');
    const back = follow({ state: 'holding', isWayBack: true, stopped: [stoppedTable('t')] });
    migration.snapshot = run([database('shop', back)]);
    assert.equal(item(node).description, 'ready to hand back, 1 stopped');
  });

  it('says of a migration that went back that it did, not that it is verified', async () => {
    const migration = await newMigration();
    const gone = follow({ state: 'finished', isWayBack: true, wentBack: true });
    migration.snapshot = run([{ ...database('shop', gone), state: 'done' }], { state: 'succeeded' });
    const id = migration.uri.toString();
    const project = (await children(undefined)).find((node) => item(node).id === id);
    assert.ok(project);
    assert.equal(item(project).description, 'back on the source');
  });

  it('asks for event triggers on the source only where the setting says so', async () => {
    const migration = await newMigration();
    const asked: unknown[] = [];
    const runNothing: Migration['run'] = (_project, _passwords, _restart, online) => {
      asked.push(online?.ddlTrigger);
      return Promise.resolve(run([database('shop', follow())]));
    };
    Object.defineProperty(migration, 'run', { value: runNothing });
    const configuration = vscode.workspace.getConfiguration();
    try {
      for (const consent of [undefined, true]) {
        await configuration.update(settings.noticeDdl, consent, vscode.ConfigurationTarget.Global);
        await vscode.commands.executeCommand('flexferry.startMigration', migration.uri.toString());
      }
    } finally {
      await configuration.update(settings.noticeDdl, undefined, vscode.ConfigurationTarget.Global);
    }
    assert.deepEqual(asked, [undefined, true]);
  });

  it('lists stopped tables below the phase that follows changes', async () => {
    const stopped = [stoppedTable('orders', { ddl: 'ALTER TABLE public.orders ADD COLUMN x int;' })];
    const migration = await running({ stopped, newTables: [{ schema: 'public', name: 'fresh' }] });
    const node = await databaseNode(migration);
    assert.match(item(node).contextValue ?? '', /addTables=yes,stopped=yes/);
    const phase = (await children(node)).find((child) => child.kind === 'phase' && child.phase === 'follow');
    assert.ok(phase);
    assert.equal(item(phase).collapsibleState, vscode.TreeItemCollapsibleState.Collapsed);
    const [table] = await children(phase);
    assert.ok(table);
    assert.equal(item(table).label, 'public.orders');
    assert.equal(item(table).description, 'waiting changes: 3');
    assert.match(item(table).contextValue ?? '', /type=stoppedTable,ddl=yes/);
  });

  it('opens the DDL of a stopped table in an editor that runs it and retries the table', async () => {
    const ddl = 'ALTER TABLE public.orders ADD COLUMN x int;';
    const migration = await running({ stopped: [stoppedTable('orders', { ddl })] });
    const given = { migration, source: 'shop', schema: 'public', name: 'orders' };
    await vscode.commands.executeCommand('flexferry.reviewTableDdl', given);
    const document = vscode.window.activeTextEditor?.document;
    assert.ok(document?.isUntitled);
    assert.equal(document.languageId, 'sql');
    assert.match(
      document.getText(),
      /^-- DDL of public\.orders\n-- Stopped in shop: A row of orders differs\./,
    );
    assert.ok(document.getText().includes(ddl));
    const lenses = await eventually(
      async () =>
        await vscode.commands.executeCommand<vscode.CodeLens[]>(
          'vscode.executeCodeLensProvider',
          document.uri,
          9,
        ),
      (found) => found.length === 2,
      'code lenses',
    );
    assert.deepEqual(
      lenses.map(({ command }) => command?.command),
      ['flexferry.runSelection', 'flexferry.retryTable'],
    );
    // Asked for again, the same editor comes to the front.
    await vscode.commands.executeCommand('flexferry.reviewTableDdl', given);
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), document.uri.toString());
  });

  it('knows state and clean-up of a killed run from its files', async () => {
    const migration = await newMigration();
    const folder = vscode.Uri.file(`${projectDirectory(migration.uri)}/runs/2026-01-02T03-04-05Z`);
    const at = (second: number) => new Date(second * 1000).toISOString();
    const events: RunEvent[] = [
      {
        event: 'start',
        at: at(1),
        run: 'r',
        source: 'a@one',
        target: 'b@two',
        databases: [{ source: 'shop', target: 'shop' }],
      },
      { event: 'phase', at: at(2), database: 'shop', phase: 'follow', state: 'running' },
      { event: 'follow', at: at(3), database: 'shop', state: 'following' },
      // So many that the last of them alone are read.
      ...Array.from({ length: 4000 }, (): RunEvent => {
        const message = 'a line of the log that is long enough to fill the file';
        return { event: 'log', at: at(4), level: 'debug', message };
      }),
      { event: 'follow', at: at(5), database: 'shop', state: 'holding' },
    ];
    await writeText(
      vscode.Uri.joinPath(folder, 'events.jsonl'),
      `${events.map((event) => JSON.stringify(event)).join('\n')}\n`,
    );
    await migration.read(true);
    assert.equal(migration.snapshot?.state, 'interrupted');
    assert.equal(migration.snapshot.databases[0]?.follow?.state, 'holding');
    assert.ok(migration.resumable);
    const project = (await children(undefined)).find((node) => item(node).id === migration.uri.toString());
    assert.ok(project);
    assert.match(item(project).contextValue ?? '', /state=resumable,.*cutOver=no,.*cleanUp=yes/);
    const cleanUp = { at: 5, removed: [{ database: 'shop', what: ['replication slot s'] }] };
    await writeText(vscode.Uri.joinPath(folder, 'cleanUp.json'), JSON.stringify(cleanUp));
    await migration.read(true);
    assert.ok(!migration.resumable);
    assert.deepEqual(migration.following.cleanUp, cleanUp);
    assert.match(item(project).contextValue ?? '', /cleanUp=no/);
    assert.equal(item(project).description, 'cancelled and cleaned up');
  });

  it('says in the status bar what it does, and no longer counts percents', async () => {
    const texts: string[] = [];
    const { createStatusBar } = await import('../../../src/extension/views/statusBar.js');
    const create = vscode.window.createStatusBarItem;
    const fake = { show() {}, hide() {}, dispose() {} } as unknown as vscode.StatusBarItem;
    vscode.window.createStatusBarItem = (() => fake) as typeof create;
    const bar = createStatusBar(api.migrations);
    vscode.window.createStatusBarItem = create;
    try {
      for (const migration of api.migrations.list())
        if (migration.running)
          Object.defineProperty(migration, 'running', { value: false, configurable: true });
      const migration = await running();
      texts.push(fake.text);
      migration.snapshot = run([database('shop', follow({ state: 'copying' }))]);
      migration.touch();
      texts.push(fake.text);
      migration.snapshot = run([
        database('shop', follow({ state: 'holding', cutover: cutover(7, { downtimeMs: 2500 }) })),
      ]);
      migration.touch();
      texts.push(fake.text);
      assert.deepEqual(texts, [
        `$(sync~spin) ${migration.name}: lag 0.4 s`,
        `$(sync~spin) ${migration.name} 90 %`,
        `$(warning) ${migration.name}: ready to hand over, 2.5 s`,
      ]);
    } finally {
      bar.dispose();
    }
  });
});
