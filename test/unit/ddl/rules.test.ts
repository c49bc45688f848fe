import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { classifyDump } from '../../../src/ddl/classify.js';
import { asIndexAndConstraint, asNotValid } from '../../../src/ddl/constraints.js';
import { dependsOnSkipped } from '../../../src/ddl/dependsOnSkipped.js';
import { checkExtension } from '../../../src/ddl/extensionRule.js';
import { applyRules, type TargetFacts, type Verdict } from '../../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { redact } from '../../../src/ddl/redact.js';
import { withoutAttver } from '../../../src/ddl/rewrite.js';
import type { Statement } from '../../../src/ddl/statement.js';

const flexible: TargetFacts = {
  versionNum: 160004,
  isFlexibleServer: true,
  allowedExtensions: ['HSTORE', 'postgres_fdw'],
  availableExtensions: new Set(['hstore', 'postgres_fdw', 'btree_gist']),
  roles: new Set(['admin', 'corpus_reader']),
};

function first(sql: string): Statement {
  const [statement] = classifyDump(sql);
  assert.ok(statement !== undefined);
  return statement;
}
const verdict = (sql: string, target = flexible): Verdict => applyRules(first(sql), target);

before(() => loadParser());

describe('applyRules', () => {
  it('knows what a Flexible Server refuses', () => {
    const skipped: [string, string][] = [
      ['ALTER SCHEMA public OWNER TO x;', 'FF414'],
      ["COMMENT ON SCHEMA public IS 'x';", 'FF414'],
      ["COMMENT ON EXTENSION hstore IS 'x';", 'FF415'],
      ['SET default_tablespace = fast;', 'FF407'],
      ['CREATE TYPE s.t;', 'FF404'],
      ['CREATE TYPE s.t (INPUT = s.i, OUTPUT = s.o);', 'FF404'],
      ['CREATE TEXT SEARCH PARSER s.p (START = a);', 'FF405'],
      ['CREATE TEXT SEARCH TEMPLATE s.p (LEXIZE = a);', 'FF405'],
      ['CREATE PROCEDURAL LANGUAGE plperl;', 'FF402'],
      ["CREATE FUNCTION s.f() RETURNS int LANGUAGE plpython3u AS 'x';", 'FF402'],
      ["CREATE FUNCTION s.f() RETURNS int LANGUAGE c AS 'lib', 'f';", 'FF403'],
      ["CREATE FUNCTION s.f() RETURNS int LANGUAGE internal AS 'f';", 'FF403'],
      ['CREATE OPERATOR FAMILY s.f USING btree;', 'FF408'],
      ['CREATE FOREIGN DATA WRAPPER w;', 'FF409'],
      ["CREATE USER MAPPING FOR admin SERVER s OPTIONS (password 'x');", 'FF410'],
      ['CREATE PUBLICATION p FOR ALL TABLES;', 'FF412'],
      ["CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;", 'FF412'],
      ['SET SESSION AUTHORIZATION bob;', 'FF418'],
      ['GRANT SELECT ON TABLE s.t TO bob;', 'FF413'],
      ['ALTER DEFAULT PRIVILEGES FOR ROLE bob GRANT SELECT ON TABLES TO admin;', 'FF413'],
      ['CREATE POLICY p ON s.t TO bob;', 'FF413'],
      ['CREATE EXTENSION btree_gist;', 'FF207'],
      ['CREATE EXTENSION plperl;', 'FF401'],
    ];
    for (const [sql, code] of skipped) {
      const { action, finding } = verdict(sql);
      assert.deepEqual([action, finding?.code], ['skip', code], sql);
      assert.ok((finding?.fix.length ?? 0) > 20 && (finding?.message.length ?? 0) > 10);
    }
    for (const [sql, code] of [
      ['CREATE CAST (s.a AS s.b) WITHOUT FUNCTION;', 'FF406'],
      ["SECURITY LABEL FOR p ON TABLE s.t IS 'x';", 'FF411'],
      ['CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION s.f();', 'FF400'],
    ] as const) {
      const { action, finding, onFailure } = verdict(sql);
      assert.deepEqual([action, finding, onFailure?.code], ['run', undefined, code], sql);
    }
  });

  it('lets everything else run', () => {
    for (const sql of [
      'CREATE TABLE s.t (a int);',
      "SET default_tablespace = '';",
      'CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA s;',
      'GRANT SELECT ON TABLE s.t TO PUBLIC;',
      'GRANT SELECT ON TABLE s.t TO corpus_reader;',
      "CREATE FUNCTION s.f() RETURNS int LANGUAGE plv8 AS 'x';",
      "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'x');",
    ]) {
      assert.deepEqual(verdict(sql), { action: 'run' }, sql);
    }
  });

  it('depends on the version and the kind of target', () => {
    assert.equal(verdict('SET transaction_timeout = 0;').action, 'skip');
    assert.equal(verdict('SET transaction_timeout = 0;', { ...flexible, versionNum: 170000 }).action, 'run');
    const plain = { ...flexible, isFlexibleServer: false, allowedExtensions: null };
    for (const sql of [
      'CREATE TYPE s.t;',
      'CREATE EXTENSION btree_gist;',
      "COMMENT ON SCHEMA public IS 'x';",
    ]) {
      assert.deepEqual(verdict(sql, plain), { action: 'run' }, sql);
    }
    assert.equal(verdict("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;", plain).action, 'skip');
  });

  it('takes out words that cannot stay', () => {
    assert.equal(
      verdict('CREATE TABLE s.t (a int) WITH (fillfactor=70) TABLESPACE fast;').text,
      'CREATE TABLE s.t (a int) WITH (fillfactor=70);',
    );
    assert.equal(verdict('ALTER TABLE s.t ALTER COLUMN a SET (pg_attver=5);').action, 'skip');
    assert.equal(
      verdict('ALTER TABLE s.t ALTER COLUMN a SET (n_distinct=-0.5, pg_attver=5);').text,
      'ALTER TABLE s.t ALTER COLUMN a SET (n_distinct=-0.5);',
    );
    assert.equal(
      withoutAttver("COMMENT ON TABLE s.t IS 'SET (pg_attver=5)';"),
      "COMMENT ON TABLE s.t IS 'SET (pg_attver=5)';",
    );
  });
});

