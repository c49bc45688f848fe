import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CodeAction, Diagnostic } from 'vscode-languageserver/node';
import { type OpenFile, type Session, withServer } from './session.js';

async function fixesOf(file: OpenFile, code: string): Promise<CodeAction[]> {
  const found = (await file.diagnostics()).find((each) => each.code === code);
  assert.ok(found, `a diagnostic ${code}`);
  return file.actions(found);
}

const titled = (actions: readonly CodeAction[], title: string) => {
  const found = actions.find((action) => action.title === title);
  assert.ok(found, `${title} among ${actions.map((action) => action.title).join(' | ')}`);
  return found;
};

async function cleanAfter(session: Session, text: string): Promise<Diagnostic[]> {
  const again = await session.open(text, 'shop.flexferry/ddl/shop/post-data.sql');
  return again.diagnostics();
}

describe('quick fixes', () => {
  it('comment a statement out, every line, with the reason', async () => {
    await withServer(async (session) => {
      const file = await session.open(
        'CREATE SCHEMA app;\r\nCREATE TYPE app.t (\r\n  INPUT = f,\r\n\r\n  OUTPUT = g);\r\nSELECT 1;\r\n',
      );
      const fix = titled(await fixesOf(file, 'FF404'), 'Comment out');
      assert.equal(fix.kind, 'quickfix');
      assert.equal(fix.isPreferred, true);
      assert.equal(fix.diagnostics?.[0]?.code, 'FF404');
      const after = file.applied(fix);
      assert.equal(
        after,
        'CREATE SCHEMA app;\r\n-- flexferry: skipped FF404: The type app.t is a base type.\r\n-- CREATE TYPE app.t (\r\n--   INPUT = f,\r\n-- \r\n--   OUTPUT = g);\r\nSELECT 1;\r\n',
      );
      assert.deepEqual(await cleanAfter(session, after), []);
    });
  });

  it('comment out leaves neighbours on the same line alone', async () => {
    await withServer(async (session) => {
      const file = await session.open('SELECT 1; SELEC 2; SELECT 3; -- why');
      const fix = titled(await fixesOf(file, '42601'), 'Comment out');
      assert.notEqual(fix.isPreferred, true);
      assert.equal(file.applied(fix), 'SELECT 1; \n-- flexferry: skipped\n-- SELEC 2;\n SELECT 3; -- why');
    });
  });

  it('remove a tablespace', async () => {
    await withServer(async (session) => {
      const file = await session.open(
        'CREATE TABLE app.t (a text DEFAULT \'tablespace 😀\') TABLESPACE "Fast One";\n',
      );
      const fix = titled(await fixesOf(file, 'FF407'), 'Remove tablespace');
      assert.equal(fix.isPreferred, true);
      assert.equal(file.applied(fix), "CREATE TABLE app.t (a text DEFAULT 'tablespace 😀');\n");
      assert.ok((fix.edit?.changes?.[file.uri]?.[0]?.range.start.character ?? 0) > 40, 'a small edit');
    });
  });

  it('map an owner to roles that the target has', async () => {
    await withServer(async (session) => {
      session.writeContext();
      const file = await session.open(
        'ALTER TABLE app."shop" OWNER TO shop;\nGRANT SELECT ON TABLE app.shop TO shop, nobody;\n',
      );
      const fixes = await fixesOf(file, 'FF413');
      const offers = fixes.filter(({ title }) => title.startsWith('Map owner to '));
      assert.ok(offers.length >= 3);
      const same = titled(fixes, 'Map owner to "Shop"');
      assert.equal(same.isPreferred, true);
      assert.match(file.applied(same), /^ALTER TABLE app\."shop" OWNER TO "Shop";\n/);
      assert.notEqual(titled(fixes, 'Map owner to flexadmin').isPreferred, true);
      assert.ok(!offers.some(({ title }) => /pg_monitor|azure/.test(title)));
      const inProject = titled(fixes, 'Map owner in the project…');
      assert.equal(inProject.command?.command, 'flexferry.mapOwner');
      assert.deepEqual(inProject.command?.arguments, [{ uri: file.uri, role: 'shop' }]);
      const grant = (await file.diagnostics()).filter(
        ({ code, range }) => code === 'FF413' && range.start.line === 1,
      );
      const ofGrant = await file.actions(grant[0] as Diagnostic);
      assert.match(
        file.applied(titled(ofGrant, 'Map role nobody to shop_reader')),
        /TABLE app\.shop TO shop, shop_reader;/,
      );
    });
  });

  it('allow-list an extension by a command', async () => {
    await withServer(async (session) => {
      session.writeContext();
      const file = await session.open('CREATE EXTENSION IF NOT EXISTS citext;\n');
      const fix = (await fixesOf(file, 'FF207')).find(({ title }) =>
        title.startsWith('Allow-list extension'),
      );
      assert.equal(fix?.command?.command, 'flexferry.allowExtension');
      assert.deepEqual(fix?.command?.arguments, [{ uri: file.uri, extension: 'citext' }]);
      assert.notEqual(fix?.isPreferred, true, 'it changes nothing in the file');
    });
  });

  it('repair everything at once, where asked for', async () => {
    await withServer(async (session) => {
      session.writeContext();
      const file = await session.open(
        `CREATE TABLE app.t (a int) TABLESPACE fast;
CREATE TYPE app.base;
SELEC 1;
CREATE FUNCTION app.f() RETURNS int LANGUAGE c AS 'lib', 'f';
CREATE INDEX i ON app.t (a) TABLESPACE slow;
`,
      );
      const before = await file.diagnostics();
      const fix = (
        await file.request<CodeAction[]>('textDocument/codeAction', {
          range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
          context: { diagnostics: before, only: ['source.fixAll'] },
        })
      ).find(({ kind }) => kind === 'source.fixAll.flexferry');
      const after = file.applied(fix);
      assert.match(after, /^CREATE TABLE app\.t \(a int\);\n-- flexferry: skipped FF404: /);
      assert.match(after, /\n-- flexferry: skipped FF403: .*\n-- CREATE FUNCTION/);
      assert.match(after, /\nCREATE INDEX i ON app\.t \(a\);\n$/);
      assert.deepEqual(
        (await cleanAfter(session, after)).map(({ code }) => code),
        ['42601'],
      );
      const unasked = await file.actions(before[0] as Diagnostic);
      assert.ok(!unasked.some(({ kind }) => kind?.startsWith('source')));
    });
  });
});
