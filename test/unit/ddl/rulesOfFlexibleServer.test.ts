import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { classifyDump } from '../../../src/ddl/classify.js';
import { applyRules, type PlacedFinding, type TargetFacts } from '../../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { applyEdits } from '../../../src/ddl/rules/fixes.js';
import { flexibleServerRules, ruleDocs } from '../../../src/ddl/ruleTable.js';
import { type ErrorCodeEntry, errorCodes } from '../../../src/protocol/errorCodes.js';

const flexible: TargetFacts = {
  versionNum: 170004,
  isFlexibleServer: true,
  allowedExtensions: ['hstore', 'postgres_fdw', 'pg_cron', 'postgis'],
  availableExtensions: new Set(['hstore', 'postgres_fdw', 'pg_cron', 'postgis', 'file_fdw']),
  roles: new Set(['admin', 'azuresu', 'azure_pg_admin', 'pg_write_all_data', 'pg_monitor']),
};

interface Case {
  readonly sql: string;
  readonly code: string;
  /** What becomes of it: left out, tried, run as this text, or run as it is with a word about it. */
  readonly is: 'skip' | 'try' | 'tell' | { readonly edited: string };
  /** The words underlined. */
  readonly place?: string;
  readonly target?: Partial<TargetFacts>;
}

