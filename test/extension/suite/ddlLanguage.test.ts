import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import type { TestApi } from '../../../src/extension/extension.js';
import type { StatementReference } from '../../../src/protocol/ddl.js';
import { statementTextKey } from '../../../src/protocol/statementKey.js';
import { type DdlFixture, eventually, ordersTable, preData, writeFixture, writeText } from '../ddlFixture.js';

const codeOf = ({ code }: vscode.Diagnostic): string =>
  String(typeof code === 'object' ? code.value : (code ?? ''));

describe('the language server in generated SQL files', () => {
  let api: TestApi;
  let fixture: DdlFixture;
  let document: vscode.TextDocument;
  let postDocument: vscode.TextDocument;

  before(async function () {
    this.timeout(60_000);
    const found = await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    assert.ok(found);
    api = found;
    fixture = await writeFixture('language');
    document = await vscode.workspace.openTextDocument(fixture.preData);
    await vscode.window.showTextDocument(document);
    postDocument = await vscode.workspace.openTextDocument(fixture.postData);
    await problems((list) => list.length > 0, 'nothing is found');
  });
  after(async () => {
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
  afterEach(async () => {
    if (document.getText() !== preData) await replaceAll(document, preData);
  });

  const problems = (wanted: (list: vscode.Diagnostic[]) => boolean, what: string) =>
    eventually(() => vscode.languages.getDiagnostics(document.uri), wanted, what);
  const withCode = (list: readonly vscode.Diagnostic[], code: string) =>
    list.filter((diagnostic) => codeOf(diagnostic) === code);
  const at = (text: string, offset = 0, of = document) => {
    const index = of.getText().indexOf(text);
    assert.ok(index >= 0, `${text} is not there`);
    return of.positionAt(index + offset);
  };
  const ask = <T>(command: string, ...given: unknown[]): Promise<T> =>
    Promise.resolve(vscode.commands.executeCommand<T>(command, ...given));
  const actionsAt = (text: string, offset = 0) =>
    ask<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      new vscode.Range(at(text, offset), at(text, offset)),
    );

  async function replaceAll(of: vscode.TextDocument, text: string): Promise<void> {
    const edit = new vscode.WorkspaceEdit();
    edit.replace(of.uri, new vscode.Range(of.positionAt(0), of.positionAt(of.getText().length)), text);
    assert.ok(await vscode.workspace.applyEdit(edit));
  }

  it('finds what a Flexible Server refuses, at its place and with a link', async () => {
    const found = await problems((list) => withCode(list, 'FF407').length > 0, 'no tablespace is found');
    const [tablespace] = withCode(found, 'FF407');
    assert.equal(document.getText(tablespace?.range), 'TABLESPACE fast');
    assert.equal(tablespace?.source, 'flexferry');
    assert.ok(typeof tablespace?.code === 'object' && 'target' in tablespace.code, 'the code has no link');
    assert.equal(withCode(found, 'FF207').length, 1);
    const [role] = withCode(found, 'FF413');
    assert.equal(document.getText(role?.range), 'app');
  });

  it('finds a syntax error at its character, also behind an emoji', async () => {
    await replaceAll(document, preData.replace("DEFAULT '🙂'", "DEFAULT '🙂' NOT NULLL"));
    const [error] = withCode(
      await problems((list) => withCode(list, '42601').length > 0, 'no syntax error'),
      '42601',
    );
    assert.equal(document.getText(error?.range), 'NULLL');
    assert.equal(error?.severity, vscode.DiagnosticSeverity.Error);
  });

  it('quick fixes repair the text, and call what needs the project', async () => {
    await problems((list) => withCode(list, 'FF407').length > 0, 'no tablespace is found');
    const removal = (await actionsAt('fast', 1)).find(({ title }) => /tablespace/i.test(title));
    assert.ok(removal?.edit, 'there is no fix for the tablespace');
    assert.ok(await vscode.workspace.applyEdit(removal.edit));
    assert.ok(!document.getText().includes('TABLESPACE'));
    assert.ok(document.getText().includes('    name text\n)'));
    const extension = (await actionsAt('hstore', 1)).map(({ title, command }) => command?.command ?? title);
    assert.ok(extension.includes('flexferry.allowExtension'), extension.join(', '));
    const owner = (await actionsAt('OWNER TO app', 10)).map(
      ({ title, command }) => command?.command ?? title,
    );
    assert.ok(owner.includes('flexferry.mapOwner'), owner.join(', '));
  });

  it('comments a statement out with its reason', async () => {
    const out = (await actionsAt('hstore', 1)).find(({ title }) => /comment out/i.test(title));
    assert.ok(out?.edit);
    assert.ok(await vscode.workspace.applyEdit(out.edit));
    assert.match(
      document.getText(),
      /-- flexferry: skipped FF207: [^\n]*\n-- CREATE EXTENSION IF NOT EXISTS hstore/,
    );
    await problems((list) => withCode(list, 'FF207').length === 0, 'what is skipped is still found');
  });

  it('repairs all at once', async () => {
    await problems((list) => withCode(list, 'FF407').length > 0, 'no tablespace is found');
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('editor.action.fixAll');
    await eventually(
      () => document.getText(),
      (text) => !/^\) TABLESPACE/m.test(text),
      'nothing is repaired',
    );
    await problems((list) => withCode(list, 'FF407').length === 0, 'the tablespace is still found');
  });

  it('outlines objects', async () => {
    const symbols = await ask<vscode.DocumentSymbol[]>('vscode.executeDocumentSymbolProvider', document.uri);
    const below = (list: vscode.DocumentSymbol[]): string[] =>
      list.flatMap(({ name, children }) => [name, ...below(children)]);
    const names = below(symbols).join(', ');
    for (const name of ['shop', 'customers', 'orders', 'big_orders', 'note'])
      assert.ok(names.includes(name), `${name} is not in ${names}`);
  });

  it('goes to a definition, also from the other file, and lists references in both', async () => {
    const definition = (of: vscode.TextDocument, text: string, offset: number) =>
      ask<(vscode.Location | vscode.LocationLink)[]>(
        'vscode.executeDefinitionProvider',
        of.uri,
        at(text, offset, of),
      );
    for (const [of, text] of [
      [document, 'FROM shop.orders o'],
      [postDocument, 'REFERENCES shop.customers'],
    ] as const) {
      const [found] = await definition(of, text, text.lastIndexOf('.') + 2);
      assert.ok(found, `no definition from ${text}`);
      const uri = 'targetUri' in found ? found.targetUri : found.uri;
      const range = 'targetUri' in found ? found.targetRange : found.range;
      assert.equal(uri.toString(), document.uri.toString());
      assert.match(document.lineAt(range.start.line).text, /^CREATE TABLE/);
    }
    const references = await ask<vscode.Location[]>(
      'vscode.executeReferenceProvider',
      document.uri,
      at('CREATE TABLE shop.orders', 20),
    );
    const files = new Set(references.map(({ uri }) => uri.path.split('/').at(-1)));
    assert.deepEqual([...files].sort(), ['post-data.sql', 'pre-data.sql']);
  });

  it('tells kind, size and rows of a table', async () => {
    const hovers = await ask<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      at('FROM shop.orders', 12),
    );
    const text = hovers
      .flatMap(({ contents }) => contents)
      .map((content) => (typeof content === 'string' ? content : content.value))
      .join('\n');
    assert.match(text, /table/);
    assert.match(text, /5[,.\u00a0 ]?000/);
    assert.match(text, /160 k|164 k/i);
    assert.match(text, /big_orders/);
  });

  it('completes names of the catalog', async () => {
    await replaceAll(document, `${preData}\nSELECT * FROM shop.`);
    const list = await eventually(
      () =>
        ask<vscode.CompletionList>(
          'vscode.executeCompletionItemProvider',
          document.uri,
          document.positionAt(document.getText().length),
          '.',
        ),
      ({ items }) =>
        items.some(({ label }) => (typeof label === 'string' ? label : label.label) === 'customers'),
      'customers is not proposed',
    );
    assert.ok(list.items.length > 1);
  });

  it('folds statements', async () => {
    const ranges = await ask<vscode.FoldingRange[]>('vscode.executeFoldingRangeProvider', document.uri);
    const line = at(ordersTable).line;
    const end = line + ordersTable.split('\n').length - 1;
    assert.ok(
      ranges.some((range) => range.start === line && range.end >= end - 1 && range.end <= end),
      JSON.stringify(ranges),
    );
  });

  const lenses = (count = 200) =>
    ask<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, count);
  const lensesAt = async (text: string) => {
    const { line } = at(text);
    return (await lenses()).filter(({ range }) => range.start.line === line).map(({ command }) => command);
  };

  it('shows state and actions above each statement', async () => {
    const shown = await lensesAt(ordersTable);
    assert.match(shown[0]?.title ?? '', /Will run/);
    const [reference] = (shown[0]?.arguments ?? []) as StatementReference[];
    assert.equal(reference?.key, statementTextKey(ordersTable));
    const called = shown.map((command) => command?.command);
    for (const id of ['skipStatement', 'runStatement', 'showSourceStatement'])
      assert.ok(called.includes(`flexferry.${id}`), `${id} is not in ${called.join(', ')}`);
    const other = (await lensesAt('CREATE SCHEMA')).map((command) => command?.command);
    assert.ok(!other.includes('flexferry.showSourceStatement'), 'the source has no other text of this one');
  });

  it('a lens skips its statement, and the one of the comment takes it back', async () => {
    const press = async (text: string, id: string) => {
      const command = await eventually(
        async () => (await lensesAt(text)).find((each) => each?.command === id),
        (each) => each !== undefined,
        `there is no ${id} at ${text}`,
      );
      await vscode.commands.executeCommand(id, ...(command?.arguments ?? []));
    };
    await press(ordersTable, 'flexferry.skipStatement');
    assert.ok(document.getText().includes('-- flexferry: skipped\n-- CREATE TABLE shop.orders ('));
    await press('-- flexferry: skipped', 'flexferry.unskipStatement');
    assert.equal(document.getText(), preData);
  });

  it('compares a statement with its source', async () => {
    const source = (await lensesAt(ordersTable)).find(
      (each) => each?.command === 'flexferry.showSourceStatement',
    );
    await vscode.commands.executeCommand('flexferry.showSourceStatement', ...(source?.arguments ?? []));
    const tab = await eventually(
      () => vscode.window.tabGroups.activeTabGroup.activeTab?.input,
      (input) => input instanceof vscode.TabInputTextDiff,
      'no comparison is shown',
    );
    assert.ok(tab instanceof vscode.TabInputTextDiff);
    const [left, right] = await Promise.all([
      vscode.workspace.openTextDocument(tab.original),
      vscode.workspace.openTextDocument(tab.modified),
    ]);
    assert.match(left.getText(), /TABLESPACE fast/);
    assert.equal(right.getText().trim(), ordersTable);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('shows what became of statements in a run, with the error at its place until the text changes', async () => {
    const migration = await api.migrations.known(fixture.project);
    assert.ok(migration);
    const schema = 'CREATE SCHEMA shop;';
    migration.setStatement('shop', statementTextKey(schema), { state: 'done' });
    migration.setStatement('shop', statementTextKey(ordersTable), {
      state: 'failed',
      error: {
        code: 'FF500',
        message: 'type "integer" is on holiday',
        fix: 'Wait.',
        sqlstate: '42704',
        position: ordersTable.indexOf('customer') + 1,
      },
    });
    const list = await problems((found) => withCode(found, '42704').length > 0, 'the error is not shown');
    assert.equal(document.getText(withCode(list, '42704')[0]?.range), 'customer');
    assert.match((await lensesAt(schema))[0]?.title ?? '', /Done/);
    assert.match((await lensesAt(ordersTable))[0]?.title ?? '', /Failed: type "integer"/);
    await replaceAll(document, preData.replace('customer integer', 'buyer integer'));
    await problems((found) => withCode(found, '42704').length === 0, 'the error outlives its statement');
  });

  it('what was skipped by the target’s facts is found again when they change', async () => {
    const context = vscode.Uri.joinPath(fixture.generated, 'context.json');
    const before = new TextDecoder().decode(await vscode.workspace.fs.readFile(context));
    const allowed = JSON.parse(before);
    allowed.target.allowedExtensions.push('hstore');
    await writeText(context, JSON.stringify(allowed));
    await api.language.filesChanged([context]);
    await problems((list) => withCode(list, 'FF207').length === 0, 'hstore is still refused');
    await writeText(context, before);
    await api.language.filesChanged([context]);
    await problems((list) => withCode(list, 'FF207').length === 1, 'hstore is allowed for ever');
  });

  it('is started anew by command, and knows all it knew', async () => {
    await vscode.commands.executeCommand('flexferry.restartLanguageServer');
    await problems((list) => withCode(list, 'FF407').length > 0, 'nothing is found after a restart');
    const schema = 'CREATE SCHEMA shop;';
    await eventually(
      async () => (await lensesAt(schema))[0]?.title ?? '',
      (title) => /Done/.test(title),
      'states are lost',
    );
  });

  it('is started again after a crash, and knows all it knew', async function () {
    this.timeout(60_000);
    const pid = serverProcess();
    assert.ok(pid, 'the server has no process');
    process.kill(pid, 'SIGKILL');
    // What is sent after its end and before that is noticed fails, message by message.
    for (const until = Date.now() + 1000; Date.now() < until; await new Promise(setImmediate))
      for (let i = 0; i < 5; i++) api.language.filesChanged([document.uri]).catch(() => undefined);
    await eventually(serverProcess, (now) => now !== undefined && now !== pid, 'it stays away');
    const schema = 'CREATE SCHEMA shop;';
    await eventually(
      async () => (await lensesAt(schema))[0]?.title ?? '',
      (title) => /Done/.test(title),
      'states are lost',
    );
  });
});

