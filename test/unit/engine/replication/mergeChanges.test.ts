import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type ApplyTable,
  projectChange,
  type RowChange,
} from '../../../../src/engine/replication/apply/applyTable.js';
import { TableMerge } from '../../../../src/engine/replication/apply/mergeChanges.js';
import { type Row, unchangedToast, type Value } from '../../../../src/engine/replication/pgoutputMessages.js';
import { applyTable, type TableShape } from './applyTables.js';
import { seeded } from './recorded.js';

/** Rows by their key; every value is known. */
type Rows = Map<string, readonly (string | null)[]>;

interface History {
  readonly before: Rows;
  readonly after: Rows;
  readonly changes: readonly (RowChange | 'truncate')[];
}

/** Changes as a source would send them, and what they come to one after the other. */
function randomHistory(table: ApplyTable, below: (n: number) => number): History {
  const { relation, key } = table;
  const places = key?.columns ?? [];
  const isFull = relation.replicaIdentity === 'f';
  const keyOf = (row: Row): string => JSON.stringify(places.map((place) => row[place]));
  const fresh = (): (string | null)[] =>
    relation.columns.map((_, i) =>
      places.includes(i) ? String(below(3)) : below(4) === 0 ? null : `v${below(50)}`,
    );
  const rows: Rows = new Map();
  for (let i = below(6); i > 0; i--) {
    const row = fresh();
    rows.set(keyOf(row), row);
  }
  const before = new Map(rows);
  const changes: (RowChange | 'truncate')[] = [];
  const keyRow = (row: Row): Row => row.map((value, i) => (places.includes(i) ? value : null));
  for (let i = below(9); i > 0; i--) {
    const kind = below(20);
    const there = [...rows.values()];
    const old = there[below(there.length)];
    if (kind === 0) {
      rows.clear();
      changes.push('truncate');
    } else if (kind < 7 || old === undefined) {
      const row = fresh();
      if (rows.has(keyOf(row))) continue;
      rows.set(keyOf(row), row);
      changes.push({ kind: 'insert', relation, row });
    } else if (kind < 11) {
      rows.delete(keyOf(old));
      changes.push({
        kind: 'delete',
        relation,
        key: isFull ? undefined : keyRow(old),
        old: isFull ? old : undefined,
      });
    } else {
      const other = fresh();
      const movesKey = kind > 15;
      const row = old.map((value, place) =>
        places.includes(place)
          ? movesKey
            ? (other[place] ?? null)
            : value
          : below(2) === 0
            ? (other[place] ?? null)
            : value,
      );
      if (keyOf(row) !== keyOf(old) && rows.has(keyOf(row))) continue;
      const isMoved = keyOf(row) !== keyOf(old);
      // What is not changed may be large: then it is not sent. A key in that case is sent as the old one.
      const hides = row.map((value, place) => value === old[place] && value !== null && below(3) === 0);
      const hidesKey = hides.some((hidden, place) => hidden && places.includes(place));
      const sent = row.map((value, place): Value => (hides[place] ? unchangedToast : value));
      rows.delete(keyOf(old));
      rows.set(keyOf(row), row);
      changes.push({
        kind: 'update',
        relation,
        key: !isFull && (isMoved || hidesKey) ? keyRow(old) : undefined,
        old: isFull ? old : undefined,
        row: sent,
      });
    }
  }
  return { before, after: rows, changes };
}

/** What the statements of a merged table do: each row has to be there, or not to be there, as they expect it. */
function applied(merge: TableMerge, before: Rows, isTruncated: boolean): Rows {
  const { table } = merge;
  const places = table.key?.columns ?? [];
  const keyOf = (row: Row): string => JSON.stringify(places.map((place) => row[place]));
  const rows: Rows = isTruncated ? new Map() : new Map(before);
  const { deletes, updates, inserts } = merge.merged();
  for (const row of deletes) assert.ok(rows.delete(keyOf(row)), 'a row to delete is there');
  for (const row of updates) {
    const old = rows.get(keyOf(row));
    assert.ok(old, 'a row to update is there');
    const settable = new Set(table.settable);
    rows.set(
      keyOf(row),
      old.map((value, i) => {
        const now = row[i];
        return settable.has(i) && typeof now !== 'symbol' && now !== undefined ? now : value;
      }),
    );
  }
  for (const row of inserts) {
    assert.ok(!rows.has(keyOf(row)), 'a row to insert is not there');
    const values = row.map((value) => {
      assert.notEqual(typeof value, 'symbol', 'a row to insert is whole');
      return value as string | null;
    });
    rows.set(keyOf(row), values);
  }
  return rows;
}

