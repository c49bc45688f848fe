import { bulky, type ColumnType, cast, type KeyType } from './columnTypes.js';
import { type Move, move, type Place } from './model.js';
import type { Random } from './random.js';

export interface Column {
  /** Quoted. */
  readonly name: string;
  readonly sql: string;
  /** Absent where statements must leave it out: generated columns, identities. */
  readonly value?: (random: Random) => string;
}

/** A table whose rows are told apart by columns whose values are counted. */
export interface KeyedTable {
  /** Quoted and qualified. */
  readonly name: string;
  readonly key: readonly { readonly name: string; readonly type: KeyType }[];
  /** Keys are numbered from 0 to below this. */
  readonly space: number;
  readonly columns: readonly Column[];
}

const largestSpace = 60;

export function spaceOf(key: KeyedTable['key']): number {
  return Math.min(
    largestSpace,
    key.reduce((product, { type }) => product * type.keys.length, 1),
  );
}

/** The literals of a key by its number, in the order of the key columns. */
export function keyValues(table: KeyedTable, n: number): string[] {
  let stride = 1;
  return table.key.map(({ type }) => {
    const text = type.keys[Math.floor(n / stride) % type.keys.length] ?? '';
    stride *= type.keys.length;
    return cast(text, type.sql);
  });
}

export function whereKey(table: KeyedTable, n: number): string {
  const values = keyValues(table, n);
  return table.key.map(({ name }, i) => `${name} = ${values[i]}`).join(' AND ');
}

export const keyList = (table: KeyedTable): string => table.key.map(({ name }) => name).join(', ');

/** A column of a random type, sometimes with large values, sometimes NOT NULL. */
export function randomColumn(place: Place, type: ColumnType = place.random.pick(place.types)): Column {
  const { random, names } = place;
  // A role cannot be a default.
  const isRole = type.sql.startsWith('regrole');
  const notNull = random.chance(0.3) && !isRole;
  const value = (r: Random): string => (!notNull && r.chance(0.15) ? 'NULL' : type.value(r));
  const fallback = !isRole && (notNull || random.chance(0.2)) ? ` DEFAULT ${type.value(random)}` : '';
  return {
    name: names.next('c'),
    sql: `${type.sql}${notNull ? ' NOT NULL' : ''}${fallback}`,
    value,
  };
}

/** Values from nothing to 20 kB: in the row, compressed, or in TOAST. */
export function largeColumn(place: Place): Column {
  const value = (r: Random): string =>
    r.pick(['NULL', "''", `repeat('abc', ${r.between(1, 9000)})`, bulky(r, 3), bulky(r, r.between(1, 20))]);
  return { name: place.names.next('large'), sql: 'text', value };
}

export function insert(table: KeyedTable, keys: readonly number[], random: Random, tail = ''): string {
  const columns = table.columns.filter(({ value }) => value !== undefined);
  const given = random.chance(0.8) || columns.length === 0 ? columns : random.some(columns);
  const names = [...table.key.map(({ name }) => name), ...given.map(({ name }) => name)];
  const rows = keys.map((n) => {
    const values = [...keyValues(table, n), ...given.map(({ value }) => value?.(random) ?? 'DEFAULT')];
    return `(${values.join(', ')})`;
  });
  return `INSERT INTO ${table.name} (${names.join(', ')}) VALUES ${rows.join(', ')}${tail}`;
}

/** `a = …, b = …` for some columns; without columns of that kind the key, as it is. */
export function assignments(table: KeyedTable, random: Random): string {
  const columns = table.columns.filter(({ value }) => value !== undefined);
  const [first] = table.key;
  if (columns.length === 0) return `${first?.name} = ${table.name}.${first?.name}`;
  return random
    .some(columns, 4)
    .map(({ name, value }) => `${name} = ${value?.(random)}`)
    .join(', ');
}

export function anyKeys(table: KeyedTable, random: Random, most: number): number[] {
  const keys = Array.from({ length: random.between(1, most) }, () => random.below(table.space));
  return [...new Set(keys)];
}

/** Rows by a list of keys, or from a key on. */
function several(table: KeyedTable, random: Random): string {
  const [first] = table.key;
  // hstore is the one type of a key whose operator has another name.
  if (first && !first.type.sql.endsWith('hstore') && random.chance(0.3))
    return `${first.name} >= ${keyValues(table, random.below(table.space))[0]}`;
  const keys = anyKeys(table, random, 8).map((n) => `(${keyValues(table, n).join(', ')})`);
  return `(${keyList(table)}) IN (${keys.join(', ')})`;
}

