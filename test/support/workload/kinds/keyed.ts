import type { ColumnType } from '../columnTypes.js';
import {
  type Column,
  firstRows,
  type KeyedTable,
  keyedMoves,
  keyList,
  largeColumn,
  randomColumn,
  randomKey,
  spaceOf,
} from '../keyedTable.js';
import { type Kind, move, newName, type Place, type Subject } from '../model.js';
import type { Random } from '../random.js';

/** How the source names the rows that it changes. */
type Identity = 'primary key' | 'full' | 'index' | 'index beside a primary key';
const identities: readonly Identity[] = [
  'primary key',
  'primary key',
  'full',
  'index',
  'index beside a primary key',
];

const keyColumns = (table: KeyedTable): string[] =>
  table.key.map(({ name, type }) => `${name} ${type.sql} NOT NULL`);

/** CREATE TABLE with an identity, and sometimes a column that was dropped somewhere in the middle. */
function create(place: Place, table: KeyedTable, identity: Identity): string[] {
  const { random, names } = place;
  const [dropped, own, index] = [names.next('dropped'), names.next('own'), names.next('identity')];
  const key = keyList(table);
  const columns = [...keyColumns(table), ...table.columns.map(({ name, sql }) => `${name} ${sql}`)];
  const isDropped = random.chance(0.3);
  if (isDropped) columns.splice(random.below(columns.length), 0, `${dropped} int DEFAULT 7`);
  if (identity === 'index beside a primary key') columns.push(`${own} serial PRIMARY KEY`);
  if (!identity.startsWith('index')) columns.push(`PRIMARY KEY (${key})`);
  const fill = random.chance(0.3) ? ' WITH (fillfactor = 40)' : '';
  return [
    `CREATE TABLE ${table.name} (${columns.join(', ')})${fill}`,
    ...(isDropped ? [`ALTER TABLE ${table.name} DROP COLUMN ${dropped}`] : []),
    ...(identity === 'full' ? [`ALTER TABLE ${table.name} REPLICA IDENTITY FULL`] : []),
    ...(identity.startsWith('index')
      ? [
          `CREATE UNIQUE INDEX ${index} ON ${table.name} (${key})`,
          `ALTER TABLE ${table.name} REPLICA IDENTITY USING INDEX ${index}`,
        ]
      : []),
  ];
}

/** Columns that the server fills: identities and generated ones. */
function servedColumns(place: Place): Column[] {
  const { random, names, major } = place;
  const columns: Column[] = [];
  if (random.chance(0.5)) {
    const always = random.chance(0.5) ? 'ALWAYS' : 'BY DEFAULT';
    columns.push({ name: names.next('n'), sql: `int GENERATED ${always} AS IDENTITY` });
  }
  if (major >= 12 && random.chance(0.6)) {
    const base: Column = {
      name: names.next('base'),
      sql: 'int',
      value: (r) => (r.chance(0.2) ? 'NULL' : String(r.below(1000))),
    };
    const isVirtual = major >= 18 && random.chance(0.5);
    const generated = `int GENERATED ALWAYS AS (${base.name} * 2 + 1) ${isVirtual ? 'VIRTUAL' : 'STORED'}`;
    columns.push(base, { name: names.next('twice'), sql: generated });
  }
  return columns;
}

function truncate(table: KeyedTable): (random: Random) => readonly string[] {
  return (r) => [
    `TRUNCATE ${r.chance(0.3) ? 'ONLY ' : ''}${table.name}${r.chance(0.5) ? ' RESTART IDENTITY' : ''}`,
  ];
}

function make(
  place: Place,
  kind: string,
  columns: readonly Column[],
): { subject: Subject; table: KeyedTable } {
  const key = randomKey(place);
  const served = servedColumns(place);
  const all = place.random.shuffle([...columns, ...served]);
  const table: KeyedTable = { name: newName(place, kind), key, space: spaceOf(key), columns: all };
  const identity = place.random.pick(identities);
  const moves = keyedMoves(table);
  if (place.major >= 11) moves.push(move('truncate', 0.15, truncate(table)));
  const fill = firstRows(table, place.random.fork(table.name));
  return { table, subject: { kind, ddl: create(place, table, identity), fill, moves } };
}

/** A key and a few columns of any types. */
export const anything: Kind = {
  name: 'anything',
  make: (place) => {
    const columns = Array.from({ length: place.random.below(8) }, () => randomColumn(place));
    if (place.random.chance(0.3)) columns.push(largeColumn(place));
    return make(place, 'anything', columns).subject;
  },
};

/** A column of every type there is. */
export const everyType: Kind = {
  name: 'everyType',
  make: (place) => {
    const nullable = (type: ColumnType): Column => ({
      name: place.names.next('t'),
      sql: type.sql,
      value: (r) => (r.chance(0.3) ? 'NULL' : type.value(r)),
    });
    return make(place, 'everyType', place.types.map(nullable)).subject;
  },
};

/** Large values that most updates leave as they are. */
export const toasted: Kind = {
  name: 'toasted',
  make: (place) => {
    const large = [largeColumn(place), largeColumn(place), largeColumn(place)];
    const small: Column = { name: place.names.next('small'), sql: 'int', value: (r) => String(r.below(100)) };
    const { subject, table } = make(place, 'toasted', [...large, small]);
    const external = large
      .slice(0, 2)
      .map(({ name }) => `ALTER TABLE ${table.name} ALTER COLUMN ${name} SET STORAGE EXTERNAL`);
    const only = `UPDATE ${table.name} SET ${small.name} = `;
    return {
      ...subject,
      ddl: [...subject.ddl, ...external],
      moves: [
        ...subject.moves,
        // Everything at once, the large values unchanged.
        move('update small', 3, (r) => [`${only}${r.below(100)} WHERE ${small.name} % 3 = ${r.below(3)}`]),
      ],
    };
  },
};