/** The process of the language server among the children of the extension host; undefined where /proc is missing. */
function serverProcess(): number | undefined {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
        const isServer = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('languageServer.js');
        return Number(parent) === process.pid && isServer;
      } catch {
        return false; // it has ended meanwhile
      }
    });
  return children.length === 0 ? undefined : Number(children[0]);
}

describe('other SQL files', () => {
  const sql = 'SELECT 1;\nSELEC 2;\n';

  it('are left alone until the user asks', async () => {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(folder);
    const uri = vscode.Uri.joinPath(folder, 'some [odd] {name}*.sql');
    await writeText(uri, sql);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const symbols = await vscode.commands.executeCommand('vscode.executeDocumentSymbolProvider', uri);
    assert.deepEqual(symbols ?? [], []);
    assert.deepEqual(vscode.languages.getDiagnostics(uri), []);
    await vscode.commands.executeCommand('flexferry.checkSqlFile');
    const [found] = await eventually(
      () => vscode.languages.getDiagnostics(uri),
      (list) => list.length > 0,
      'nothing is found',
    );
    assert.equal(document.getText(found?.range), 'SELEC');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('are checked before they are saved, too', async () => {
    const document = await vscode.workspace.openTextDocument({ language: 'sql', content: sql });
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('flexferry.checkSqlFile');
    await eventually(
      () => vscode.languages.getDiagnostics(document.uri),
      (list) => list.length > 0,
      'nothing is found',
    );
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
});
