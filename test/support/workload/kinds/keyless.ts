import type { Column } from '../keyedTable.js';
import { largeColumn, randomColumn } from '../keyedTable.js';
import { type Kind, type Move, move, newName, type Place } from '../model.js';
import type { Random } from '../random.js';

function columnsOf(place: Place, count: number): Column[] {
  return Array.from({ length: count }, () => randomColumn(place));
}

function insertRows(name: string, columns: readonly Column[], count: number, r: Random): string {
  const row = (): string => `(${columns.map(({ value }) => value?.(r) ?? 'DEFAULT').join(', ')})`;
  const rows = Array.from({ length: count }, row);
  // Twice the same row, which nothing tells apart.
  if (r.chance(0.4) && rows[0] !== undefined) rows.push(rows[0]);
  return `INSERT INTO ${name} (${columns.map((c) => c.name).join(', ')}) VALUES ${rows.join(', ')}`;
}

function truncations(place: Place, name: string): Move[] {
  return place.major >= 11 ? [move('truncate', 0.2, () => [`TRUNCATE ${name}`])] : [];
}

/** REPLICA IDENTITY FULL: equal rows, NULLs, types without equality. */
export const full: Kind = {
  name: 'full',
  make: (place) => {
    const { random, names } = place;
    const name = newName(place, 'full');
    const small: Column = {
      name: names.next('small'),
      sql: 'int',
      value: (r) => (r.chance(0.2) ? 'NULL' : String(r.below(5))),
    };
    const document: Column = {
      name: names.next('document'),
      sql: random.pick(['json', 'jsonb', 'xml', 'text']),
      value: (r) => r.pick(['NULL', "'1'", "'2'", "'3'"]),
    };
    const float: Column = {
      name: names.next('float'),
      sql: random.pick(['float8', 'float4', 'numeric']),
      value: (r) => r.pick(["'0'", "'-0'", "'NaN'", "'0.1'", "'0.10'"]),
    };
    const columns = [small, document, float, ...columnsOf(place, random.below(3))];
    if (random.chance(0.4)) columns.push(largeColumn(place));
    const r0 = random.fork(name);
    const where = (r: Random): string =>
      r.pick([
        `${small.name} = ${r.below(5)}`,
        `${small.name} IS NULL`,
        // One of several that are equal.
        `ctid = (SELECT min(ctid) FROM ${name} WHERE ${small.name} = ${r.below(5)})`,
      ]);
    return {
      kind: 'full',
      ddl: [
        `CREATE TABLE ${name} (${columns.map((c) => `${c.name} ${c.sql}`).join(', ')})`,
        `ALTER TABLE ${name} REPLICA IDENTITY FULL`,
        // An index that is there, but names no row.
        ...(random.chance(0.5) ? [`CREATE INDEX ON ${name} (${small.name})`] : []),
      ],
      fill: [insertRows(name, columns, 30, r0)],
      moves: [
        move('insert', 5, (r) => [insertRows(name, columns, r.between(1, 3), r)]),
        move('update', 4, (r) => {
          const changed = r.some(columns, 2).map((c) => `${c.name} = ${c.value?.(r)}`);
          return [`UPDATE ${name} SET ${changed.join(', ')} WHERE ${where(r)}`];
        }),
        move('delete', 2, (r) => [`DELETE FROM ${name} WHERE ${where(r)}`]),
        move('delete one', 3, (r) => [
          `DELETE FROM ${name} WHERE ctid = (SELECT max(ctid) FROM ${name} WHERE ${small.name} = ${r.below(5)})`,
        ]),
        move('delete and insert', 2, (r) => [
          `DELETE FROM ${name} WHERE ${where(r)}`,
          insertRows(name, columns, 2, r),
        ]),
        ...truncations(place, name),
      ],
    };
  },
};

/** No key at all: rows come, and all of them may go. */
export const keyless: Kind = {
  name: 'keyless',
  make: (place) => {
    const name = newName(place, 'keyless');
    const columns = columnsOf(place, place.random.between(1, 5));
    return {
      kind: 'keyless',
      ddl: [`CREATE TABLE ${name} (${columns.map((c) => `${c.name} ${c.sql}`).join(', ')})`],
      fill: [insertRows(name, columns, 10, place.random.fork(name))],
      moves: [
        move('insert', 5, (r) => [insertRows(name, columns, r.between(1, 6), r)]),
        ...truncations(place, name),
      ],
    };
  },
};
