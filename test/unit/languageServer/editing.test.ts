/** CodeLenses, what a statement was on the source, and completion. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CodeLens, CompletionList } from 'vscode-languageserver/node';
import { statementTextKey } from '../../../src/ddl/statementKey.js';
import type { StatementReference } from '../../../src/protocol/ddl.js';
import { type OpenFile, type Session, withServer } from './session.js';

async function lensesOf(session: Session, file: OpenFile): Promise<[number, string, StatementReference][]> {
  const lenses = await file.request<CodeLens[] | null>('textDocument/codeLens');
  return Promise.all(
    (lenses ?? []).map(async (lens) => {
      assert.equal(lens.command, undefined, 'words come on resolve');
      const { command } = await session.server.sendRequest<CodeLens>('codeLens/resolve', lens);
      assert.match(command?.command ?? '', /^flexferry\./);
      return [lens.range.start.line, command?.title ?? '', command?.arguments?.[0] as StatementReference];
    }),
  );
}

describe('CodeLens', () => {
  it('says what becomes of each statement and what can be done', async () => {
    await withServer(async (session) => {
      const changed = 'CREATE TABLE app.t (a int);';
      const skipped = 'CREATE TYPE app.b (\n  INPUT = f);';
      session.writeContext({ sources: { [statementTextKey(changed)]: 'CREATE TABLE old.t (a int);' } });
      const text = `SET statement_timeout = 0;
${changed}
CREATE VIEW app.v AS SELECT 1;
-- flexferry: skipped FF404: The type app.b is a base type.
-- ${skipped.replace('\n', '\n-- ')}
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$
-- flexferry: skipped
-- not a statement
$$;
`;
      const file = await session.open(text);
      const lenses = await lensesOf(session, file);
      assert.deepEqual(
        lenses.map(([line, title]) => [line, title]),
        [
          [1, '$(circle-outline) Will run'],
          [1, 'Skip'],
          [1, 'Run now on target'],
          [1, 'Show source DDL'],
          [2, '$(circle-outline) Will run'],
          [2, 'Skip'],
          [2, 'Run now on target'],
          [6, '$(circle-outline) Will run'],
          [6, 'Skip'],
          [6, 'Run now on target'],
          [3, '$(circle-slash) Skipped: FF404: The type app.b is a base type.'],
          [3, 'Run it after all'],
        ],
      );
      const reference = lenses[3]?.[2];
      assert.deepEqual(reference, {
        uri: file.uri,
        start: text.indexOf(changed),
        end: text.indexOf(changed) + changed.length,
        key: statementTextKey(changed),
        object: 'table app.t',
      });
      assert.equal(
        await session.server.sendRequest('flexferry/source', reference),
        'CREATE TABLE old.t (a int);',
      );
      assert.equal(await session.server.sendRequest('flexferry/source', lenses[4]?.[2]), null);
      const block = lenses.at(-1)?.[2];
      assert.equal(block?.key, statementTextKey(skipped));
      assert.ok(text.slice(block?.start, block?.end).endsWith('--   INPUT = f);'));
    });
  });

  it('follows the states of a run', async () => {
    await withServer(async (session) => {
      const file = await session.open(
        'CREATE SCHEMA a;\nCREATE SCHEMA b;\nCREATE SCHEMA c;\nCREATE SCHEMA d;\n',
      );
      const refreshed = new Promise<void>((resolve) => {
        session.server.onRequest('workspace/codeLens/refresh', () => {
          resolve();
          return null;
        });
      });
      const error = { code: 'FF500', message: 'schema "b" is $(bug)', fix: 'Repair it.', sqlstate: '42P06' };
      await session.server.sendNotification('flexferry/states', {
        uris: [file.uri],
        states: {
          [statementTextKey('CREATE SCHEMA a;')]: { state: 'done' },
          [statementTextKey('CREATE SCHEMA b;')]: { state: 'failed', error },
          [statementTextKey('CREATE SCHEMA c;')]: { state: 'skipped' },
        },
      });
      await refreshed;
      const states = (await lensesOf(session, file)).filter(([, title]) => title.startsWith('$('));
      assert.deepEqual(
        states.map(([, title]) => title),
        [
          '$(pass) Done',
          '$(error) Failed: schema "b" is $\u200b(bug)',
          '$(circle-slash) Skipped',
          '$(circle-outline) Will run',
        ],
      );
    });
  });

  it('is off by the setting, and for files of no project', async () => {
    await withServer(async (session) => {
      const file = await session.open('CREATE SCHEMA a;\n', 'any.sql');
      assert.deepEqual(await lensesOf(session, file), []);
      assert.deepEqual(
        await session.server.sendRequest('flexferry/source', { uri: file.uri, key: 'x' }),
        null,
      );
    });
    await withServer(
      async (session) => {
        const file = await session.open('CREATE SCHEMA a;\n');
        await file.diagnostics();
        assert.deepEqual(await lensesOf(session, file), []);
      },
      { settings: { codeLens: false } },
    );
  });
});

describe('completion', () => {
  const catalog = `CREATE SCHEMA app;
CREATE SCHEMA "My Schema";
CREATE TYPE app.mood AS ENUM ('a');
CREATE TABLE app.orders (id int, "Größe" text, amount numeric);
CREATE TABLE "My Schema"."Odd ""One""" (x int);
CREATE FUNCTION app.total(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
`;

  async function labels(session: Session, typed: string, behind = ''): Promise<string[]> {
    const text = `${catalog}${typed}|${behind}`;
    const file = await session.open(text.replace('|', ''), `shop.flexferry/ddl/shop/post-data.sql`);
    const position = file.document.positionAt(text.indexOf('|'));
    const list = await file.request<CompletionList>('textDocument/completion', { position });
    await session.server.sendNotification('textDocument/didClose', { textDocument: { uri: file.uri } });
    return list.items.map(({ label }) => label);
  }

  it('knows the names of the catalog', async () => {
    await withServer(async (session) => {
      session.writeContext();
      const includes = async (typed: string, wanted: string[], unwanted: string[] = [], behind = '') => {
        const found = await labels(session, typed, behind);
        for (const label of wanted)
          assert.ok(found.includes(label), `${typed}: ${label} among ${found.join(' ')}`);
        for (const label of unwanted) assert.ok(!found.includes(label), `${typed}: no ${label}`);
      };
      await includes('CREATE INDEX i ON app.', ['orders', 'total', 'mood'], ['app', 'SELECT']);
      await includes('ALTER TABLE app.or', ['orders'], ['mood']);
      await includes('ALTER TABLE app.or', ['orders'], [], ';\nSELECT 2;\n');
      await includes('SELECT * FROM "My Schema".', ['"Odd ""One"""'], ['orders']);
      await includes('ALTER TABLE ', ['app', '"My Schema"', 'app.orders', '"My Schema"."Odd ""One"""']);
      await includes(
        'ALTER TABLE app.orders OWNER TO ',
        ['flexadmin', '"Shop"', 'CURRENT_USER'],
        ['orders', 'id'],
      );
      await includes('GRANT SELECT ON TABLE app.orders TO sh', ['"Shop"', 'shop_reader'], ['flexadmin']);
      await includes('REVOKE ALL ON TABLE app.orders FROM ', ['shop_reader', 'PUBLIC']);
      await includes('CREATE EXTENSION ', ['hstore', 'citext', 'pg_trgm']);
      await includes('CREATE EXTENSION IF NOT EXISTS ', ['hstore']);
      await includes('CREATE INDEX i ON app.orders (', ['id', '"Größe"', 'amount']);
      await includes('CREATE VIEW v AS SELECT o. FROM app.orders o', [], []);
      await includes('CREATE VIEW v AS SELECT o.', ['id', '"Größe"'], ['app'], ' FROM app.orders o;');
      await includes('CREATE VIEW v AS SELECT app.orders.', ['amount']);
      await includes('CREATE TABLE app.n (a ', ['app.mood', 'text', 'integer']);
      await includes('', ['CREATE', 'ALTER'], ['orders']);
      await includes('CREATE ', ['TABLE', 'VIEW'], ['orders']);
      assert.deepEqual(await labels(session, "SELECT 'app."), []);
      assert.deepEqual(await labels(session, '-- app.'), []);
    });
  });
});
