import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyGesture, type DataGesture } from '../../../src/extension/editors/mapping/gestures.js';
import { isObject, type JsonObject } from '../../../src/extension/editors/mapping/projectText.js';
import {
  indexKeyOf,
  readKey,
  schemaKeyOf,
  tableKeyOf,
} from '../../../src/extension/editors/mapping/rowKey.js';
import type { MappingCatalog } from '../../../src/protocol/engine.js';
import { isMappingMessage } from '../../../src/protocol/mappingPanelCheck.js';

const table = (schema: string, name: string) =>
  ({ schema, name, kind: 'table', bytes: 1, rows: 1, hasKey: true }) as const;
const catalog: MappingCatalog = {
  schemas: ['public', 'sales "x"'],
  tables: [table('public', 'a'), table('public', 'b'), table('sales "x"', 'Über.🚢')],
  indexes: [],
  extensions: ['citext', 'hstore'],
  roles: [],
  dependencies: [],
};
const project = (database: object = {}): JsonObject => ({
  version: 2,
  databases: [{ source: 'shop', target: 'shop', ...database }],
  options: {},
});
const apply = (data: JsonObject, gesture: DataGesture) => applyGesture(data, gesture, () => catalog);
const changed = (data: JsonObject, gesture: DataGesture) => {
  const outcome = apply(data, gesture);
  assert.ok(outcome.state === 'changed', outcome.state);
  const databases = outcome.data['databases'];
  const [first] = Array.isArray(databases) ? databases : [];
  assert.ok(isObject(first));
  const { source, target, ...rest } = first;
  return rest;
};
const keyOf = (schema: string, name: string) => tableKeyOf('shop', { schema, name });
const a = keyOf('public', 'a');

test('unticking names a table exactly, as SQL writes it; ticking takes the name away and leaves no trace', () => {
  const odd = keyOf('sales "x"', 'Über.🚢');
  const out = changed(project(), { kind: 'check', key: odd, checked: false });
  assert.deepEqual(out, { exclude: { tables: ['"sales ""x"""."Über.🚢"'] } });
  assert.deepEqual(changed(project(out), { kind: 'check', key: odd, checked: true }), {});
  const written = project({ exclude: { tables: ['"public"."a"'] } });
  assert.deepEqual(changed(written, { kind: 'check', key: a, checked: true }), {});
});

test('a filter that leaves more out is asked about, and all that stands in the way is named', () => {
  const data = project({ exclude: { tables: ['~/^public/', 'public.a', 'public.~/a/'] } });
  const outcome = apply(data, { kind: 'check', key: a, checked: true });
  assert.ok(outcome.state === 'asks');
  assert.deepEqual(outcome.causes.map(({ entry }) => entry).sort(), [
    'public.a',
    'public.~/a/',
    '~/^public/',
  ]);
  assert.deepEqual(outcome.data['databases'], [{ source: 'shop', target: 'shop' }]);
  assert.equal(outcome.onlyThis, undefined);
});

test('a table of a left-out schema is taken alone or with its schema', () => {
  const outcome = apply(project({ exclude: { schemas: ['public'] } }), {
    kind: 'check',
    key: a,
    checked: true,
  });
  assert.ok(outcome.state === 'asks');
  assert.deepEqual(outcome.onlyThis?.['databases'], [
    { source: 'shop', target: 'shop', exclude: { tables: ['public.b'] } },
  ]);
  assert.deepEqual(outcome.data['databases'], [{ source: 'shop', target: 'shop' }]);
});

test('what an include list does not name is added to it', () => {
  const data = project({ include: { schemas: ['other'], tables: ['other.t'] } });
  const outcome = apply(data, { kind: 'check', key: a, checked: true });
  assert.ok(outcome.state === 'asks');
  assert.deepEqual(outcome.data['databases'], [
    {
      source: 'shop',
      target: 'shop',
      include: { schemas: ['other', 'public'], tables: ['other.t', 'public.a'] },
    },
  ]);
});

test('a schema: its name is left out; a mixed one is taken whole', () => {
  const key = schemaKeyOf('shop', 'public');
  assert.deepEqual(changed(project(), { kind: 'check', key, checked: false }), {
    exclude: { schemas: ['public'] },
  });
  const mixed = project({ exclude: { tables: ['other.t', 'public.a', 'public.b'] } });
  assert.deepEqual(changed(mixed, { kind: 'check', key, checked: true }), {
    exclude: { tables: ['other.t'] },
  });
});

