import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { classifyDump } from '../../../src/ddl/classify.js';
import { applyRules, type PlacedFinding, type TargetFacts } from '../../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { acrossStatements } from '../../../src/ddl/rules/acrossStatements.js';
import { applyEdits } from '../../../src/ddl/rules/fixes.js';
import { flexibleServerRules, ruleDocs } from '../../../src/ddl/ruleTable.js';
import { type ErrorCodeEntry, errorCodes } from '../../../src/protocol/errorCodes.js';
import { cases, flexible } from './ruleCases.js';

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

  it('leave a statement that parses and needs no more of them', () => {
    for (const { sql, target } of cases) {
      const { text } = verdictOf(sql, target);
      if (text === undefined) continue;
      const [statement, ...more] = classifyDump(text);
      assert.deepEqual([statement?.parseError, more], [undefined, []], text);
      assert.equal(verdictOf(text, target).text, undefined, text);
    }
  });

  it('take the password out of a user mapping', () => {
    const mapping = (options: string) => {
      const sql = `CREATE USER MAPPING FOR admin SERVER s OPTIONS (${options});`;
      const verdict = verdictOf(sql);
      const fix = verdict.fixes?.find((each) => each.kind === 'dropClause');
      return [sql.slice(verdict.place?.start, verdict.place?.end), applyEdits(sql, fix?.edits ?? [])];
    };
    assert.deepEqual(mapping(`"user" 'u', password 'a, )'`), [
      `password 'a, )'`,
      `CREATE USER MAPPING FOR admin SERVER s OPTIONS ("user" 'u');`,
    ]);
    assert.deepEqual(
      mapping(`password 'x', "user" 'u'`)[1],
      `CREATE USER MAPPING FOR admin SERVER s OPTIONS ("user" 'u');`,
    );
    assert.deepEqual(mapping(`password 'x'`)[1], 'CREATE USER MAPPING FOR admin SERVER s;');
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

describe('names that are equal but for case', () => {
  it('are told at the second one, in the same schema alone', () => {
    const sql =
      'CREATE TABLE s.orders (a int); CREATE VIEW s."Orders" AS SELECT 1; CREATE TABLE t."Orders" (); CREATE SCHEMA "S"; CREATE SCHEMA s;';
    const found = [...acrossStatements(classifyDump(sql), flexible)];
    assert.deepEqual(
      found.map(([{ start }, { finding, place }]) => [
        finding.code,
        sql.slice(start + (place?.start ?? 0), start + (place?.end ?? 0)),
      ]),
      [
        ['FF456', '"Orders"'],
        ['FF456', 's'],
      ],
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
