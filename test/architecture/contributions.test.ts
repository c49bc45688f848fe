import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import {
  commands,
  editors,
  panels,
  settings,
  views,
  walkthrough,
} from '../../src/extension/contributions.js';

const root = resolve(__dirname, '../..');
interface Manifest {
  readonly activationEvents: readonly string[];
  readonly contributes: {
    readonly commands: readonly {
      readonly command: string;
      readonly title: string;
      readonly category?: string;
    }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string }[] };
    readonly viewsWelcome: readonly { readonly view: string }[];
    readonly menus: Readonly<
      Record<string, readonly { readonly command?: string; readonly when?: string }[]>
    >;
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
    readonly walkthroughs: readonly { readonly id: string }[];
    readonly customEditors: readonly { readonly viewType: string }[];
  };
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const { contributes } = manifest;
const sorted = (list: Iterable<string>) => [...list].sort();

test('package.json contributes exactly the declared commands', () => {
  assert.deepEqual(
    sorted(contributes.commands.map((entry) => entry.command)),
    sorted(Object.values(commands)),
  );
});

test('package.json contributes exactly the declared views, settings and walkthrough', () => {
  const containers = contributes.viewsContainers.activitybar.map((entry) => entry.id);
  const ids = Object.values(contributes.views).flatMap((list) => list.map((view) => view.id));
  assert.deepEqual(sorted([...containers, ...ids]), sorted(Object.values(views)));
  assert.deepEqual(Object.keys(contributes.views), containers);
  assert.deepEqual(
    sorted(Object.keys(contributes.configuration.properties)),
    sorted(Object.values(settings)),
  );
  assert.deepEqual(
    contributes.walkthroughs.map((entry) => entry.id),
    [walkthrough],
  );
});

test('package.json contributes exactly the declared custom editors', () => {
  assert.deepEqual(
    sorted(contributes.customEditors.map(({ viewType }) => viewType)),
    sorted(Object.values(editors)),
  );
});

test('menus and welcome texts name contributed commands and views only', () => {
  const known = new Set(contributes.commands.map((entry) => entry.command));
  const viewIds = new Set<string>(Object.values(views));
  for (const [menu, entries] of Object.entries(contributes.menus)) {
    for (const { command, when = '' } of entries) {
      assert.ok(command === undefined || known.has(command), `${menu}: ${command}`);
      for (const found of when.matchAll(/\bview == ([\w.]+)/g))
        assert.ok(viewIds.has(found[1] ?? ''), `${menu}: ${when}`);
    }
  }
  for (const { view } of contributes.viewsWelcome) assert.ok(viewIds.has(view), view);
});

test('every command is in one category', () => {
  const categories = new Set(contributes.commands.map((entry) => entry.category));
  assert.equal(categories.size, 1, [...categories].join(', '));
});

test('the extension is activated by what it contributes, not by every start of VS Code', () => {
  // A window that is opened on a project again may have generated SQL files open already.
  const project = 'workspaceContains:**/*.flexferry.json';
  const allowed = [...Object.values(panels).map((panel) => `onWebviewPanel:${panel}`), project];
  const others = manifest.activationEvents.filter((event) => !allowed.includes(event));
  assert.deepEqual(others, []);
});

test('every text of package.json is in package.nls.json, and none is left over', () => {
  const texts: unknown = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8'));
  const used = [...readFileSync(join(root, 'package.json'), 'utf8').matchAll(/"%([\w.-]+)%"/g)].map(
    (m) => m[1] ?? '',
  );
  assert.deepEqual(sorted(Object.keys(texts as object)), sorted(new Set(used)));
});

test('ids are written once: no source file repeats one as a string', () => {
  const ids = [...Object.values(commands), ...Object.values(panels)];
  const folder = join(root, 'src/extension');
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ts'));
  const repeated = files
    .filter((file) => file !== 'contributions.ts')
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return ids.filter((id) => text.includes(`'${id}'`)).map((id) => `${file}: ${id}`);
    });
  assert.deepEqual(repeated, []);
});
