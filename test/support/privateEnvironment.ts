import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The environment of a VS Code that knows nothing of the user's own: its sockets go to a short folder of its own (a
 * socket's path is limited to 107 characters), and without a gallery it looks up no marketplace.
 */
export function privateEnvironment(
  home: string,
  extra: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  const temporary = join(home, 't');
  mkdirSync(temporary, { recursive: true });
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_CACHE_HOME: join(home, '.cache'),
    TMPDIR: temporary,
    EXTENSIONS_GALLERY: '{}',
  };
  // Set where the tests run in a terminal of VS Code, in a git hook, or under another test runner.
  for (const key of Object.keys(env))
    if (/^(VSCODE_|ELECTRON_|NODE_TEST_CONTEXT|NODE_OPTIONS)/.test(key)) delete env[key];
  return { ...env, ...extra };
}
