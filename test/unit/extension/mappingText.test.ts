import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  editText,
  type JsonObject,
  locate,
  readText,
  smallestReplacement,
} from '../../../src/extension/editors/mapping/projectText.js';

const data = {
  version: 2,
  databases: [
    { source: 's', target: 't', exclude: { tables: ['a.x', 'c.x'] }, tables: { 'p.a': { name: 'q' } } },
  ],
  options: { jobs: 4, roles: {} },
};
type Data = typeof data;
const edited = (text: string, edit: (copy: Data) => void): string => {
  const copy = structuredClone(data);
  edit(copy);
  return editText(text, copy as unknown as JsonObject);
};
const pretty = (value: unknown, indent: string | number = 2) => `${JSON.stringify(value, null, indent)}\n`;
const database = (copy: Data) => {
  const [first] = copy.databases;
  assert.ok(first);
  return first as Record<string, unknown> & (typeof copy.databases)[0];
};

test('a key goes where a new file would have it, in any indent and with any line end', () => {
  const expected = structuredClone(data) as unknown as { databases: Record<string, unknown>[] };
  const { source, target, ...rest } = data.databases[0] ?? {};
  expected.databases = [{ source, target, mode: 'online', ...rest }];
  for (const indent of [2, 4, '\t'])
    for (const eol of ['\n', '\r\n']) {
      const text = pretty(data, indent).replaceAll('\n', eol);
      const result = edited(text, (copy) => {
        database(copy)['mode'] = 'online';
      });
      assert.equal(result, pretty(expected, indent).replaceAll('\n', eol));
    }
});

test('an entry is added to a list, and taking it out again leaves no trace', () => {
  const text = pretty(data);
  const more = edited(text, (copy) => database(copy).exclude.tables.splice(1, 0, 'b.x'));
  const replacement = smallestReplacement(text, more);
  assert.equal(replacement?.text.replaceAll(/[\s,"]/g, ''), 'b.x');
  assert.equal(replacement?.start, replacement?.end, 'nothing but the entry is written');
  assert.equal(
    edited(more, () => undefined),
    text,
  );
});

test('what stands on one line stays on one line', () => {
  const compact = JSON.stringify(data);
  assert.equal(
    edited(compact, (copy) => database(copy).exclude.tables.pop()),
    compact.replace(',"c.x"', ''),
  );
  const spaced = pretty(data).replace(/\[\s+"a.x",\s+"c.x"\s+\]/, '[ "a.x", "c.x" ]');
  assert.ok(spaced.includes('[ "a.x", "c.x" ]'));
  assert.equal(
    edited(spaced, (copy) => database(copy).exclude.tables.push('d.x')),
    spaced.replace('[ "a.x", "c.x" ]', '[ "a.x", "c.x", "d.x" ]'),
  );
});

test('names of objects are sorted among the ones that are there', () => {
  const result = edited(pretty(data), (copy) => {
    Object.assign(database(copy).tables, { 'o.b': { where: 'x > 1' }, 'q.c': { name: 'ü "🚢"' } });
  });
  const tables: object = JSON.parse(result).databases[0].tables;
  assert.deepEqual(Object.keys(tables), ['o.b', 'p.a', 'q.c']);
});

test('a replacement never cuts a character or a line end in two', () => {
  for (const [before, after] of [
    ['a🚢b', 'a🚣b'],
    ['a\r\nb', 'a\nb'],
    ['x\r\n\r\ny', 'x\r\ny'],
    ['🚢', '🚢🚢'],
  ] as const) {
    const { start, end, text } = smallestReplacement(before, after) ?? assert.fail();
    assert.equal(before.slice(0, start) + text + before.slice(end), after);
    const halves = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
    assert.doesNotMatch(text, halves);
    assert.doesNotMatch(before.slice(start, end), halves);
  }
  assert.equal(smallestReplacement('same', 'same'), undefined);
});

test('any data can be made of any text, in many layouts', () => {
  let seed = 7;
  const random = (bound: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % bound;
  };
  const names = ['public', 'a b', 'ä', 'x"y', '🚢', 'z', 'tmp'];
  const list = () => Array.from({ length: random(4) }, () => `${names[random(7)]}${random(5)}`);
  const made = (): JsonObject => ({
    version: 2,
    databases: Array.from({ length: random(4) }, () => ({
      source: `s${random(3)}`,
      ...(random(2) ? { exclude: { ...(random(2) ? { tables: list() } : {}), schemas: list() } } : {}),
      ...(random(2) ? { tables: { [`${names[random(7)]}.t`]: { name: `n${random(9)}` } } } : {}),
    })),
    options: { jobs: random(9), roles: {} },
  });
  const layouts: ((value: unknown) => string)[] = [
    (value) => pretty(value),
    (value) => JSON.stringify(value),
    (value) => pretty(value, '\t').replaceAll('\n', '\r\n'),
    (value) => pretty(value).replace(/\[\n\s+("[^\n]*")\n\s+\]/g, '[ $1 ]'),
    (value) => pretty(value, 4).replace(/\{\n\s+("[^\n{}]*")\n\s+\}/g, '{ $1 }'),
  ];
  for (let n = 0; n < 1500; n += 1) {
    const to = made();
    const text = layouts[n % layouts.length]?.(made()) ?? '';
    const result = readText(editText(text, to));
    assert.ok(result.state === 'readable');
    assert.deepEqual(result.data, to);
  }
});

test('text that a run could not read is broken at its place', () => {
  for (const [text, at] of [
    ['{\n  "version": 2,\n}', '}'],
    ['{"a": 1 // no\n}', '//'],
    ['{"a" 1}', '1'],
  ] as const) {
    const read = readText(text);
    assert.ok(read.state === 'broken');
    assert.equal(read.offset, text.indexOf(at), `${text}: ${read.message}`);
  }
  assert.equal(readText('[]').state, 'broken');
  assert.equal(readText('').state, 'broken');
});

test('a problem is underlined at its value, or where it belongs', () => {
  const text = pretty(data);
  const under = (...path: (string | number)[]) => {
    const { offset, length } = locate(text, path);
    return text.slice(offset, offset + length);
  };
  assert.equal(under('databases', 0, 'exclude', 'tables', 1), '"c.x"');
  assert.equal(under('databases', 0, 'exclude', 'tables'), '"tables"');
  assert.equal(under('options', 'missing'), '"options"');
  assert.equal(under('databases', 0), '{');
  assert.equal(under('nothing', 'of', 'it'), '{');
});
