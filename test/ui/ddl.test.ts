import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { defaultOptions, type Project, projectVersion } from '../../src/protocol/project.js';
import { type DemoServers, startDemoServers } from '../demo/servers.js';
import {
  clearNotifications,
  dialog,
  editorTab,
  press,
  runCommand,
  showContainer,
  statusBarItem,
  toast,
  treeItem,
} from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';
import { menu } from './wizard.js';

const bound = 90_000;

/** A schema and a table get other names on the target. */
const projectOf = (demo: DemoServers): Project => ({
  version: projectVersion,
  name: 'review',
  source: { connection: demo.source },
  target: { connection: demo.target },
  databases: [
    {
      source: 'harbour',
      target: 'harbour_review',
      schemas: { harbour: 'port' },
      tables: { 'billing.invoices': { name: 'bills' } },
    },
  ],
  options: defaultOptions,
});

/** The editor in front. */
const editor = (page: Page) =>
  page.locator('.editor-group-container.active .editor-instance .monaco-editor').first();

/** Types at the end of the file in front, without the editor adding brackets or taking a suggestion. */
async function append(page: Page, text: string): Promise<void> {
  await editor(page).click({ position: { x: 300, y: 60 } });
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.insertText(text);
}

/** FLEXFERRY_TEST_THEME=light takes the pictures in light; the story is the same. */
const theme = process.env['FLEXFERRY_TEST_THEME'] === 'light' ? 'light' : 'dark';