const cases: readonly Case[] = [
  // Superusers and roles
  {
    sql: 'CREATE ROLE r SUPERUSER LOGIN;',
    code: 'FF430',
    is: { edited: 'CREATE ROLE r LOGIN;' },
    place: 'SUPERUSER',
  },
  {
    sql: 'ALTER ROLE r WITH NOSUPERUSER REPLICATION;',
    code: 'FF430',
    is: { edited: 'ALTER ROLE r WITH NOSUPERUSER;' },
  },
  {
    sql: 'CREATE ROLE r BYPASSRLS;',
    code: 'FF430',
    is: { edited: 'CREATE ROLE r;' },
    target: { versionNum: 150004 },
  },
  {
    sql: `CREATE ROLE r LOGIN PASSWORD 'it''s' VALID UNTIL '2030-01-01';`,
    code: 'FF410',
    is: { edited: `CREATE ROLE r LOGIN VALID UNTIL '2030-01-01';` },
    place: `PASSWORD 'it''s'`,
  },
  { sql: 'CREATE ROLE azure_superuser;', code: 'FF431', is: 'skip', place: 'azure_superuser' },
  { sql: 'ALTER TABLE s.t OWNER TO azuresu;', code: 'FF431', is: 'skip', place: 'azuresu' },
  { sql: 'GRANT SELECT ON s.t TO rds_superuser;', code: 'FF431', is: 'skip', place: 'rds_superuser' },
  { sql: 'GRANT SELECT ON s.t TO rds_superuser, bob;', code: 'FF413', is: 'skip' },
  { sql: 'CREATE SCHEMA s AUTHORIZATION bob;', code: 'FF413', is: 'skip', place: 'bob' },
  { sql: 'GRANT SELECT ON LARGE OBJECT 5 TO "Bob;";', code: 'FF413', is: 'skip', place: '"Bob;"' },
  { sql: 'ALTER LARGE OBJECT 5 OWNER TO bob;', code: 'FF413', is: 'skip', place: 'bob' },
  { sql: 'GRANT pg_write_all_data TO admin;', code: 'FF432', is: 'skip', place: 'pg_write_all_data' },
  { sql: 'GRANT SELECT ON pg_catalog.pg_shadow TO admin;', code: 'FF433', is: 'skip', place: 'pg_shadow' },
  { sql: 'GRANT SELECT(rolname) ON TABLE pg_authid TO admin;', code: 'FF433', is: 'skip' },
  { sql: 'REVOKE ALL ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;', code: 'FF400', is: 'try' },
  { sql: 'GRANT SET ON PARAMETER work_mem TO admin;', code: 'FF400', is: 'try' },
  // Catalogs and functions
  { sql: 'CREATE VIEW s.v AS SELECT passwd FROM pg_shadow;', code: 'FF434', is: 'tell', place: 'pg_shadow' },
  {
    sql: 'CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN PERFORM 1 FROM pg_catalog.pg_authid; END $b$;',
    code: 'FF434',
    is: 'tell',
    place: 'pg_catalog.pg_authid',
  },
  {
    sql: "CREATE TABLE s.t (a text DEFAULT md5('é'::text), b int);",
    code: 'FF445',
    is: 'tell',
    place: 'md5',
  },
  { sql: "CREATE INDEX i ON s.t (('😀' || md5(a)));", code: 'FF445', is: 'tell', place: 'md5' },
  {
    sql: "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $$ SELECT '😀' || pg_catalog.md5('x') $$;",
    code: 'FF445',
    is: 'tell',
    place: 'pg_catalog.md5',
  },
  {
    sql: "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS 'SELECT ''md5(x)'' || md5(''x'')';",
    code: 'FF445',
    is: 'tell',
    place: 'md5',
  },
  { sql: "SELECT lo_export(5, '/tmp/x');", code: 'FF439', is: 'tell', place: 'lo_export' },
  {
    sql: "SELECT pg_replication_origin_create('x');",
    code: 'FF446',
    is: 'tell',
    place: 'pg_replication_origin_create',
  },
  { sql: "COPY s.t FROM '/tmp/x' CSV;", code: 'FF439', is: 'skip', place: "'/tmp/x'" },
  { sql: "COPY (SELECT 1) TO PROGRAM 'ls';", code: 'FF439', is: 'skip', place: "PROGRAM 'ls'" },
  // Settings
  { sql: "ALTER SYSTEM SET work_mem = '8MB';", code: 'FF440', is: 'skip', place: 'work_mem' },
  { sql: 'ALTER DATABASE d SET log_statement = ddl;', code: 'FF441', is: 'try', place: 'log_statement' },
  { sql: "ALTER ROLE admin SET session_preload_libraries = 'x';", code: 'FF441', is: 'try' },
  { sql: 'ALTER DATABASE d SET default_transaction_read_only = on;', code: 'FF442', is: 'skip' },
  { sql: 'SET default_transaction_read_only TO true;', code: 'FF442', is: 'skip' },
  { sql: "ALTER DATABASE d SET idle_in_transaction_session_timeout = '5min';", code: 'FF453', is: 'tell' },
  { sql: 'SET default_with_oids = true;', code: 'FF444', is: 'skip' },
  { sql: 'SET default_table_access_method = columnar;', code: 'FF451', is: 'skip' },
  { sql: "SET default_tablespace = 'fast';", code: 'FF407', is: 'skip' },
  // Tables
  {
    sql: 'CREATE TABLE s.t (a int) WITH OIDS;',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int);' },
    place: 'WITH OIDS',
  },
  {
    sql: 'CREATE TABLE s.t (a int) WITH (oids=true);',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int);' },
  },
  {
    sql: 'CREATE TABLE s.t (a int) WITH (oids, fillfactor=70);',
    code: 'FF444',
    is: { edited: 'CREATE TABLE s.t (a int) WITH (fillfactor=70);' },
    place: 'oids',
  },
  {
    sql: 'CREATE TABLE s.t (a int PRIMARY KEY USING INDEX TABLESPACE "Fäst") TABLESPACE fast;',
    code: 'FF407',
    is: { edited: 'CREATE TABLE s.t (a int PRIMARY KEY);' },
    place: 'USING INDEX TABLESPACE "Fäst"',
  },
  {
    sql: 'CREATE TABLE s.t TABLESPACE fast AS SELECT 1;',
    code: 'FF407',
    is: { edited: 'CREATE TABLE s.t AS SELECT 1;' },
  },
  { sql: 'ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;', code: 'FF407', is: 'skip' },
  { sql: 'ALTER INDEX s.i SET TABLESPACE b;', code: 'FF407', is: 'skip' },
  { sql: 'ALTER DATABASE d SET TABLESPACE b;', code: 'FF407', is: 'skip', place: 'TABLESPACE' },
  { sql: 'GRANT CREATE ON TABLESPACE b TO admin;', code: 'FF407', is: 'skip' },
  { sql: "CREATE TABLESPACE b LOCATION '/x';", code: 'FF407', is: 'skip' },
  {
    sql: 'CREATE TABLE s.t (a int) USING columnar;',
    code: 'FF451',
    is: { edited: 'CREATE TABLE s.t (a int);' },
    place: 'USING columnar',
  },
  { sql: 'CREATE UNLOGGED TABLE s.t (a int);', code: 'FF455', is: 'tell', place: 'UNLOGGED' },
  {
    sql: 'ALTER TABLE s.t FORCE ROW LEVEL SECURITY;',
    code: 'FF454',
    is: 'tell',
    place: 'FORCE',
    target: { bypassesRowSecurity: false },
  },
  {
    sql: 'CREATE TABLE s.t (a text COLLATE "de_DE.utf8");',
    code: 'FF450',
    is: 'try',
    place: '"de_DE.utf8"',
    target: { collations: new Set(['C']) },
  },
  {
    sql: 'CREATE INDEX i ON s.t (a COLLATE "de-x-icu");',
    code: 'FF450',
    is: 'try',
    place: '"de-x-icu"',
    target: { collations: new Set(['C']) },
  },
  { sql: "CREATE COLLATION s.c (locale = 'de_DE');", code: 'FF449', is: 'try' },
  // Functions
  {
    sql: "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql LEAKPROOF SUPPORT s.g STRICT AS 'SELECT 1 -- LEAKPROOF';",
    code: 'FF459',
    is: { edited: "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql STRICT AS 'SELECT 1 -- LEAKPROOF';" },
    place: 'LEAKPROOF',
  },
  { sql: 'ALTER FUNCTION s.f() LEAKPROOF;', code: 'FF459', is: 'skip', place: 'LEAKPROOF' },
  { sql: "DO LANGUAGE plperlu 'x';", code: 'FF402', is: 'skip', place: 'LANGUAGE plperlu' },
  { sql: "LOAD 'auto_explain';", code: 'FF400', is: 'try' },
  { sql: 'CREATE CAST (s.a AS s.b) WITH FUNCTION s.f(s.a);', code: 'FF443', is: 'try' },
  { sql: 'CREATE CAST (s.a AS s.b) WITH INOUT;', code: 'FF443', is: 'try' },
  // Extensions and foreign data
  { sql: 'CREATE EXTENSION file_fdw;', code: 'FF207', is: 'skip', place: 'file_fdw' },
  { sql: 'CREATE EXTENSION pg_failover_slots;', code: 'FF435', is: 'skip' },
  { sql: 'CREATE EXTENSION plperl;', code: 'FF401', is: 'skip' },
  { sql: 'CREATE EXTENSION hstore SCHEMA pg_catalog;', code: 'FF437', is: 'try', place: 'SCHEMA pg_catalog' },
  {
    sql: "CREATE EXTENSION postgis VERSION '2.5.0' CASCADE;",
    code: 'FF452',
    is: { edited: 'CREATE EXTENSION postgis CASCADE;' },
  },
  { sql: 'CREATE EXTENSION pg_cron;', code: 'FF438', is: 'tell', place: 'pg_cron' },
  { sql: 'ALTER EXTENSION hstore SET SCHEMA s;', code: 'FF436', is: 'skip' },
  { sql: 'ALTER EXTENSION hstore ADD TABLE s.t;', code: 'FF400', is: 'try' },
  { sql: 'CREATE SERVER x FOREIGN DATA WRAPPER file_fdw;', code: 'FF409', is: 'skip', place: 'file_fdw' },
  {
    sql: "CREATE SERVER x FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'd', host 'old');",
    code: 'FF457',
    is: 'tell',
    place: "host 'old'",
  },
  // Replication
  { sql: 'CREATE PUBLICATION p FOR ALL TABLES;', code: 'FF412', is: 'skip' },
  { sql: 'CREATE PUBLICATION p FOR ALL TABLES;', code: 'FF400', is: 'try', target: { publications: true } },
  {
    sql: 'CREATE PUBLICATION p FOR TABLES IN SCHEMA s;',
    code: 'FF400',
    is: 'try',
    target: { publications: true },
  },
  {
    sql: "CREATE SUBSCRIPTION p CONNECTION '' PUBLICATION q;",
    code: 'FF412',
    is: 'skip',
    target: { publications: true },
  },
  // Databases
  { sql: 'CREATE DATABASE d;', code: 'FF447', is: 'skip', place: 'CREATE DATABASE' },
  { sql: 'DROP DATABASE d;', code: 'FF447', is: 'skip' },
  { sql: 'ALTER DATABASE azure_sys SET work_mem = 1;', code: 'FF448', is: 'skip', place: 'azure_sys' },
  // Versions
  {
    sql: 'CREATE TABLE s.t (a text COMPRESSION pglz);',
    code: 'FF458',
    is: 'try',
    place: 'COMPRESSION',
    target: { versionNum: 130010 },
  },
  {
    sql: 'ALTER TABLE s.t ADD CONSTRAINT c UNIQUE NULLS NOT DISTINCT (a);',
    code: 'FF458',
    is: 'try',
    target: { versionNum: 140010 },
  },
  {
    sql: 'CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL);',
    code: 'FF458',
    is: 'try',
    place: 'GENERATED',
  },
  { sql: 'ALTER TABLE s.t ADD CONSTRAINT c PRIMARY KEY (a, b WITHOUT OVERLAPS);', code: 'FF458', is: 'try' },
  {
    sql: 'ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED;',
    code: 'FF458',
    is: 'try',
    place: 'NOT ENFORCED',
  },
  { sql: 'ALTER TABLE s.t ADD CONSTRAINT c NOT NULL a NOT VALID;', code: 'FF458', is: 'try' },
];

