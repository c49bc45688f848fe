import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { classify, classifyDump } from '../../../src/ddl/classify.js';
import { dropStatement } from '../../../src/ddl/drops.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { splitStatements } from '../../../src/ddl/split.js';
import type { Statement } from '../../../src/ddl/statement.js';

const fixtures = join(__dirname, '../../fixtures/ddl');

function one(sql: string): Statement {
  const [raw] = splitStatements(sql);
  assert.ok(raw !== undefined);
  return classify(raw);
}

/** One line a statement, as golden files keep it. */
function line(statement: Statement): string {
  const { section, kind, object, about, details } = statement;
  return [section, kind, object, about ?? '', JSON.stringify(details), dropStatement(statement) ?? ''].join(
    ' | ',
  );
}

before(() => loadParser());

describe('classifyDump', () => {
  for (const major of [13, 17]) {
    it(`knows every statement of the corpus of PostgreSQL ${major}`, () => {
      const statements = classifyDump(readFileSync(join(fixtures, `corpus-${major}.dump.sql`), 'utf8'));
      assert.deepEqual(
        statements.filter(({ kind, parseError }) => kind === 'other' || parseError !== undefined),
        [],
      );
      const golden = join(fixtures, `corpus-${major}.golden.txt`);
      const lines = `${statements.map(line).join('\n')}\n`;
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, lines);
      assert.equal(lines, readFileSync(golden, 'utf8'));
    });
  }

  it('finds the same sections without headers', () => {
    const sql = readFileSync(join(fixtures, 'corpus-17.dump.sql'), 'utf8');
    const bare = splitStatements(sql)
      .map(({ text }) => text)
      .join('\n');
    assert.deepEqual(
      classifyDump(bare).map(({ section }) => section),
      classifyDump(sql).map(({ section }) => section),
    );
  });

  it('loses only the statement that is broken', () => {
    const sql = `CREATE TABLE s."é😀" (a int);
--
-- Name: "b"; Type: TABLE; Schema: s; Owner: -
--
CREATE TABLE s."😀" (a int,, b int);
CREATE TABLE s.c (a int);
SELEC 1;
CREATE INDEX i ON s.c (a);`;
    const [a, b, c, d, i] = classifyDump(sql);
    assert.equal(a?.object, 'table s."é😀"');
    assert.equal(b?.kind, 'createTable');
    assert.equal(b?.object, 'table s."""b"""');
    assert.equal(b?.text[b.parseError?.offset ?? -1], ',');
    assert.equal(b?.text.slice(0, b.parseError?.offset), 'CREATE TABLE s."😀" (a int,');
    assert.equal(c?.parseError, undefined);
    assert.equal(d?.kind, 'other');
    assert.equal(d?.parseError?.offset, 0);
    assert.equal(i?.section, 'postData');
  });

  it('takes a NUL, CRLF and an unterminated end as they come', () => {
    const [a, b] = classifyDump("CREATE TABLE s.a (\r\n  x text DEFAULT '\r\n'\r\n);\r\nSELECT '\0';\r\n");
    assert.deepEqual(a?.relation, { schema: 's', name: 'a' });
    assert.equal(b?.parseError?.message, 'invalid byte 0x00');
    assert.notEqual(classifyDump("SELECT 'x")[0]?.parseError, undefined);
  });

  it('is fast enough for 20,000 tables', (t) => {
    const sql = Array.from(
      { length: 20_000 },
      (_, n) => `CREATE TABLE app.t${n} (id bigint NOT NULL, name text DEFAULT 'x'::text);
ALTER TABLE ONLY app.t${n} ADD CONSTRAINT t${n}_pkey PRIMARY KEY (id);\n`,
    ).join('');
    const start = performance.now();
    const statements = classifyDump(sql);
    t.diagnostic(`${statements.length} statements in ${Math.round(performance.now() - start)} ms`);
    assert.equal(statements.filter(({ kind }) => kind === 'primaryKey').length, 20_000);
  });
});

describe('classify', () => {
  it('gives what the kinds have', () => {
    const cases: [string, Partial<Statement>][] = [
      ["SELECT pg_catalog.set_config('search_path', '', false);", { kind: 'setting', section: 'session' }],
      ['SET SESSION AUTHORIZATION DEFAULT;', { kind: 'sessionAuthorization', details: { role: undefined } }],
      ['CREATE TRUSTED PROCEDURAL LANGUAGE plperl;', { kind: 'createLanguage', object: 'language plperl' }],
      [
        'CREATE OR REPLACE PROCEDURAL LANGUAGE x HANDLER s.h;',
        { kind: 'createLanguage', object: 'language x' },
      ],
      ["SELECT pg_catalog.lo_create('42');", { kind: 'largeObject', details: { oid: '42' } }],
      ['ALTER LARGE OBJECT 4294967295 OWNER TO x;', { kind: 'largeObject', details: { oid: '4294967295' } }],
      ['REFRESH MATERIALIZED VIEW s.m;', { kind: 'refreshMaterializedView', section: 'postData' }],
      ['GRANT a TO b;', { kind: 'grant', details: { objectType: 'role', grantees: ['b'], roles: ['a'] } }],
      ["ALTER DATABASE d SET work_mem = '1MB';", { kind: 'alterDatabaseSet' }],
      ["SECURITY LABEL FOR p ON TABLE s.t IS 'x';", { kind: 'securityLabel', about: 'table s.t' }],
      ['ALTER TABLE ONLY s.t REPLICA IDENTITY NOTHING;', { kind: 'replicaIdentity', section: 'preData' }],
      ['ALTER TABLE s.t DISABLE RULE r;', { kind: 'enableTrigger' }],
      ['ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;', { kind: 'domainConstraint' }],
      ['CREATE ACCESS METHOD m TYPE INDEX HANDLER s.h;', { kind: 'accessMethod' }],
      ["ALTER TYPE s.t ADD VALUE 'x';", { kind: 'alterType' }],
      ['VACUUM s.t;', { kind: 'other', object: 'vacuum s' }],
      [
        'CREATE TABLE s.p PARTITION OF s.t DEFAULT;',
        { kind: 'createTable', references: [{ schema: 's', name: 't' }] },
      ],
    ];
    for (const [sql, expected] of cases) {
      const statement = one(sql) as unknown as Record<string, unknown>;
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(statement[key], value, `${sql} ${key}`);
    }
  });
});
