import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compileMapping,
  filterProblem,
  formatIdentifier,
  formatRelation,
  nameProblem,
  parseIdentifiers,
  parseRelation,
} from '../../../src/protocol/mapping.js';
import type { ProjectDatabase } from '../../../src/protocol/project.js';

const of = (database: Partial<ProjectDatabase>) => compileMapping({ source: 'a', target: 'b', ...database });
const rel = (schema: string, name: string) => ({ schema, name });

describe('what is taken', () => {
  test('everything, unless filters say otherwise', () => {
    const mapping = of({});
    assert.deepEqual(mapping.table(rel('s', 't')), { included: true, data: true, target: rel('s', 't') });
    assert.equal(mapping.renames, false);
    assert.deepEqual(mapping.schema('s'), { included: true, target: 's' });
  });
  test('exact names are exact', () => {
    const mapping = of({ exclude: { schemas: ['Old', 'a.b'], tables: ['s.orders', '"S"."Big t"'] } });
    for (const [name, included] of [
      ['Old', false],
      ['old', true],
      ['a.b', false],
      ['older', true],
    ] as const)
      assert.equal(mapping.schema(name).included, included, name);
    for (const [schema, name, included] of [
      ['s', 'orders', false],
      ['S', 'orders', true],
      ['s', 'orders2', true],
      ['S', 'Big t', false],
      ['Old', 't', false],
    ] as const)
      assert.equal(mapping.table(rel(schema, name)).included, included, `${schema}.${name}`);
    assert.equal(mapping.table(rel('Old', 't')).leftOutBy, 'Old');
    assert.equal(mapping.table(rel('S', 'Big t')).leftOutBy, '"S"."Big t"');
  });
  test('unquoted names are folded as SQL folds them', () => {
    const mapping = of({ exclude: { tables: ['S.Orders'], indexes: ['s."I x"'] } });
    assert.equal(mapping.table(rel('s', 'orders')).included, false);
    assert.equal(mapping.table(rel('S', 'Orders')).included, true);
    assert.equal(mapping.index(rel('s', 'I x')), false);
    assert.equal(mapping.index(rel('s', 'i x')), true);
  });
  test('regular expressions match anywhere unless anchored', () => {
    const mapping = of({
      include: { schemas: ['~/^app/'] },
      exclude: { tables: ['app.~/^tmp_/', '~/_log$/'], tableData: ['~/big/'], extensions: ['~/gis/'] },
    });
    assert.equal(mapping.schema('app_x').included, true);
    assert.equal(mapping.schema('my_app').leftOutBy, 'include.schemas');
    assert.equal(mapping.table(rel('app', 'tmp_x')).leftOutBy, 'app.~/^tmp_/');
    assert.equal(mapping.table(rel('app2', 'tmp_x')).included, true);
    assert.equal(mapping.table(rel('app', 'a_log')).leftOutBy, '~/_log$/');
    assert.deepEqual(
      [mapping.table(rel('app', 'bigger')).data, mapping.table(rel('app', 'bigger')).included],
      [false, true],
    );
    assert.deepEqual([mapping.extension('postgis'), mapping.extension('citext')], [false, true]);
  });
  test('exclude is stronger than include', () => {
    const mapping = of({ include: { tables: ['s.a', 's.b'] }, exclude: { tables: ['s.b'] } });
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => mapping.table(rel('s', name)).leftOutBy),
      [undefined, 's.b', 'include.tables'],
    );
  });
});

test('where it goes', () => {
  const mapping = of({
    schemas: { s: 'S new' },
    tables: {
      's.a': { name: 'A "x"' },
      '"s"."b"': { schema: 'z' },
      'S.C': { where: ' ' },
      's.d': { where: 'id > 1' },
    },
  });
  assert.equal(mapping.renames, true);
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e']
      .map((name) => mapping.table(rel('s', name)))
      .map(({ target, where }) => [target, where]),
    [
      [rel('S new', 'A "x"'), undefined],
      [rel('z', 'b'), undefined],
      [rel('S new', 'c'), undefined],
      [rel('S new', 'd'), 'id > 1'],
      [rel('S new', 'e'), undefined],
    ],
  );
});

test('a regular expression that would backtrack for ever elsewhere ends at once', () => {
  for (const evil of ['~/(a+)+$/', '~/(a|a)*b/', '~/^(([a-z])+.)+[A-Z]([a-z])+$/', '~/(.*)*x(.*)*x$/']) {
    assert.equal(filterProblem(evil, 'relation'), undefined);
    const mapping = of({ exclude: { tables: [evil], schemas: [evil], indexes: [evil] } });
    const began = performance.now();
    for (const length of [63, 1_000, 20_000]) {
      const name = `${'a'.repeat(length)}!`;
      mapping.schema(name);
      mapping.table(rel('s', name));
      mapping.index(rel('s', name));
    }
    assert.ok(performance.now() - began < 3_000, `${evil} took ${performance.now() - began} ms`);
  }
});

describe('names as SQL writes them', () => {
  const names = [
    'a',
    'A',
    'a b',
    'a"b',
    '"',
    'a.b',
    'über',
    'Ünder',
    '1a',
    '$x',
    'a$1',
    '😀',
    'select',
    'a\nb',
    '~/x/',
    ' a ',
  ];
  test('what is written is read again', () => {
    for (const schema of names)
      for (const name of names)
        assert.deepEqual(parseRelation(formatRelation(rel(schema, name))), rel(schema, name));
  });
  test('plain ones stay plain', () => {
    assert.equal(formatRelation(rel('public', 'orders_2$')), 'public.orders_2$');
    assert.equal(formatIdentifier('Orders'), '"Orders"');
  });
  test('what is none', () => {
    for (const text of ['', '.', 'a.', '.a', 'a b', 'a..b', '"a', 'a"b"', '""', 'a.b;', '1a', "'a'", 'a\0b'])
      assert.equal(parseIdentifiers(text), undefined, text);
    for (const text of ['a', 'a.b.c']) assert.equal(parseRelation(text), undefined, text);
  });
  test('blanks around the dot, as SQL allows', () => {
    assert.deepEqual(parseRelation(' a . "B" '), rel('a', 'B'));
  });
});

test('names that cannot be', () => {
  assert.equal(nameProblem('x'.repeat(63), 'table'), undefined);
  assert.match(nameProblem('x'.repeat(64), 'table') ?? '', /64 bytes/);
  assert.equal(nameProblem('€'.repeat(21), 'schema'), undefined);
  assert.match(nameProblem('€'.repeat(22), 'schema') ?? '', /66 bytes/);
  assert.match(nameProblem('😀'.repeat(16), 'schema') ?? '', /64 bytes/);
  assert.match(nameProblem('', 'table') ?? '', /empty/);
  assert.match(nameProblem('a\0', 'table') ?? '', /NUL/);
  assert.match(nameProblem('pg_x', 'schema') ?? '', /reserved/);
  assert.equal(nameProblem('pg_x', 'table'), undefined);
  assert.equal(nameProblem('PG_x', 'schema'), undefined);
});
