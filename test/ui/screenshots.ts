/**
 * `npm run screenshots`: the pictures of the README, of a real migration in a real VS Code, dark and light, into
 * media/screenshots.
 */
import { join, resolve } from 'node:path';
import { startDemoServers } from '../demo/servers.js';
import {
  clearNotifications,
  editorTab,
  expand,
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

async function photograph(theme: 'dark' | 'light'): Promise<void> {
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
    for (const [name, show] of pictures) {
      await show(session);
      console.log(await session.screenshot(`${name}-${theme}`, join(folder)));
    }
  } finally {
    await session.close();
    await demo.stop();
  }
}

async function main(): Promise<void> {
  await photograph('dark');
  await photograph('light');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