describe('checkExtension', () => {
  it('tells a missing extension from one that is not allow-listed', () => {
    const target = { allowList: ['hstore'], available: ['hstore', 'citext'], installed: ['old'] };
    const code = (name: string) => {
      const check = checkExtension(name, target);
      return check.usable ? 'usable' : check.code;
    };
    assert.deepEqual(['hstore', 'citext', 'nothing', 'old'].map(code), [
      'usable',
      'FF207',
      'FF401',
      'usable',
    ]);
  });
});

describe('dependsOnSkipped', () => {
  const skipped = new Set([
    'type app.blob',
    'function app.f(integer)',
    'table app.t',
    'server "far away"',
    'text search parser app.p',
  ]);
  it('finds what needs a skipped object', () => {
    const cases: [string, string | undefined][] = [
      ['CREATE INDEX i ON app.t (a);', 'table app.t'],
      ['ALTER TABLE app.u ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES app.t (a);', 'table app.t'],
      ['CREATE TABLE app.u (a app.blob[]);', 'type app.blob'],
      ['GRANT ALL ON TYPE app.blob TO x;', 'type app.blob'],
      ["COMMENT ON FUNCTION app.f(integer) IS 'x';", 'function app.f(integer)'],
      ['CREATE TRIGGER g AFTER INSERT ON app.u EXECUTE FUNCTION app.f();', 'function app.f(integer)'],
      ['CREATE AGGREGATE app.a(integer) (SFUNC = app.f, STYPE = integer);', 'function app.f(integer)'],
      ['CREATE VIEW app.v AS SELECT * FROM app.t;', 'table app.t'],
      ['CREATE FOREIGN TABLE app.x (a int) SERVER "far away";', 'server "far away"'],
      ['CREATE TEXT SEARCH CONFIGURATION app.c (PARSER = app.p);', 'text search parser app.p'],
      ['CREATE TABLE app.f (a int);', undefined],
      ['CREATE TABLE app.u (t text, blob text);', undefined],
      ["COMMENT ON FUNCTION app.f(text) IS 'app.t';", undefined],
    ];
    for (const [sql, expected] of cases) assert.equal(dependsOnSkipped(first(sql), skipped), expected, sql);
  });

  it('survives a deep tree', () => {
    const sql = `CREATE VIEW app.v AS SELECT a ${'+ 1'.repeat(5000)} FROM app.t2 /* app.t */;`;
    assert.equal(dependsOnSkipped(first(sql), skipped), undefined);
  });

  it('marks only what really follows from the corpus', () => {
    const sql = readFileSync(join(__dirname, '../../fixtures/ddl/corpus-17.dump.sql'), 'utf8');
    const gone = new Set<string>();
    const marked: string[] = [];
    for (const statement of classifyDump(sql)) {
      const { action, finding } = applyRules(statement, {
        ...flexible,
        roles: new Set(['postgres', 'corpus_reader', 'corpus_owner', 'corpus odd;role']),
      });
      if (action === 'skip') {
        if (finding !== undefined && finding.severity !== 'note') gone.add(statement.object);
      } else if (dependsOnSkipped(statement, gone) !== undefined) {
        marked.push(`${statement.kind} ${statement.object}`);
      }
    }
    const unexpected = marked.filter((text) => !/^(ownerChange|commentOn|grant) /.test(text));
    assert.deepEqual(unexpected, [
      'createCast cast (app.blob as text)',
      'createOperator operator app.@+(integer, integer)',
    ]);
  });
});

