import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { type DemoServers, database, startDemoServers } from '../demo/servers.js';
import {
  dialog,
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
import { inlineAction, pick } from './wizard.js';

const bound = 60_000;

/** Triggers of the sample that fire for replicated changes, too, fire as others do. */
const plainTriggers = `DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE tgenabled IN ('A', 'R') LOOP
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', t.relation, t.tgname);
  END LOOP;
END $$`;

/** Runs SQL in the sample's database as an application does, which connects anew after the fence has ended it. */
async function query(uri: string, password: string, sql: string): Promise<pg.QueryResult> {
  const address = new URL(uri);
  address.password = password;
  address.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Waits until a change of the source is on the target. */
async function arrives(find: () => Promise<pg.QueryResult>): Promise<void> {
  for (const until = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await find().catch(() => undefined);
    if (found?.rowCount) return;
    assert.ok(Date.now() < until, 'the change does not come');
  }
}

describe('an online migration in the workbench', () => {
  let demo: DemoServers;
  let session: Session;
  let page: Page;
  const refused: string[] = [];

  before(async () => {
    demo = await startDemoServers();
    session = await openSession({
      width: 1360,
      height: 900,
      servers: [
        { name: 'Harbour', role: 'source', connection: demo.source, password: demo.password },
        { name: 'Flexible', role: 'target', connection: demo.target, password: demo.password },
      ],
    });
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
  const onSource = (sql: string) => query(demo.source, demo.password, sql);
  const onTarget = (sql: string) => query(demo.target, demo.password, sql);
  const dashboard = () => webview(page);
  const pill = (text: string) => dashboard().locator('header .pill', { hasText: text });

  const startCutover = async () => {
    await dashboard().getByRole('button', { name: 'Start Cutover…' }).click();
    await dialog(page).getByText('Cut over harbour?').waitFor();
    await press(page, 'Start Cutover');
  };

  step('the wizard starts it, and says what it needs on the source', async () => {
    await showContainer(page, 'Flexferry');
    await inlineAction(page, /^Harbour/, 'Migrate to Flexible Server');
    await pick(page, 'Enter starts', 'Mode…');
    await pick(page, 'May the applications', 'Online');
    await quickPickRow(page, 'Replication slot and publications').waitFor();
    await session.screenshot('online-summary');
    await pick(page, 'Enter starts', 'Start migration');
    await pill('following changes').or(dialog(page)).first().waitFor();
    if (await dialog(page).isVisible()) {
      await session.screenshot('online-identity');
      await press(page, 'Set REPLICA IDENTITY FULL');
    }
    await pill('following changes').waitFor();
  });

  step('once it follows, the notification is gone and the status bar tells the lag', async () => {
    await toast(page, 'Migrating harbour').waitFor({ state: 'detached' });
    await statusBarItem(page, /harbour: lag/).waitFor();
    await treeItem(page, /^harbour, following changes, lag/)
      .first()
      .waitFor();
    await session.screenshot('online-following');
  });

  step('changes arrive while it is watched', async () => {
    await onSource("INSERT INTO harbour.countries (code, name) VALUES ('XA', 'Atlantis')");
    await arrives(() => onTarget("SELECT FROM harbour.countries WHERE code = 'XA'"));
    await dashboard()
      .getByRole('img', { name: /^Lag, now/ })
      .waitFor();
    await dashboard().getByText('Up to date: changes are applied as they come.').waitFor();
    await dashboard().getByRole('textbox', { name: 'Filter tables by name' }).waitFor();
  });

  step('in a narrow editor nothing is cut off, and only the page scrolls', async () => {
    await page.setViewportSize({ width: 760, height: 900 });
    const outside = () =>
      dashboard()
        .locator('body')
        .evaluate((body) => {
          const { clientWidth } = body.ownerDocument.documentElement;
          return [...body.querySelectorAll('main *, header *')]
            .filter(
              (one) => one.getBoundingClientRect().right > clientWidth && one.className !== 'for-readers',
            )
            .map((one) => `${one.tagName} ${one.className} ${one.textContent}`);
        });
    for (const until = Date.now() + 5_000; (await outside()).length > 0 && Date.now() < until; )
      await page.waitForTimeout(100);
    assert.deepEqual(await outside(), []);
    const panels = dashboard().locator('vscode-panels');
    assert.ok(await panels.evaluate((one) => one.scrollHeight <= one.clientHeight), 'the details scroll');
    await page.setViewportSize({ width: 1360, height: 900 });
  });

  step('a table whose columns change is stopped; its DDL is reviewed, run, and it goes on', async () => {
    await onSource('ALTER TABLE harbour.countries ADD COLUMN anthem text');
    await onSource("INSERT INTO harbour.countries VALUES ('XB', 'Borduria', '{}', 'Szplug')");
    const attention = dashboard().getByRole('region', { name: 'Needs attention' });
    await attention.getByText('harbour.countries is stopped').waitFor();
    await session.screenshot('online-stopped');
    await attention.getByRole('button', { name: 'Review DDL' }).click();
    await page.locator('.codelens-decoration a', { hasText: 'Run on target' }).click();
    await press(page, 'Run');
    await arrives(() => onTarget("SELECT FROM harbour.countries WHERE anthem = 'Szplug'"));
    await session.screenshot('online-ddl');
    await runCommand(page, 'View: Revert and Close Editor');
    await attention.waitFor({ state: 'hidden' });
  });

  step('the cutover stops before its last step, with the source read-only', async () => {
    await dashboard().getByRole('button', { name: 'Cut Over…' }).click();
    await dashboard().getByRole('list', { name: 'Go or no-go' }).getByText('No table is stopped.').waitFor();
    await session.screenshot('online-form');
    await startCutover();
    await pill('ready to hand over').waitFor();
    await dashboard().getByRole('list', { name: 'Steps' }).waitFor();
    await session.screenshot('online-holding');
    await statusBarItem(page, /harbour: ready to hand over/).waitFor();
    await assert.rejects(onSource("INSERT INTO harbour.countries VALUES ('XC', 'C')"), /read-only/);
  });

  step('it is undone: the source can be written to, and is followed', async () => {
    await dashboard().getByRole('button', { name: 'Undo' }).click();
    await pill('following changes').waitFor();
    const steps = dashboard().getByRole('list', { name: 'Steps' });
    await steps
      .getByRole('listitem')
      .filter({ hasText: 'Fence the source' })
      .getByText('taken back', { exact: true })
      .waitFor();
    await onSource("INSERT INTO harbour.countries VALUES ('XD', 'Syldavia')");
    await arrives(() => onTarget("SELECT FROM harbour.countries WHERE code = 'XD'"));
  });

  step('a way back that cannot be is refused before anything is done, with its reasons', async () => {
    await dashboard().getByRole('checkbox', { name: 'Keep a way back' }).click();
    await startCutover();
    const checks = dashboard().getByRole('list', { name: 'Go or no-go' });
    await checks.getByText('The user flexadmin of the target may not replicate.').waitFor();
    await session.screenshot('online-refused');
    await onTarget('ALTER ROLE flexadmin REPLICATION');
    await onSource(plainTriggers);
  });

  step('it is cut over again and handed over: where to connect, what to do, how long it took', async () => {
    await startCutover();
    await pill('ready to hand over').waitFor();
    await dashboard().getByRole('button', { name: 'Hand Over' }).click();
    await dashboard().getByText('Applications connect to').waitFor();
    await dashboard().getByText('write downtime, measured').waitFor();
    await dashboard().getByRole('button', { name: 'Copy the connection string' }).click();
    await statusBarItem(page, 'Connection string copied').waitFor();
    await session.screenshot('online-handed-over');
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.match(copied, new RegExp(`port='?${new URL(demo.target).port}`));
    assert.ok(!copied.includes(demo.password), 'the password is in the clipboard');
  });

  step('on the way back changes of the target arrive on the source, until that is finished', async () => {
    await pill('following the way back').waitFor();
    await onTarget("INSERT INTO harbour.countries (code, name) VALUES ('XE', 'Poldavia')");
    await arrives(() => onSource("SELECT FROM harbour.countries WHERE code = 'XE'"));
    await statusBarItem(page, /harbour: way back, lag/).waitFor();
    await treeItem(page, /^Verify.*38 of 38/).waitFor();
    await session.screenshot('online-way-back');
    await dashboard().getByRole('button', { name: 'Finish Way Back…' }).click();
    await press(page, 'Finish Way Back');
  });

  step('the run ends verified, with the evidence in its report', async () => {
    await pill('verified').waitFor();
    await toast(page, 'is handed over and verified. Write downtime').waitFor();
    await statusBarItem(page, 'harbour').waitFor({ state: 'detached' });
    const left = await onSource('SELECT FROM pg_replication_slots');
    assert.equal(left.rowCount, 0, 'the slot is left on the source');
    await dashboard().getByRole('button', { name: 'Open Report' }).click();
    const report = webview(page);
    await report.getByRole('heading', { name: 'Migrated and verified' }).waitFor();
    await report.getByText('Write downtime, measured').waitFor();
    await treeItem(page, /^Cut over.*8 of 8/).waitFor();
    await session.screenshot('online-report');
  });

  step('the page did nothing that its content security policy refuses', async () => {
    assert.deepEqual(refused, []);
  });
});
