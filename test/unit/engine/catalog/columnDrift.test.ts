import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ColumnNow, driftDdl } from '../../../../src/engine/catalog/columnDrift.js';

const table = { schema: 's', name: 'T' };
const column = (name: string, number: number, more: Partial<ColumnNow> = {}): ColumnNow => ({
  name,
  number,
  declared: 'integer',
  notNull: false,
  generated: null,
  expression: null,
  missing: null,
  collation: null,
  identity: '',
  ...more,
});
const known = (name: string, number?: number, target = 'integer') => ({
  name,
  target,
  ...(number !== undefined && { number }),
});

/** The lines without what all begin with, and without quotes. */
const ddl = (before: Parameters<typeof driftDdl>[1], now: readonly ColumnNow[]): string[] =>
  (driftDdl(table, before, now) ?? '')
    .replaceAll('"', '')
    .replaceAll('ALTER TABLE s.T ', '')
    .split('\n')
    .filter((line) => line !== '');

describe('DDL for a table whose columns changed', () => {
  test('nothing to do', () => {
    assert.equal(driftDdl(table, [known('a', 1)], [column('a', 1)]), undefined);
    // A computed column that was there before is none of it.
    assert.equal(
      driftDdl(table, [known('a', 3)], [column('g', 2, { generated: 'stored' }), column('a', 3)]),
      undefined,
    );
  });

  test('columns that go come first, so that their names are free', () => {
    const before = [known('a', 1), known('b', 2), known('c', 3)];
    assert.deepEqual(ddl(before, [column('a', 1), column('b', 3), column('c', 4)]), [
      'DROP COLUMN b;',
      'RENAME COLUMN c TO b;',
      'ADD COLUMN c integer;',
    ]);
    // Dropped and added again is another column.
    assert.deepEqual(ddl([known('a', 1)], [column('a', 2)]), ['DROP COLUMN a;', 'ADD COLUMN a integer;']);
  });

  test('names in a chain and in a circle', () => {
    const before = [known('a', 1), known('b', 2), known('c', 3)];
    assert.deepEqual(ddl(before, [column('b', 1), column('c', 2), column('d', 3)]), [
      'RENAME COLUMN c TO d;',
      'RENAME COLUMN b TO c;',
      'RENAME COLUMN a TO b;',
    ]);
    assert.deepEqual(ddl(before, [column('b', 1), column('a', 2), column('c', 3)]), [
      'RENAME COLUMN a TO a_flexferry;',
      'RENAME COLUMN b TO a;',
      'RENAME COLUMN a_flexferry TO b;',
    ]);
  });

  test('types, with collation, of what was renamed, too', () => {
    const now = [column('b', 1, { declared: 'character varying(5)', collation: 'pg_catalog."C"' })];
    assert.deepEqual(ddl([known('a', 1)], now), [
      'RENAME COLUMN a TO b;',
      'ALTER COLUMN b TYPE character varying(5) COLLATE pg_catalog.C USING b::character varying(5);',
    ]);
  });

  test('what rows had that were there before a column', () => {
    const add = (more: Partial<ColumnNow>) => ddl([known('a', 1)], [column('a', 1), column('n', 2, more)]);
    const text = { declared: 'text' };
    assert.deepEqual(add({ expression: '7', missing: '7', notNull: true }), [
      'ADD COLUMN n integer DEFAULT 7 NOT NULL;',
    ]);
    assert.deepEqual(add({ ...text, expression: "'it''s'::text", missing: "it's" }), [
      "ADD COLUMN n text DEFAULT 'it''s'::text;",
    ]);
    // Its default is another one by now.
    assert.deepEqual(add({ expression: '8', missing: '7' }), [
      "ADD COLUMN n integer DEFAULT '7'::integer;",
      'ALTER COLUMN n SET DEFAULT 8;',
    ]);
    assert.deepEqual(add({ declared: 'date', expression: 'now()', missing: '2026-01-02', notNull: true }), [
      "ADD COLUMN n date DEFAULT '2026-01-02'::date NOT NULL;",
      'ALTER COLUMN n SET DEFAULT now();',
    ]);
    const compare =
      '-- rows that were there before have values of their own in n on the source: compare them';
    assert.deepEqual(add({ declared: 'uuid', expression: 'gen_random_uuid()' }), [
      'ADD COLUMN n uuid DEFAULT gen_random_uuid();',
      compare,
    ]);
    assert.deepEqual(add({ identity: 'a', notNull: true }), [
      'ADD COLUMN n integer GENERATED ALWAYS AS IDENTITY NOT NULL;',
      compare,
    ]);
  });

  test('a computed column that may be new', () => {
    const now = [column('a', 1), column('g', 2, { generated: 'virtual', expression: '(a * 2)' })];
    assert.deepEqual(ddl([known('a', 1)], now), [
      '-- if it is new: ADD COLUMN g integer GENERATED ALWAYS AS ((a * 2)) VIRTUAL;',
    ]);
  });

  test('without numbers columns are known by their names', () => {
    assert.deepEqual(ddl([known('a'), known('b')], [column('b', 1), column('c', 2)]), [
      'DROP COLUMN a;',
      'ADD COLUMN c integer;',
    ]);
  });
});
