import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { TestApi } from '../../../src/extension/extension.js';
import { eventually, writeFixture, writeText } from '../ddlFixture.js';

describe('the language server', () => {
  it('starts with the first generated SQL file, not with any other one', async () => {
    const api = await vscode.extensions.getExtension<TestApi>('flexferry.flexferry')?.activate();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(api && folder);
    const other = vscode.Uri.joinPath(folder, 'other.sql');
    await writeText(other, 'SELEC 1;');
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(other));
    assert.equal(api.language.running, false);
    const fixture = await writeFixture('activation');
    await vscode.workspace.openTextDocument(fixture.postData);
    await eventually(() => api.language.running, Boolean, 'it does not start');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
