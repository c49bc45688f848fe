import pg from 'pg';
import type { Major } from '../postgres/embedded.js';
import { edgeValues, edgeValuesFrom14 } from '../typeValues.js';
import type { Random } from './random.js';

/** A type of a column that is no key. */
export interface ColumnType {
  /** As CREATE TABLE takes it. */
  readonly sql: string;
  /** An SQL expression; never NULL. */
  value(random: Random): string;
  /** Rows can be found by `column = value`. */
  readonly hasEquality: boolean;
}

/** A type of a key column: its values are counted, so that statements hit rows that are there. */
export interface KeyType {
  readonly sql: string;
  /** Texts; some are equal for the type though they are written differently. */
  readonly keys: readonly string[];
}

export const cast = (text: string, type: string): string => `${pg.escapeLiteral(text)}::${type}`;

/** The first major that has a type. */
const since: Readonly<Record<string, Major>> = {
  jsonpath: 12,
  pg_snapshot: 13,
  xid8: 13,
};
const withoutEquality: ReadonlySet<string> = new Set([
  'json',
  'xml',
  'jsonpath',
  'point',
  'box',
  'path',
  'polygon',
  'line',
  'circle',
  'lseg',
  'txid_snapshot',
  'pg_snapshot',
]);
const withoutArray: ReadonlySet<string> = new Set(['int2vector', 'oidvector']);

/** More than the edges, for types whose values come in any number. */
const inventors: Readonly<Record<string, (random: Random) => string>> = {
  integer: (r) => String(r.between(-1_000_000, 1_000_000)),
  bigint: (r) => `${r.between(1, 9)}${r.below(1e9)}${r.below(1e8)}`,
  numeric: (r) => `${r.between(-999, 999)}.${'0'.repeat(r.below(4))}${r.below(1e6)}`,
  'double precision': (r) => String((r.next() - 0.5) * 10 ** r.between(-300, 300)),
  real: (r) => String(Math.fround((r.next() - 0.5) * 10 ** r.between(-30, 30))),
  text: (r) => oddText(r),
  bytea: (r) => `\\x${Array.from({ length: r.below(30) }, () => r.between(16, 255).toString(16)).join('')}`,
  jsonb: (r) => JSON.stringify({ a: r.next(), b: [oddText(r), null, r.below(9)], [`k${r.below(5)}`]: {} }),
  json: (r) =>
    `{ "b" :${r.below(9)}.0${r.below(9)},"a": [ ${r.below(9)} , ${JSON.stringify(oddText(r))} ], "a":1}`,
  timestamptz: (r) =>
    `2024-0${r.between(1, 9)}-1${r.below(9)} 0${r.below(9)}:30:00.${r.below(1e6)}+0${r.below(9)}`,
};

const pieces = [
  'a',
  'B',
  ' ',
  '\t',
  '\n',
  '\\',
  "'",
  '"',
  ',',
  '{',
  '}',
  '(',
  ')',
  'é',
  '日',
  '🚢',
  '\\N',
  '$',
];

export function oddText(random: Random): string {
  return Array.from({ length: random.below(12) }, () => random.pick(pieces)).join('');
}

function builtIn(sql: string, texts: readonly string[]): ColumnType[] {
  const invent = inventors[sql];
  const value = (r: Random): string => cast(invent && r.chance(0.5) ? invent(r) : r.pick(texts), sql);
  const one: ColumnType = { sql, value, hasEquality: !withoutEquality.has(sql) };
  if (withoutArray.has(sql)) return [one];
  const list = (r: Random): string => {
    const items = Array.from({ length: r.below(4) }, () => (r.chance(0.2) ? 'NULL' : value(r)));
    const flat = `ARRAY[${items.join(', ')}]::${sql}[]`;
    return r.chance(0.2) ? `ARRAY[${flat}, ${flat}]` : flat;
  };
  return [one, { sql: `${sql}[]`, value: list, hasEquality: one.hasEquality }];
}

/** Types that a schema brings itself; `place` is its quoted name. */
export function ownTypes(major: Major, place: string): { ddl: readonly string[]; types: ColumnType[] } {
  const mood = `${place}."mo""od"`;
  const ddl = [
    `CREATE TYPE ${mood} AS ENUM ('sad', 'o''k', 'happy 😀', '')`,
    `CREATE DOMAIN ${place}.positive AS integer CHECK (VALUE > 0)`,
    `CREATE DOMAIN ${place}.words AS text[] CHECK (array_length(VALUE, 1) < 5)`,
    `CREATE TYPE ${place}.inner_row AS (x integer, "Z ;" text, m ${mood})`,
    `CREATE TYPE ${place}.outer_row AS (f double precision, "in" ${place}.inner_row, list numeric[])`,
    `CREATE TYPE ${place}.span AS RANGE (subtype = text, collation = "C")`,
    ...(major >= 11 ? [`CREATE DOMAIN ${place}.row_domain AS ${place}.inner_row`] : []),
  ];
  const moods = ['sad', "o'k", 'happy 😀', ''];
  const inner = (r: Random): string =>
    `ROW(${r.below(100)}, ${r.chance(0.2) ? 'NULL' : pg.escapeLiteral(oddText(r))}, ${cast(r.pick(moods), mood)})::${place}.inner_row`;
  const make = (sql: string, value: (r: Random) => string): ColumnType => ({ sql, value, hasEquality: true });
  const types = [
    make(mood, (r) => cast(r.pick(moods), mood)),
    make(`${mood}[]`, (r) => `ARRAY[${cast(r.pick(moods), mood)}, NULL]`),
    make(`${place}.positive`, (r) => cast(String(r.between(1, 99)), `${place}.positive`)),
    make(`${place}.words`, (r) => `ARRAY[${pg.escapeLiteral(oddText(r))}]::${place}.words`),
    make(`${place}.inner_row`, inner),
    make(
      `${place}.outer_row`,
      (r) => `ROW(${r.below(9)}.5, ${inner(r)}, ARRAY[${r.below(9)}.50, NULL])::${place}.outer_row`,
    ),
    make(`${place}.inner_row[]`, (r) => `ARRAY[${inner(r)}, NULL, ${inner(r)}]`),
    make(`${place}.span`, (r) => cast(r.pick(['empty', '[a,b)', '(,"q\\"x"]']), `${place}.span`)),
    ...(major >= 11 ? [make(`${place}.row_domain`, (r) => `${inner(r)}::${place}.row_domain`)] : []),
  ];
  return { ddl, types };
}

/** All built-in types of a major and arrays of them; with `extensions`, the quoted schema of hstore and citext. */
export function columnTypes(major: Major, extensions?: string): ColumnType[] {
  const texts: Record<string, readonly string[]> = { ...edgeValues };
  if (major >= 14)
    for (const [type, more] of Object.entries(edgeValuesFrom14))
      texts[type] = [...(texts[type] ?? []), ...more];
  if (extensions !== undefined) {
    texts[`${extensions}.citext`] = ['Abc', 'aBC', 'ÄÖ', '', "it's"];
    texts[`${extensions}.hstore`] = ['', 'a=>1, "b c"=>NULL', '"q\\"x"=>"\\\\"'];
  }
  return Object.entries(texts)
    .filter(([type]) => (since[type] ?? 10) <= major)
    .flatMap(([type, all]) => builtIn(type, all));
}

/** Bytes that do not compress, so that they go to TOAST: `kilobytes` of them, an SQL expression. */
export function bulky(random: Random, kilobytes: number): string {
  const start = random.below(1e9);
  return `(SELECT string_agg(md5((${start} + i)::text), '') FROM generate_series(1, ${kilobytes * 32}) i)`;
}