const setKey = (table: KeyedTable, to: number): string => {
  const values = keyValues(table, to);
  return table.key.map(({ name }, i) => `${name} = ${values[i]}`).join(', ');
};

export interface MoveOptions {
  /** There is a unique index over the key. Default true. */
  readonly unique?: boolean;
  /** INSERT … ON CONFLICT is possible. Default as `unique`. */
  readonly onConflict?: boolean;
}

/** Everything that can be done with a keyed table, except TRUNCATE. */
export function keyedMoves(table: KeyedTable, options: MoveOptions = {}): Move[] {
  const { unique = true, onConflict = unique } = options;
  const orNothing = onConflict ? ' ON CONFLICT DO NOTHING' : '';
  const any = (r: Random): string => whereKey(table, r.below(table.space));
  const update = (r: Random, where: string): string =>
    `UPDATE ${table.name} SET ${assignments(table, r)} WHERE ${where}`;
  const hasColumns = table.columns.some(({ value }) => value !== undefined);
  const moves = [
    move('insert', 5, (r) => [insert(table, anyKeys(table, r, 4), r, r.chance(0.8) ? orNothing : '')]),
    move('update', 6, (r) => [update(r, any(r))]),
    move('update several', 2, (r) => [update(r, several(table, r))]),
    move('touch', 1, (r) => {
      const name = r.pick([...table.key, ...table.columns.filter((c) => c.value)]).name;
      return [`UPDATE ${table.name} SET ${name} = ${name} WHERE ${several(table, r)}`];
    }),
    move('delete', 3, (r) => [`DELETE FROM ${table.name} WHERE ${any(r)}`]),
    move('delete several', 1, (r) => [`DELETE FROM ${table.name} WHERE ${several(table, r)}`]),
    move('replace', 2, (r) => {
      const n = r.below(table.space);
      return [`DELETE FROM ${table.name} WHERE ${whereKey(table, n)}`, insert(table, [n], r)];
    }),
    move('insert, update, delete', 1, (r) => {
      const n = r.below(table.space);
      const gone = `DELETE FROM ${table.name} WHERE ${whereKey(table, n)}`;
      return [gone, insert(table, [n], r), update(r, whereKey(table, n)), gone];
    }),
    move('change key', 3, (r) => [
      `UPDATE ${table.name} SET ${setKey(table, r.below(table.space))}${hasColumns && r.chance(0.3) ? `, ${assignments(table, r)}` : ''} WHERE ${any(r)}`,
    ]),
    move('swap keys', 2, (r) => swapKeys(table, r)),
  ];
  if (onConflict) moves.push(move('upsert', 3, (r) => [upsert(table, r)]));
  return moves;
}

function upsert(table: KeyedTable, r: Random): string {
  const tail = ` ON CONFLICT (${keyList(table)}) DO UPDATE SET ${assignments(table, r)}`;
  return insert(table, anyKeys(table, r, r.chance(0.3) ? 3 : 1), r, tail);
}

/** Through a third value that the key takes in between. */
function swapKeys(table: KeyedTable, r: Random): string[] {
  const [a = 0, b = 1, third = 2] = r.shuffle(Array.from({ length: table.space }, (_none, n) => n));
  const step = (from: number, to: number): string =>
    `UPDATE ${table.name} SET ${setKey(table, to)} WHERE ${whereKey(table, from)}`;
  return [
    `DELETE FROM ${table.name} WHERE ${whereKey(table, third)}`,
    step(a, third),
    step(b, a),
    step(third, b),
  ];
}

/** Key columns of random types, with names. */
export function randomKey(place: Place, most = 3): KeyedTable['key'] {
  const { random, names, keys } = place;
  const single = keys.filter((type) => type.keys.length >= 5);
  const count = random.chance(0.6) ? 1 : random.between(2, most);
  return Array.from({ length: count }, () => ({
    name: names.next('key'),
    type: random.pick(count === 1 ? single : keys),
  }));
}

/** First rows of a table: about half of its keys. */
export function firstRows(table: KeyedTable, random: Random, tail = ' ON CONFLICT DO NOTHING'): string[] {
  const keys = Array.from({ length: table.space }, (_none, n) => n).filter(() => random.chance(0.6));
  const rows: string[] = [];
  for (let i = 0; i < keys.length; i += 20) rows.push(insert(table, keys.slice(i, i + 20), random, tail));
  return rows;
}
