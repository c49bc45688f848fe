import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { directoryOf } from '../../../src/extension/editors/ddlFile.js';
import type { TestApi } from '../../../src/extension/extension.js';
import { defaultOptions, type Project, projectVersion } from '../../../src/protocol/project.js';
import { eventually, writeText } from '../ddlFixture.js';

const given = (name: string): string => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

describe('generating DDL', () => {
  let api: TestApi;
  let uri: vscode.Uri;
  let project: Project;
  let password: string;

  before(async function () {
    this.timeout(60_000);
    const found = await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(found && folder);
    api = found;
    password = given('FLEXFERRY_TEST_PASSWORD');
    const servers = [
      { name: 'generate from', role: 'source', connection: given('FLEXFERRY_TEST_SOURCE'), password },
      { name: 'generate to', role: 'target', connection: given('FLEXFERRY_TEST_TARGET'), password },
    ];
    for (const server of servers) await vscode.commands.executeCommand('flexferry.addServer', server);
    const [from, to] = servers.map(({ name }) => api.registry.list().find((record) => record.name === name));
    assert.ok(from && to);
    uri = vscode.Uri.joinPath(folder, 'generate.flexferry.json');
    project = {
      version: projectVersion,
      name: 'generate',
      source: { connection: from.connection },
      target: { connection: to.connection },
      databases: [{ source: 'harbour', target: 'generated_only' }],
      options: defaultOptions,
    };
    await write(project);
  });
  after(async () => {
    for (const { id, name } of api.registry.list())
      if (name.startsWith('generate ')) await api.registry.remove(id);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const write = (data: Project) => writeText(uri, `${JSON.stringify(data, null, 2)}\n`);
  const preData = () => vscode.Uri.joinPath(directoryOf(uri), 'ddl', 'harbour', 'pre-data.sql');
  const generate = () => vscode.commands.executeCommand('flexferry.generateDdl', uri);
  const active = () => vscode.window.activeTextEditor;

  it('writes the files, opens them with pre-data in front, and keeps passwords to itself', async function () {
    this.timeout(60_000);
    await generate();
    assert.equal(active()?.document.uri.toString(), preData().toString());
    const tabs = vscode.window.tabGroups.all.flatMap(({ tabs: all }) => all.map(({ label }) => label));
    assert.ok(tabs.includes('post-data.sql'), tabs.join(', '));
    const directory = directoryOf(uri).fsPath;
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    assert.ok(files.some(({ name }) => name === 'context.json'));
    for (const { name, parentPath } of files)
      assert.ok(
        !readFileSync(join(parentPath, name), 'utf8').includes(password),
        `the password is in ${name}`,
      );
    assert.ok(!existsSync(join(directory, 'runs')), 'nothing has run');
  });

  const edit = async (from: string, to: string): Promise<void> => {
    const document = await vscode.workspace.openTextDocument(preData());
    const start = document.getText().indexOf(from);
    assert.ok(start >= 0, `${from} is not there`);
    const change = new vscode.WorkspaceEdit();
    const range = new vscode.Range(document.positionAt(start), document.positionAt(start + from.length));
    change.replace(document.uri, range, to);
    assert.ok(await vscode.workspace.applyEdit(change));
    assert.ok(await document.save());
  };

  it("keeps the user's edits when it is generated again", async function () {
    this.timeout(60_000);
    await edit('CREATE SCHEMA billing;', 'CREATE SCHEMA billing; -- mine');
    await write({ ...project, databases: [{ ...first(), schemas: { 'Archive.old ⚓': 'archive' } }] });
    await generate();
    const text = await eventually(
      () => active()?.document.getText() ?? '',
      (shown) => shown.includes('CREATE SCHEMA archive;'),
      'the new name is not shown',
    );
    assert.match(text, /CREATE SCHEMA billing; -- mine/);
  });

  it('opens the first conflict, which the problems name and a quick fix decides', async function () {
    this.timeout(60_000);
    await edit('CREATE TABLE billing.invoices (', 'CREATE TABLE billing.invoices ( -- mine');
    await write({
      ...project,
      databases: [{ ...first(), tables: { 'billing.invoices': { name: 'bills' } } }],
    });
    await generate();
    const editor = await eventually(
      active,
      (shown) => shown?.document.lineAt(shown.selection.start.line).text.startsWith('<<<<<<< ') === true,
      'the conflict is not shown',
    );
    assert.ok(editor);
    const { document } = editor;
    assert.match(document.getText(), /-- mine/);
    assert.match(document.getText(), /CREATE TABLE billing\.bills \(/);
    const [conflict] = await eventually(
      () =>
        vscode.languages.getDiagnostics(document.uri).filter(({ message }) => message.startsWith('Conflict')),
      (list) => list.length > 0,
      'the conflict is no problem',
    );
    assert.ok(conflict);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      conflict.range,
    );
    const take = actions.filter(({ title }) => title.startsWith('Take '));
    assert.equal(take.length, 2, actions.map(({ title }) => title).join(', '));
  });

  it('tells why it cannot, and changes nothing', async function () {
    this.timeout(60_000);
    const before = readFileSync(preData().fsPath, 'utf8');
    await write({ ...project, source: { connection: 'postgresql://postgres@127.0.0.1:1/harbour' } });
    await generate();
    assert.equal(readFileSync(preData().fsPath, 'utf8'), before);
  });

  const first = () => {
    const [database] = project.databases;
    assert.ok(database);
    return database;
  };
});
