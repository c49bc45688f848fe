import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetColumn, TargetTable } from '../../../../src/engine/catalog/applyTargets.js';
import {
  changedColumns,
  type Drift,
  type KnownColumn,
  knownColumns,
  seenByTarget,
  targetMoved,
} from '../../../../src/engine/replication/apply/columnChanges.js';
import type { Relation } from '../../../../src/engine/replication/pgoutputMessages.js';
import { seeded } from './recorded.js';

/** One column as it is on one side. `id` is the same on both. */
interface Column {
  readonly id: number;
  readonly name: string;
  readonly number: number;
  readonly type: number;
}
type Columns = readonly Column[];

const typeName = (type: number): string => `type${type}`;

const relationOf = (columns: Columns): Relation => ({
  oid: 1,
  schema: 's',
  name: 't',
  replicaIdentity: 'd',
  columns: [...columns]
    .sort((a, b) => a.number - b.number)
    .map(({ name, type }) => ({ key: false, name, typeOid: type, typeModifier: -1 })),
});

function targetOf(columns: Columns): TargetTable {
  const all = columns.map(({ name, number, type }): TargetColumn => {
    const declared = typeName(type);
    const plain = { generated: false, identityAlways: false, optional: true, delimiter: ',', equals: '=' };
    return { name, number, type: declared, declared, ...plain };
  });
  return {
    schema: 's',
    name: 't',
    oid: '2',
    relkind: 'r',
    columns: new Map(all.map((column) => [column.name, column])),
    keys: [],
    indexed: new Set(),
    acts: { replica: false, origin: false },
    definition: '',
  };
}

const driftOf = (columns: Columns): Drift => ({
  columns: columns.map(({ name, number, type }) => ({ name, number, declared: typeName(type) })),
});

const knownOf = (source: Columns, target: Columns): KnownColumn[] =>
  source.map(({ id, name, number, type }) => {
    const there = target.find((column) => column.id === id);
    return {
      name,
      number,
      typeOid: type,
      typeModifier: -1,
      ...(there && { target: typeName(there.type), targetNumber: there.number }),
    };
  });

const columns = (...names: string[]): Column[] =>
  names.map((name, i) => ({ id: i + 1, name, number: i + 1, type: 1 }));
/** The same columns in other places, as in a table that was made in another way. */
const elsewhere = (all: Columns): Column[] =>
  all.map((column) => ({ ...column, number: 40 - column.number }));

/** Where each column of a relation goes: `a → b`; undefined while it has to wait. */
function ways(known: KnownColumn[], then: Columns, target: Columns, now: Columns): string[] | undefined {
  const relation = relationOf(then);
  const seen = seenByTarget(known, relation, targetOf(target), driftOf(now));
  return seen?.columns.map(({ name }, i) => `${relation.columns[seen.places[i] ?? 0]?.name} → ${name}`);
}

