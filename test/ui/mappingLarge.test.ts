import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { quickInput, quickPickRow, webview } from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';

const bound = 120_000;
const schemas = 20;
const tablesOfEach = 1000;
/** Rows with the header, the database and its schema public. */
const allRows = 3 + schemas * (tablesOfEach + 1);

/** One statement creates so many that no shared memory for locks is exceeded. */
async function createTables(server: TestServer): Promise<void> {
  await server.createDatabase('big');
  for (let n = 0; n < schemas; n += 1)
    await server.query(
      'big',
      `CREATE SCHEMA s${n};
      DO $$ BEGIN FOR i IN 1..${tablesOfEach} LOOP EXECUTE format('CREATE TABLE s${n}.t%s (id integer)', i); END LOOP; END $$`,
    );
}

describe('the mapping panel with very many tables', () => {
  let server: TestServer;
  let session: Session;
  let page: Page;
  const fileName = 'big.flexferry.json';
  const key = (...parts: readonly string[]) => JSON.stringify(['big', ...parts]);
  const row = (rowKey: string) => webview(page).locator(`.tree-row[data-key='${rowKey}']`);

  before(async () => {
    server = await startServer({ major: 17 });
    await createTables(server);
    session = await openSession({ width: 1360, height: 900 });
    page = session.page;
    const project = {
      version: 2,
      name: 'big',
      source: { connection: server.uri('postgres') },
      target: { connection: server.uri('postgres') },
      databases: [{ source: 'big', target: 'big2' }],
      options: { jobs: 4 },
    };
    writeFileSync(join(session.workspace, fileName), `${JSON.stringify(project, null, 2)}\n`);
  });
  after(async () => {
    await session?.close();
    await server?.stop();
  });
  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  step('the catalog is read once, and only rows in sight are in the page', async () => {
    await page.keyboard.press('Control+P');
    await quickInput(page).fill(fileName);
    await quickPickRow(page, fileName).first().click();
    await row(key('s0')).waitFor({ timeout: bound });
    await webview(page).getByRole('button', { name: 'Expand All' }).click();
    await row(key('s0', 't1')).waitFor();
    const grid = webview(page).getByRole('treegrid');
    assert.equal(Number(await grid.getAttribute('aria-rowcount')), allRows);
    assert.ok((await webview(page).locator('.tree-row').count()) < 120);
  });

  step('the keyboard reaches the last row and the first', async () => {
    await row(key('s0')).locator('.label').first().click();
    await page.keyboard.press('End');
    await webview(page)
      .locator(`.tree-row:focus[data-key='${key('s9', 't999')}']`)
      .waitFor();
    assert.equal(
      await webview(page).locator('.tree-row:focus').getAttribute('aria-rowindex'),
      String(allRows),
    );
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('PageUp');
    await webview(page).locator('.tree-row:focus', { hasText: 't' }).waitFor();
    await page.keyboard.press('Home');
    await webview(page).locator(`.tree-row:focus[data-key='${key()}']`).waitFor();
  });

  step('scrolling by large steps shows the rows that are there', async () => {
    const scroller = webview(page).locator('.tree-scroller');
    for (const share of [0.9, 0.1, 0.5]) {
      const index = Math.floor(schemas * (tablesOfEach + 1) * share);
      await scroller.evaluate((element, top) => element.scrollTo({ top }), index * 24);
      await webview(page)
        .locator(`.tree-row[aria-rowindex="${index + 6}"]`)
        .waitFor();
    }
  });

  step('filter and gesture answer at once, and the file changes by one line', async () => {
    const search = webview(page).getByRole('textbox', { name: 'Filter tables' });
    await search.fill('s7.t999');
    await row(key('s7', 't999')).waitFor();
    await row(key('s7', 't1')).waitFor({ state: 'detached' });
    const began = Date.now();
    await row(key('s7', 't999')).locator('[data-part=check]').click();
    await row(key('s7', 't999')).locator('[data-part=check][aria-checked=false]').waitFor();
    const took = Date.now() - began;
    assert.ok(took < 3000, `unticking took ${took} ms`);
    await search.fill('');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Control+s');
    const saved = () => JSON.parse(readFileSync(join(session.workspace, fileName), 'utf8')).databases[0];
    for (const until = Date.now() + 10_000; saved().exclude === undefined; ) {
      assert.ok(Date.now() < until, 'the file is saved');
      await page.waitForTimeout(50);
    }
    assert.deepEqual(saved().exclude, { tables: ['s7.t999'] });
  });
});