test('a database, its extensions and an index', () => {
  const all = changed(project(), { kind: 'check', key: '["shop"]', checked: false });
  assert.deepEqual(all, { exclude: { schemas: ['public', 'sales "x"'] } });
  assert.deepEqual(changed(project(all), { kind: 'check', key: '["shop"]', checked: true }), {});
  const extensions = changed(project(), { kind: 'check', key: '["shop",null]', checked: false });
  assert.deepEqual(extensions, { exclude: { extensions: ['citext', 'hstore'] } });
  const one = changed(project(extensions), { kind: 'check', key: '["shop",null,"citext"]', checked: true });
  assert.deepEqual(one, { exclude: { extensions: ['hstore'] } });
  const index = indexKeyOf('shop', { schema: 'public', name: 'a' }, 'A idx');
  assert.deepEqual(changed(project(), { kind: 'check', key: index, checked: false }), {
    exclude: { indexes: ['public."A idx"'] },
  });
});

test('names: back to the own one means no entry, and a row filter stays', () => {
  const named = changed(project({ tables: { 'public.a': { where: 'x' } } }), {
    kind: 'rename',
    key: a,
    schema: 's',
    name: 'A',
  });
  assert.deepEqual(named, { tables: { 'public.a': { where: 'x', schema: 's', name: 'A' } } });
  const back = changed(project(named), { kind: 'rename', key: a, schema: '', name: '' });
  assert.deepEqual(back, { tables: { 'public.a': { where: 'x' } } });
  assert.deepEqual(changed(project(back), { kind: 'where', key: a, where: '  ' }), {});
  const mapped = project({ schemas: { public: 'app' } });
  assert.deepEqual(changed(mapped, { kind: 'rename', key: a, schema: 'app', name: 'a' }), {
    schemas: { public: 'app' },
  });
  assert.deepEqual(
    changed(mapped, { kind: 'rename', key: schemaKeyOf('shop', 'public'), name: 'public' }),
    {},
  );
});

test('rows, mode, owned names, filters', () => {
  const empty = changed(project(), { kind: 'data', key: a, data: false });
  assert.deepEqual(empty, { exclude: { tableData: ['public.a'] } });
  assert.deepEqual(changed(project(empty), { kind: 'data', key: a, data: true }), {});
  assert.deepEqual(changed(project(), { kind: 'mode', key: '["shop"]', mode: 'online' }), { mode: 'online' });
  assert.deepEqual(changed(project(), { kind: 'mode', key: '["shop"]', mode: 'offline' }), {});
  assert.deepEqual(changed(project(), { kind: 'renameOwned', key: '["shop"]', on: true }), {
    renameOwned: true,
  });
  const entries = [' ~/tmp/ ', '', 'public.a', 'public.a'];
  const filter = { kind: 'filter', key: '["shop"]', list: 'exclude.tables', entries } as const;
  assert.deepEqual(changed(project(), filter), { exclude: { tables: ['~/tmp/', 'public.a'] } });
});

test('options are checked; a version 1 file is upgraded in place', () => {
  const option = (name: string, value: number | boolean | string) =>
    apply(project(), { kind: 'option', name, value }).state;
  assert.equal(option('jobs', 8), 'changed');
  assert.equal(option('createRoles', true), 'changed');
  for (const [name, value] of [
    ['jobs', 0],
    ['jobs', 1.5],
    ['jobs', '8'],
    ['owners', 'me'],
    ['roles', 'x'],
    ['__proto__', true],
  ] as const)
    assert.equal(option(name, value), 'unknown', name);
  const old = { version: 1, databases: [{ source: 'shop', target: 'shop', excludeSchemas: ['x'] }] };
  const upgraded = apply(old, { kind: 'upgrade' });
  assert.ok(upgraded.state === 'changed');
  assert.deepEqual(upgraded.data, {
    version: 2,
    databases: [{ source: 'shop', target: 'shop', exclude: { schemas: ['x'] } }],
  });
});

test('what is not there any more is not edited, and no message is trusted', () => {
  assert.equal(apply(project(), { kind: 'where', key: '["gone","a","b"]', where: 'x' }).state, 'unknown');
  for (const key of ['', 'x', '{}', '[]', '[1]', '["a",1]', '["a","b",1]', '["a","b","c","d","e"]'])
    assert.equal(readKey(key), undefined, key);
  const rows = { type: 'rows', request: 1, offset: 0, limit: 10 };
  assert.ok(isMappingMessage(rows));
  const bad: unknown[] = [
    null,
    'rows',
    { ...rows, offset: -1 },
    { ...rows, limit: Number.NaN },
    { type: '__proto__' },
    { type: 'toString' },
    { type: 'gesture', request: 1, gesture: { kind: 'check', key: a } },
    { type: 'gesture', request: 1, gesture: { kind: 'filter', key: a, list: 'a.b', entries: [] } },
    { type: 'action', action: 'quit' },
    { type: 'view', view: {} },
  ];
  for (const message of bad) assert.ok(!isMappingMessage(message), JSON.stringify(message));
});
