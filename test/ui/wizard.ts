/** Steps of the multi-step inputs, as a user takes them: each waits for its own prompt before it acts. */
import type { Page } from 'playwright-core';
import { quickInput, quickPickRow, treeItem } from '../support/workbenchPage.js';

/** Types into the input box whose prompt begins so, and accepts. */
export async function type(page: Page, prompt: string, text: string): Promise<void> {
  await page
    .locator('.quick-input-widget .quick-input-message', { hasText: new RegExp(`^${prompt}`) })
    .waitFor();
  await quickInput(page).fill(text);
  await quickInput(page).press('Enter');
}

/** Picks a row of the quick pick whose placeholder begins so. */
export async function pick(page: Page, placeholder: string, row: string | RegExp): Promise<void> {
  await page.locator(`.quick-input-widget input[placeholder^="${placeholder}"]`).waitFor();
  await quickPickRow(page, row).first().click();
}

export interface FormAnswers {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslmode: string;
}

/** From "Add Server…" to the step after the connection was tested, by the form. */
export async function fillForm(page: Page, answers: FormAnswers): Promise<void> {
  await pick(page, 'How do you want', 'Fill in a form');
  await type(page, 'Host name', answers.host);
  await type(page, 'Port', String(answers.port));
  await type(page, 'User', answers.user);
  await type(page, 'Database', answers.database);
  await pick(page, 'TLS mode', new RegExp(`^${answers.sslmode}`));
  await type(page, 'Password', answers.password);
}

/** An entry of a context menu. VS Code ignores clicks in the first tenth of a second of a menu, so it is clicked until it goes. */
export async function menu(page: Page, item: RegExp, entry: RegExp): Promise<void> {
  await treeItem(page, item).first().click({ button: 'right' });
  const row = page.getByRole('menuitem', { name: entry }).first();
  await row.waitFor();
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    await row.click({ timeout: 1000 }).catch(() => undefined);
    const gone = await row.waitFor({ state: 'detached', timeout: 300 }).then(
      () => true,
      () => false,
    );
    if (gone) return;
  }
  throw new Error(`the menu entry ${entry} stays`);
}

/** Presses an action that a tree item shows while the pointer is over it; a redraw of the tree takes it away again. */
export async function inlineAction(page: Page, item: RegExp, action: string): Promise<void> {
  const row = treeItem(page, item).first();
  await row.waitFor();
  const button = row.getByRole('button', { name: action });
  for (const until = Date.now() + 20_000; ; ) {
    await page.mouse.move(700, 500);
    await row.hover();
    const pressed = await button.click({ timeout: 1000 }).then(
      () => true,
      () => false,
    );
    if (pressed) return;
    if (Date.now() > until) throw new Error(`${item} shows no action "${action}"`);
  }
}
