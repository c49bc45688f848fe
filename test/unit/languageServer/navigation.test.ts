/** Outline, definitions, references, hover and folding, over both files of a database. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentSymbol, FoldingRange, Hover, Location } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type OpenFile, withServer } from './session.js';

const preData = `--
-- Name: app; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA app;

CREATE TYPE app.mood AS ENUM ('😀', 'sad');

CREATE FUNCTION app.total(o bigint) RETURNS numeric
    LANGUAGE sql
    AS $$
  SELECT sum(amount) FROM app.orders
   WHERE id = o;
$$;

CREATE TABLE app.orders (
    id bigint NOT NULL,
    "Größe 😀" text,
    amount numeric(10,2) DEFAULT 0,
    feeling app.mood
);

ALTER TABLE app.orders OWNER TO shop;

CREATE SEQUENCE app.orders_id_seq START WITH 1;

ALTER SEQUENCE app.orders_id_seq OWNED BY app.orders.id;

CREATE VIEW app.order_totals AS
 SELECT orders.id, app.total(orders.id) AS total
   FROM app.orders;

ALTER TABLE ONLY app.orders ALTER COLUMN id SET DEFAULT nextval('app.orders_id_seq'::regclass);

CREATE TABLE app.total (x int);
`;
const postData = `ALTER TABLE ONLY app.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

CREATE INDEX orders_amount ON app.orders USING btree (amount);

CREATE TRIGGER t AFTER INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.total();
`;
const post = 'shop.flexferry/ddl/shop/post-data.sql';

const names = (symbols: readonly DocumentSymbol[] | undefined) => symbols?.map(({ name }) => name);

function textsOf(file: OpenFile, locations: readonly Location[]): [boolean, number][] {
  return locations.map(({ uri, range }) => [uri === file.uri, range.start.line]);
}

describe('outline and folding', () => {
  it('go by schema, table and what belongs to it', async () => {
    await withServer(async (session) => {
      const file = await session.open(preData);
      const [app, ...others] = await file.request<DocumentSymbol[]>('textDocument/documentSymbol');
      assert.deepEqual(others, []);
      assert.equal(app?.name, 'app');
      assert.deepEqual(names(app?.children), [
        'mood',
        'total(bigint)',
        'orders',
        'orders_id_seq',
        'order_totals',
        'total',
      ]);
      const orders = app?.children?.find(({ name }) => name === 'orders');
      assert.deepEqual(names(orders?.children), [
        'id',
        'Größe 😀',
        'amount',
        'feeling',
        'default of column app.orders.id',
      ]);
      const column = orders?.children?.[1];
      assert.equal(column && file.textAt(column.selectionRange), '"Größe 😀"');
      const visit = (symbol: DocumentSymbol) => {
        const { range, selectionRange, children } = symbol;
        const inside = file.document.offsetAt(selectionRange.start) >= file.document.offsetAt(range.start);
        assert.ok(
          inside && file.document.offsetAt(selectionRange.end) <= file.document.offsetAt(range.end),
          symbol.name,
        );
        for (const child of children ?? []) visit(child);
      };
      if (app) visit(app);
      const second = await session.open(postData, post);
      const [schema] = await second.request<DocumentSymbol[]>('textDocument/documentSymbol');
      assert.deepEqual(names(schema?.children), ['orders']);
      assert.deepEqual(names(schema?.children?.[0]?.children), ['orders_pkey', 'orders_amount', 't']);
      assert.deepEqual(
        schema?.children?.[0]?.children?.map(({ detail }) => detail),
        ['primaryKey', 'index', 'trigger'],
      );
    });
  });

  it('keep what cannot be parsed in the outline', async () => {
    await withServer(async (session) => {
      const file = await session.open('CREATE TABLE app.a (x int,,);\nCREATE TABLE app.b (x int);\n');
      const [app] = await file.request<DocumentSymbol[]>('textDocument/documentSymbol');
      assert.deepEqual(names(app?.children), ['a', 'b']);
    });
  });

  it('fold statements, bodies, headers and skipped statements', async () => {
    await withServer(async (session) => {
      const skipped = '-- flexferry: skipped FF404: why\n-- CREATE TYPE app.x (\n--   INPUT = f);\n';
      const file = await session.open(preData + skipped);
      const ranges = await file.request<FoldingRange[]>('textDocument/foldingRange');
      const lines = file.document.getText().split('\n');
      const shown = ranges.map(({ startLine, endLine, kind }) => [lines[startLine], lines[endLine], kind]);
      const has = (...wanted: unknown[]) =>
        assert.ok(
          shown.some((each) => JSON.stringify(each) === JSON.stringify(wanted)),
          JSON.stringify(wanted),
        );
      has('--', '--', 'comment');
      has('CREATE TABLE app.orders (', ');', undefined);
      has('    AS $$', '   WHERE id = o;', undefined);
      has('-- flexferry: skipped FF404: why', '--   INPUT = f);', 'comment');
    });
  });
});

describe('definition, references and hover', () => {
  it('find objects in both files, in strings and in bodies', async () => {
    await withServer(async (session) => {
      session.write(post, postData);
      session.writeContext();
      const file = await session.open(preData);
      const define = async (position: object) =>
        textsOf(file, await file.request<Location[]>('textDocument/definition', { position }));
      const line = (text: string) => file.document.positionAt(file.document.getText().indexOf(text)).line;
      const orders = line('CREATE TABLE app.orders');
      assert.deepEqual(await define(file.at('FROM app.orders;', 10)), [[true, orders]]);
      assert.deepEqual(
        await define(file.at('sum(amount) FROM app.orders', 24)),
        [[true, orders]],
        'in a body',
      );
      assert.deepEqual(
        await define(file.at('orders.id, app', 2)),
        [[true, orders]],
        'a table as its own alias',
      );
      assert.deepEqual(
        await define(file.at("'app.orders_id_seq'::", 8)),
        [[true, line('CREATE SEQUENCE')]],
        'in a string',
      );
      assert.deepEqual(await define(file.at('feeling app.mood', 14)), [[true, line('CREATE TYPE')]]);
      assert.deepEqual(await define(file.at('app.total(orders', 6)), [[true, line('CREATE FUNCTION')]]);
      assert.deepEqual(await define(file.at('CREATE TABLE app.total', 19)), [
        [true, line('CREATE TABLE app.total')],
      ]);
      assert.deepEqual(await define(file.at('FROM app.orders;', 6)), [[true, line('CREATE SCHEMA')]]);
      assert.deepEqual(await define(file.at('bigint NOT NULL')), []);

      const references = (includeDeclaration: boolean) =>
        file.request<Location[]>('textDocument/references', {
          position: file.at('CREATE TABLE app.orders', 20),
          context: { includeDeclaration },
        });
      const all = await references(true);
      const documents = new Map([
        [file.uri, file.document],
        [session.uri(post), TextDocument.create('', 'sql', 0, postData)],
      ]);
      assert.ok(all.every(({ uri, range }) => documents.get(uri)?.getText(range) === 'orders'));
      assert.equal(all.filter(({ uri }) => uri === file.uri).length, 8);
      assert.equal(all.filter(({ uri }) => uri !== file.uri).length, 3);
      assert.equal((await references(false)).length, 10);

      const hover = await file.request<Hover>('textDocument/hover', {
        position: file.at('app.orders OWNER', 6),
      });
      const { value } = hover.contents as { value: string };
      assert.match(value, /\*\*table\*\* `app\.orders` · 12,345 rows · 5\.0 MB/);
      assert.match(value, /Columns: `id`, `Größe 😀`/);
      assert.match(value, /Needed by: .*`view app\.order_totals`/);
      assert.match(value, /`function app\.total\(bigint\)`/);
      assert.doesNotMatch(value, /orders_pkey|privileges/);
      assert.equal(hover.range && file.textAt(hover.range), 'orders');
      assert.equal(await file.request('textDocument/hover', { position: file.at('-- Name', 4) }), null);
    });
  });

  it('follow unsaved changes of the other file', async () => {
    await withServer(async (session) => {
      session.write('shop.flexferry/ddl/shop/pre-data.sql', 'CREATE TABLE app.old (x int);\n');
      const file = await session.open('CREATE INDEX i ON app.new (x);\n', post);
      const define = () => file.request<Location[]>('textDocument/definition', { position: file.at('new') });
      assert.deepEqual(await define(), []);
      const other = await session.open('\nCREATE TABLE app.new (x int);\n');
      assert.deepEqual(textsOf(other, await define()), [[true, 1]]);
      await other.replace('app.new', 'app.newer');
      assert.deepEqual(await define(), []);
    });
  });

  it('read the other file again once it was written', async () => {
    await withServer(async (session) => {
      const file = await session.open('CREATE INDEX i ON app.new (x);\n', post);
      const define = () => file.request<Location[]>('textDocument/definition', { position: file.at('new') });
      assert.deepEqual(await define(), []);
      session.write('shop.flexferry/ddl/shop/pre-data.sql', '\uFEFFCREATE TABLE app.new (x int);\n');
      const [first] = await define();
      assert.deepEqual(
        first?.range.start,
        { line: 0, character: 17 },
        'editors do not count a byte order mark',
      );
      session.write('shop.flexferry/ddl/shop/pre-data.sql', '\n\nCREATE TABLE app.new (x int, y int);\n');
      assert.equal((await define())[0]?.range.start.line, 2);
    });
  });

  it('take names as PostgreSQL does: folded unless quoted', async () => {
    await withServer(async (session) => {
      const file = await session.open(`CREATE TABLE app."Or""ders" (x int);
CREATE TABLE App.Things (x int);
CREATE VIEW app.v AS SELECT * FROM app."Or""ders", APP.THINGS;
`);
      const define = async (position: object) =>
        textsOf(file, await file.request<Location[]>('textDocument/definition', { position }));
      assert.deepEqual(await define(file.at('FROM app."Or""ders"', 12)), [[true, 0]]);
      assert.deepEqual(await define(file.at('APP.THINGS', 6)), [[true, 1]]);
    });
  });
});