describe('columns that change while they are followed', () => {
  const source = columns('a', 'b', 'c');
  const target = elsewhere(source);
  const known = knownOf(source, target);
  const other = (id: number, change: Partial<Column>, all: Columns): Column[] =>
    all.map((column) => (column.id === id ? { ...column, ...change } : column));

  test('what is noticed', () => {
    const changes = (now: Columns): string | undefined =>
      changedColumns(known, relationOf(now), targetOf(target));
    assert.equal(changes(source), undefined);
    assert.equal(changes(source.slice(1)), 'a is gone');
    assert.equal(changes(other(1, { type: 2 }, source)), 'a has another type');
    assert.equal(changes(other(2, { name: 'x' }, source)), 'x is new, b is gone');
    assert.equal(
      changes(other(1, { number: 9 }, source)),
      'a is another column, b is another column, c is another column',
    );
    assert.equal(targetMoved(known, targetOf(target)), false);
    assert.equal(targetMoved(known, targetOf(target.slice(1))), true);
    assert.equal(targetMoved(known, targetOf(other(2, { number: 50 }, target))), true);
    const computed = targetOf(target);
    const c = computed.columns.get('c');
    assert.ok(c);
    const columnsThere = new Map(computed.columns).set('c', { ...c, generated: true });
    const ofComputed = (now: Columns) =>
      changedColumns(known, relationOf(now), { ...computed, columns: columnsThere });
    assert.equal(ofComputed(source.slice(0, 2)), undefined);
  });

  test('a new column waits until it is there', () => {
    const now = [...source, { id: 4, name: 'd', number: 4, type: 1 }];
    assert.equal(ways(known, now, target, now), undefined);
    const there = [...target, { id: 4, name: 'd', number: 60, type: 1 }];
    assert.deepEqual(ways(known, now, there, now), ['a → a', 'b → b', 'c → c', 'd → d']);
    // It was gone again before anybody did anything.
    assert.deepEqual(ways(known, now, target, source), ['a → a', 'b → b', 'c → c']);
    // Older changes know nothing of it.
    assert.deepEqual(ways(knownOf(now, there), source, there, now), ['a → a', 'b → b', 'c → c']);
  });

  test('a column that is gone waits until it is gone there; older changes leave it out then', () => {
    const now = source.slice(0, 2);
    assert.equal(ways(known, now, target, now), undefined);
    assert.deepEqual(ways(known, now, target.slice(0, 2), now), ['a → a', 'b → b']);
    assert.deepEqual(ways(known, source, target.slice(0, 2), now), ['a → a', 'b → b']);
    assert.equal(ways(known, source, target.slice(0, 2), source), undefined);
  });

  test('another name, and names that are exchanged', () => {
    const renamed = other(2, { name: 'x' }, source);
    assert.equal(ways(known, renamed, target, renamed), undefined);
    const there = other(2, { name: 'x' }, target);
    assert.deepEqual(ways(known, renamed, there, renamed), ['a → a', 'x → x', 'c → c']);
    assert.deepEqual(ways(known, source, there, renamed), ['a → a', 'b → x', 'c → c']);
    const twice = other(2, { name: 'y' }, source);
    assert.deepEqual(ways(known, renamed, other(2, { name: 'y' }, target), twice), [
      'a → a',
      'x → y',
      'c → c',
    ]);
    const exchanged = other(1, { name: 'b' }, other(2, { name: 'a' }, source));
    assert.equal(ways(known, exchanged, target, exchanged), undefined);
    const exchangedThere = other(1, { name: 'b' }, other(2, { name: 'a' }, target));
    assert.deepEqual(ways(known, exchanged, exchangedThere, exchanged), ['b → b', 'a → a', 'c → c']);
    assert.deepEqual(ways(known, source, exchangedThere, exchanged), ['a → b', 'b → a', 'c → c']);
  });

  test('dropped and added again is another column', () => {
    const again = [...source.filter(({ id }) => id !== 2), { id: 9, name: 'b', number: 9, type: 1 }];
    assert.equal(ways(known, again, target, again), undefined);
    const there = [...target.filter(({ id }) => id !== 2), { id: 9, name: 'b', number: 90, type: 1 }];
    assert.deepEqual(ways(known, again, there, again), ['a → a', 'c → c', 'b → b']);
    assert.deepEqual(ways(known, source, there, again), ['a → a', 'c → c']);
  });

  test('another type waits for another type there', () => {
    const now = other(1, { type: 2 }, source);
    assert.equal(ways(known, now, target, now), undefined);
    assert.ok(ways(known, now, other(1, { type: 2 }, target), now));
    assert.ok(ways(known, now, other(1, { type: 7 }, target), now));
    // It has been so from the beginning.
    const wider = other(1, { type: 2 }, target);
    assert.ok(ways(knownOf(source, wider), now, wider, now));
  });

  test('without numbers, and without a word from the source', () => {
    const nameless = known.map(({ number: _, ...column }) => column);
    const renamed = other(2, { name: 'x' }, source);
    assert.equal(ways(nameless, renamed, target, renamed), undefined);
    assert.deepEqual(ways(nameless, renamed, other(2, { name: 'x' }, target), renamed), [
      'a → a',
      'x → x',
      'c → c',
    ]);
    assert.equal(ways(known, renamed, target, []), undefined);
    const more = [...source, { id: 4, name: 'd', number: 4, type: 1 }];
    assert.ok(ways(known, more, [...target, { id: 4, name: 'd', number: 60, type: 1 }], []));
  });

  test('any changes, with any of the three sides ahead: never into another column', () => {
    const random = seeded(7);
    const below = (n: number): number => Math.floor(random() * n);
    let applied = 0;
    for (let round = 0; round < 4_000; round++) {
      const history = randomHistory(below);
      const last = history.length - 1;
      const then = below(history.length);
      const there = below(history.length);
      const [first, moment, place, now] = [history[0], history[then], history[there], history[last]];
      assert.ok(first && moment && place && now);
      const before = knownOf(first.source, first.target);
      const relation = relationOf(moment.source);
      const table = targetOf(place.target);
      const seen = seenByTarget(before, relation, table, driftOf(now.source));
      const told = JSON.stringify({ first, moment, place, now });
      if (then === last && there === last) assert.ok(seen, `waits: ${told}`);
      if (seen === undefined) continue;
      applied += 1;
      const taken = new Set<number>();
      for (const [i, { name }] of seen.columns.entries()) {
        const sent: string | undefined = relation.columns[seen.places[i] ?? 0]?.name;
        const from: Column | undefined = moment.source.find((column) => column.name === sent);
        const to: Column | undefined = place.target.find((column) => column.name === name);
        assert.equal(to?.id, from?.id, told);
        taken.add(to?.id ?? 0);
      }
      // Nothing is left out that the target has.
      for (const { id } of moment.source)
        assert.ok(taken.has(id) || !place.target.some((column) => column.id === id), told);
      const after = knownColumns(seen, table, before, driftOf(now.source));
      if (then === there) assert.equal(changedColumns(after, relation, table), undefined, told);
    }
    assert.ok(applied > 2_000, `${applied}`);
  });
});

