import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { type DemoServers, database, startDemoServers } from '../demo/servers.js';
import {
  clearNotifications,
  expand,
  press,
  quickPickRow,
  runCommand,
  showContainer,
  statusBarItem,
  toast,
  treeItem,
  webview,
} from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';
import { inlineAction, menu, pick } from './wizard.js';

const bound = 60_000;

/** Both servers as the demo registers them. */
const registered = (demo: DemoServers) => [
  { name: 'Harbour', role: 'source' as const, connection: demo.source, password: demo.password },
  { name: 'Flexible', role: 'target' as const, connection: demo.target, password: demo.password },
];

/** Starts with the defaults: an icon, and Enter. */
async function startWithDefaults({ page }: Session): Promise<void> {
  await inlineAction(page, /^Harbour/, 'Migrate to Flexible Server');
  await pick(page, 'Enter starts', 'Start migration');
}

describe('a light window without a folder', () => {
  let demo: DemoServers;
  let session: Session;
  let source: pg.Client;

  before(async () => {
    demo = await startDemoServers();
    const address = new URL(demo.source);
    address.password = demo.password;
    source = new pg.Client({ connectionString: address.href });
    await source.connect();
    session = await openSession({
      theme: 'light',
      folder: false,
      width: 1360,
      height: 900,
      servers: registered(demo),
    });
  });
  after(async () => {
    await source?.end();
    await session?.close();
    await demo?.stop();
  });
  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  step('the servers of the demo are there, three clicks from a running migration', async () => {
    const { page } = session;
    // A table that nobody may read holds the migration up for as long as the test wants.
    await source.query('BEGIN; LOCK TABLE harbour.ships IN ACCESS EXCLUSIVE MODE');
    await showContainer(page, 'Flexferry');
    await startWithDefaults(session);
    await webview(page).locator('.pill', { hasText: 'running' }).waitFor();
    await statusBarItem(page, 'harbour').waitFor();
    await toast(page, 'Migrating harbour').waitFor();
    await treeItem(page, /^harbour, \d+ %/)
      .first()
      .waitFor();
  });

  step('it is stopped, and is then resumable', async () => {
    const { page } = session;
    await webview(page).getByRole('button', { name: 'Stop' }).click();
    await webview(page).locator('.pill', { hasText: 'interrupted' }).waitFor();
    await statusBarItem(page, 'harbour').waitFor({ state: 'detached' });
    await treeItem(page, /^harbour, interrupted/).waitFor();
    const left = await source.query(`SELECT application_name FROM pg_stat_activity
      WHERE application_name LIKE 'flexferry %' AND application_name NOT IN ('flexferry browse', 'flexferry test')`);
    assert.deepEqual(left.rows, [], 'sessions are left on the source');
  });

  step('it is resumed and ends verified', async () => {
    const { page } = session;
    await source.query('ROLLBACK');
    await webview(page).getByRole('button', { name: 'Resume' }).click();
    await webview(page).locator('.pill', { hasText: 'verified' }).waitFor();
    await session.screenshot('dashboard-light');
    await clearNotifications(page);
    await webview(page).getByRole('tab', { name: 'Log' }).click();
    await webview(page).getByRole('log').getByText('Ended: verified').waitFor();
    await session.screenshot('log-light');
    await webview(page).getByRole('tab', { name: 'Findings' }).click();
    await webview(page).getByText('FF415').first().waitFor();
    await session.screenshot('findings-light');
  });

  step('its phases show their tables in the Migrations view', async () => {
    const { page } = session;
    await expand(page, /^harbour, verified/);
    await expand(page, /^Verify/);
    await treeItem(page, /harbour\.containers/).waitFor();
  });

  step('a second migration into the same place asks before it does anything', async () => {
    const { page } = session;
    await startWithDefaults(session);
    const box = page.locator('.monaco-dialog-box');
    await box.waitFor();
    await session.screenshot('consent-light');
    await press(page, 'Cancel');
  });

  step('a server is removed only with consent', async () => {
    const { page } = session;
    await menu(page, /^Flexible, target/, /^Remove Server/);
    await press(page, 'Cancel');
    await treeItem(page, /^Flexible, target/).waitFor();
    await menu(page, /^Flexible, target/, /^Remove Server/);
    await press(page, 'Remove');
    await treeItem(page, /^Flexible, target/).waitFor({ state: 'detached' });
  });
});

