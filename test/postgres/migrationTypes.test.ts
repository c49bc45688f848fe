import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, contentsOf } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, explain } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

/** Edge values by type, as SQL literals. */
const values: Readonly<Record<string, readonly string[]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647', '0'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
  numeric: ['NaN', '0.00000000000000000001', '-99999999999999999999999999999999999999.10', '1e200', '0.00'],
  'numeric(10,3)': ['-1.500', '9999999.999'],
  real: ['NaN', 'Infinity', '-Infinity', '-0', '1e-45', '3.4028235e38', '0.1'],
  'double precision': [
    'NaN',
    'Infinity',
    '-Infinity',
    '-0',
    '5e-324',
    '1.7976931348623157e308',
    '0.1',
    '123456789.12345678',
  ],
  money: ['-92233720368547758.08', '0.01'],
  boolean: ['t', 'f'],
  text: ['', '\\N', '\\.', 'a\tb\nc\rd', '\\\\', 'NULL', '"', "it's", '🚢 é 日本 ﷽', ' x ', '\u0001\u007f'],
  'varchar(10)': ['', '0123456789', '日本日本日本日本日本'],
  'char(5)': ['', 'ab', 'abcde'],
  '"char"': ['', 'a', '\\'],
  name: ['', 'a_name'],
  bytea: ['', '\\x00ff5c0a0d09', '\\xdeadbeef'],
  date: ['infinity', '-infinity', '4713-01-01 BC', '0044-03-15 BC', '5874897-12-31', '2000-02-29'],
  time: ['00:00:00', '24:00:00', '23:59:59.999999'],
  timetz: ['00:00:00+15:59', '24:00:00-15:59', '12:34:56.000001+05:30'],
  timestamp: ['infinity', '-infinity', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  timestamptz: [
    'infinity',
    '-infinity',
    '4713-01-02 00:00:00+00 BC',
    '1900-01-01 00:00:00.000001+00',
    '2024-03-31 02:30:00+00',
  ],
  'timestamp(3)': ['2024-01-01 00:00:00.123'],
  interval: [
    '-178000000 years',
    '1 mon -1 day 00:00:00.000001',
    '00:00:00',
    '-1 year -2 mons +3 days -04:05:06.789',
  ],
  'interval day to second': ['3 days 04:05:06'],
  uuid: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  json: ['{"a":1, "a":2,  "b": "\\u00e9\\n"}', 'null', '""', '[ ]'],
  jsonb: ['{"a": [1, 2.50, 1e400, null, true], "é": "🚢 \\"q\\" \\\\ \\n"}', 'null', '[]', '{}', '"\\u0001"'],
  jsonpath: ['$."a"[*] ? (@ > 1)'],
  xml: ['<a b="c">é&amp;</a>', 'text', '<?xml version="1.0"?><d/>'],
  inet: ['::1', '10.0.0.1/8', '255.255.255.255'],
  cidr: ['10.0.0.0/8', '2001:db8::/32'],
  macaddr: ['08:00:2b:01:02:03'],
  macaddr8: ['08:00:2b:01:02:03:04:05'],
  'bit(3)': ['101', '000'],
  'bit varying': ['', '1', '10101010101010101010101010101010101'],
  point: ['(1,-0)', '(Infinity,NaN)'],
  line: ['{1,2,3}'],
  lseg: ['[(0,0),(1,1)]'],
  box: ['(2,2),(1,1)'],
  path: ['[(0,0),(1,1)]', '((0,0),(1,1))'],
  polygon: ['((0,0),(1,1),(2,0))'],
  circle: ['<(0,0),5>'],
  tsvector: ['', `'a':1A,2 'it''s':3B 'b c'`],
  tsquery: ['', `'a' & !('b' | 'c':*A) <-> 'd'`],
  pg_lsn: ['0/0', 'FFFFFFFF/FFFFFFFF'],
  txid_snapshot: ['10:20:10,14'],
  pg_snapshot: ['10:20:10,14'],
  xid8: ['0', '18446744073709551615'],
  xid: ['0', '4294967295'],
  cid: ['7'],
  tid: ['(0,1)', '(4294967295,65535)'],
  oid: ['0', '4294967295'],
  int2vector: ['', '1 2 3'],
  oidvector: ['', '1 2 3'],
  regclass: ['pg_class', '-'],
  regtype: ['integer', 'text[]'],
  regproc: ['now'],
  regprocedure: ['sum(integer)'],
  regoperator: ['+(integer,integer)'],
  regrole: ['-'],
  regnamespace: ['pg_catalog'],
  regconfig: ['simple'],
  regdictionary: ['simple'],
  int4range: ['empty', '(,)', '[1,5)'],
  int8range: ['[1,9223372036854775807)'],
  numrange: ['[0.1,0.2]', '(,0.00)'],
  tsrange: ['[-infinity,infinity]', '["2024-01-01 00:00:00",)'],
  tstzrange: ['("0044-01-01 00:00:00+00 BC","2024-01-01 00:00:00+00"]'],
  daterange: ['[2024-01-01,2024-02-01)', 'empty'],
};
const from14: Readonly<Record<string, readonly string[]>> = {
  int4multirange: ['{}', '{[1,3),[5,7)}'],
  tstzmultirange: ['{["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00")}'],
  numeric: ['Infinity', '-Infinity'],
};

