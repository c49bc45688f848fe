/**
 * `npm run screenshots`: the pictures of the README, of a real migration in a real VS Code, dark and light, into
 * media/screenshots.
 */
import { join, resolve } from 'node:path';
import pg from 'pg';
import { startDemoServers } from '../demo/servers.js';
import {
  clearNotifications,
  editorTab,
  expand,
  press,
  quickPickRow,
  runCommand,
  showContainer,
  toast,
  treeItem,
  webview,
} from '../support/workbenchPage.js';
import { openSession, type Session } from './session.js';
import { inlineAction, pick } from './wizard.js';

const folder = resolve(__dirname, '../../media/screenshots');

/** What is photographed, in order; each step continues where the one before ended. */
const pictures: readonly (readonly [name: string, show: (session: Session) => Promise<void>])[] = [
  [
    'servers',
    async ({ page }) => {
      await showContainer(page, 'Flexferry');
      await treeItem(page, /Flexible Server/)
        .first()
        .waitFor();
      for (const level of [/^Harbour/, /^harbour/, /^billing/, /^Tables/]) await expand(page, level);
      await treeItem(page, /^invoices/)
        .first()
        .waitFor();
    },
  ],
  [
    'summary',
    async ({ page }) => {
      await inlineAction(page, /^Harbour/, 'Migrate to Flexible Server');
      await quickPickRow(page, 'Start migration').first().waitFor();
    },
  ],
  [
    'mapping',
    async ({ page }) => {
      await pick(page, 'Enter starts', 'Map and review first');
      const panel = webview(page);
      await panel.getByRole('treegrid').waitFor();
      await panel
        .getByRole('row', { name: /invoices/ })
        .first()
        .waitFor();
    },
  ],
  [
    'review',
    async ({ page }) => {
      await webview(page).getByRole('button', { name: 'Review DDL' }).click();
      await editorTab(page, /^pre-data\.sql/).waitFor();
      await page.locator('.codelens-decoration', { hasText: 'Will run' }).first().waitFor();
      await clearNotifications(page);
    },
  ],
  [
    'dashboard',
    async ({ page }) => {
      await runCommand(page, 'Flexferry: Start Migration');
      await editorTab(page, /^harbour$/).click();
      await webview(page).locator('.pill', { hasText: 'verified' }).waitFor();
      await toast(page, 'is migrated and verified').waitFor();
      await clearNotifications(page);
    },
  ],
  [
    'report',
    async ({ page }) => {
      await webview(page).getByRole('button', { name: 'Open Report' }).click();
      await editorTab(page, /^Report: harbour/).waitFor();
      await webview(page, 0).getByText('Findings').first().waitFor();
    },
  ],
];

/** An online migration, which has the screen to itself: what is photographed after the others, in order. */
const onlinePictures: typeof pictures = [
  [
    'following',
    async ({ page }) => {
      await showContainer(page, 'Flexferry');
      await inlineAction(page, /^Harbour/, 'Migrate to Flexible Server');
      await pick(page, 'Enter starts', 'Mode…');
      await pick(page, 'May the applications', 'Online');
      await pick(page, 'Enter starts', 'Start migration');
      await webview(page)
        .getByRole('img', { name: /^Lag, now/ })
        .waitFor();
      // Long enough for a line with ups and downs.
      await webview(page)
        .locator('#metric-time', { hasText: /^4\d s/ })
        .waitFor({ timeout: 60_000 });
    },
  ],
  [
    'cutover',
    async ({ page }) => {
      await webview(page).getByRole('button', { name: 'Cut Over…' }).click();
      await webview(page).getByRole('button', { name: 'Start Cutover…' }).click();
      await press(page, 'Start Cutover');
      await webview(page).locator('.pill', { hasText: 'ready to hand over' }).waitFor();
      await clearNotifications(page);
    },
  ],
];

/** Applications of the source, with more to do now and then. Ends once the fence refuses them. */
async function writeAsApplicationsDo(uri: string, password: string): Promise<void> {
  const address = new URL(uri);
  address.password = password;
  const client = new pg.Client({ connectionString: address.href });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (let round = 0; ; round += 1) {
      const rows = round % 7 === 3 ? 12_000 : 40 + ((round * 37) % 200);
      await client.query(
        `UPDATE harbour.containers SET tare_kg = tare_kg + 1 WHERE number IN
           (SELECT number FROM harbour.containers ORDER BY random() LIMIT ${rows})`,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } catch {
    // The source is read-only now.
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function photograph(theme: 'dark' | 'light', shots: typeof pictures, busy = false): Promise<void> {
  const demo = await startDemoServers();
  const { password } = demo;
  const session = await openSession({
    theme,
    scale: 2,
    width: 1280,
    height: 800,
    servers: [
      { name: 'Harbour (PostgreSQL 13)', role: 'source', connection: demo.source, password },
      { name: 'Flexible Server (PostgreSQL 17)', role: 'target', connection: demo.target, password },
    ],
  }).catch(async (error: unknown) => {
    await demo.stop();
    throw error;
  });
  try {
    if (busy) void writeAsApplicationsDo(demo.source, password);
    for (const [name, show] of shots) {
      await show(session);
      console.log(await session.screenshot(`${name}-${theme}`, join(folder)));
    }
  } finally {
    await session.close();
    await demo.stop();
  }
}

async function main(): Promise<void> {
  for (const theme of ['dark', 'light'] as const) {
    await photograph(theme, pictures);
    await photograph(theme, onlinePictures, true);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
