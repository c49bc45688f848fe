/** A workbench with the packaged extension installed, as a user has it: what UI tests and screenshots begin with. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { packageExtension } from '../support/package.mjs';
import {
  type ContextOptions,
  installVsix,
  launchBrowser,
  newContext,
  type Release,
  startServer,
  type WorkbenchServer,
} from '../support/workbench.js';
import { openWorkbench } from '../support/workbenchPage.js';

const root = resolve(__dirname, '../..');

/** Colour themes of both releases. */
export const themes = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  highContrast: 'Default High Contrast',
} as const;

export interface SessionOptions extends ContextOptions {
  readonly release?: Release;
  readonly theme?: keyof typeof themes;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Servers that are registered when the extension starts, as in the demo. */
  readonly servers?: readonly DemoServer[];
  /** False opens a window without a folder. */
  readonly folder?: boolean;
  readonly trusted?: boolean;
}

export interface DemoServer {
  readonly name: string;
  readonly role: 'source' | 'target';
  /** Without the password. */
  readonly connection: string;
  readonly password: string;
}

export interface Session {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly browser: Browser;
  readonly server: WorkbenchServer;
  /** The open folder. */
  readonly workspace: string;
  /** Writes a picture into `folder`, or into out/screenshots, and returns its path. */
  screenshot(name: string, folder?: string): Promise<string>;
  /** Ends the browser and the server and removes their files. */
  close(): Promise<void>;
}

/** Takes the .vsix that the test run has packaged, or packages one. */
export async function extensionFile(): Promise<string> {
  const given = process.env['FLEXFERRY_TEST_VSIX'];
  if (given !== undefined) return given;
  mkdirSync(join(root, 'out'), { recursive: true });
  return (await packageExtension(join(root, 'out/flexferry-test.vsix'))).path;
}

/** Starts a server with the extension, a browser, and opens the workbench: about 8 s. */
export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const release = options.release ?? 'newest';
  const directory = mkdtempSync(join(tmpdir(), 'ff-ui-'));
  const workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  await installVsix(await extensionFile(), directory, release);
  const theme = options.theme ?? 'dark';
  const server = await startServer({
    release,
    directory,
    trusted: options.trusted ?? true,
    settings: { 'workbench.colorTheme': themes[theme], ...options.settings },
    env:
      options.servers === undefined
        ? {}
        : { FLEXFERRY_DEMO_SERVERS: serversFile(directory, options.servers) },
  });
  try {
    const browser = await launchBrowser(directory);
    const colorScheme = theme === 'light' ? 'light' : 'dark';
    const context = await newContext(browser, { colorScheme, ...options });
    const page = await context.newPage();
    await openWorkbench(page, server.address(options.folder === false ? undefined : workspace));
    const screenshot = async (name: string, folder = join(root, 'out/screenshots')) => {
      mkdirSync(folder, { recursive: true });
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path });
      return path;
    };
    const close = async () => {
      await browser.close();
      await server.stop();
    };
    return { page, context, browser, server, workspace, screenshot, close };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function serversFile(directory: string, servers: readonly DemoServer[]): string {
  const file = join(directory, 'servers.json');
  writeFileSync(file, JSON.stringify(servers), { mode: 0o600 });
  return file;
}

/** What the workbench says besides its editors: for a failure whose picture cannot be seen. */
async function said(page: Page): Promise<string> {
  const parts = page.locator(
    '.monaco-dialog-box, .notification-toast, .statusbar-item, .codelens-decoration',
  );
  const texts = await parts.allInnerTexts().catch(() => []);
  return texts
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .join('\n  ');
}

/** Wraps a test's body: where it fails, a picture of the workbench is left in out/screenshots. */
export async function withPicture(session: Session, name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    const path = await session.screenshot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined);
    if (path === undefined || !(error instanceof Error)) throw error;
    const seen = `what was to be seen: ${path}, and in words:\n  ${await said(session.page)}`;
    throw new Error(`${error.message}\n${seen}`, { cause: error });
  }
}