function verdictOf(sql: string, target: Partial<TargetFacts> = {}) {
  const [statement] = classifyDump(sql);
  assert.ok(statement !== undefined);
  return applyRules(statement, { ...flexible, ...target });
}

before(() => loadParser());

describe('each restriction of a Flexible Server', () => {
  for (const { sql, code, is, place, target } of cases) {
    it(`${code} ${sql}`, () => {
      const verdict = verdictOf(sql, target);
      const { finding, onFailure, text } = verdict;
      if (is === 'skip') assert.deepEqual([verdict.action, finding?.code], ['skip', code]);
      else if (is === 'try')
        assert.deepEqual([verdict.action, finding, onFailure?.code], ['run', undefined, code]);
      else assert.deepEqual([verdict.action, finding?.code], ['run', code]);
      assert.equal(text, typeof is === 'object' ? is.edited : undefined);
      if (place !== undefined) {
        assert.ok(verdict.place !== undefined, 'no place');
        assert.equal(sql.slice(verdict.place.start, verdict.place.end), place);
      }
    });
  }

  it('says nothing of them on plain PostgreSQL, but what is everyone’s', () => {
    const plain = { ...flexible, isFlexibleServer: false, allowedExtensions: null };
    const everywhere = new Set([
      'FF401',
      'FF410',
      'FF412',
      'FF413',
      'FF431',
      'FF442',
      'FF444',
      'FF447',
      'FF450',
      'FF453',
      'FF454',
      'FF458',
    ]);
    for (const { sql, target } of cases) {
      const { finding, onFailure } = verdictOf(sql, { ...plain, ...target });
      const code = (finding ?? onFailure)?.code;
      assert.ok(code === undefined || everywhere.has(code), `${code} ${sql}`);
    }
  });

  it('leaves alone what only looks like it', () => {
    for (const sql of [
      "COMMENT ON TABLE s.t IS 'md5(x) from pg_shadow WITH OIDS TABLESPACE x';",
      "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $$ SELECT 'md5(1)' /* md5(2) */ $$;",
      'CREATE VIEW s.v AS SELECT s.md5(a), pg_shadow FROM s.pg_authid;',
      'CREATE TABLE s.t (superuser boolean, tablespace text, leakproof int, oids int);',
      'CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN superuser(); END $$;',
      'CREATE TABLE s.t (a int) WITH (oids=false);',
      'CREATE ROLE r NOSUPERUSER NOREPLICATION BYPASSRLS;',
      'ALTER DATABASE d SET default_transaction_read_only = off;',
      'ALTER ROLE reader SET default_transaction_read_only = on;',
      'COPY s.t FROM STDIN;',
      'ALTER EXTENSION hstore UPDATE;',
      'CREATE TABLE s.t (a int) USING heap;',
      'ALTER TABLE s.t OWNER TO CURRENT_USER;',
    ]) {
      assert.deepEqual(verdictOf(sql), { action: 'run' }, sql);
    }
  });
});