const shapes: Readonly<Record<string, TableShape>> = {
  'a key': { columns: ['id*', 'a', 'big'] },
  'a key of several columns, not the first': { columns: ['a', 'k*', 'big', 'l*'] },
  'REPLICA IDENTITY FULL, with a key': { columns: ['id*', 'a', 'big'], replicaIdentity: 'f' },
  'nothing but a key': { columns: ['k*', 'l*'] },
  'columns of the target alone': { columns: ['id*', 'a', 'big'], extra: ['own'] },
  'an identity that cannot be set': { columns: ['id*', 'n', 'a'], target: { n: { identityAlways: true } } },
  'a key that cannot be set': { columns: ['id*', 'a'], target: { id: { identityAlways: true } } },
};

describe('merged changes come to the same as one after the other', () => {
  for (const [name, shape] of Object.entries(shapes))
    test(name, () => {
      const random = seeded(name.length);
      const below = (n: number): number => Math.floor(random() * n);
      const table = applyTable(shape);
      let merged = 0;
      for (let round = 0; round < 6_000; round++) {
        const { before, after, changes } = randomHistory(table, below);
        const merge = new TableMerge(table);
        for (const change of changes)
          if (change === 'truncate') merge.truncate();
          else merge.add(projectChange(change, table));
        if (merge.isOrdered) continue;
        merged += 1;
        const told = JSON.stringify({ before: [...before.values()], changes }, (key, value: unknown) =>
          key === 'relation' ? undefined : typeof value === 'symbol' ? '<same>' : value,
        );
        try {
          const rows = applied(merge, before, changes.includes('truncate'));
          assert.deepEqual([...rows].sort(), [...after].sort());
        } catch (error) {
          assert.fail(`${error instanceof Error ? error.message : String(error)}\n${told}`);
        }
      }
      // Most of them can be merged.
      assert.ok(merged > 3_000, `${merged}`);
    });

  test('rows without a key are put behind each other, until one is changed', () => {
    const table = applyTable({ columns: ['a', 'b'], replicaIdentity: 'f' });
    const { relation } = table;
    const merge = new TableMerge(table);
    for (let i = 0; i < 3; i++) merge.add({ kind: 'insert', relation, row: ['x', null] });
    assert.deepEqual(
      merge.merged().inserts,
      Array.from({ length: 3 }, () => ['x', null]),
    );
    merge.truncate();
    assert.deepEqual(merge.merged().inserts, []);
    merge.add({ kind: 'delete', relation, key: undefined, old: ['x', null] });
    assert.ok(merge.isOrdered);
  });

  test('keys of NULL and of a text that says so are two', () => {
    const table = applyTable({ columns: ['id*', 'a*'] });
    const { relation } = table;
    const merge = new TableMerge(table);
    for (const row of [
      ['null', 'x'],
      [null, 'x'],
      ['', 'x'],
      ['x', ''],
      ['x', null],
    ])
      merge.add({ kind: 'insert', relation, row });
    assert.ok(!merge.isOrdered);
    assert.equal(merge.merged().inserts.length, 5);
  });

  test('changes that contradict each other are not merged', () => {
    const table = applyTable({ columns: ['id*', 'a'] });
    const { relation } = table;
    const insert = (id: string): RowChange => ({ kind: 'insert', relation, row: [id, 'x'] });
    const remove = (id: string): RowChange => ({ kind: 'delete', relation, key: [id, null], old: undefined });
    for (const changes of [
      [insert('1'), insert('1')],
      [remove('1'), remove('1')],
      [remove('1'), { kind: 'update', relation, key: undefined, old: undefined, row: ['1', 'y'] } as const],
    ]) {
      const merge = new TableMerge(table);
      for (const change of changes) merge.add(change);
      assert.ok(merge.isOrdered);
    }
  });
});
