import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(__dirname, '../..');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter(Boolean);
const isText = (file: string) => !/\.(png|ico|wasm|ttf|woff2?|gz|br|dump)$/.test(file);
/** Paths of tracked files whose text matches. */
const withText = (pattern: RegExp): string[] =>
  tracked.filter(
    (file) =>
      isText(file) && existsSync(join(root, file)) && pattern.test(readFileSync(join(root, file), 'utf8')),
  );

test('no tracked file names a package registry: everybody installs from the one that his tools are set to', () => {
  assert.ok(tracked.length > 50, `only ${tracked.length} files are tracked`);
  // Written in pieces, so that this file does not find itself.
  const hosts = [
    ['registry', 'npmjs'],
    ['npmjs', 'org/'],
    ['registry', 'yarnpkg'],
    ['deb', 'debian', 'org'],
    ['npm', 'pkg', 'github'],
  ];
  const pattern = new RegExp(hosts.map((parts) => parts.join('\\.')).join('|'));
  assert.deepEqual(withText(pattern), []);
});

test('lock files say what, not from where', () => {
  const locks = tracked.filter((file) => /package-lock\.json$/.test(file));
  assert.ok(locks.length >= 4, locks.join(', '));
  for (const lock of locks) {
    const { packages } = JSON.parse(readFileSync(join(root, lock), 'utf8')) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    for (const [path, entry] of Object.entries(packages)) {
      assert.equal(entry.resolved, undefined, `${lock}: ${path}`);
      assert.ok(path === '' || entry.integrity !== undefined, `${lock}: ${path} has no checksum`);
    }
  }
});

test('what is built or generated is not tracked', () => {
  const generated = tracked.filter((file) =>
    /(^|\/)(node_modules|dist|out)\/|\.vsix$|\.flexferry\//.test(file),
  );
  assert.deepEqual(generated, []);
});
