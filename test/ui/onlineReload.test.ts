import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';
import { dialog, press, runCommand, showContainer, webview } from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';
import { inlineAction, pick } from './wizard.js';

const bound = 60_000;
const database = 'shop';
const rows = 2345;

describe('an online migration whose engine dies and whose window is reloaded', () => {
  let source: TestServer;
  let target: TestServer;
  let session: Session;

  before(async () => {
    source = await startServer({ major: 16, settings: flushedCommits });
    target = await startServer({ major: 17 });
    await source.createDatabase(database);
    await source.query(
      database,
      `CREATE TABLE orders (id int PRIMARY KEY, state text); CREATE TABLE lines (id int PRIMARY KEY);
       INSERT INTO orders SELECT i, 'new' FROM generate_series(1, ${rows}) i`,
    );
    // Both let everyone in.
    const password = 'unused';
    session = await openSession({
      width: 1360,
      height: 900,
      settings: { 'flexferry.noticeDdl': true },
      servers: [
        { name: 'Old', role: 'source', connection: source.uri(database), password },
        { name: 'New', role: 'target', connection: target.uri('postgres'), password },
      ],
    });
  });
  after(async () => {
    await session?.close();
    await Promise.all([source?.stop(), target?.stop()]);
  });

  const step = (name: string, body: () => Promise<void>) =>
    test(name, { timeout: bound }, () => withPicture(session, name, body));
  const dashboard = () => webview(session.page);
  const pill = (text: string) => dashboard().locator('header .pill', { hasText: text });
  const metric = (name: string) => dashboard().locator(`#metric-${name} .value`).innerText();
  const attention = () => dashboard().getByRole('region', { name: 'Needs attention' });

  step('DDL on the source is told', async () => {
    const { page } = session;
    await showContainer(page, 'Flexferry');
    await inlineAction(page, /^Old/, 'Migrate to Flexible Server');
    await pick(page, 'Enter starts', 'Mode…');
    await pick(page, 'May the applications', 'Online');
    await pick(page, 'Enter starts', 'Start migration');
    await pill('following changes').or(dialog(page)).first().waitFor();
    if (await dialog(page).isVisible()) await press(page, 'Continue');
    await pill('following changes').waitFor();
    await source.query(
      database,
      'CREATE VIEW seen AS SELECT 1 AS one; CREATE INDEX by_state ON orders (state)',
    );
    await attention().getByText('DDL on the source: 2').waitFor();
    await attention().getByText('CREATE VIEW public.seen, CREATE INDEX public.by_state').waitFor();
    await session.screenshot('online-ddl-seen');
  });

  step('what is dealt with goes by the keyboard; what comes later is told again', async () => {
    const { page } = session;
    const done = attention().getByRole('button', { name: 'Done' });
    await done.focus();
    await page.keyboard.press('Enter');
    await attention().waitFor({ state: 'hidden' });
    await source.query(database, 'DROP INDEX by_state');
    await attention().getByText('DDL on the source: 1').waitFor();
    await attention().getByText('DROP INDEX public.by_state', { exact: true }).waitFor();
    await done.click();
    await attention().waitFor({ state: 'hidden' });
  });

  step('a killed engine and a new window: the last figures, and no zero that is none', async () => {
    const { page } = session;
    const shown = () => Promise.all([metric('rows'), metric('tables'), metric('data')]);
    const before = await shown();
    assert.deepEqual(before.slice(0, 2), ['2,345', '2']);
    // The figures are written down every few seconds.
    await page.waitForTimeout(4_000);
    await killEngines(session.server.directory);
    await pill('interrupted').waitFor();
    assert.deepEqual(await shown(), before);
    const reloaded = page.waitForEvent('load');
    await runCommand(page, 'Developer: Reload Window');
    await reloaded;
    await pill('interrupted').waitFor();
    await session.screenshot('online-reloaded');
    assert.deepEqual(await shown(), before);
    await dashboard()
      .getByText(/of log kept on the source/)
      .waitFor();
  });

  step('it is resumed: what was dealt with stays so', async () => {
    await dashboard().getByRole('button', { name: 'Resume' }).click();
    await pill('following changes').waitFor();
    await source.query(database, 'DROP VIEW seen');
    await attention().getByText('DDL on the source: 1').waitFor();
    await attention().getByText('DROP VIEW public.seen', { exact: true }).waitFor();
  });
});

/** Those that this workbench has started, by their ids. */
async function killEngines(directory: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  const engines = stdout
    .split('\n')
    .filter((line) => line.includes(directory) && line.includes('dist/engine.js'))
    .map((line) => Number(line.trim().split(' ')[0]));
  assert.ok(engines.length > 0, 'no engine is at work');
  for (const pid of engines) process.kill(pid, 'SIGKILL');
}