describe(`the review of the DDL, ${theme}`, () => {
  let demo: DemoServers;
  let session: Session;
  let page: Page;

  before(async () => {
    demo = await startDemoServers();
    session = await openSession({
      theme,
      width: 1360,
      height: 900,
      servers: [
        { name: 'Harbour', role: 'source', connection: demo.source, password: demo.password },
        { name: 'Flexible', role: 'target', connection: demo.target, password: demo.password },
      ],
    });
    page = session.page;
    writeFileSync(
      join(session.workspace, 'review.flexferry.json'),
      `${JSON.stringify(projectOf(demo), null, 2)}\n`,
    );
  });
  after(async () => {
    await session?.close();
    await demo?.stop();
  });
  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, `${theme} ${name}`, body));
  const file = (name: string) => join(session.workspace, 'review.flexferry/ddl/harbour', name);
  const problem = (text: string | RegExp) =>
    page.locator('.markers-panel .monaco-list-row', { hasText: text });
  const save = async (name: string) => {
    await page.keyboard.press('ControlOrMeta+s');
    await editorTab(page, name).and(page.locator('.dirty')).waitFor({ state: 'detached' });
  };

  step('the DDL of a project is generated and opened, with other names', async () => {
    await showContainer(page, 'Flexferry');
    await runCommand(page, 'Flexferry: Refresh Migrations');
    await treeItem(page, /^review, not started/).waitFor();
    await menu(page, /^review, not started/, /^Review DDL/);
    await editorTab(page, 'pre-data.sql').waitFor();
    await editorTab(page, 'post-data.sql').waitFor();
    await page.locator('.codelens-decoration', { hasText: 'Will run' }).first().waitFor();
    const text = readFileSync(file('pre-data.sql'), 'utf8');
    assert.match(text, /CREATE TABLE port\.ships/);
    assert.match(text, /CREATE TABLE billing\.bills/);
    assert.doesNotMatch(text, /\bharbour\.ships\b/);
    await clearNotifications(page);
    await session.screenshot(`ddl-lenses-${theme}`);
  });

  step('it is compared with the source', async () => {
    await page.getByRole('button', { name: 'Compare with Source DDL' }).first().click();
    await editorTab(page, /source ↔ will run/).waitFor();
    await page.locator('.monaco-diff-editor .line-insert').first().waitFor();
    await session.screenshot(`ddl-diff-${theme}`);
    await page.keyboard.press('ControlOrMeta+w');
    await editorTab(page, /source ↔ will run/).waitFor({ state: 'detached' });
    await editorTab(page, 'pre-data.sql').click();
  });

  step('a finding is shown at its place, and a quick fix repairs it', async () => {
    await append(page, '\nCREATE TABLE port.lighthouses (id integer) TABLESPACE fast;\n');
    await runCommand(page, 'Problems: Focus on Problems View');
    await problem('FF407').first().waitFor();
    await problem('FF407').first().click();
    await page.locator('.squiggly-warning, .squiggly-error, .squiggly-info').first().waitFor();
    await session.screenshot(`ddl-problems-${theme}`);
    await page.keyboard.press('ControlOrMeta+.');
    const fix = page.getByRole('menuitem', { name: 'Remove tablespace' });
    await fix.waitFor();
    await session.screenshot(`ddl-quick-fix-${theme}`);
    // A menu ignores clicks in its first tenth of a second.
    for (const until = Date.now() + 10_000; Date.now() < until && (await fix.isVisible()); )
      await fix.click({ timeout: 1000 }).catch(() => undefined);
    await problem('FF407').first().waitFor({ state: 'detached' });
    await save('pre-data.sql');
    assert.match(readFileSync(file('pre-data.sql'), 'utf8'), /port\.lighthouses \(id integer\);/);
  });

  step('a syntax error is shown while typing', async () => {
    await append(page, '\nCREATE VIEW port.names AS SELECT name FRUM port.ships;\n');
    await problem('syntax error').first().waitFor();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ControlOrMeta+Shift+K');
    await problem('syntax error').first().waitFor({ state: 'detached' });
  });

  step('a statement that only the server can refuse fails at its place', async () => {
    await append(page, "\nCREATE VIEW port.names AS SELECT '🙂', nmae FROM port.ships;\n");
    await runCommand(page, 'Flexferry: Start Migration');
    await dialog(page).getByText('What is saved is what runs').waitFor();
    await session.screenshot(`ddl-unsaved-${theme}`);
    await press(page, 'Save and Go On');
    await toast(page, 'port.names').waitFor({ timeout: 60_000 });
    await toast(page, 'column "nmae" does not exist').waitFor();
    await problem('column "nmae" does not exist').first().waitFor();
    await editorTab(page, 'pre-data.sql').and(page.locator('.active')).waitFor();
    await page.locator('.codelens-decoration', { hasText: 'Failed' }).first().waitFor();
    await session.screenshot(`ddl-failed-${theme}`);
  });

  step('corrected and saved, the run goes on from there', async () => {
    const place = await statusBarItem(page, /^Ln \d+, Col \d+$/).innerText();
    await editor(page).click({ position: { x: 300, y: 60 } });
    await page.keyboard.press('ControlOrMeta+Home');
    await statusBarItem(page, 'Ln 1, Col 1').waitFor();
    await toast(page, 'port.names').getByRole('button', { name: 'Open', exact: true }).click();
    await statusBarItem(page, place).waitFor();
    await page.locator('.editor-instance .monaco-editor.focused').waitFor();
    // The cursor stands before the name that the server does not know.
    await page.keyboard.press('ControlOrMeta+Shift+ArrowRight');
    await page.keyboard.insertText('name');
    await save('pre-data.sql');
    assert.match(readFileSync(file('pre-data.sql'), 'utf8'), /'🙂', name FROM port\.ships;/);
    // Holds the run up while the file is saved again.
    await append(page, '\nDO $$ BEGIN PERFORM pg_sleep(8); END $$;\n');
    await save('pre-data.sql');
    await page.getByRole('button', { name: 'Continue Migration' }).first().click();
    await treeItem(page, /^Create the schema, running/).waitFor();
  });

  step('what is saved while it runs is said not to have run; then it ends verified', async () => {
    await append(page, '\n-- Later.\n');
    await save('pre-data.sql');
    const told = toast(page, 'was saved while it ran');
    await told.waitFor({ timeout: 60_000 });
    await told.getByRole('button', { name: 'Continue' }).click();
    await toast(page, 'review is migrated and verified').waitFor({ timeout: 60_000 });
    await treeItem(page, /^review, verified/).waitFor();
    const { hostname, port, username } = new URL(demo.target);
    const client = new pg.Client({
      ...{ host: hostname, port: Number(port), user: username, password: demo.password },
      database: 'harbour_review',
      ssl: { rejectUnauthorized: false },
    });
    await client.connect();
    const found = await client.query(
      'SELECT (SELECT count(*) FROM port.names) AS names, (SELECT count(*) FROM billing.bills) AS bills',
    );
    await client.end();
    assert.ok(Number(found.rows[0].names) > 0 && Number(found.rows[0].bills) > 0, JSON.stringify(found.rows));
  });

  step('a statement is run on the target by hand, asked for once', async () => {
    await clearNotifications(page);
    await editorTab(page, /^pre-data\.sql/).click();
    const lens = (state: string) => page.locator('.codelens-decoration', { hasText: state }).last();
    // The editor asks for lenses a second late: until then those of the run that just ended stand there.
    await lens('Will run').waitFor({ state: 'detached' });
    await append(page, '\nCREATE TABLE port.buoys (id integer);\n');
    await lens('Will run').getByText('Run now on target').click();
    await dialog(page)
      .getByText(/^Run on .*\/harbour_review\?$/)
      .waitFor();
    await dialog(page)
      .getByText(/^table port\.buoys runs in/)
      .waitFor();
    await session.screenshot(`ddl-run-${theme}`);
    await press(page, 'Run');
    await statusBarItem(page, /table port\.buoys ran on/).waitFor();
    await lens('Will run').waitFor({ state: 'detached' });
    await lens('Done').getByText('Run now on target').click();
    await toast(page, /port\.buoys.*already exists/).waitFor();
    await problem(/already exists/)
      .first()
      .waitFor();
    await lens('Failed').waitFor();
    await clearNotifications(page);
    await editorTab(page, /^pre-data\.sql/).click();
    await runCommand(page, 'File: Revert File');
  });

  step('what will run is compared with what the target has now', async () => {
    await runCommand(page, 'Flexferry: Compare with Target');
    await editorTab(page, /target now ↔ will run/).waitFor();
    await page.locator('.monaco-diff-editor .original .view-line', { hasText: 'client_encoding' }).waitFor();
    await session.screenshot(`ddl-target-${theme}`);
  });

  step('after a reload the files know what became of their statements', async () => {
    await page.keyboard.press('ControlOrMeta+w');
    await editorTab(page, /^pre-data\.sql/).click();
    await page.reload();
    await page.locator('.codelens-decoration', { hasText: 'Done' }).first().waitFor();
  });
});