describe('an untrusted workspace', () => {
  let demo: DemoServers;
  let session: Session;

  before(async () => {
    demo = await startDemoServers();
    session = await openSession({
      trusted: false,
      settings: {
        'security.workspace.trust.startupPrompt': 'never',
        'security.workspace.trust.banner': 'never',
      },
      servers: registered(demo),
    });
    const project = {
      version: 1,
      name: 'planted',
      source: { connection: demo.source },
      target: { connection: demo.target },
      databases: [{ source: database, target: 'planted' }],
    };
    writeFileSync(join(session.workspace, 'planted.flexferry.json'), JSON.stringify(project));
  });
  after(async () => {
    await session?.close();
    await demo?.stop();
  });
  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  step('servers can be browsed', async () => {
    const { page } = session;
    await showContainer(page, 'Flexferry');
    await expand(page, /^Harbour/);
    await treeItem(page, /^harbour/)
      .first()
      .waitFor();
  });

  step('a project file that came with it is not run', async () => {
    const { page } = session;
    await runCommand(page, 'Flexferry: Start Migration');
    const several = quickPickRow(page, 'planted');
    const refusal = toast(page, 'untrusted workspace are not run');
    await several.or(refusal).first().waitFor();
    if (await several.isVisible()) await several.click();
    await refusal.waitFor();
    assert.equal(await toast(page, 'Migrating planted').count(), 0);
  });

  step('nor are its servers asked for their DDL', async () => {
    const { page } = session;
    await clearNotifications(page);
    await runCommand(page, 'Flexferry: Review DDL');
    const several = quickPickRow(page, 'planted');
    const refusal = toast(page, 'untrusted workspace are not run');
    await several.or(refusal).first().waitFor();
    if (await several.isVisible()) await several.click();
    await refusal.waitFor();
    assert.equal(await toast(page, 'Generating the DDL').count(), 0);
  });
});

describe('a high-contrast window that is reloaded while two databases are migrated', () => {
  let demo: DemoServers;
  let session: Session;
  let source: pg.Client;

  before(async () => {
    demo = await startDemoServers();
    const address = new URL(demo.source);
    address.password = demo.password;
    source = new pg.Client({ connectionString: address.href });
    await source.connect();
    await source.query('CREATE DATABASE ledger');
    address.pathname = '/ledger';
    const ledger = new pg.Client({ connectionString: address.href });
    await ledger.connect();
    await ledger.query('CREATE TABLE accounts AS SELECT generate_series(1, 1000) AS id');
    await ledger.end();
    session = await openSession({
      theme: 'highContrast',
      width: 1360,
      height: 900,
      servers: registered(demo),
    });
  });
  after(async () => {
    await source?.end();
    await session?.close();
    await demo?.stop();
  });
  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  step('the run ends with the window, and the dashboard comes back to say so', async () => {
    const { page } = session;
    await source.query('BEGIN; LOCK TABLE harbour.ships IN ACCESS EXCLUSIVE MODE');
    await showContainer(page, 'Flexferry');
    await startWithDefaults(session);
    await webview(page).locator('.pill', { hasText: 'running' }).waitFor();
    await runCommand(page, 'Developer: Reload Window');
    await webview(page).locator('.pill', { hasText: 'interrupted' }).waitFor();
    await source.query('ROLLBACK');
    const left = `SELECT FROM pg_stat_activity WHERE application_name LIKE 'flexferry %'`;
    for (const until = Date.now() + 20_000; (await source.query(left)).rowCount !== 0; )
      assert.ok(Date.now() < until, 'sessions of the ended window are left on the source');
  });

  step('it is resumed, and each database is shown', async () => {
    const { page } = session;
    await webview(page).getByRole('button', { name: 'Resume' }).click();
    await webview(page).locator('.pill', { hasText: 'verified' }).waitFor();
    await webview(page)
      .getByRole('row', { name: /harbour\.containers/ })
      .waitFor();
    await session.screenshot('dashboard-high-contrast');
    await webview(page).getByRole('combobox', { name: 'Database' }).click();
    await webview(page).getByRole('option', { name: 'ledger' }).click();
    await webview(page)
      .getByRole('row', { name: /public\.accounts/ })
      .waitFor();
    assert.equal(
      await webview(page)
        .getByRole('row', { name: /harbour\.containers/ })
        .count(),
      0,
    );
  });
});
