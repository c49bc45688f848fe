import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** True where a window can be opened. */
export function hasDesktop() {
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/**
 * The `code` command of a VS Code on this machine; undefined without one or without a desktop. In a terminal of a
 * remote VS Code `code` is another program, which knows no folders of its own.
 */
export function findLocalCode() {
  if (!hasDesktop() || process.env.VSCODE_IPC_HOOK_CLI) return undefined;
  const names = process.platform === 'win32' ? ['code.cmd'] : ['code', 'code-insiders', 'codium'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  folders.push('/Applications/Visual Studio Code.app/Contents/Resources/app/bin');
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}
