/** What the editor underlines: at the right characters, for broken files, too. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Diagnostic, Location } from 'vscode-languageserver/node';
import { statementTextKey } from '../../../src/ddl/statementKey.js';
import { shopContext, withServer } from './session.js';

const codes = (all: readonly Diagnostic[]) => all.map(({ code }) => code);

describe('diagnostics', () => {
  it('underlines syntax errors and findings, with links to their explanation', async () => {
    await withServer(async (session) => {
      const file = await session.open(`CREATE SCHEMA app;
CREATE TABLE app."😀🚚" (a text DEFAULT '😀', b int,, c int);
CREATE TYPE app.t;
CREATE TABLE app.ok (a int);
ALTER TABLE app.ok ALTER COLUMN a SET DEFAULT 1;
`);
      const [syntax, rule, ...others] = await file.diagnostics();
      assert.deepEqual(others, []);
      assert.equal(syntax?.code, '42601');
      assert.equal(syntax?.severity, 1);
      assert.equal(syntax?.source, 'postgresql');
      const column = file.document.getText().split('\n')[1]?.indexOf(',, c') ?? 0;
      assert.deepEqual(syntax?.range.start, { line: 1, character: column + 1 });
      assert.equal(rule?.code, 'FF404');
      assert.equal(rule?.source, 'flexferry');
      assert.match(
        rule?.codeDescription?.href ?? '',
        /^https:\/\/learn\.microsoft\.com\/azure\/postgresql\//,
      );
      assert.equal(rule?.range.start.line, 2);
      await file.change({ text: 'CREATE TABLE app.ok (a int);\n' });
      assert.deepEqual(await file.diagnostics(), []);
    });
  });

  it('shows the names that generating could not decide, while the statement is what was generated', async () => {
    await withServer(async (session) => {
      const text = `CREATE FUNCTION app.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE '😀 old.t'; END $$;`;
      const start = text.indexOf('old.t');
      session.writeContext({
        ...shopContext,
        undecided: { [statementTextKey(text)]: [{ start, end: start + 5, message: 'May name old.t.' }] },
      });
      const file = await session.open(text);
      const [found, ...others] = await file.diagnostics();
      assert.deepEqual(others, []);
      assert.equal(found?.code, 'FF420');
      assert.equal(found && file.textAt(found.range), 'old.t');
      await file.change({ text: text.replace('old.t', 'new.t') });
      assert.deepEqual(await file.diagnostics(), []);
    });
  });

  it('finds places after a byte order mark, CRLF, NUL and emoji', async () => {
    await withServer(async (session) => {
      const text =
        "\uFEFFSELECT '😀';\r\n-- 😀😀\r\nSELECT '🚚', FORM;\r\nSELEC 1;\r\nSELECT '\0';\r\n\0\r\nSELECT 2;";
      const file = await session.open(text, 'any.sql');
      const all = await file.diagnostics();
      assert.deepEqual(
        all.map(({ range, code }) => [code, file.textAt(range), range.start.line]),
        [
          ['42601', 'SELEC', 3],
          ['42601', '\0', 4],
          ['FF303', '\0', 5],
        ],
      );
      await file.replace('FORM', '😀 FROM 😀, FROM');
      const [first] = await file.diagnostics();
      assert.deepEqual([first?.range.start.line, first && file.textAt(first.range)], [2, 'FROM']);
    });
  });

  it('loses no statement behind an open quote, with and without headers', async () => {
    await withServer(async (session) => {
      const dumped = `--
-- Name: a; Type: TABLE; Schema: app; Owner: -
--

CREATE TABLE app.a (t text DEFAULT 'x);


--
-- Name: b; Type: TYPE; Schema: app; Owner: -
--

CREATE TYPE app.b;
`;
      const file = await session.open(dumped);
      assert.deepEqual(codes(await file.diagnostics()), ['42601', 'FF404']);
      const other = await session.open(
        "CREATE TABLE a (t text DEFAULT 'x);\nCREATE TYPE b;\nCREATE TABLE c (t text DEFAULT 'y');\nSELEC 1;\n",
        'any.sql',
      );
      assert.deepEqual(codes(await other.diagnostics()), ['42601', 'FF404', '42601']);
    });
  });

  it('shows merge conflicts at their place, and offers both sides', async () => {
    await withServer(async (session) => {
      const file = await session.open(`CREATE SCHEMA a;
<<<<<<< yours
CREATE TABLE a.t (x int);
=======
CREATE TABLE a.t (y int);
>>>>>>> generated
CREATE TABLE a.u (
<<<<<<< yours
  x int
=======
  y int
>>>>>>> generated
);
CREATE FUNCTION a.f() RETURNS text LANGUAGE sql AS $$ SELECT '
=======
' $$;
`);
      const all = await file.diagnostics();
      assert.deepEqual(
        all.map(({ code, range, severity }) => [code, range.start.line, range.end.line, severity]),
        [
          ['FF217', 1, 5, 1],
          ['FF217', 7, 11, 1],
        ],
      );
      const alone = await session.open('SELECT 1;\r\n>>>>>>> generated\r\nSELECT 2;\r\n', 'any.sql');
      const [rest, ...more] = await alone.diagnostics();
      assert.deepEqual(
        [rest?.code, rest && alone.textAt(rest.range), more.length],
        ['FF217', '>>>>>>> generated', 0],
      );
      assert.equal(alone.applied((await alone.actions(rest as Diagnostic))[0]), 'SELECT 1;\r\nSELECT 2;\r\n');
      const [yours, generated] = await file.actions(all[1] as Diagnostic);
      assert.deepEqual([yours?.title, generated?.title], ['Take yours', 'Take generated']);
      assert.match(file.applied(generated), /CREATE TABLE a\.u \(\n {2}y int\n\);\n/);
      assert.match(file.applied(yours), /CREATE TABLE a\.u \(\n {2}x int\n\);\n/);
    });
  });

  it('asks context.json of the target, also when it changes', async () => {
    await withServer(async (session) => {
      session.writeContext();
      const file = await session.open(`CREATE EXTENSION hstore;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
ALTER TABLE app.orders OWNER TO shop;
`);
      const all = await file.diagnostics();
      assert.deepEqual(
        all.map(({ code, range }) => [code, file.textAt(range)]),
        [
          ['FF207', 'citext'],
          ['FF413', 'shop'],
        ],
      );
      session.writeContext({
        target: { ...shopContext.target, allowedExtensions: ['hstore', 'citext'], roles: ['shop'] },
      });
      const uri = session.uri('shop.flexferry/generated/shop/context.json');
      await session.server.sendNotification('workspace/didChangeWatchedFiles', {
        changes: [{ uri, type: 2 }],
      });
      assert.deepEqual(await file.diagnostics((now) => now.length === 0), []);
      session.write('shop.flexferry/generated/shop/context.json', '{"version":1,"target":{');
      await session.server.sendNotification('workspace/didChangeWatchedFiles', {
        changes: [{ uri, type: 2 }],
      });
      await file.replace('OWNER TO shop', 'OWNER TO nobody');
      assert.deepEqual(codes(await file.diagnostics()), [], 'nothing is known of the roles any more');
    });
  });

  it('caps what it shows by the setting and says so', async () => {
    await withServer(
      async (session) => {
        const file = await session.open(`${'CREATE TYPE app.t;\n'.repeat(30)}SELEC;\n`);
        const all = await file.diagnostics((now) => now.length === 10);
        assert.match(all[0]?.message ?? '', /22 more problems/);
        assert.ok(codes(all).includes('42601'), 'errors come first');
      },
      { settings: { maxProblems: 10 } },
    );
  });

  it("shows the server's error at its place as long as the statement is unchanged", async () => {
    await withServer(async (session) => {
      const failed = "CREATE VIEW app.v AS SELECT '😀', nosuch.f(1);";
      const file = await session.open(`CREATE SCHEMA app;\r\n${failed}\r\nSELECT 1;\r\n`);
      assert.deepEqual(await file.diagnostics(), []);
      const error = {
        ...{
          code: 'FF500',
          message: 'schema "nosuch" does not exist',
          fix: 'Correct it.',
          sqlstate: '3F000',
        },
        position: [...failed.slice(0, failed.indexOf('nosuch'))].length + 1,
      };
      await session.server.sendNotification('flexferry/states', {
        uris: [file.uri],
        states: { [statementTextKey(failed)]: { state: 'failed', error } },
      });
      const [shown] = await file.diagnostics((now) => now.length === 1);
      assert.equal(shown?.code, '3F000');
      assert.equal(shown?.source, 'postgresql');
      assert.equal(shown && file.textAt(shown.range), 'nosuch');
      await file.replace('nosuch.f', 'app.f');
      assert.deepEqual(await file.diagnostics(), []);
    });
  });

  it('says what needs something that is skipped, and where that stands, across files', async () => {
    await withServer(async (session) => {
      const pre = await session.open(`CREATE SCHEMA app;
-- flexferry: skipped FF404: The type app.money2 is a base type.
-- CREATE TYPE app.money2 (
--   INPUT = f, OUTPUT = g);
-- flexferry: skipped
-- CREATE TABLE app.gone (x int);
-- flexferry: skipped FF414: left as it is
-- CREATE SCHEMA public;
CREATE TABLE app.t (a app.money2, b app.money2);
CREATE TABLE public.u (gone int);
`);
      const [found, ...others] = await pre.diagnostics((now) => now.length > 0);
      assert.deepEqual(others, []);
      assert.equal(found?.code, 'FF417');
      assert.equal(found && pre.textAt(found.range), 'money2');
      assert.match(found?.message ?? '', /^table app\.t needs base type app\.money2, which is skipped\./);
      const [related] = found?.relatedInformation ?? [];
      assert.equal(related?.location.uri, pre.uri);
      assert.deepEqual(related?.location.range.start, { line: 1, character: 0 });
      const [fix] = await pre.actions(found as Diagnostic);
      assert.match(
        pre.applied(fix),
        /-- flexferry: skipped FF417: table app\.t needs .*\n-- CREATE TABLE app\.t/,
      );
      const post = await session.open(
        'CREATE INDEX i ON app.gone (x);\n',
        'shop.flexferry/ddl/shop/post-data.sql',
      );
      const [other] = await post.diagnostics((now) => now.length > 0);
      assert.equal(other?.relatedInformation?.[0]?.location.uri, pre.uri);
      const position = post.at('gone');
      const [definition] = await post.request<Location[]>('textDocument/definition', { position });
      assert.deepEqual([definition?.uri, definition?.range.start.line], [pre.uri, 4]);
      await pre.replace('-- flexferry: skipped\n-- CREATE TABLE', 'CREATE TABLE');
      assert.deepEqual(await post.diagnostics((now) => now.length === 0), []);
    });
  });

  it('forgets a file that is closed', async () => {
    await withServer(async (session) => {
      const file = await session.open('SELEC 1;');
      assert.equal((await file.diagnostics()).length, 1);
      const cleared = new Promise<void>((resolve) => {
        session.server.onNotification('textDocument/publishDiagnostics', ({ diagnostics }) => {
          if (diagnostics.length === 0) resolve();
        });
      });
      await session.server.sendNotification('textDocument/didClose', { textDocument: { uri: file.uri } });
      await cleared;
      assert.deepEqual(await file.request('textDocument/documentSymbol'), []);
    });
  });
});
