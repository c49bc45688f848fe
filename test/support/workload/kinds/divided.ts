import { bulky } from '../columnTypes.js';
import { largeColumn, randomColumn } from '../keyedTable.js';
import { type Kind, type Move, move, newColumns, newName, newNames, type Place } from '../model.js';
import type { Random } from '../random.js';

const space = 40;

interface Division {
  readonly by: string;
  readonly parts: readonly string[];
  /** The key's type and a value of the partition key. */
  readonly type: string;
  value(r: Random): string;
}

function divisions(place: Place): Division[] {
  const { major } = place;
  const days = (r: Random): string => `'2024-0${r.between(1, 6)}-1${r.below(3)}'`;
  return [
    {
      by: 'RANGE',
      type: 'date',
      parts: [
        "FOR VALUES FROM (MINVALUE) TO ('2024-03-01')",
        "FOR VALUES FROM ('2024-03-01') TO ('2024-05-01')",
        "FOR VALUES FROM ('2024-05-01') TO (MAXVALUE)",
      ],
      value: days,
    },
    {
      by: 'LIST',
      type: 'text',
      parts: [
        "FOR VALUES IN ('a', 'b')",
        "FOR VALUES IN ('c', 'it''s')",
        major >= 11 ? 'DEFAULT' : "FOR VALUES IN ('d', 'é')",
      ],
      value: (r) => r.pick(["'a'", "'b'", "'c'", "'it''s'", "'d'", "'é'"]),
    },
    ...(major < 11
      ? []
      : [
          {
            by: 'HASH',
            type: 'int',
            parts: [0, 1, 2].map((n) => `FOR VALUES WITH (MODULUS 3, REMAINDER ${n})`),
            value: (r: Random) => String(r.below(9)),
          },
        ]),
  ];
}

/** Partitions, one of them made on its own with its columns in another order, and rows that move between them. */
export const partitioned: Kind = {
  name: 'partitioned',
  make: (place) => {
    const { random, major } = place;
    const name = newName(place, 'partitioned');
    const [id, at, v] = newColumns(place, 'id', 'at', 'v');
    const division = random.pick(divisions(place));
    const extra = random.chance(0.5) ? randomColumn(place) : largeColumn(place);
    const columns = [`${id} int NOT NULL`, `${at} ${division.type} NOT NULL`, `${v} int`];
    const more = `${extra.name} ${extra.sql}`;
    const parts = division.parts.map((bound) => ({ bound, name: newName(place, 'part') }));
    const key = `PRIMARY KEY (${id}, ${at})`;
    const attached = parts[1];
    const ofParent = major >= 11 ? `, ${key}` : '';
    const ddl = [
      `CREATE TABLE ${name} (${[...columns, more].join(', ')}${ofParent}) PARTITION BY ${division.by} (${at})`,
      ...parts
        .filter((part) => part !== attached)
        .map((part) => `CREATE TABLE ${part.name} PARTITION OF ${name} ${part.bound}`),
      ...(attached === undefined
        ? []
        : [
            `CREATE TABLE ${attached.name} (${[more, ...[...columns].reverse()].join(', ')}${ofParent})`,
            `ALTER TABLE ${name} ATTACH PARTITION ${attached.name} ${attached.bound}`,
          ]),
      ...(major >= 11 ? [] : parts.map((part) => `ALTER TABLE ${part.name} ADD ${key}`)),
      ...(random.chance(0.3) ? [`ALTER TABLE ${parts[0]?.name} REPLICA IDENTITY FULL`] : []),
    ];
    const insert = (r: Random, count: number): string => {
      const rows = Array.from(
        { length: count },
        () => `(${r.below(space)}, ${division.value(r)}, ${r.below(99)}, ${extra.value?.(r)})`,
      );
      const tail = major >= 11 ? ' ON CONFLICT DO NOTHING' : '';
      return `INSERT INTO ${name} (${id}, ${at}, ${v}, ${extra.name}) VALUES ${rows.join(', ')}${tail}`;
    };
    const r0 = random.fork(name);
    return {
      kind: 'partitioned',
      ddl,
      fill: major >= 11 ? [insert(r0, 40)] : parts.map(() => insert(r0, 1)).slice(0, 1),
      moves: [
        move('insert', 5, (r) => [insert(r, r.between(1, 4))]),
        move('update', 4, (r) => [
          `UPDATE ${name} SET ${v} = ${r.below(99)}${r.chance(0.3) ? `, ${extra.name} = ${extra.value?.(r)}` : ''} WHERE ${id} % 7 = ${r.below(7)}`,
        ]),
        // From 11 on into another partition; an error before.
        move('move', major >= 11 ? 4 : 1, (r) => [
          `UPDATE ${name} SET ${at} = ${division.value(r)} WHERE ${id} = ${r.below(space)}`,
        ]),
        move('change key', 2, (r) => [
          `UPDATE ${name} SET ${id} = ${r.below(space)} WHERE ${id} = ${r.below(space)} AND ${at} = ${division.value(r)}`,
        ]),
        move('delete', 3, (r) => [`DELETE FROM ${name} WHERE ${id} % 20 = ${r.below(20)}`]),
        move('delete from a part', 1, (r) => [
          `DELETE FROM ${r.pick(parts).name} WHERE ${v} % 3 = ${r.below(3)}`,
        ]),
        ...(major < 11
          ? []
          : [
              move('upsert', 2, (r) => [
                insert(r, 1).replace('DO NOTHING', `(${id}, ${at}) DO UPDATE SET ${v} = excluded.${v} + 1`),
              ]),
              move('truncate', 0.2, (r) => [`TRUNCATE ${r.pick([name, ...parts.map((p) => p.name)])}`]),
            ]),
      ],
    };
  },
};

