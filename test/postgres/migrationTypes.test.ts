import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, contentsOf } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, explain } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { edgeValuesFrom14 as from14, edgeValues as values } from '../support/typeValues.js';

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
