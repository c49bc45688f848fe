import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { splitStatements } from '../../../src/ddl/split.js';

const texts = (sql: string): string[] => splitStatements(sql).map(({ text }) => text);

describe('splitStatements', () => {
  it('ends a statement only at a semicolon of its own', () => {
    const statements = [
      `SELECT 'a;b', 'it''s;', E'\\';', U&'\\0041;', B'1', "q;""x";`,
      "SELECT E'a\\''\n  -- comment;\n  'b\\';';",
      'SELECT $$;$$, $tag$ $$ ; $other$ $tag$, a$b$;',
      'SELECT 1 /* ; /* nested ; */ ; */ -- ; end\n + 2;',
      'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);',
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;',
      'CREATE OR REPLACE PROCEDURE "begin"(a int) LANGUAGE sql BEGIN ATOMIC SELECT (CASE 1 WHEN 1 THEN 2 END); END;',
      'CREATE FUNCTION "f"() BEGIN ATOMIC SELECT 1; END;',
      'CREATE TABLE "begin" ("case" int, "end" text);',
      'SELECT begin, "case" FROM e;',
      'SELECT 5-+-3;',
    ];
    assert.deepEqual(texts(statements.join('\n\n')), statements);
  });

  it('gives offsets in the file, whatever stands around', () => {
    const sql = '\ufeff\r\n-- 😀\r\nSELECT 1;\r\n\r\n;;  /* x */ SELECT\r\n2 ;\0\0\r\n';
    const found = splitStatements(sql);
    assert.deepEqual(
      found.map(({ text }) => text),
      ['SELECT 1;', 'SELECT\r\n2 ;'],
    );
    for (const { text, start, end } of found) assert.equal(sql.slice(start, end), text);
    assert.equal(
      found.some(({ unterminated }) => unterminated),
      false,
    );
  });

  it('reads the headers of pg_dump', () => {
    const sql = [
      '--\n-- Name: a; Type: X; Schema: s; b; Type: TABLE; Schema: "od; d"; Owner: -\n--\n\nCREATE TABLE a ();',
      '--\n-- Name: f(integer); Type: FUNCTION; Schema: -; Owner: shop\n--\r\nSELECT $$\n-- Name: x; Type: TABLE; Schema: y; Owner: z\n$$;',
      'SELECT 2;',
    ].join('\n\n');
    assert.deepEqual(
      splitStatements(sql).map(({ tocComment }) => tocComment),
      [
        { name: 'a; Type: X; Schema: s; b', type: 'TABLE', schema: '"od; d"' },
        { name: 'f(integer)', type: 'FUNCTION', owner: 'shop' },
        undefined,
      ],
    );
  });

  it('keeps what is broken to itself as far as it can', () => {
    const header = '--\n-- Name: b; Type: TABLE; Schema: s; Owner: -\n--\n\n';
    for (const broken of [
      'CREATE TABLE a (x int',
      'CREATE TABLE a (x int)',
      'CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;',
    ]) {
      const found = splitStatements(`${broken}\n\n${header}CREATE TABLE b ();`);
      assert.equal(found.length, 2, broken);
      assert.equal(found[0]?.unterminated, true);
      assert.equal(found[0]?.text, broken);
      assert.equal(found[1]?.text, 'CREATE TABLE b ();');
      assert.equal(found[1]?.tocComment?.name, 'b');
    }
    for (const open of [
      "SELECT 'x;",
      'SELECT "x;',
      'SELECT $a$ ; $b$',
      'SELECT /* ;',
      '/* ; SELECT 1;',
      "SELECT E'\\';",
    ]) {
      const found = splitStatements(`SELECT 1;${open}\n`);
      assert.equal(found.length, 2, open);
      assert.equal(found[1]?.unterminated, true, open);
    }
    assert.equal(splitStatements('SELECT 1')[0]?.unterminated, undefined);
  });

  it("leaves out psql's commands around a plain dump", () => {
    assert.deepEqual(texts('\\restrict abc\n\nSELECT 1;\n\\connect x\nSELECT 2;\n\\unrestrict abc\n'), [
      'SELECT 1;',
      '\\connect x',
      'SELECT 2;',
    ]);
  });

  it('takes linear time', (t) => {
    const unit = "CREATE TABLE a (x int DEFAULT 1, y text DEFAULT 'a;b');\n-- c\nSELECT $x$ ; $x$;\n";
    const sql = unit.repeat(Math.ceil((20 << 20) / unit.length));
    const start = performance.now();
    assert.equal(splitStatements(sql).length, 2 * Math.ceil((20 << 20) / unit.length));
    t.diagnostic(`20 MB in ${Math.round(performance.now() - start)} ms`);
    // Neither must what is never closed make every later character start a search of the rest.
    const dollars = `SELECT ${'$a '.repeat(1 << 20)};`;
    assert.equal(splitStatements(dollars).length, 1);
    assert.equal(splitStatements('('.repeat(1 << 20)).length, 1);
    assert.equal(splitStatements('/*'.repeat(1 << 20)).length, 1);
  });
});