/** Parents and children by inheritance, with equal keys in both. */
export const inherited: Kind = {
  name: 'inherited',
  make: (place) => {
    const { random, major } = place;
    const [parent, child, other] = newNames(place, 'ancestor', 'heir', 'other heir');
    const [id, v, large] = newColumns(place, 'id', 'v', 'large');
    const extra = randomColumn(place);
    const all = [parent, child, other];
    const key = (table: string | undefined): string => `ALTER TABLE ${table} ADD PRIMARY KEY (${id})`;
    const only = (r: Random): string => r.pick(['', 'ONLY ']);
    const truncations: Move[] =
      major < 11 ? [] : [move('truncate', 0.3, (r) => [`TRUNCATE ${only(r)}${r.pick(all)}`])];
    return {
      kind: 'inherited',
      ddl: [
        `CREATE TABLE ${parent} (${id} int NOT NULL, ${v} int, ${large} text)`,
        `CREATE TABLE ${child} (${extra.name} ${extra.sql}) INHERITS (${parent})`,
        `CREATE TABLE ${other} () INHERITS (${parent})`,
        ...all.map(key),
        ...(random.chance(0.3) ? [`ALTER TABLE ${other} REPLICA IDENTITY FULL`] : []),
      ],
      fill: all.map(
        (table) =>
          `INSERT INTO ${table} (${id}, ${v}) SELECT i, i FROM generate_series(0, ${space - 1}, 2) i`,
      ),
      moves: [
        move('insert', 5, (r) => [
          `INSERT INTO ${r.pick(all)} (${id}, ${v}, ${large}) VALUES (${r.below(space)}, ${r.below(9)}, ${r.chance(0.3) ? bulky(r, 4) : "'x'"}) ON CONFLICT DO NOTHING`,
        ]),
        move('insert with extra', 2, (r) => [
          `INSERT INTO ${child} (${id}, ${extra.name}) VALUES (${r.below(space)}, ${extra.value?.(r)}) ON CONFLICT DO NOTHING`,
        ]),
        move('update', 4, (r) => [
          `UPDATE ${only(r)}${r.pick(all)} SET ${v} = ${r.below(99)} WHERE ${id} % 5 = ${r.below(5)}`,
        ]),
        move('delete', 2, (r) => [`DELETE FROM ${only(r)}${r.pick(all)} WHERE ${id} = ${r.below(space)}`]),
        move('change key', 2, (r) => [
          `UPDATE ${only(r)}${r.pick(all)} SET ${id} = ${r.below(space)} WHERE ${id} = ${r.below(space)}`,
        ]),
        ...truncations,
      ],
    };
  },
};
