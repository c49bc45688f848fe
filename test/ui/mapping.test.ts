import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type DemoServers, startDemoServers } from '../demo/servers.js';
import { editorTab, press, quickInput, quickPickRow, runCommand, webview } from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';

const bound = 60_000;
const fileName = 'harbour.flexferry.json';

const key = (...parts: readonly (string | null)[]) => JSON.stringify(['harbour', ...parts]);

describe('the mapping panel', () => {
  let demo: DemoServers;
  let session: Session;
  let page: Page;
  const refused: string[] = [];
  const file = () => join(session.workspace, fileName);
  const original = () => {
    const project = {
      version: 2,
      name: 'harbour',
      source: { connection: demo.source },
      target: { connection: demo.target },
      databases: [{ source: 'harbour', target: 'harbour_moved' }],
      options: {
        jobs: 4,
        indexJobs: 4,
        dumpTool: 'auto',
        acceptNonEmptyTarget: false,
        owners: 'target',
        roles: {},
      },
    };
    return `${JSON.stringify(project, null, 2)}\n`;
  };

  before(async () => {
    demo = await startDemoServers();
    const { password } = demo;
    session = await openSession({
      width: 1360,
      // Every row of the sample is in sight, so that none has to be looked for.
      height: 1800,
      servers: [
        { name: 'Harbour', role: 'source', connection: demo.source, password },
        { name: 'Flexible', role: 'target', connection: demo.target, password },
      ],
    });
    page = session.page;
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) refused.push(message.text());
    });
    page.on('pageerror', (error) => refused.push(String(error)));
    writeFileSync(file(), original());
  });
  after(async () => {
    await session?.close();
    await demo?.stop();
  });

  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));

  const panel = (index = 0) => webview(page, index);
  const row = (rowKey: string, index = 0) => panel(index).locator(`.tree-row[data-key='${rowKey}']`);
  const box = (rowKey: string) => row(rowKey).locator('[data-part=check]');
  const notes = (rowKey: string) => row(rowKey).locator('.notes');
  const isDirty = () =>
    editorTab(page, fileName)
      .first()
      .evaluate((tab) => tab.classList.contains('dirty'));
  const project = () => JSON.parse(readFileSync(file(), 'utf8'));
  const waitFor = async (what: string, holds: () => Promise<boolean> | boolean) => {
    for (const until = Date.now() + 15_000; !(await holds()); ) {
      assert.ok(Date.now() < until, what);
      await page.waitForTimeout(50);
    }
  };
  /** Goes to a row with the mouse, away from its boxes. */
  const choose = async (rowKey: string) => {
    await row(rowKey).locator('.name .label').click();
    await waitFor(`${rowKey} has the focus`, () =>
      row(rowKey).evaluate((element) => element.matches(':focus')),
    );
  };
  /** Goes to a cell of the focused row with the keyboard. */
  const reach = async (rowKey: string, column: string) => {
    const place = () =>
      row(rowKey).evaluate((element) => [
        element.getAttribute('aria-expanded'),
        [...element.children].findIndex((cell) => cell.matches(':focus')),
      ]);
    const wanted = row(rowKey).locator(column);
    for (let n = 0; n < 6; n += 1) {
      const [was] = [JSON.stringify(await place())];
      await page.keyboard.press('ArrowRight');
      await waitFor('the key does something', async () => JSON.stringify(await place()) !== was);
      if (await wanted.evaluate((cell) => cell.matches(':focus'))) return;
    }
    assert.fail(`${column} is not reached`);
  };
  const save = async (expected: (saved: ReturnType<typeof project>) => boolean) => {
    await page.keyboard.press('Control+s');
    await waitFor('the file is saved', () => expected(project()));
    await waitFor('the tab is clean', async () => !(await isDirty()));
  };

  step('a project file opens as the panel, and opening it changes nothing', async () => {
    await page.keyboard.press('Control+P');
    await quickInput(page).fill(fileName);
    await quickPickRow(page, fileName).first().click();
    await row(key('billing', 'invoices')).waitFor();
    assert.equal(await isDirty(), false);
    assert.equal(readFileSync(file(), 'utf8'), original());
    const grid = panel().getByRole('treegrid');
    assert.ok(Number(await grid.getAttribute('aria-rowcount')) > 40);
    const schema = row(key('billing'));
    assert.equal(await schema.getAttribute('aria-level'), '2');
    assert.equal(await schema.getAttribute('aria-expanded'), 'true');
  });

  step('a schema is renamed with the keyboard', async () => {
    await choose(key('billing'));
    await page.keyboard.press('F2');
    await panel().getByRole('textbox', { name: 'Target name of billing' }).fill('invoicing');
    await page.keyboard.press('Enter');
    await row(key('billing')).locator('.target', { hasText: 'invoicing' }).waitFor();
    await row(key('billing', 'invoices')).locator('.target', { hasText: 'invoicing.invoices' }).waitFor();
    assert.equal(await isDirty(), true);
    assert.equal(
      await row(key('billing')).evaluate((element) => element.matches(':focus')),
      true,
      'the focus is back on the row',
    );
  });

  step('a table is renamed into another schema, Esc leaves it as it is', async () => {
    await choose(key('billing', 'invoices'));
    await page.keyboard.press('Enter');
    const name = panel().getByRole('textbox', { name: 'Target name of invoices' });
    await name.fill('other');
    await page.keyboard.press('Escape');
    await name.waitFor({ state: 'detached' });
    await page.keyboard.press('F2');
    await name.fill('bills of "lading" 🚢');
    await page.keyboard.press('Shift+Tab');
    await panel().getByRole('textbox', { name: 'Target schema of invoices' }).fill('papers');
    await page.keyboard.press('Enter');
    await row(key('billing', 'invoices'))
      .locator('.target', { hasText: 'papers.bills of "lading" 🚢' })
      .waitFor();
  });

  step('a row filter is tried: the rows it leaves, or the error, stand at the row', async () => {
    await choose(key('billing', 'invoices'));
    await reach(key('billing', 'invoices'), '.filter');
    await page.keyboard.press('F2');
    const filter = panel().getByRole('textbox', { name: 'Row filter of invoices' });
    await filter.fill('id <= 100');
    await page.keyboard.press('Enter');
    await row(key('billing', 'invoices'))
      .locator('.estimate', { hasText: /^~\d+ rows$/ })
      .waitFor();
    await choose(key('billing', 'tariffs'));
    await reach(key('billing', 'tariffs'), '.filter');
    await page.keyboard.press('Enter');
    await panel().getByRole('textbox', { name: 'Row filter of tariffs' }).fill('nobody = 1');
    await page.keyboard.press('Enter');
    await notes(key('billing', 'tariffs')).locator('.error', { hasText: 'nobody' }).waitFor();
  });

  step('what is saved is what was decided, and nothing else', async () => {
    await choose(key('billing'));
    await save((saved) => saved.databases[0].tables !== undefined);
    const expected = JSON.parse(original());
    expected.databases[0].schemas = { billing: 'invoicing' };
    expected.databases[0].tables = {
      'billing.invoices': { schema: 'papers', name: 'bills of "lading" 🚢', where: 'id <= 100' },
      'billing.tariffs': { where: 'nobody = 1' },
    };
    assert.equal(readFileSync(file(), 'utf8'), `${JSON.stringify(expected, null, 2)}\n`);
  });

  step('unticking a table makes its schema mixed and names what needs it', async () => {
    await choose(key('harbour', 'ships'));
    await page.keyboard.press('Space');
    await waitFor(
      'unticked',
      async () => (await box(key('harbour', 'ships')).getAttribute('aria-checked')) === 'false',
    );
    assert.equal(await box(key('harbour')).getAttribute('aria-checked'), 'mixed');
    assert.equal(await box(JSON.stringify(['harbour'])).getAttribute('aria-checked'), 'mixed');
    await notes(key('harbour', 'fleet'))
      .locator('.warning', { hasText: 'needs table harbour.ships, which is left out' })
      .waitFor();
    await panel()
      .getByRole('tab', { name: /Findings/ })
      .click();
    await panel()
      .getByRole('button', { name: 'view harbour.fleet needs table harbour.ships, which is left out' })
      .click();
    await waitFor('the row is revealed', () =>
      row(key('harbour', 'fleet')).evaluate((element) => element.matches(':focus')),
    );
    await page.keyboard.press('Control+z');
    await waitFor(
      'ticked again',
      async () => (await box(key('harbour', 'ships')).getAttribute('aria-checked')) === 'true',
    );
    assert.equal(await isDirty(), false);
    await page.keyboard.press('Control+y');
    await waitFor(
      'unticked',
      async () => (await box(key('harbour', 'ships')).getAttribute('aria-checked')) === 'false',
    );
    await page.keyboard.press('Control+z');
    await waitFor(
      'ticked again',
      async () => (await box(key('harbour', 'ships')).getAttribute('aria-checked')) === 'true',
    );
  });

  step('the filter box takes text and regular expressions, also ones that would backtrack', async () => {
    const search = panel().getByRole('textbox', { name: 'Filter tables' });
    await page.keyboard.press('Control+f');
    await search.fill('INVOICE');
    await row(key('harbour', 'ships')).waitFor({ state: 'detached' });
    await row(key('billing', 'invoice_lines')).waitFor();
    await panel().getByRole('button', { name: 'Use Regular Expression' }).click();
    await search.fill('^billing\\.(t|x)');
    await row(key('billing', 'invoices')).waitFor({ state: 'detached' });
    await row(key('billing', 'tariffs')).waitFor();
    await search.fill('(([a-z_.]+)+)+!$');
    await row(JSON.stringify(['harbour']).concat('?'))
      .getByText('No table matches the filter.')
      .waitFor();
    await row(key('billing', 'tariffs')).waitFor({ state: 'detached' });
    await search.fill('(');
    await panel().locator('.filter-problem', { hasText: 'missing' }).waitFor();
    await search.fill('');
    await panel().getByRole('button', { name: 'Use Regular Expression' }).click();
    await panel().getByRole('button', { name: 'Only without primary key' }).click();
    await row(key('billing', 'tariffs')).waitFor({ state: 'detached' });
    await notes(key('harbour', 'all_generated')).getByText('no primary key').waitFor();
    await panel().getByRole('button', { name: 'Only without primary key' }).click();
    await panel().getByRole('button', { name: 'Only with findings' }).click();
    await row(key('harbour', 'countries')).waitFor({ state: 'detached' });
    await row(key('billing', 'tariffs')).waitFor();
    await panel().getByRole('button', { name: 'Only with findings' }).click();
    await row(key('harbour', 'countries')).waitFor();
  });

  step('names that cannot be are told at the row', async () => {
    await choose(key('harbour'));
    await page.keyboard.press('F2');
    const name = panel().getByRole('textbox', { name: 'Target name of harbour' });
    await name.fill('pg_mine');
    await page.keyboard.press('Enter');
    await notes(key('harbour')).getByText('reserved').waitFor();
    await page.keyboard.press('F2');
    await name.fill('ü'.repeat(32));
    await page.keyboard.press('Enter');
    await notes(key('harbour')).getByText('64 bytes').waitFor();
    await page.keyboard.press('F2');
    await name.fill('');
    await page.keyboard.press('Enter');
    await choose(key('billing', 'customers'));
    await page.keyboard.press('F2');
    await panel().getByRole('textbox', { name: 'Target name of customers' }).fill('exchange_rates');
    await page.keyboard.press('Enter');
    await notes(key('billing', 'exchange_rates')).getByText('is the target of billing.customers').waitFor();
    await page.keyboard.press('Control+z');
    await notes(key('billing', 'exchange_rates'))
      .getByText('is the target of')
      .waitFor({ state: 'detached' });
  });

  step('undo in an input belongs to the input', async () => {
    await choose(key('billing', 'customers'));
    await page.keyboard.press('F2');
    const name = panel().getByRole('textbox', { name: 'Target name of customers' });
    await name.pressSequentially('abc');
    await page.keyboard.press('Control+z');
    await waitFor('the letters are undone', async () => (await name.inputValue()) !== 'abc');
    assert.equal(await row(key('billing')).locator('.target').innerText(), 'invoicing');
    await page.keyboard.press('Escape');
  });

  step('a table that a regular expression leaves out says so, and ticking it asks', async () => {
    await panel().getByRole('tab', { name: 'Options' }).click();
    const list = panel().getByRole('textbox', { name: 'Left-out tables and views' });
    await list.fill('~/audit/');
    await panel().getByRole('spinbutton', { name: 'Index jobs' }).fill('7');
    await page.keyboard.press('Tab');
    await panel().getByRole('tab', { name: 'Tables' }).click();
    await notes(key('billing', 'audit')).getByText('left out by ~/audit/').waitFor();
    await choose(key('billing', 'audit'));
    await page.keyboard.press('Space');
    await press(page, 'Remove the Filter');
    await waitFor(
      'ticked',
      async () => (await box(key('billing', 'audit')).getAttribute('aria-checked')) === 'true',
    );
  });

  step('rows and indexes of a table are left out with the keyboard', async () => {
    await choose(key('billing', 'customers'));
    await reach(key('billing', 'customers'), '.data');
    const [index] = await row(JSON.stringify(['harbour', 'billing', 'customers', 'customers_pkey'])).all();
    assert.ok(index, 'the table is open');
    await page.keyboard.press('Space');
    await waitFor('no rows', async () => {
      const data = row(key('billing', 'customers')).locator('.data [role=checkbox]');
      return (await data.getAttribute('aria-checked')) === 'false';
    });
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await save((saved) => saved.databases[0].exclude?.indexes !== undefined);
    assert.deepEqual(project().databases[0].exclude.tableData, ['billing.customers']);
    assert.equal(project().databases[0].exclude.indexes.length, 1);
    assert.equal(project().options.indexJobs, 7);
  });

  step('two editors side by side show the same state', async () => {
    await runCommand(page, 'View: Split Editor Right');
    await row(key('harbour', 'ships'), 1).waitFor();
    await row(key('harbour', 'ships'), 1).locator('[data-part=check]').click();
    for (const index of [0, 1])
      await panel(index)
        .locator(`.tree-row[data-key='${key('harbour', 'ships')}'] [data-part=check][aria-checked=false]`)
        .waitFor();
    await page.keyboard.press('Control+z');
    for (const index of [0, 1])
      await panel(index)
        .locator(`.tree-row[data-key='${key('harbour', 'ships')}'] [data-part=check][aria-checked=true]`)
        .waitFor();
    await runCommand(page, 'View: Close Editor');
    await waitFor(
      'one panel is left',
      async () => (await page.locator('iframe.webview.ready').count()) === 1,
    );
  });

  step('broken JSON keeps the last view, and the text editor opens at the error', async () => {
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"options"', 'options'));
    await panel().getByText('the JSON cannot be read').waitFor();
    await row(key('billing', 'invoices')).waitFor();
    await session.screenshot('mapping-broken-dark');
    await panel().locator('.notice').getByRole('button', { name: 'Open as Text' }).click();
    await page.locator('.monaco-editor .view-line').first().waitFor();
    await page.locator('.monaco-editor .squiggly-error').first().waitFor();
    writeFileSync(file(), original());
    await runCommand(page, 'Flexferry: Open Mapping');
    await row(key('billing', 'invoices')).waitFor();
  });

  step('nothing was refused by the content security policy, and no script failed', () => {
    assert.deepEqual(refused, []);
    return Promise.resolve();
  });
});
