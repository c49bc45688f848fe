/** What a user does in a workbench, for UI tests, screenshots and the demo. Selectors hold for VS Code 1.100 to 1.139. */
import type { FrameLocator, Locator, Page } from 'playwright-core';

/** Opens a workbench and waits until its parts are there. */
export async function openWorkbench(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.locator('.monaco-workbench .activitybar .action-item').first().waitFor();
  await page.locator('.monaco-workbench .statusbar-item').first().waitFor();
}

/** Shows a view container by the beginning of its title, if it is not shown yet. */
export async function showContainer(page: Page, title: string): Promise<void> {
  const item = page.locator(`.activitybar .action-item:has([aria-label^="${title}"])`).first();
  await item.waitFor();
  if (!(await item.evaluate((element) => element.classList.contains('checked')))) await item.click();
}

/** The input of whatever quick pick or input box is open. */
export const quickInput = (page: Page): Locator => page.locator('.quick-input-widget .quick-input-box input');

/** A row of the open quick pick. */
export const quickPickRow = (page: Page, text: string | RegExp): Locator =>
  page.locator('.quick-input-widget .quick-input-list .monaco-list-row', { hasText: text });

/** The title of the open quick pick or input box, for waiting until a step of several is there. */
export const quickTitle = (page: Page, text: string | RegExp): Locator =>
  page.locator('.quick-input-widget .quick-input-title', { hasText: text });

/**
 * Runs a command from the palette by its whole title ("Flexferry: Add Server…"). The palette lists what is known when
 * something is typed: right after a start the extension's commands come later, so it is asked again.
 */
export async function runCommand(page: Page, title: string): Promise<void> {
  const row = quickPickRow(page, title).first();
  for (let attempt = 1; ; attempt++) {
    // The palette closes when something else takes the focus: a notification, an editor that has just been opened.
    if (!(await quickInput(page).isVisible())) await page.keyboard.press('F1');
    try {
      await quickInput(page).fill('>', { timeout: 1_000 });
      await quickInput(page).fill(`>${title}`, { timeout: 1_000 });
      await row.waitFor({ timeout: 1_000 });
      break;
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
  await row.click();
}

/** Waits for a step of a multi-step input, types into it and accepts. */
export async function answer(page: Page, step: string | RegExp, text: string): Promise<void> {
  await quickTitle(page, step).waitFor();
  await quickInput(page).fill(text);
  await quickInput(page).press('Enter');
}

/** Chooses a row of the open quick pick. */
export async function choose(page: Page, step: string | RegExp, row: string | RegExp): Promise<void> {
  await quickTitle(page, step).waitFor();
  await quickPickRow(page, row).first().click();
}

export const treeItem = (page: Page, name: string | RegExp): Locator => page.getByRole('treeitem', { name });

/** Expands a tree item and waits until VS Code says that it is expanded. */
export async function expand(page: Page, name: string | RegExp): Promise<void> {
  const item = treeItem(page, name).first();
  await item.waitFor();
  const isExpanded = async (): Promise<boolean> => (await item.getAttribute('aria-expanded')) === 'true';
  // A tree that is still being filled moves its rows under the pointer.
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (await isExpanded()) return;
    await item.locator('.monaco-tl-twistie').click();
    for (const shown = Date.now() + 3_000; Date.now() < shown; await page.waitForTimeout(50))
      if (await isExpanded()) return;
  }
  throw new Error(`${String(name)} does not expand`);
}

/** Opens the context menu of a tree item and chooses an entry by its beginning. */
export async function contextMenu(page: Page, item: string | RegExp, entry: string | RegExp): Promise<void> {
  await treeItem(page, item).first().click({ button: 'right' });
  await page.getByRole('menuitem', { name: entry }).first().click();
}

/** A notification, progress ones included. */
export const toast = (page: Page, text: string | RegExp): Locator =>
  page.locator('.notification-toast', { hasText: text });

/** A modal dialogue. */
export const dialog = (page: Page): Locator => page.locator('.monaco-dialog-box');

/** Presses a button of the open modal dialogue. */
export async function press(page: Page, button: string): Promise<void> {
  await dialog(page).getByRole('button', { name: button, exact: true }).click();
}

/** What the n-th open webview shows; webviews are frames in frames. */
export const webview = (page: Page, index = 0): FrameLocator =>
  page
    .locator('iframe.webview.ready')
    .nth(index)
    .contentFrame()
    .locator('iframe#active-frame')
    .contentFrame();

export const statusBarItem = (page: Page, text: string | RegExp): Locator =>
  page.locator('.statusbar-item', { hasText: text });

export const editorTab = (page: Page, title: string | RegExp): Locator =>
  page.locator('.tabs-container .tab', { hasText: title });

/** Closes every notification, so that a screenshot shows none by accident. */
export async function clearNotifications(page: Page): Promise<void> {
  await runCommand(page, 'Notifications: Clear All Notifications');
  await page.locator('.notification-toast').first().waitFor({ state: 'detached' });
}