describe('fixes', () => {
  const all = (verdict: ReturnType<typeof verdictOf>): readonly PlacedFinding['fixes'][number][] => [
    ...(verdict.fixes ?? []),
    ...(verdict.also ?? []).flatMap((each) => each.fixes),
  ];

  it('are edits in order within the text, and what is left out has one by default', () => {
    for (const { sql, target } of cases) {
      const verdict = verdictOf(sql, target);
      for (const fix of all(verdict)) {
        let from = 0;
        for (const edit of fix.edits) {
          assert.ok(
            edit.start >= from && edit.end >= edit.start && edit.end <= sql.length,
            `${sql}: ${fix.title}`,
          );
          from = edit.end;
        }
      }
      const defaults = all(verdict).filter((fix) => fix.isDefault);
      if (verdict.action === 'skip')
        assert.deepEqual(
          defaults.map((fix) => fix.kind),
          ['commentOut'],
          sql,
        );
      else assert.equal(defaults.length > 0, verdict.text !== undefined, sql);
    }
  });

  it('comment out every line, below the reason', () => {
    const sql = 'CREATE TYPE s.t (\r\n  INPUT = s.i,\r\n\r\n  OUTPUT = s.o\r\n);';
    const [fix] = verdictOf(sql).fixes ?? [];
    assert.equal(
      applyEdits(sql, fix?.edits ?? []),
      '-- flexferry: skipped FF404: The type s.t is a base type.\r\n-- CREATE TYPE s.t (\r\n--   INPUT = s.i,\r\n-- \r\n--   OUTPUT = s.o\r\n-- );',
    );
    const named = verdictOf('GRANT SELECT ON s."two\nlines" TO bob;').fixes?.[0];
    assert.match(
      applyEdits('GRANT SELECT ON s."two\nlines" TO bob;', named?.edits ?? []),
      /^-- flexferry: skipped FF413: [^\n]*\n-- GRANT[^\n]*\n-- lines" TO bob;$/,
    );
  });

  it('replace an owner, allow an extension, create or map a role', () => {
    const sql = 'ALTER TABLE s.bob OWNER TO "bob";';
    const fixes = verdictOf(sql).fixes ?? [];
    const owner = fixes.find((fix) => fix.kind === 'replaceOwner');
    assert.equal(applyEdits(sql, owner?.edits ?? []), 'ALTER TABLE s.bob OWNER TO CURRENT_USER;');
    assert.deepEqual(
      fixes.filter((fix) => fix.argument !== undefined).map((fix) => [fix.kind, fix.argument, fix.resolves]),
      [
        ['mapRole', 'bob', false],
        ['createRole', 'bob', false],
      ],
    );
    const allow = verdictOf('CREATE EXTENSION file_fdw;').fixes?.find((fix) => fix.kind === 'allowExtension');
    assert.equal(allow?.argument, 'file_fdw');
  });

  it('of several rules come together', () => {
    const verdict = verdictOf(
      "CREATE UNLOGGED TABLE s.t (a text DEFAULT md5('x')) USING columnar TABLESPACE fast;",
    );
    assert.equal(verdict.text, "CREATE UNLOGGED TABLE s.t (a text DEFAULT md5('x'));");
    const codes = [verdict.finding, ...(verdict.also ?? []).map((each) => each.finding)].map(
      (each) => each?.code,
    );
    assert.deepEqual(codes.sort(), ['FF407', 'FF445', 'FF451', 'FF455']);
  });
});

