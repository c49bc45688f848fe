import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { tableKeyOf } from '../../../src/extension/editors/mapping/rowKey.js';
import type { TestApi } from '../../../src/extension/extension.js';
import { startServer, type TestServer } from '../../support/postgres/embedded.js';

const viewType = 'flexferry.mapping';

async function until<T>(what: string, found: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + 20_000; ; ) {
    const value = found();
    if (value !== undefined && value !== false) return value;
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe('the mapping panel', () => {
  let api: TestApi;
  let source: TestServer;
  let target: TestServer;
  let uri: vscode.Uri;
  let document: vscode.TextDocument;
  const goods = tableKeyOf('shop', { schema: 'public', name: 'goods' });

  const text = (indent: number | string = 2, more: object = {}) =>
    `${JSON.stringify(
      {
        version: 2,
        name: 'shop',
        source: { connection: source.uri('postgres') },
        target: { connection: target.uri('postgres') },
        databases: [{ source: 'shop', target: 'shop', ...more }],
        options: { jobs: 4, roles: {} },
      },
      null,
      indent,
    )}\n`;
  const open = async (content: string, name = 'panel') => {
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    uri = vscode.Uri.joinPath(folder.uri, `${name}.flexferry.json`);
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(content));
    await vscode.commands.executeCommand('vscode.openWith', uri, viewType);
    document = await vscode.workspace.openTextDocument(uri);
    return until('the panel is open', () => api.mapping.sessionOf(uri));
  };
  /** Waits for the catalog too. */
  const ready = async (content: string, name?: string) => {
    const session = await open(content, name);
    await until('the catalog is read', () => session.databases().every(({ tree }) => tree !== undefined));
    return session;
  };
  const problems = () => vscode.languages.getDiagnostics(uri).filter((one) => one.source === 'Flexferry');

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
      ALTER TABLE goods ADD PRIMARY KEY (id);
      CREATE VIEW cheap AS SELECT * FROM goods WHERE id < 10;
      CREATE TABLE taken (id integer);
      ANALYZE`,
    );
    await target.createDatabase('shop');
    await target.query('shop', 'CREATE TABLE taken (id integer)');
  });
  afterEach(async () => {
    if (document?.isDirty) {
      await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand('workbench.action.files.revert');
    }
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    if (uri) await vscode.workspace.fs.delete(uri).then(undefined, () => undefined);
  });
  after(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
  });

  it('opens project files, and opening changes nothing', async () => {
    const content = text();
    const session = await ready(content);
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    assert.ok(tab?.input instanceof vscode.TabInputCustom && tab.input.viewType === viewType);
    assert.equal(document.getText(), content);
    assert.equal(document.isDirty, false);
    const [shop] = session.databases();
    assert.deepEqual(
      shop?.tree?.schemas.flatMap(({ tables }) => tables.map(({ table }) => table.name)),
      ['cheap', 'goods', 'taken'],
    );
  });

  it('one gesture is one edit of exactly what it is about, and one step of undo', async () => {
    for (const indent of [2, '\t']) {
      const session = await ready(text(indent));
      assert.equal(await session.gesture({ kind: 'check', key: goods, checked: false }), undefined);
      const unticked = text(indent, { exclude: { tables: ['public.goods'] } });
      assert.equal(document.getText(), unticked);
      const where = "name = 'ü🚢'";
      assert.equal(await session.gesture({ kind: 'where', key: goods, where }), undefined);
      const both = text(indent, {
        exclude: { tables: ['public.goods'] },
        tables: { 'public.goods': { where } },
      });
      assert.equal(document.getText(), both);
      await vscode.commands.executeCommand('undo');
      await until('the filter is undone', () => document.getText() === unticked);
      await vscode.commands.executeCommand('undo');
      await until('all is undone', () => document.getText() === text(indent));
      await until('the document is clean again', () => !document.isDirty);
      await vscode.commands.executeCommand('redo');
      await vscode.commands.executeCommand('redo');
      await until('all is redone', () => document.getText() === both);
      assert.equal(await document.save(), true);
      const bytes = await vscode.workspace.fs.readFile(uri);
      assert.equal(new TextDecoder().decode(bytes), both);
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    }
  });

  it('gestures that come at once are done one after the other', async () => {
    const session = await ready(text());
    const names = ['cheap', 'goods', 'taken'];
    const all = await Promise.all(
      names.map((name) =>
        session.gesture({
          kind: 'check',
          key: tableKeyOf('shop', { schema: 'public', name }),
          checked: false,
        }),
      ),
    );
    assert.deepEqual(all, [undefined, undefined, undefined]);
    const tables = names.map((name) => `public.${name}`);
    assert.equal(document.getText(), text(2, { exclude: { tables } }));
  });

  it('keeps CRLF, and what a hand has written in its own way', async () => {
    const content = text().replace('"roles": {}', '"roles":   {}').replaceAll('\n', '\r\n');
    const session = await ready(content);
    await session.gesture({ kind: 'mode', key: '["shop"]', mode: 'online' });
    const expected = content.replace('"target": "shop"', '"target": "shop",\r\n      "mode": "online"');
    assert.equal(document.getText(), expected);
  });

  it('two panels on one file share it', async () => {
    const session = await ready(text());
    await vscode.commands.executeCommand('vscode.openWith', uri, viewType, vscode.ViewColumn.Beside);
    const [first, second] = await until('two panels', () => {
      const panels = api.mapping.panelsOf(uri);
      return panels.length === 2 && panels;
    });
    await session.gesture({ kind: 'rename', key: goods, name: 'wares' });
    const target = () =>
      [first, second].map(
        (panel) =>
          panel
            ?.rows()
            .flatMap((row) =>
              row.key === goods && row.of === 'table' ? row.entry.decision.target.name : [],
            )[0],
      );
    assert.deepEqual(target(), ['wares', 'wares']);
    await vscode.commands.executeCommand('undo');
    await until('both see the undo', () => target().every((name) => name === 'goods'));
  });

  it('an edit in the text editor is seen, broken JSON keeps the last view and is told at its line', async () => {
    const session = await ready(text());
    const edit = async (from: string, to: string) => {
      const at = document.getText().indexOf(from);
      assert.ok(at >= 0);
      const change = new vscode.WorkspaceEdit();
      const range = new vscode.Range(document.positionAt(at), document.positionAt(at + from.length));
      change.replace(uri, range, to);
      assert.ok(await vscode.workspace.applyEdit(change));
    };
    await edit('"target": "shop"', '"target": "store"');
    assert.equal(session.view?.databases[0]?.target, 'store');
    await edit('"options"', 'options');
    assert.equal(session.view?.databases[0]?.target, 'store');
    const { notice } = session;
    assert.ok(notice?.kind === 'broken');
    const line = document.positionAt(document.getText().indexOf('options')).line;
    assert.equal(notice.line, line);
    assert.match(
      (await session.gesture({ kind: 'check', key: goods, checked: false })) ?? '',
      /cannot be read/,
    );
    const [problem] = await until('a problem', () => problems().length > 0 && problems());
    assert.equal(problem?.range.start.line, line);
    await edit('options', '"options"');
    assert.equal(session.notice, undefined);
    await until('no problem', () => problems().length === 0);
  });

  it('problems stand at their places, for the text editor as well', async () => {
    const where = "name = '\"' AND id > 1 AND";
    const content = text(2, { exclude: { tables: ['~/(?=x)/'] }, tables: { 'public.goods': { where } } });
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    uri = vscode.Uri.joinPath(folder.uri, 'wrong.flexferry.json');
    const write = (changed: string) => vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(changed));
    await write(content);
    document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    await until('two problems', () => problems().length === 2);
    const under = () => problems().map(({ range }) => document.lineAt(range.start.line).text.trim());
    const [first = '', second = ''] = under().sort();
    assert.equal(first, '"where": "name = \'\\"\' AND id > 1 AND"');
    assert.equal(second, '"~/(?=x)/"');
    const filter = problems().find(({ range }) => document.lineAt(range.start.line).text.includes('where'));
    assert.ok(
      filter &&
        filter.range.start.character >= document.lineAt(filter.range.start.line).text.indexOf('AND id'),
    );
    await write(content.replace('"jobs": 4', '"jobs": 400'));
    await until('the wrong number', () => under().join() === '"jobs": 400,');
    await write(text());
    await until('no problem is left', () => problems().length === 0);
  });

  it('a file of version 1 is upgraded in place, a newer one is refused', async () => {
    const old = text(2, { excludeSchemas: ['x'] }).replace('"version": 2', '"version": 1');
    const session = await open(old, 'old');
    assert.equal(session.notice?.kind, 'older');
    const key = '["shop"]';
    assert.match((await session.gesture({ kind: 'mode', key, mode: 'online' })) ?? '', /version 1/);
    await until('the quick fix has something to fix', () =>
      problems().find(({ code }) => code === 'older-version'),
    );
    const range = new vscode.Range(0, 0, document.lineCount, 0);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      uri,
      range,
    );
    const fix = actions.find(({ title }) => /Upgrade/.test(title));
    assert.ok(fix?.edit);
    assert.ok(await vscode.workspace.applyEdit(fix.edit));
    assert.equal(document.getText(), text(2, { exclude: { schemas: ['x'] } }));
    assert.equal(session.notice, undefined);
    await document.save();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const newer = await open(text().replace('"version": 2', '"version": 3'), 'newer');
    assert.equal(newer.notice?.kind, 'newer');
    assert.match(newer.notice?.message ?? '', /version 3/i);
  });

  it('a comparison of two versions opens as text', async function () {
    // Releases before workbench.diffEditorAssociations compare custom editors only.
    if (process.env['FLEXFERRY_TEST_RELEASE'] === 'oldest') this.skip();
    await open(text(), 'compared');
    const other = uri.with({ path: uri.path.replace('compared', 'other') });
    await vscode.workspace.fs.writeFile(other, new TextEncoder().encode(text(2, { mode: 'online' })));
    await vscode.commands.executeCommand('vscode.diff', uri, other);
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    assert.ok(tab?.input instanceof vscode.TabInputTextDiff, 'the comparison is no text');
    await vscode.workspace.fs.delete(other);
  });

  it('what exists on the target, and what needs something that is left out, stand at their rows', async () => {
    const session = await ready(text());
    const panel = await until('a panel', () => api.mapping.panelsOf(uri)[0]);
    const taken = tableKeyOf('shop', { schema: 'public', name: 'taken' });
    const issues = (key: string) =>
      panel
        .state()
        .issues.filter((issue) => issue.key === key)
        .map((issue) => issue.text);
    await until('the target is read', () =>
      issues(taken).some((issue) => /exists in shop already/.test(issue)),
    );
    await session.gesture({ kind: 'check', key: goods, checked: false });
    const cheap = tableKeyOf('shop', { schema: 'public', name: 'cheap' });
    assert.deepEqual(issues(cheap), ['view public.cheap needs table public.goods, which is left out']);
  });

  it('a row filter is tried on the source', async () => {
    const session = await ready(text(2, { tables: { 'public.goods': { where: 'id <= 100' } } }));
    const trial = (where: string) => {
      const server = session.view?.source;
      assert.ok(server);
      return session.sources.trial(server, 'shop', { schema: 'public', name: 'goods' }, where);
    };
    const good = await until('an estimate', () => {
      const found = trial('id <= 100');
      return found.state === 'estimated' && found;
    });
    assert.ok(good.rowsEstimated > 50 && good.rowsEstimated < 200, String(good.rowsEstimated));
    for (const where of ['nobody = 1', 'id = (SELECT 1 FROM taken)', 'id = 1; DROP TABLE goods'])
      await until(`an error of ${where}`, () => trial(where).state === 'failed');
  });

  it('a server that does not answer leaves a state to retry from, without touching the file', async () => {
    const content = text().replaceAll(`:${source.port}/`, ':1/');
    const session = await open(content, 'unreachable');
    const failed = await until('a failure', () =>
      session.databases().find(({ status }) => status.state === 'failed'),
    );
    assert.match(failed.status.fault?.code ?? '', /^FF1/);
    assert.equal(await session.gesture({ kind: 'mode', key: '["shop"]', mode: 'online' }), undefined);
    assert.equal(document.isDirty, true);
  });
});
