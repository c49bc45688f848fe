import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addExtensionSchemas,
  exactPattern,
  removeAttver,
  removeRestrict,
} from '../../../../src/engine/dump/dumpText.js';

const header = '--\n-- PostgreSQL database dump\n--\n\n';

describe('removeRestrict', () => {
  test('takes out the two lines of the key and nothing else', () => {
    const body = "COMMENT ON TABLE t IS '\n\\unrestrict Key1x\n\\restrict Key1\n';\n";
    const sql = `${header}\\restrict Key1\n\n${body}\n--\n\n\\unrestrict Key1\n\n`;
    assert.equal(removeRestrict(sql), `${header}\n${body}\n--\n\n\n`);
  });
  test('leaves a dump alone that has no key of its own', () => {
    const sql = `${header}SET x = 0;\nCOMMENT ON TABLE t IS '\n\\restrict Key1\n\\unrestrict Key1\n';\n`;
    assert.equal(removeRestrict(sql), sql);
  });
});

describe('removeAttver', () => {
  const cases: readonly [string, string][] = [
    ['ALTER TABLE ONLY a.b ALTER COLUMN c SET (pg_attver=1);\n', ''],
    [
      'ALTER FOREIGN TABLE ONLY a."b c" ALTER COLUMN "d ""e" SET (n_distinct=-0.5, pg_attver=12);\n',
      'ALTER FOREIGN TABLE ONLY a."b c" ALTER COLUMN "d ""e" SET (n_distinct=-0.5);\n',
    ],
    [
      'ALTER TABLE a.b ALTER COLUMN c SET (pg_attver=1, n_distinct=5);\n',
      'ALTER TABLE a.b ALTER COLUMN c SET (n_distinct=5);\n',
    ],
    ["  SELECT 'pg_attver=1';\n", "  SELECT 'pg_attver=1';\n"],
  ];
  for (const [sql, expected] of cases)
    test(sql.trim(), () => assert.equal(removeAttver(`x\n${sql}y\n`), `x\n${expected}y\n`));
});

test('addExtensionSchemas creates the schema of an extension once, where the dump does not', () => {
  const extension = (name: string, schema: string) =>
    `CREATE EXTENSION IF NOT EXISTS ${name} WITH SCHEMA ${schema};\n`;
  const sql =
    'CREATE SCHEMA app;\n' +
    ['a|app', 'b|public', 'c|"my ext"', 'd|"my ext"', 'e|pg_catalog']
      .map((e) => extension(e.split('|')[0] ?? '', e.split('|')[1] ?? ''))
      .join('');
  const expected = sql.replace(
    'CREATE EXTENSION IF NOT EXISTS c',
    'CREATE SCHEMA IF NOT EXISTS "my ext";\n\nCREATE EXTENSION IF NOT EXISTS c',
  );
  assert.equal(addExtensionSchemas(sql), expected);
});

test('exactPattern', () => assert.equal(exactPattern('a.b"c*'), '"a.b""c*"'));