describe('owners', () => {
  const target = { roles: new Set(['new owner']) };
  it('become reachable before, and lend the schema only for the statement', () => {
    const verdict = verdictOf('ALTER TABLE s.t OWNER TO "new owner";', target);
    assert.match(
      verdict.before ?? '',
      /pg_has_role\('new owner', 'SET'\) THEN GRANT "new owner" TO CURRENT_USER/,
    );
    assert.match(verdict.before ?? '', /GRANT CREATE ON SCHEMA "s" TO "new owner"/);
    assert.match(verdict.after ?? '', /REVOKE CREATE ON SCHEMA "s" FROM "new owner"/);
    const function_ = verdictOf('ALTER FUNCTION "S".f(int) OWNER TO "new owner";', {
      ...target,
      versionNum: 150000,
    });
    assert.match(function_.before ?? '', /'MEMBER'[\s\S]*ON SCHEMA "S"/);
    const schema = verdictOf('ALTER SCHEMA s OWNER TO "new owner";', target);
    assert.deepEqual([schema.before?.includes('SCHEMA'), schema.after], [false, undefined]);
  });
  it('are no matter for a superuser', () => {
    const verdict = verdictOf('ALTER TABLE s.t OWNER TO "new owner";', { ...target, isSuperuser: true });
    assert.deepEqual(verdict, { action: 'run' });
  });
});

