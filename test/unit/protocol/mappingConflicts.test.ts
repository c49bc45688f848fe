import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MappingTable } from '../../../src/protocol/engine.js';
import { mappingConflicts } from '../../../src/protocol/mappingConflicts.js';
import type { ProjectDatabase } from '../../../src/protocol/project.js';
import { growth, linear } from '../../support/growth.js';

const rel = (schema: string, name: string) => ({ schema, name });
const table = (schema: string, name: string): MappingTable => ({
  ...rel(schema, name),
  kind: 'table',
  bytes: 0,
  rows: 0,
  hasKey: true,
});
const catalog = (...names: readonly string[]) => {
  const tables = names.map((name) => table(...(name.split('.') as [string, string])));
  return {
    schemas: [...new Set(tables.map(({ schema }) => schema))],
    tables,
    indexes: tables.map(({ schema, name }) => ({ schema, name: `${name}_pkey`, table: name })),
  };
};
const database = (rest: Partial<ProjectDatabase> = {}): ProjectDatabase => ({
  source: 'a',
  target: 'd',
  ...rest,
});
const messages = (
  databases: readonly ProjectDatabase[],
  catalogs: Parameters<typeof mappingConflicts>[1],
  targets: Parameters<typeof mappingConflicts>[2] = new Map(),
) =>
  mappingConflicts(databases, catalogs, targets).map(
    ({ database: index, relation, schema, kind, message }) =>
      `${index} ${relation ? `${relation.schema}.${relation.name}` : schema} ${kind}: ${message}`,
  );

describe('conflicts of a mapping', () => {
  test('none where nothing is renamed', () => {
    assert.deepEqual(messages([database()], [catalog('a.x', 'b.x')]), []);
  });
  test('two schemas into one, both rows told, their indexes, too', () => {
    const one = database({ schemas: { a: 'c', b: 'c' } });
    assert.deepEqual(messages([one], [catalog('a.x', 'b.x', 'b.y')]), [
      '0 b.x sameTarget: c.x is the target of a.x, too.',
      '0 a.x sameTarget: c.x is the target of b.x, too.',
      '0 b.x sameTarget: The name c.x_pkey of the index x_pkey of b.x is that of the index x_pkey of a.x, too.',
      '0 a.x sameTarget: The name c.x_pkey of the index x_pkey of a.x is that of the index x_pkey of b.x, too.',
    ]);
    const apart = database({ schemas: { a: 'c', b: 'c' }, exclude: { tables: ['b.x'] } });
    assert.deepEqual(messages([apart], [catalog('a.x', 'b.x', 'b.y')]), []);
  });
  test('a schema onto one that stays', () => {
    assert.equal(messages([database({ schemas: { a: 'b' } })], [catalog('a.x', 'b.x')]).length, 4);
    assert.deepEqual(messages([database({ schemas: { a: 'b', b: 'a' } })], [catalog('a.x', 'b.x')]), []);
  });
  test('a table onto a table, and onto the name of an index', () => {
    assert.deepEqual(messages([database({ tables: { 'a.x': { name: 'y' } } })], [catalog('a.x', 'a.y')]), [
      '0 a.y sameTarget: a.y is the target of a.x, too.',
      '0 a.x sameTarget: a.y is the target of a.y, too.',
    ]);
    const [first] = messages([database({ tables: { 'a.x': { name: 'y_pkey' } } })], [catalog('a.x', 'a.y')]);
    assert.equal(
      first,
      '0 a.y sameTarget: The name a.y_pkey of the index y_pkey of a.y is that of a.x, too.',
    );
  });
  test('over databases that share a target', () => {
    const two = [database(), database({ source: 'b' })];
    assert.deepEqual(messages(two, [catalog('s.x', 's.y'), catalog('s.x')]).slice(0, 2), [
      '1 s.x sameTarget: s.x is the target of s.x of database a, too.',
      '0 s.x sameTarget: s.x is the target of s.x of database b, too.',
    ]);
    assert.deepEqual(messages([database(), database({ target: 'e' })], [catalog('s.x'), catalog('s.x')]), []);
    assert.deepEqual(
      messages(
        [database(), database({ source: 'b', schemas: { s: 'b' } })],
        [catalog('s.x'), catalog('s.x')],
      ),
      [],
    );
    // A catalog that was not read yet is no reason to say nothing of the others.
    assert.deepEqual(messages(two, [undefined, catalog('s.x')]), []);
  });
  test('names that cannot be, at the schema or the table', () => {
    const long = 'ü'.repeat(32);
    const one = database({
      schemas: { a: 'pg_a' },
      tables: { 'b.x': { name: long }, 'b.y': { schema: 'flexferry' } },
    });
    assert.deepEqual(messages([one], [catalog('a.x', 'b.x', 'b.y')]), [
      '0 a name: The schema name pg_a is reserved.',
      '0 b.x name: The name has 64 bytes; PostgreSQL takes at most 63.',
      '0 b.y name: The schema name flexferry is reserved.',
    ]);
  });
  test('what stands on the target already', () => {
    const targets = new Map([
      ['d', { exists: true, schemas: ['s', 'c'], relations: [rel('c', 'x'), rel('s', 'y')] }],
    ]);
    assert.deepEqual(messages([database({ schemas: { s: 'c' } })], [catalog('s.x', 's.y')], targets), [
      '0 s.x exists: c.x exists in d already.',
    ]);
    assert.deepEqual(messages([database({ target: 'e' })], [catalog('s.y')], targets), []);
  });
  test('a schema that only a table of this project goes to', () => {
    const one = database({ tables: { 's.x': { schema: 'New' }, 's.y': { schema: 'other' } } });
    assert.deepEqual(messages([one], [catalog('s.x', 's.y', 'other.z')]), [
      '0 s.x newSchema: The schema "New" is created on the target.',
    ]);
  });
  test('filters that cannot be read are told elsewhere', () => {
    assert.deepEqual(messages([database({ exclude: { tables: ['~/(/'] } })], [catalog('s.x')]), []);
  });
});

test('60,000 tables cost ten times as much as 6,000', () => {
  const one = database({ schemas: { s1: 's2' }, tables: { 's0.t0': { name: 't50' } } });
  const times = growth((count) => {
    const large = catalog(...Array.from({ length: count }, (_, i) => `s${i % 50}.t${i}`));
    const relations = large.tables.slice(0, count / 2);
    const targets = new Map([['d', { exists: true, schemas: [], relations }]]);
    return () => assert.equal(mappingConflicts([one], [large], targets).length, 2 + count * 0.49);
  }, 60_000);
  assert.ok(times < linear, String(times));
});
