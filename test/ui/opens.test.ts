import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand, showContainer } from '../support/workbenchPage.js';
import { openSession, withPicture } from './session.js';

for (const release of ['newest', 'oldest'] as const) {
  test(`the packaged extension opens in VS Code, ${release}, and asks for nothing from elsewhere`, async () => {
    const session = await openSession({ release });
    const { page, server } = session;
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url))
        foreign.push(request.url());
    });
    try {
      await withPicture(session, `opens-${release}`, async () => {
        await showContainer(page, 'Flexferry');
        for (const view of ['Servers', 'Migrations']) {
          await page.locator('.pane-header', { hasText: view }).first().waitFor();
        }
        await page
          .getByRole('button', { name: /Migrate to Flexible Server/ })
          .first()
          .waitFor();
        await runCommand(page, 'Flexferry: Show Log');
        await page
          .locator('.panel .pane-body, .panel .output-view-container, .panel .monaco-editor')
          .first()
          .waitFor();
        assert.deepEqual(foreign, []);
      });
    } finally {
      await session.close();
    }
  });
}
