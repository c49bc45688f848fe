import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import type { Report } from '../../src/protocol/report.js';
import { type DemoServers, startDemoServers } from '../demo/servers.js';
import { expand, showContainer, treeItem, webview } from '../support/workbenchPage.js';
import { openSession, type Session, withPicture } from './session.js';
import { menu, pick } from './wizard.js';

const script = gunzipSync(readFileSync(join(__dirname, '../fixtures/chinook.sql.gz'))).toString('utf8');

async function load(demo: DemoServers): Promise<void> {
  const address = new URL(demo.source);
  address.password = demo.password;
  for (const [database, sql] of [
    ['postgres', 'CREATE DATABASE chinook'],
    ['chinook', script],
  ]) {
    address.pathname = `/${database}`;
    const client = new pg.Client({ connectionString: address.href });
    await client.connect();
    await client.query(sql ?? '');
    await client.end();
  }
}

describe('Chinook in the workbench', () => {
  let demo: DemoServers;
  let session: Session;

  before(async () => {
    demo = await startDemoServers();
    await load(demo);
    const { password } = demo;
    session = await openSession({
      servers: [
        { name: 'Music', role: 'source', connection: demo.source, password },
        { name: 'Flexible', role: 'target', connection: demo.target, password },
      ],
    });
  });
  after(async () => {
    await session?.close();
    await demo?.stop();
  });

  test('one database is migrated from its entry in the tree, and verified', { timeout: 90_000 }, () =>
    withPicture(session, 'chinook', async () => {
      const { page } = session;
      await showContainer(page, 'Flexferry');
      await expand(page, /^Music/);
      await menu(page, /^chinook/, /^Migrate to Flexible Server/);
      await pick(page, 'Enter starts', 'Start migration');
      await webview(page).locator('.pill', { hasText: 'verified' }).waitFor();
      await treeItem(page, /^chinook, verified/).waitFor();
      const runs = join(session.workspace, 'chinook.flexferry/runs');
      const [run] = readdirSync(runs);
      const report = JSON.parse(readFileSync(join(runs, String(run), 'report.json'), 'utf8')) as Report;
      const tables = report.databases.flatMap((d) => d.tables);
      assert.equal(tables.length, 11);
      assert.equal(report.totals.rows, 15_607);
      assert.ok(tables.every((t) => t.verification?.equal));
    }),
  );
});