describe('extensions of a target that was not asked', () => {
  const unknown = { allowedExtensions: null, availableExtensions: new Set<string>() };
  it('are judged by the dated list', () => {
    const code = (name: string, versionNum = 170000) =>
      verdictOf(`CREATE EXTENSION ${name};`, { ...unknown, versionNum }).finding?.code;
    assert.deepEqual(
      [
        code('hstore'),
        code('file_fdw'),
        code('pg_failover_slots'),
        code('pg_failover_slots', 160000),
        code('age', 120000),
        code('"uuid-ossp"'),
      ],
      [undefined, 'FF401', 'FF435', 'FF438', 'FF435', undefined],
    );
    assert.match(verdictOf('CREATE EXTENSION file_fdw;', unknown).finding?.message ?? '', /2026-06-08/);
  });
  it('preloaded ones are a note, a warning where it is known that they are not, and nothing where they are', () => {
    const severity = (preloadLibraries?: ReadonlySet<string>) =>
      verdictOf('CREATE EXTENSION pg_cron;', preloadLibraries && { preloadLibraries }).finding?.severity;
    assert.deepEqual(
      [severity(), severity(new Set()), severity(new Set(['pg_cron']))],
      ['note', 'warning', undefined],
    );
  });
});

describe('the table of rules', () => {
  it('is documented: every code has help, every row a title and a reason', () => {
    for (const doc of ruleDocs()) {
      assert.ok(doc.code in errorCodes && doc.fix.length >= 25, doc.code);
      assert.ok(
        doc.title.length > 3 && /^[A-Z].+\.$/.test(doc.explanation),
        `${doc.code} ${doc.explanation}`,
      );
      assert.ok(doc.statements.length > 0);
    }
    const titles = ruleDocs().map(({ code, title }) => `${code} ${title}`);
    assert.equal(new Set(titles).size, titles.length);
  });

  it('every rule is met by a statement of these tests or by those of rules.test.ts', () => {
    const elsewhere = new Set(['FF403', 'FF404', 'FF405', 'FF406', 'FF408', 'FF411', 'FF414', 'FF415']);
    const met = new Set(cases.map(({ code }) => code));
    const missing = flexibleServerRules
      .map(({ code }) => code)
      .filter((code) => !met.has(code) && !elsewhere.has(code));
    assert.deepEqual(missing, []);
  });

  it('carries the code of Azure’s migration service where one matches', () => {
    const azure: Readonly<Record<string, string>> = {
      FF207: '603108',
      FF438: '603109',
      FF442: '603112',
      FF450: '603402',
      FF449: '603403',
      FF444: '603404',
      FF401: '603405',
      FF452: '603406',
      FF437: '603407',
      FF435: '603408',
      FF406: '603409',
      FF443: '603409',
      FF433: '603410',
      FF402: '603413',
      FF403: '603413',
    };
    const table = Object.fromEntries(
      ruleDocs().flatMap(({ code, azureCode }) => (azureCode === undefined ? [] : [[code, azureCode]])),
    );
    assert.deepEqual(table, azure);
    for (const [code, entry] of Object.entries<ErrorCodeEntry>(errorCodes)) {
      if (/^FF4[0-6]/.test(code) && entry.azure !== undefined) assert.equal(entry.azure, azure[code], code);
    }
  });
});
