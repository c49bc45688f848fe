import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MappingDependency, MappingTable } from '../../../src/protocol/engine.js';
import { dependantMessage, leftOutDependants } from '../../../src/protocol/leftOutDependants.js';
import { compileMapping } from '../../../src/protocol/mapping.js';
import type { ProjectDatabase } from '../../../src/protocol/project.js';
import { growth, linear } from '../../support/growth.js';

const rel = (schema: string, name: string) => ({ schema, name });
const table = (schema: string, name: string, kind: MappingTable['kind'] = 'table'): MappingTable => ({
  ...rel(schema, name),
  kind,
  bytes: 0,
  rows: 0,
  hasKey: true,
});
const view = (name: string, needs: string): MappingDependency => ({
  object: `view s.${name}`,
  on: rel('s', name),
  whole: true,
  needs: rel('s', needs),
});
const tables = ['t', 'u', 'v', 'w', 'x'].map((name) => table('s', name, name < 'v' ? 'table' : 'view'));
const dependencies: MappingDependency[] = [
  view('x', 'w'),
  view('w', 'v'),
  view('v', 't'),
  view('v', 'u'),
  { object: 'foreign key k on s.u', on: rel('s', 'u'), needs: rel('s', 't'), needsRows: true },
  { object: 'foreign key k on s.u', on: rel('s', 'u'), needs: rel('s', 't_pkey'), needsKind: 'index' },
  { object: 'function f.g(s.t)', schema: 'f', needs: rel('s', 't') },
  {
    object: 'index i on s.u',
    on: rel('s', 'u'),
    index: 'i',
    needs: rel('', 'pg_trgm'),
    needsKind: 'extension',
  },
  { object: 'table s.u', on: rel('s', 'u'), whole: true, needs: rel('ty pes', 'mood'), needsKind: 'type' },
  { object: 'trigger r on s.t', on: rel('s', 't'), needs: rel('f', 'F(integer)'), needsKind: 'function' },
];
const messages = (database: Partial<ProjectDatabase>, options = {}) =>
  leftOutDependants(
    compileMapping({ source: 'a', target: 'b', ...database }),
    { tables, dependencies },
    options,
  ).map(dependantMessage);

describe('what needs something that is left out', () => {
  test('nothing is left out', () => assert.deepEqual(messages({}), []));
  test('a table: what needs it, and what needs that', () => {
    assert.deepEqual(messages({ exclude: { tables: ['s.t'] } }), [
      'view s.v needs table s.t, which is left out',
      'foreign key k on s.u needs table s.t, which is left out',
      'function f.g(s.t) needs table s.t, which is left out',
      'view s.w needs view s.v, which needs something that is left out',
      'view s.x needs view s.w, which needs something that is left out',
    ]);
  });
  test('what is left out itself needs nothing and passes nothing on', () => {
    assert.deepEqual(messages({ exclude: { tables: ['s.t', 's.v'], schemas: ['f'] } }), [
      'view s.w needs view s.v, which is left out',
      'foreign key k on s.u needs table s.t, which is left out',
      'view s.x needs view s.w, which needs something that is left out',
    ]);
    assert.deepEqual(messages({ exclude: { tables: ['s.t', '~/^s\\.[u-x]$/'], schemas: ['f'] } }), []);
  });
  test('by what is included', () => {
    assert.deepEqual(messages({ include: { tables: ['s.u', 's.x'] } }), [
      'view s.x needs view s.w, which is left out',
      'foreign key k on s.u needs table s.t, which is left out',
      'function f.g(s.t) needs table s.t, which is left out',
    ]);
  });
  test('rows that a foreign key refers to', () => {
    assert.deepEqual(messages({ exclude: { tableData: ['s.t'] } }), [
      'foreign key k on s.u needs rows of table s.t, which is created without rows',
    ]);
    assert.deepEqual(messages({ exclude: { tableData: ['s.t', 's.u'] } }), []);
    assert.deepEqual(messages({ tables: { 's.t': { where: 'id > 1' } } }), [
      'foreign key k on s.u needs rows of table s.t, whose row filter may leave some out',
    ]);
  });
  test('an index, an extension, a schema with a type or a function', () => {
    assert.deepEqual(messages({ exclude: { indexes: ['s.t_pkey'] } }), [
      'foreign key k on s.u needs index s.t_pkey, which is left out',
    ]);
    assert.deepEqual(messages({ exclude: { extensions: ['~/trgm/'] } }), [
      'index i on s.u needs extension pg_trgm, which is left out',
    ]);
    assert.deepEqual(messages({ exclude: { extensions: ['~/trgm/'], indexes: ['s.i'] } }), []);
    assert.deepEqual(messages({}, { extensions: false }), [
      'index i on s.u needs extension pg_trgm, which is left out',
    ]);
    assert.deepEqual(messages({ exclude: { schemas: ['f', 'ty pes'] } }), [
      'table s.u needs type "ty pes".mood, which is left out',
      'trigger r on s.t needs function f."F"(integer), which is left out',
      'view s.v needs table s.u, which needs something that is left out',
      'view s.w needs view s.v, which needs something that is left out',
      'view s.x needs view s.w, which needs something that is left out',
    ]);
  });
  test('circles end', () => {
    const circle = [view('v', 'w'), view('w', 'v'), view('v', 't')];
    const found = leftOutDependants(
      compileMapping({ source: 'a', target: 'b', exclude: { tables: ['s.t'] } }),
      { tables, dependencies: circle },
    );
    assert.equal(found.length, 3);
  });
});

test('60,000 tables and as many dependencies cost ten times as much as 6,000', () => {
  const mapping = compileMapping({
    source: 'a',
    target: 'b',
    exclude: { tables: ['~/number 1$/', 's3."table number 3"'], schemas: ['s7'] },
  });
  const times = growth((count) => {
    const many = Array.from({ length: count }, (_, i) => table(`s${i % 50}`, `table number ${i}`));
    const each = many.slice(1).map(
      (one, i): MappingDependency => ({
        object: `foreign key x on ${one.name}`,
        on: one,
        needs: many[i] ?? one,
        needsRows: true,
      }),
    );
    const found = count / 50 + 2;
    return () => assert.equal(leftOutDependants(mapping, { tables: many, dependencies: each }).length, found);
  }, 60_000);
  assert.ok(times < linear, String(times));
});