/** One table a type: each value, NULL, and arrays with all of them, with none, nested and with other bounds. */
function tablesOf(types: Readonly<Record<string, readonly string[]>>, prefix: string): string {
  return Object.entries(types)
    .map(([type, literals], i) => {
      const quoted = literals.map((v) => `'${v.replaceAll("'", "''")}'`);
      const all = `ARRAY[${[...quoted, 'NULL'].join(', ')}]::${type}[]`;
      const arrays =
        type === 'int2vector' || type === 'oidvector'
          ? []
          : [all, `'{}'::${type}[]`, `ARRAY[${all}, ${all}]`, `('[5:5]={NULL}')::${type}[]`];
      const array = arrays.length > 0 ? `, list ${type}[]` : '';
      const name = `"${prefix}${i} ${type.replaceAll('"', '')}"`;
      return [
        `CREATE TABLE ${name} (v ${type}, id serial${array})`,
        ...quoted.map((v) => `INSERT INTO ${name} (v) VALUES (${v})`),
        ...arrays.map((a) => `INSERT INTO ${name} (list) VALUES (${a})`),
      ].join(';\n');
    })
    .join(';\n');
}

describe('every type and its edges', () => {
  let source: TestServer;
  let target: TestTwin;
  before(async () => {
    [source, target] = await Promise.all([
      startServer({
        major: 13,
        settings: {
          lc_monetary: 'C',
          datestyle: 'German, DMY',
          intervalstyle: 'sql_standard',
          bytea_output: 'escape',
          extra_float_digits: '-5',
          timezone: 'Asia/Kolkata',
          xmloption: 'document',
        },
      }),
      startFlexibleServerTwin({
        major: 17,
        settings: { timezone: 'America/New_York', datestyle: 'SQL, MDY', intervalstyle: 'iso_8601' },
      }),
    ]);
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  test('from PostgreSQL 13 whose settings print them all differently', async () => {
    await source.createDatabase('types');
    await source.query(
      'types',
      `SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET xmloption = content; SET timezone = 'UTC';
       ${tablesOf(values, 't')};
       CREATE TABLE large (id int, raw bytea, words text);
       INSERT INTO large SELECT i, decode(repeat(lpad(to_hex(i * 37), 2, '0'), 5 << 20), 'hex'), repeat('é' || i, 1 << 20) FROM generate_series(1, 3) i;
       INSERT INTO large VALUES (0, NULL, NULL);
       CREATE TABLE wide (${Array.from({ length: 1200 }, (_, i) => `c${i} int`).join(', ')});
       INSERT INTO wide (c0, c1199) VALUES (1, 2), (NULL, NULL);`,
    );
    const done = assertSucceeded(await clone(source.uri('types'), target.uri('types')));
    assert.equal(done.tables.length, Object.keys(values).length + 2);
    const content = await assertSame(
      { server: source, database: 'types' },
      { server: target, database: 'types' },
    );
    for (const [name, { kind, rows }] of content) if (kind === 'r') assert.ok(rows > 0, name);
    const bits = `SELECT string_agg(encode(float8send(v), 'hex'), ' ' ORDER BY id) AS b FROM "t${Object.keys(values).indexOf('double precision')} double precision"`;
    assert.deepEqual(await target.query('types', bits), await source.query('types', bits));
  });

  test('from PostgreSQL 17: multiranges and infinite numerics', async () => {
    const newer = await startServer({ major: 17 });
    try {
      await newer.createDatabase('types');
      await newer.query('types', tablesOf(from14, 'n'));
      assertSucceeded(await clone(newer.uri('types'), target.uri('newer')));
      await assertSame({ server: newer, database: 'types' }, { server: target, database: 'newer' });
    } finally {
      await newer.stop();
    }
  });

  for (const [encoding, bytes] of [
    ['LATIN1', 'e9fcdf'],
    ['SQL_ASCII', 'e9fcffc3a9'],
    ['EUC_JP', 'c6fccbdc'],
  ] as const) {
    test(`a database in ${encoding}`, async () => {
      const database = `in_${encoding.toLowerCase()}`;
      await source.query(
        'postgres',
        `CREATE DATABASE ${database} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
      await source.query(
        database,
        `SET client_encoding = '${encoding}';
         CREATE TABLE words (id int PRIMARY KEY, word text, list text[]);
         INSERT INTO words SELECT 1, w, ARRAY[w, 'a,"b'] FROM (SELECT convert_from('\\x${bytes}', '${encoding}') AS w) x;
         INSERT INTO words VALUES (2, '', '{}'), (3, 'plain', NULL);
         COMMENT ON TABLE words IS 'plain';`,
      );
      const result = await clone(source.uri(database), target.uri(database));
      assertSucceeded(result);
      const [there] = await target.superQuery<{ e: string; b: string }>(
        database,
        `SELECT current_setting('server_encoding') AS e, encode(convert_to(word, '${encoding}'), 'hex') AS b FROM words WHERE id = 1`,
      );
      assert.deepEqual(there, { e: encoding, b: bytes }, explain(result));
      await assertClean(target, database);
    });
  }

  test('LATIN1 into a UTF8 database that is there already', async () => {
    await target.createDatabase('latin_as_utf8');
    const result = await clone(source.uri('in_latin1'), target.uri('latin_as_utf8'));
    assertSucceeded(result);
    const [there] = await target.query('latin_as_utf8', 'SELECT word FROM words WHERE id = 1');
    assert.deepEqual(there, { word: 'éüß' });
    assert.equal(
      (await contentsOf({ server: target, database: 'latin_as_utf8' })).get('public.words')?.rows,
      3,
    );
  });
});
