import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTree } from '../../../src/extension/editors/mapping/databaseTree.js';
import { readData } from '../../../src/extension/editors/mapping/projectData.js';
import { revealing } from '../../../src/extension/editors/mapping/reveal.js';
import { schemaKeyOf, tableKeyOf } from '../../../src/extension/editors/mapping/rowKey.js';
import { matcher, visibleRows } from '../../../src/extension/editors/mapping/visibleRows.js';
import type { MappingCatalog } from '../../../src/protocol/engine.js';
import { type MappingFilter, type MappingView, noFilter } from '../../../src/protocol/mappingPanel.js';
import { growth, linear } from '../../support/growth.js';

function catalogOf(schemas: number, tables: number): MappingCatalog {
  const names = Array.from({ length: schemas }, (_, n) => `s${n}`);
  return {
    schemas: names,
    tables: names.flatMap((schema) =>
      Array.from({ length: tables }, (_, n) => ({
        schema,
        name: `${'a'.repeat(30)}${n}`,
        kind: 'table' as const,
        bytes: 10,
        rows: 5,
        hasKey: n % 2 === 0,
      })),
    ),
    indexes: names.map((schema) => ({ schema, name: `${schema}_pkey`, table: `${'a'.repeat(30)}0` })),
    extensions: ['citext'],
    roles: [],
    dependencies: [],
  };
}

function shown(database: object, catalog: MappingCatalog) {
  const [view] = readData({
    version: 2,
    databases: [{ source: 'shop', target: 'shop', ...database }],
  }).databases;
  assert.ok(view);
  return { view, tree: buildTree(view, catalog), status: { state: 'ready' } } as const;
}
const start: MappingView = { filter: noFilter, base: 'standard', toggled: [], toggledFiltered: [] };
const rowsOf = (
  database: ReturnType<typeof shown>,
  view: MappingView,
  finding: (key: string) => boolean = () => false,
) => {
  const { matches } = matcher(view.filter, finding);
  return visibleRows([database], { view, matches, hasFinding: finding });
};
const filtered = (filter: Partial<MappingFilter>): MappingView => ({
  ...start,
  filter: { ...noFilter, ...filter },
});

test('three states come from the children', () => {
  const catalog = catalogOf(3, 2);
  const name = 'a'.repeat(30);
  const { tree } = shown(
    { exclude: { schemas: ['s1'], tables: [`s0.${name}0`, `s2.${name}0`, `s2.${name}1`] } },
    catalog,
  );
  assert.deepEqual(
    tree.schemas.map(({ checked }) => checked),
    ['mixed', 'false', 'false'],
  );
  assert.equal(tree.checked, 'mixed');
  assert.equal(tree.taken, 1);
  assert.equal(shown({}, catalog).tree.checked, 'true');
  assert.equal(shown({ exclude: { schemas: ['~/s/'] } }, catalog).tree.checked, 'false');
});

test('small databases open whole, large ones by schema; what was toggled stays toggled', () => {
  const small = shown({}, catalogOf(2, 3));
  assert.equal(rowsOf(small, start).length, 1 + 2 + 6 + 1);
  const closed = { ...start, toggled: [schemaKeyOf('shop', 's0')] };
  assert.equal(rowsOf(small, closed).length, 1 + 2 + 3 + 1);
  const large = shown({}, catalogOf(2, 100));
  assert.equal(rowsOf(large, start).length, 1 + 2 + 1);
  assert.equal(rowsOf(large, { ...start, base: 'open' }).length, 1 + 2 + 200 + 1);
  assert.equal(rowsOf(large, { ...start, base: 'closed' }).length, 1);
});

test('filters: text, regular expression, without key, findings', () => {
  const database = shown({}, catalogOf(2, 100));
  assert.equal(rowsOf(database, filtered({ text: 'S1.AAA' })).length, 1 + 1 + 100);
  assert.equal(rowsOf(database, filtered({ text: 'a99$', regex: true })).length, 1 + 2 + 2);
  assert.equal(rowsOf(database, filtered({ onlyWithoutKey: true })).length, 1 + 2 + 100);
  const finding = tableKeyOf('shop', { schema: 's0', name: `${'a'.repeat(30)}7` });
  assert.equal(rowsOf(database, filtered({ onlyFindings: true }), (key) => key === finding).length, 3);
  const { problem, matches } = matcher({ ...noFilter, text: '(', regex: true }, () => false);
  assert.match(problem ?? '', /missing/);
  const [schema] = database.tree.schemas;
  assert.ok(schema?.tables.every(matches), 'an unusable expression hides nothing');
});

test('60,000 tables are built and opened in ten times the time of 6,000', () => {
  const times = growth((count) => {
    const catalog = catalogOf(count / 1000, 1000);
    return () => {
      const database = shown({ exclude: { tables: ['s3.~/9$/'] } }, catalog);
      const all = rowsOf(database, { ...start, base: 'open' });
      assert.equal(all.length, 1 + count / 1000 + count + 1);
    };
  }, 60_000);
  assert.ok(times < linear, String(times));
});

test('60,000 tables are filtered in moments by an expression that would backtrack', () => {
  const database = shown({}, catalogOf(60, 1000));
  const times = Array.from({ length: 3 }, () => {
    const began = performance.now();
    assert.equal(rowsOf(database, filtered({ text: '(a+)+b$', regex: true })).at(-1)?.of, 'status');
    return performance.now() - began;
  });
  assert.ok(Math.min(...times) < 6_000, times.join());
});

test('a row is revealed: what it is in is opened, and a filter that hides it is cleared', () => {
  const database = shown({}, catalogOf(2, 100));
  const key = tableKeyOf('shop', { schema: 's1', name: `${'a'.repeat(30)}42` });
  for (const view of [start, filtered({ text: 'nothing' }), { ...start, base: 'closed' } as const]) {
    const opened = revealing(view, key, [database], rowsOf(database, view));
    assert.ok(rowsOf(database, opened).some((row) => row.key === key));
  }
});