describe('constraints in two steps', () => {
  it('cuts the text of the dump', () => {
    const key = first(
      'ALTER TABLE ONLY s."T ""x""" ADD CONSTRAINT "c;😀" UNIQUE NULLS NOT DISTINCT ("é", b) INCLUDE (c) WITH (fillfactor=\'70\') DEFERRABLE INITIALLY DEFERRED;',
    );
    assert.deepEqual(asIndexAndConstraint(key), {
      createIndex:
        'CREATE UNIQUE INDEX "c;😀" ON ONLY "s"."T ""x""" USING btree ("é", b) INCLUDE (c) NULLS NOT DISTINCT WITH (fillfactor=\'70\');',
      addConstraint:
        'ALTER TABLE ONLY "s"."T ""x""" ADD CONSTRAINT "c;😀" UNIQUE USING INDEX "c;😀" DEFERRABLE INITIALLY DEFERRED;',
    });
    const reference = first(
      'ALTER TABLE ONLY s.t\n  ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(b) DEFERRABLE -- why\n ;',
    );
    assert.deepEqual(asNotValid(reference), {
      add: 'ALTER TABLE ONLY s.t\n  ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(b) DEFERRABLE NOT VALID;',
      validate: 'ALTER TABLE "s"."t" VALIDATE CONSTRAINT "f";',
    });
  });

  it('leaves alone what cannot be cut', () => {
    for (const rest of [
      'PRIMARY KEY (a, b WITHOUT OVERLAPS)',
      'PRIMARY KEY USING INDEX i',
      'EXCLUDE USING gist (a WITH =)',
      'UNIQUE (a), ADD CONSTRAINT d UNIQUE (b)',
    ]) {
      assert.equal(asIndexAndConstraint(first(`ALTER TABLE s.t ADD CONSTRAINT c ${rest};`)), undefined, rest);
    }
    for (const rest of ['NOT VALID', 'NOT ENFORCED']) {
      const sql = `ALTER TABLE s.t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES s.u ${rest};`;
      assert.equal(asNotValid(first(sql)), undefined, rest);
    }
  });
});

describe('redact', () => {
  it('masks secrets and nothing else', () => {
    const cases: [string, string][] = [
      [
        "CREATE USER MAPPING FOR x SERVER s OPTIONS (\n    password 'it''s',\n    \"user\" 'u'\n);",
        "CREATE USER MAPPING FOR x SERVER s OPTIONS (\n    password '********',\n    \"user\" 'u'\n);",
      ],
      [
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=p' PUBLICATION x;",
        "CREATE SUBSCRIPTION s CONNECTION '********' PUBLICATION x;",
      ],
      [
        "ALTER SERVER s OPTIONS (SET password E'a\\'b');",
        "ALTER SERVER s OPTIONS (SET password '********');",
      ],
      ["CREATE TABLE t (password text DEFAULT 'x');", "CREATE TABLE t (password text DEFAULT 'x');"],
    ];
    for (const [sql, expected] of cases) assert.equal(redact(sql), expected);
    assert.doesNotMatch(redact("CREATE USER MAPPING FOR x SERVER s OPTIONS (password 'secret"), /secret/);
  });
});