interface Moment {
  readonly source: Columns;
  readonly target: Columns;
}

/** The same DDL on both sides. No name is given to more than one further column, and the last column stays. */
function randomHistory(below: (n: number) => number): Moment[] {
  const source = columns('a', 'b', 'c', 'd', 'z');
  const history: Moment[] = [{ source, target: elsewhere(source) }];
  const reused = new Set<string>();
  let number = source.length;
  for (let step = below(5); step > 0; step--) {
    const { source: before, target } = history.at(-1) ?? { source, target: source };
    const free = before.filter(({ name }) => name !== 'z');
    const one = free[below(free.length)];
    const kind = below(4);
    number += 1;
    const change = (edit: (all: Columns, number: number) => Columns): void => {
      history.push({ source: edit(before, number), target: edit(target, 50 + number) });
    };
    if (kind === 0 && one) change((all) => all.filter(({ id }) => id !== one.id));
    else if (kind === 1) {
      const gone = ['a', 'b', 'c', 'd'].filter((name) => !before.some((column) => column.name === name));
      const again = gone.find((name) => !reused.has(name) && below(2) === 0);
      const name = again ?? `n${number}`;
      if (again) reused.add(again);
      change((all, at) => [...all, { id: number, name, number: at, type: 1 }]);
    } else if (kind === 2 && one) {
      const name = `r${number}`;
      reused.add(one.name);
      change((all) => all.map((column) => (column.id === one.id ? { ...column, name } : column)));
    } else if (one) {
      const type = 2 + below(3);
      change((all) => all.map((column) => (column.id === one.id ? { ...column, type } : column)));
    }
  }
  return history;
}
