import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { projectSchema } from '../../../src/engine/project/projectSchema.js';
import {
  databaseKey,
  defaultOptions,
  formatProject,
  orderedProject,
  type Project,
  upgradeProject,
} from '../../../src/protocol/project.js';

const full: Project = {
  version: 2,
  name: 'n',
  source: { connection: 'c', server: 's' },
  target: { connection: 'c', server: 's' },
  databases: [
    {
      source: 's',
      target: 't',
      mode: 'online',
      include: { schemas: ['b', 'a'], tables: ['a.b'] },
      exclude: { schemas: ['x'], tables: ['x.y'], tableData: ['a.c'], indexes: ['a.i'], extensions: ['e'] },
      schemas: { b: 'c', a: 'b' },
      tables: { 'b.b': { schema: 's', name: 'n', where: 'w' }, '"A".a': { name: 'x' } },
      renameOwned: true,
    },
  ],
  options: { ...defaultOptions, roles: { b: 'c', a: 'b' } },
};

/** The same with all keys the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

/** Keys in the order of the schema that the editor shows. */
function keysOf(schema: unknown): string[] {
  const { properties = {} } = schema as { properties?: Record<string, unknown> };
  return Object.entries(properties).flatMap(([key, inner]) => {
    const { items, additionalProperties } = inner as { items?: unknown; additionalProperties?: unknown };
    return [
      key,
      ...keysOf(inner),
      ...[items, additionalProperties].flatMap((below) => (below ? keysOf(below) : [])),
    ];
  });
}

describe('the text of a project', () => {
  test('is the same whatever the order of its keys', () => {
    assert.equal(formatProject(reversed(full) as Project), formatProject(full));
    assert.deepEqual(orderedProject(reversed(full) as Project), full);
  });
  test('has the keys in the order of the schema, two spaces and a line break at its end', () => {
    const text = formatProject(full);
    assert.match(text, /^\{\n {2}"version": 2,\n/);
    assert.ok(text.endsWith('\n}\n'));
    const schema = z.toJSONSchema(projectSchema, { target: 'draft-7', io: 'input' });
    const wanted = keysOf(schema).filter((key) => key !== '$schema');
    const order = [...text.matchAll(/^ +"(\w+)": /gm)].map(([, key]) => key);
    // Names of objects are keys, too.
    const [first, second] = [order.indexOf('name', 3), order.indexOf('schema')];
    assert.ok(first > 0 && first + 1 === second, order.join());
    assert.deepEqual(
      order.filter((key, at) => key !== 'a' && key !== 'b' && at !== first),
      wanted,
    );
  });
  test('names of objects are sorted, entries of filters are not', () => {
    const { databases, options } = orderedProject(full);
    assert.deepEqual(Object.keys(databases[0]?.tables ?? {}), ['"A".a', 'b.b']);
    assert.deepEqual(Object.keys(databases[0]?.schemas ?? {}), ['a', 'b']);
    assert.deepEqual(Object.keys(options.roles), ['a', 'b']);
    assert.deepEqual(databases[0]?.include?.schemas, ['b', 'a']);
  });
  test('nothing absent is written, nothing unknown either', () => {
    const odd = { ...full, databases: [{ source: 's', target: 't', mode: undefined }], password: 'geheim' };
    const text = formatProject(odd as unknown as Project);
    assert.ok(!/mode|include|geheim/.test(text));
  });
  test('names that mean something to JavaScript', () => {
    const tables = JSON.parse('{"a.b":{},"__proto__":{"name":"x"},"constructor":{"name":"y"}}');
    const text = formatProject({ ...full, databases: [{ source: 's', target: 't', tables }] });
    assert.deepEqual(Object.keys(JSON.parse(text).databases[0].tables), ['__proto__', 'a.b', 'constructor']);
  });
});

describe('upgrading', () => {
  test('anything but version 1 stays as it is', () => {
    for (const data of [
      null,
      1,
      'x',
      [],
      {},
      { version: 2 },
      { version: 3, databases: [] },
      { version: '1' },
    ])
      assert.equal(upgradeProject(data), data);
  });
  test('odd version 1 files are left to be checked', () => {
    assert.deepEqual(upgradeProject({ version: 1 }), { version: 2, databases: undefined });
    assert.deepEqual(upgradeProject({ version: 1, databases: [7, null] }), {
      version: 2,
      databases: [7, null],
    });
  });
});

test('databases have a key of their own', () => {
  const databases = [
    { source: 'a', target: 'x' },
    { source: 'a', target: 'y' },
    { source: 'b', target: 'x' },
  ];
  assert.deepEqual(
    databases.map((_, index) => databaseKey(databases, index)),
    ['a → x', 'a → y', 'b'],
  );
});
