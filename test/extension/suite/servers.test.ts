import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { TestApi } from '../../../src/extension/extension.js';
import { keywordText, withDirectPort } from '../../../src/extension/servers/connectionText.js';
import { importDemoServers } from '../../../src/extension/servers/demoServers.js';
import type { CatalogNode, ServersNode } from '../../../src/extension/views/serverNodes.js';
import { startServer, type TestServer } from '../../support/postgres/embedded.js';

const secret = 'pässword-that-no-file-may-hold';

async function activated(): Promise<TestApi> {
  const extension = vscode.extensions.getExtension<TestApi>('flexferry.flexferry');
  assert.ok(extension, 'the extension is not installed');
  const api = await extension.activate();
  assert.ok(api, 'the extension exports nothing to its tests');
  return api;
}

const label = (api: TestApi, node: ServersNode) => String(api.serversView.getTreeItem(node).label);

/** Children once they are loaded: a level that takes long first shows that it is loading. */
async function loaded(api: TestApi, node: ServersNode): Promise<ServersNode[]> {
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const children = await api.serversView.getChildren(node);
    if (children.at(-1)?.kind !== 'loading') return children;
  }
  throw new Error('still loading');
}

describe('the servers', () => {
  let api: TestApi;
  let server: TestServer;

  before(async function () {
    this.timeout(60_000);
    api = await activated();
    server = await startServer({ major: 17 });
    await server.query('postgres', 'CREATE TABLE t (id int PRIMARY KEY, name text)');
    await server.query('postgres', 'CREATE SCHEMA many');
    const many = Array.from({ length: 25 }, (_, n) => `CREATE TABLE many.t${String(n).padStart(2, '0')} ()`);
    await server.query('postgres', many.join(';'));
  });
  after(async () => {
    for (const { id } of api.registry.list()) await api.registry.remove(id);
    await server?.stop();
  });

  const add = (name: string, extra: object = {}): Thenable<string> =>
    vscode.commands.executeCommand('flexferry.addServer', {
      name,
      role: 'source',
      connection: server.uri('postgres'),
      password: secret,
      ...extra,
    });

  it('a server is added by the command; its password goes to the secret storage alone', async () => {
    const id = await add('first', { group: 'A/B' });
    const record = api.registry.get(id);
    assert.equal(record?.name, 'first');
    assert.equal(await api.registry.password(id), secret);
    assert.ok(!JSON.stringify(api.registry.list()).includes(secret), 'the password is in globalState');
  });

  it('a password inside of a connection string is taken out of it', async () => {
    const id = await add('second', {
      connection: `postgresql://me:${encodeURIComponent(secret)}@localhost:1/x`,
      password: undefined,
    });
    const record = api.registry.get(id);
    assert.match(record?.connection ?? '', /port='?1'?/);
    assert.ok(
      !record?.connection.includes('pässword') && !record?.connection.includes('p%C3'),
      record?.connection,
    );
    assert.equal(await api.registry.password(id), secret);
  });

  it('groups are nested by name', async () => {
    const top = (await api.serversView.getChildren()) ?? [];
    assert.deepEqual(
      top.map((node) => label(api, node)),
      ['A', 'second'],
    );
    const [group] = top;
    assert.ok(group);
    const [below] = (await api.serversView.getChildren(group)) ?? [];
    assert.ok(below);
    assert.equal(label(api, below), 'B');
    const servers = (await api.serversView.getChildren(below)) ?? [];
    assert.deepEqual(
      servers.map((node) => label(api, node)),
      ['first'],
    );
    const [first] = servers;
    assert.ok(first);
    const parent = api.serversView.getParent(first);
    assert.deepEqual(parent && api.serversView.getTreeItem(parent).id, api.serversView.getTreeItem(below).id);
  });

  it('an unreachable server becomes a node that can be tried again', async () => {
    const record = api.registry.list().find((other) => other.name === 'second');
    assert.ok(record);
    const children = await loaded(api, { kind: 'server', record });
    assert.equal(children.length, 1);
    const [fault] = children;
    assert.ok(fault?.kind === 'fault');
    assert.equal(fault.fault?.code, 'FF100');
    const item = api.serversView.getTreeItem(fault);
    assert.equal(item.command?.command, 'flexferry.retryNode');
    assert.match(String(item.tooltip), /FF100/);
  });

  it('the tree is loaded a level and a page at a time', async () => {
    await vscode.workspace
      .getConfiguration()
      .update('flexferry.pageSize', 20, vscode.ConfigurationTarget.Global);
    const record = api.registry.list().find((other) => other.name === 'first');
    assert.ok(record);
    const open = async (node: ServersNode, name: string): Promise<ServersNode> => {
      const children = await loaded(api, node);
      const found = children.find((child) => label(api, child) === name);
      assert.ok(found, `no ${name} among ${children.map((child) => label(api, child)).join(', ')}`);
      return found;
    };
    const database = await open({ kind: 'server', record }, 'postgres');
    const tables = await open(await open(database, 'many'), 'Tables');
    const first = await loaded(api, tables);
    assert.equal(first.length, 21);
    const more = first.at(-1);
    assert.equal(more?.kind, 'more');
    await vscode.commands.executeCommand('flexferry.loadMore', more);
    const all = await loaded(api, tables);
    assert.equal(all.length, 25);
    assert.ok(all.every((node) => node.kind === 'object'));
    const ids = new Set(all.map((node) => api.serversView.getTreeItem(node).id));
    assert.equal(ids.size, 25, 'ids repeat');
    const columns = await loaded(api, await open(await open(await open(database, 'public'), 'Tables'), 't'));
    const shown = columns.map((node) => (node as CatalogNode).object);
    assert.deepEqual(
      shown.map(({ kind, name }) => `${kind} ${name}`),
      ['column id', 'column name', 'index t_pkey'],
    );
    await vscode.workspace
      .getConfiguration()
      .update('flexferry.pageSize', undefined, vscode.ConfigurationTarget.Global);
  });

  it('loading is cancelled by the node that shows it', async () => {
    const holder = await server.connect('postgres');
    try {
      await holder.query('BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE');
      const id = await add('held');
      const record = api.registry.get(id);
      assert.ok(record);
      const path = ['database:postgres'];
      const object = { kind: 'database' as const, name: 'postgres', path, expandable: true };
      const node: ServersNode = { kind: 'object', record, object, parent: { kind: 'server', record } };
      const [loading] = await api.serversView.getChildren(node);
      assert.equal(loading?.kind, 'loading');
      await vscode.commands.executeCommand('flexferry.cancelLoading', loading);
      const [cancelled] = await loaded(api, node);
      assert.equal(cancelled?.kind, 'fault');
    } finally {
      await holder.end();
    }
  });

  it('the port of a pooler is replaced, and no other', () => {
    assert.equal(withDirectPort("host='h6432' port='6432' user=u"), "host='h6432' port='5432' user=u");
    assert.equal(withDirectPort('host=a,b port=8432,5433'), 'host=a,b port=5432,5433');
    const form = { host: "it's", port: '5432', user: 'a\\b', database: 'x y', sslmode: 'require' };
    assert.equal(
      keywordText(form),
      String.raw`host='it\'s' port='5432' dbname='x y' user='a\\b' sslmode='require'`,
    );
  });

  it('a removed server takes its password along', async () => {
    const id = await add('third');
    await api.registry.remove(id);
    assert.equal(api.registry.get(id), undefined);
    assert.equal(await api.registry.password(id), undefined);
  });

  it('a password kept for the window is in no storage', async () => {
    const id = await add('fourth', { password: undefined });
    await api.registry.setPassword(id, 'for now', 'session');
    assert.equal(await api.registry.password(id), 'for now');
    assert.deepEqual(Object.keys((await api.registry.input(api.registry.list()[0] as never)) ?? {}).sort(), [
      'password',
      'text',
    ]);
  });

  it('the servers of the demo are imported once and their file is deleted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flexferry-demo-'));
    const file = join(folder, 'servers.json');
    const servers = [{ name: 'demo', role: 'target', connection: 'host=localhost', password: secret }];
    writeFileSync(file, JSON.stringify(servers));
    const before = process.env['FLEXFERRY_DEMO_SERVERS'];
    process.env['FLEXFERRY_DEMO_SERVERS'] = file;
    try {
      assert.equal(await importDemoServers(api.registry), 1);
      assert.throws(() => readFileSync(file), /ENOENT/);
      assert.equal(await importDemoServers(api.registry), 0);
      assert.equal(api.registry.list().filter((record) => record.name === 'demo').length, 1);
    } finally {
      if (before === undefined) delete process.env['FLEXFERRY_DEMO_SERVERS'];
      else process.env['FLEXFERRY_DEMO_SERVERS'] = before;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
