import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type DemoServers, startDemoServers } from '../demo/servers.js';
import {
  editorTab,
  expand,
  press,
  quickInput,
  quickPickRow,
  runCommand,
  showContainer,
  toast,
  treeItem,
  webview,
} from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';
import { fillForm, inlineAction, menu, pick, type } from './wizard.js';

const bound = 60_000;

/** What the URI of a demo server says. */
function parts(uri: string) {
  const { hostname, port, username } = new URL(uri);
  return { host: hostname, port: Number(port), user: username };
}

const dashboard = (page: Page) => webview(page);

describe('a migration in the workbench', () => {
  let demo: DemoServers;
  let session: Session;
  let page: Page;
  const refused: string[] = [];

  before(async () => {
    demo = await startDemoServers();
    session = await openSession({ width: 1360, height: 900 });
    page = session.page;
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) refused.push(message.text());
    });
    page.on('pageerror', (error) => refused.push(String(error)));
  });
  after(async () => {
    await session?.close();
    await demo?.stop();
  });

  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  step('an empty Servers view says what to do', async () => {
    await showContainer(page, 'Flexferry');
    await page.getByRole('button', { name: 'Add Server' }).first().waitFor();
  });

  step('a wrong password is told before anything is saved', async () => {
    await runCommand(page, 'Flexferry: Add Server…');
    await pick(page, 'How do you want', 'Paste a connection string');
    await type(page, 'Connection string', demo.source);
    await type(page, 'Password', 'wrong');
    await quickPickRow(page, 'FF102').waitFor();
    await quickPickRow(page, 'Edit the connection').click();
    await type(page, 'Password', demo.password);
    await pick(page, 'Connected: PostgreSQL 13', 'Source');
    await type(page, 'Name in the Servers view', 'Production/Europe/Harbour');
    await treeItem(page, /^Harbour/).waitFor();
    await treeItem(page, /^Europe/).waitFor();
  });

  step('a connection string that cannot be read keeps the box open', async () => {
    await runCommand(page, 'Flexferry: Add Server…');
    await pick(page, 'How do you want', 'Paste a connection string');
    await type(page, 'Connection string', 'postgresql://host:99999/x');
    await page.locator('.quick-input-widget .quick-input-message', { hasText: 'FF110' }).waitFor();
    await quickInput(page).press('Escape');
  });

  step('a second server by the form; the Flexible Server is taken for a target', async () => {
    await runCommand(page, 'Flexferry: Add Server…');
    const { password } = demo;
    await fillForm(page, { ...parts(demo.target), password, database: 'postgres', sslmode: 'require' });
    await page.locator('.quick-input-widget input[placeholder^="Connected: PostgreSQL 17"]').waitFor();
    // The proposal itself is under test: it is only accepted.
    await quickInput(page).press('Enter');
    await type(page, 'Name in the Servers view', 'Flexible');
    await treeItem(page, /^Flexible, target/).waitFor();
  });

  step('a server is duplicated, edited with its stored password, and removed with consent', async () => {
    await menu(page, /^Flexible, target/, /^Duplicate Server/);
    await treeItem(page, /^Flexible 2/).waitFor();
    await menu(page, /^Flexible 2/, /^Edit Server/);
    await pick(page, 'How do you want', 'Paste a connection string');
    await page
      .locator('.quick-input-widget .quick-input-message', { hasText: /^Connection string/ })
      .waitFor();
    await quickInput(page).press('Enter');
    await type(page, 'Password', '');
    await pick(page, 'Connected: PostgreSQL 17', 'Source and target');
    await type(page, 'Name in the Servers view', 'Standby');
    await treeItem(page, /^Standby, source and target/i).waitFor();
    await menu(page, /^Standby/, /^Remove Server/);
    await press(page, 'Remove');
    await treeItem(page, /^Standby/).waitFor({ state: 'detached' });
    await treeItem(page, /^Flexible, target/).waitFor();
  });

  step('the tree is browsed down to a column', async () => {
    await expand(page, /^Harbour/);
    await expand(page, /^harbour/);
    await expand(page, /^billing/);
    await expand(page, /^Tables/);
    await expand(page, /^invoices/);
    await treeItem(page, /^customer/)
      .first()
      .waitFor();
    await session.screenshot('servers-dark');
  });

  step('databases of the service are not shown', async () => {
    await treeItem(page, /^Production/).click();
    await expand(page, /^Flexible/);
    await treeItem(page, /^Roles/).waitFor();
    assert.equal(await treeItem(page, /^azure_/).count(), 0);
    await treeItem(page, /^Flexible/).click();
    await treeItem(page, /^Production/).click();
  });

  step('the summary says what will be created, a database is renamed, and the run is watched', async () => {
    await inlineAction(page, /^Harbour/, 'Migrate to Flexible Server');
    await pick(page, 'Enter starts', 'new database "harbour"');
    await type(page, 'Name of the database on the target', 'harbour_moved');
    await quickPickRow(page, 'new database "harbour_moved"').waitFor();
    await session.screenshot('summary-dark');
    await pick(page, 'Enter starts', 'Start migration');
    await editorTab(page, /^harbour/).waitFor();
    await toast(page, 'Migrating harbour').waitFor();
    await dashboard(page).locator('.pill', { hasText: 'verified' }).waitFor();
    await toast(page, 'harbour is migrated and verified').waitFor();
    await treeItem(page, /^harbour, verified/).waitFor();
    await session.screenshot('dashboard-dark');
  });

  step('the dashboard lists tables, filters them and moves with the keyboard', async () => {
    const grid = dashboard(page).getByRole('grid', { name: 'Tables' });
    await grid.getByRole('row', { name: /harbour\.containers/ }).waitFor();
    const all = Number(await grid.getAttribute('aria-rowcount'));
    assert.ok(all > 30, `the grid has ${all} rows`);
    await dashboard(page).locator('vscode-text-field').locator('input').fill('billing.');
    await grid.getByRole('row', { name: /harbour\.containers/ }).waitFor({ state: 'detached' });
    await grid.getByRole('row', { name: /billing\.invoices/ }).waitFor();
    await grid.focus();
    await page.keyboard.press('End');
    const last = Number(await grid.getAttribute('aria-rowcount'));
    await dashboard(page).locator(`.grid-row.active[aria-rowindex="${last}"]`).waitFor();
    await dashboard(page).locator('vscode-text-field').locator('input').fill('');
  });

  step('it survives being hidden', async () => {
    await runCommand(page, 'File: New Untitled Text File');
    await dashboard(page)
      .locator('.pill')
      .waitFor({ state: 'detached' })
      .catch(() => undefined);
    await editorTab(page, /^harbour/).click();
    await dashboard(page).locator('.pill', { hasText: 'verified' }).waitFor();
    await dashboard(page)
      .getByRole('row', { name: /harbour\.containers/ })
      .waitFor();
  });

  step('the report opens', async () => {
    await dashboard(page).getByRole('button', { name: 'Open Report' }).click();
    await editorTab(page, /^Report: harbour/).waitFor();
    await webview(page, 0).getByText('harbour_moved').first().waitFor();
    await session.screenshot('report-dark');
  });

  step('the generated DDL opens in editors', async () => {
    await runCommand(page, 'Flexferry: Open Generated DDL');
    await editorTab(page, /pre-data\.sql/).waitFor();
    await editorTab(page, /post-data\.sql/).waitFor();
  });

  step('the project is a file without a secret', async () => {
    const file = join(session.workspace, 'harbour.flexferry.json');
    const text = readFileSync(file, 'utf8');
    const project = JSON.parse(text);
    assert.deepEqual(project.databases, [{ source: 'harbour', target: 'harbour_moved' }]);
    assert.ok(!text.includes(demo.password), 'the password is in the project file');
    const [run] = readdirSync(join(session.workspace, 'harbour.flexferry/runs'));
    const report = readFileSync(
      join(session.workspace, 'harbour.flexferry/runs', String(run), 'report.json'),
      'utf8',
    );
    assert.equal(JSON.parse(report).snapshot.state, 'succeeded');
    assert.ok(!report.includes(demo.password), 'the password is in the report');
  });

  step('it survives a reload of the window, from the report', async () => {
    await editorTab(page, /^harbour/).click();
    await page.reload();
    await editorTab(page, /^harbour/).waitFor();
    await dashboard(page).locator('.pill', { hasText: 'verified' }).waitFor();
    await dashboard(page)
      .getByRole('row', { name: /harbour\.containers/ })
      .waitFor();
    // The servers and their secrets are there as well.
    await showContainer(page, 'Flexferry');
    await treeItem(page, /^Flexible, target/).waitFor();
  });

  step('the page did nothing that its content security policy refuses', async () => {
    assert.deepEqual(refused, []);
  });
});
