import type { Major } from '../postgres/embedded.js';
import type { KeyType } from './columnTypes.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_none, n) => n);
const texts = [
  '',
  ' ',
  'a',
  'A',
  'a ',
  "it's",
  '"quoted"',
  '\\',
  '\\N',
  '\\.',
  'tab\there',
  'new\nline',
  'NULL',
  'null',
  '{a,b}',
  '(1,2)',
  'a,b',
  '$1',
  '%',
  'ünï',
  'u\u0308',
  '日本',
  '🚢',
  '\u0001',
  'x'.repeat(300),
];

/** The same key written in two ways is a change that no comparison with `=` sees. */
const writtenTwice: readonly KeyType[] = [
  { sql: 'numeric', keys: [...numbers(20).map((n) => `${n}.5`), '1.50', '2.500', '0', '0.00', 'NaN', '-1'] },
  { sql: 'interval', keys: ['1 day', '24:00:00', '1 mon', '30 days', '-1 day', '00:00:01', '1 year', '0'] },
  {
    sql: 'jsonb',
    keys: ['{"a": 1}', '{"a": 1.0}', '{"a": 1.00}', '1', '1.0', '[]', '{}', 'null', '"x"', '[1, 2]'],
  },
  { sql: 'char(6)', keys: ['ab', 'ab  ', 'abcdef', '', '  x', 'é', "'", '\\', '日本', 'AB'] },
  { sql: 'double precision', keys: floats(3) },
  { sql: 'real', keys: floats(7) },
];

function floats(by: number): string[] {
  const plain = numbers(20).map((n) => String(by === 7 ? Math.fround(n / by) : n / by));
  return [...plain, '-0', 'NaN', 'Infinity', '-Infinity', '1e-30', '123456.78'];
}

const common: readonly KeyType[] = [
  { sql: 'integer', keys: numbers(60).map(String) },
  { sql: 'bigint', keys: numbers(60).map((n) => String(9007199254740990n + BigInt(n))) },
  { sql: 'smallint', keys: ['-32768', '32767', ...numbers(20).map(String)] },
  { sql: 'text', keys: texts },
  { sql: 'varchar(40)', keys: texts.filter((t) => t.length < 40) },
  {
    sql: 'uuid',
    keys: numbers(30).map((n) => `${String(n).padStart(8, '0')}-0000-4000-8000-00000000000a`),
  },
  {
    sql: 'date',
    keys: ['infinity', '-infinity', '0044-03-15 BC', ...numbers(15).map((n) => `2024-01-${n + 10}`)],
  },
  {
    sql: 'timestamp',
    keys: ['infinity', '-infinity', '4713-01-01 00:00:00 BC', '2024-01-01', '2024-01-01 00:00:00.000001'],
  },
  {
    sql: 'timestamptz',
    keys: ['infinity', '-infinity', ...numbers(20).map((n) => `2024-03-31 01:${n + 10}:00+00`)],
  },
  { sql: 'time', keys: ['00:00', '24:00', '23:59:59.999999', '12:00', '13:00', '14:00'] },
  { sql: 'timetz', keys: ['00:00+00', '00:00+01', '24:00-15:59', '12:00+05:30'] },
  { sql: 'bytea', keys: ['\\x', '\\x00', '\\xff', '\\x5c', '\\x2700', '\\xc3a9', '\\x0a0d'] },
  { sql: 'inet', keys: ['::1', '10.0.0.1/8', '10.0.0.1', '255.255.255.255', 'fe80::1/64', '10.0.0.1/16'] },
  { sql: 'cidr', keys: ['10.0.0.0/8', '10.0.0.0/16', '2001:db8::/32', '::/0'] },
  { sql: 'macaddr', keys: numbers(12).map((n) => `08:00:2b:01:02:${n + 10}`) },
  { sql: 'bit varying', keys: ['', '0', '1', '00', '01', '10101010101'] },
  { sql: 'boolean', keys: ['t', 'f'] },
  { sql: 'integer[]', keys: ['{}', '{1}', '{1,2}', '{NULL}', '{{1,2},{3,4}}', '[0:1]={1,2}'] },
  { sql: 'text[]', keys: ['{}', '{a}', '{"a,b"}', '{NULL,"NULL"}', '{"\\\\","\\""}', '{""}'] },
  { sql: 'int4range', keys: ['empty', '[1,5)', '(,)', '[1,)', '(,5)', '[3,9)'] },
  { sql: 'money', keys: ['0', '0.01', '-1.50', '92233720368547758.07', '1.50'] },
  { sql: 'name', keys: ['', 'a', 'A name', 'x'.repeat(63)] },
  { sql: '"char"', keys: ['', 'a', '\\', '"', "'"] },
  { sql: 'oid', keys: ['0', '4294967295', '17'] },
  { sql: 'pg_lsn', keys: ['0/0', 'FFFFFFFF/FFFFFFFF', '16/B374D848'] },
  { sql: 'tsvector', keys: ['', "'a':1 'b'", "'it''s':2A"] },
];

export interface OwnKeyTypes {
  /** Quoted schema of the types of a schema (see ownTypes). */
  readonly place: string;
  /** Quoted schema of hstore and citext, where those are. */
  readonly extensions?: string;
  /** A collation for which `a` and `A` are the same: 12 and later. */
  readonly caseless?: string;
}

/** Types of key columns of a major. */
export function keyTypes(major: Major, own: OwnKeyTypes): KeyType[] {
  const words = ['a', 'A', 'b', 'B', 'é', 'É', "it's", "IT'S", '', '\\', 'straße', 'STRASSE'];
  return [
    ...common,
    ...writtenTwice,
    { sql: `${own.place}."mo""od"`, keys: ['sad', "o'k", 'happy 😀', ''] },
    { sql: `${own.place}.positive`, keys: numbers(30).map((n) => String(n + 1)) },
    { sql: `${own.place}.inner_row`, keys: ['(1,a,sad)', '(1,"a b",sad)', '(,,)', '(2,"",)', '(2,"q""x",)'] },
    ...(own.extensions === undefined
      ? []
      : [
          { sql: `${own.extensions}.citext`, keys: words },
          { sql: `${own.extensions}.hstore`, keys: ['', 'a=>1', 'a=>2', 'a=>NULL', 'b=>"q\\"x"'] },
        ]),
    ...(own.caseless === undefined ? [] : [{ sql: `text COLLATE ${own.caseless}`, keys: words }]),
    ...(major >= 13 ? [{ sql: 'xid8', keys: ['0', '18446744073709551615', '7'] }] : []),
  ];
}
