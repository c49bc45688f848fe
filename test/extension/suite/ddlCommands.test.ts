import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ddlFileOf } from '../../../src/extension/editors/ddlFile.js';
import { allowCommand } from '../../../src/extension/editors/review/allowExtension.js';
import {
  commentOut,
  offsetOfPosition,
  restore,
  stillThere,
} from '../../../src/extension/editors/review/statementText.js';
import type { TestApi } from '../../../src/extension/extension.js';
import type { StatementReference } from '../../../src/protocol/ddl.js';
import { statementTextKey } from '../../../src/protocol/statementKey.js';
import {
  type DdlFixture,
  eventually,
  ordersSource,
  ordersTable,
  preData,
  writeFixture,
} from '../ddlFixture.js';

const replaced = (text: string, edit: { start: number; end: number; text: string } | undefined) =>
  edit ? text.slice(0, edit.start) + edit.text + text.slice(edit.end) : undefined;

function reference(document: vscode.TextDocument, statement: string): StatementReference {
  const start = document.getText().indexOf(statement);
  assert.ok(start >= 0, `${statement} is not in the document`);
  const end = start + statement.length;
  return {
    uri: document.uri.toString(),
    start,
    end,
    key: statementTextKey(statement),
    object: 'the statement',
  };
}

describe('statements of generated SQL files', () => {
  it('a statement becomes a comment below the marker, and comes back as it was', () => {
    for (const eol of ['\n', '\r\n']) {
      const statement = ['CREATE TABLE t (', '', "  a text DEFAULT '🙂 -- x'", ');'].join(eol);
      const text = `SELECT 1;${eol}${eol}${statement}${eol}SELECT 2;${eol}`;
      const start = text.indexOf('CREATE');
      const skipped = replaced(text, commentOut(text, start, start + statement.length)) ?? '';
      assert.ok(
        skipped.includes(`-- flexferry: skipped${eol}-- CREATE TABLE t (${eol}-- ${eol}--   a text`),
        skipped,
      );
      const block = skipped.slice(start, skipped.indexOf(`${eol}SELECT 2`));
      assert.equal(commentOut(skipped, start, start + block.length), undefined);
      assert.equal(replaced(skipped, restore(skipped, start, start + block.length)), text);
      const of = { uri: '', object: '', key: statementTextKey(statement), start, end: start + block.length };
      assert.ok(stillThere(skipped, of));
    }
  });

  it('what stands on the same lines stays SQL', () => {
    const text = 'SELECT 1; SELECT 2; SELECT 3;';
    const skipped = replaced(text, commentOut(text, 10, 19));
    assert.equal(skipped, 'SELECT 1; \n-- flexferry: skipped\n-- SELECT 2;\n SELECT 3;');
  });

  it('a comment whose lines an editor has trimmed comes back, one that was edited into SQL does not', () => {
    const block = '-- flexferry: skipped FF404: why\n-- a\n--\n-- b;';
    assert.equal(restore(block, 0, block.length)?.text, 'a\n\nb;');
    const mixed = '-- flexferry: skipped\n-- a\nb;';
    assert.equal(restore(mixed, 0, mixed.length), undefined);
    assert.equal(restore('SELECT 1;', 0, 9), undefined);
  });

  it("PostgreSQL's positions are characters, an editor's are UTF-16", () => {
    assert.equal(offsetOfPosition("'🙂🙂' x", 6), 7);
    assert.equal(offsetOfPosition('abc', 99), 3);
    assert.equal(offsetOfPosition('abc', 1), 0);
  });

  it('a generated file says by its path which project and database it is of', () => {
    const file = ddlFileOf(vscode.Uri.file('/a b/x.flexferry/ddl/%2eodd ü/post-data.sql'));
    assert.equal(file?.project.fsPath, '/a b/x.flexferry.json');
    assert.equal(file?.folder, '%2eodd ü');
    assert.equal(ddlFileOf(vscode.Uri.file('/x.flexferry/ddl/globals.sql'))?.folder, undefined);
    for (const other of [
      '/x.flexferry/generated/shop/pre-data.sql',
      '/x/ddl/y/pre-data.sql',
      '/x.flexferry/ddl/y.txt',
    ])
      assert.equal(ddlFileOf(vscode.Uri.file(other)), undefined, other);
  });

  it('the command for the allow-list keeps what is allowed already', () => {
    const command = allowCommand('shop.postgres.database.azure.com', ['CITEXT', 'vector'], 'hstore');
    assert.match(command, /--server-name shop --name azure\.extensions --value citext,vector,hstore$/);
    assert.match(allowCommand('10.0.0.4', [], 'a b'), /--server-name <server> .*--value 'a b'$/);
  });
});

describe('commands of generated SQL files', () => {
  let fixture: DdlFixture;
  let document: vscode.TextDocument;

  before(async () => {
    await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    fixture = await writeFixture('commands');
    document = await vscode.workspace.openTextDocument(fixture.preData);
    await vscode.window.showTextDocument(document);
  });
  after(() => vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor'));

  it('skips a statement and takes it back; one undo undoes it', async () => {
    await vscode.commands.executeCommand('flexferry.skipStatement', reference(document, ordersTable));
    assert.match(document.getText(), /-- flexferry: skipped\n-- CREATE TABLE shop\.orders \(/);
    const start = document.getText().indexOf('-- flexferry: skipped');
    const end = document.getText().indexOf('-- );', start) + 5;
    const skipped = {
      ...reference(document, '-- flexferry: skipped'),
      start,
      end,
      key: statementTextKey(ordersTable),
    };
    await vscode.commands.executeCommand('flexferry.unskipStatement', skipped);
    assert.equal(document.getText(), preData);
    await vscode.commands.executeCommand('undo');
    assert.match(document.getText(), /-- flexferry: skipped\n-- CREATE TABLE shop\.orders \(/);
    await vscode.commands.executeCommand('redo');
    assert.equal(document.getText(), preData);
  });

  it('does nothing where the statement is another one now', async () => {
    const stale = reference(document, ordersTable);
    for (const wrong of [{ ...stale, start: stale.start + 1 }, { ...stale, key: 'x' }, {}, undefined, 'x'])
      await vscode.commands.executeCommand('flexferry.skipStatement', wrong);
    assert.equal(document.getText(), preData);
  });

  it('compares with the source, which cannot be edited', async () => {
    await vscode.commands.executeCommand('flexferry.diffSource', fixture.preData);
    const input = await eventually(
      () => vscode.window.tabGroups.activeTabGroup.activeTab?.input,
      (tab) => tab instanceof vscode.TabInputTextDiff,
      'no comparison is shown',
    );
    assert.ok(input instanceof vscode.TabInputTextDiff);
    assert.equal(input.original.scheme, 'flexferry-source');
    assert.equal(input.modified.toString(), fixture.preData.toString());
    const source = await vscode.workspace.openTextDocument(input.original);
    assert.equal(source.getText(), `${ordersSource}\n`);
    assert.equal(vscode.workspace.fs.isWritableFileSystem('flexferry-source'), undefined);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('maps an owner by the smallest edit of the project', async () => {
    const owner = { uri: document.uri.toString(), role: 'app' };
    const before = (await vscode.workspace.openTextDocument(fixture.project)).getText();
    // It ends with a question, which stays open here.
    void vscode.commands.executeCommand('flexferry.mapOwner', owner, 'sales');
    const project = await vscode.workspace.openTextDocument(fixture.project);
    await eventually(
      () => project.getText(),
      (text) => text !== before,
      'the project is not changed',
    );
    assert.deepEqual(JSON.parse(project.getText()).options.roles, { app: 'sales' });
    const lines = before.split('\n');
    const changed = project
      .getText()
      .split('\n')
      .filter((line) => !lines.includes(line));
    assert.ok(changed.length <= 3, changed.join('\n'));
    await vscode.window.showTextDocument(project);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
});
