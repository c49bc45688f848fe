/** What is saved is what runs: DDL files are generated, edited, generated again, run, repaired and continued. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { DoneEvent, RunEvent } from '../../src/protocol/model.js';
import { statementTextKey } from '../../src/protocol/statementKey.js';
import { type CliFolder, cliFolder, runCli } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

let source: TestServer;
let target: TestTwin;
let next = 0;

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await source.createDatabase('shop');
  await source.query(
    'shop',
    `CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, note varchar(40));
     CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric);
     CREATE INDEX orders_total ON orders (total);
     CREATE VIEW big AS SELECT * FROM orders WHERE total > 50;
     CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
     COMMENT ON TABLE customers IS 'It''s 🚚; they pay';
     INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 100) i;
     INSERT INTO orders SELECT i, i, i FROM generate_series(1, 100) i;`,
  );
});
after(() => Promise.all([source?.stop(), target?.stop()]));

interface Place {
  readonly folder: CliFolder;
  readonly database: string;
  readonly pre: string;
  readonly post: string;
}

/** A project of its own, with a target database of its own. */
function newPlace(change: object = {}): Place & Disposable {
  const folder = cliFolder();
  const database = `shop_${++next}`;
  const ddl = join(folder.path, 'p.flexferry', 'ddl', 'shop');
  const project = {
    version: 2,
    name: 'p',
    source: { connection: source.uri('postgres') },
    target: { connection: target.uri('postgres').replace(/:[^:@]*@/, '@') },
    databases: [{ source: 'shop', target: database, ...change }],
    options: { dumpTool: 'builtin' },
  };
  writeFileSync(join(folder.path, 'p.flexferry.json'), JSON.stringify(project));
  return {
    folder,
    database,
    pre: join(ddl, 'pre-data.sql'),
    post: join(ddl, 'post-data.sql'),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

async function command(place: Place, name: 'ddl' | 'run', args: readonly string[] = []) {
  const result = await runCli([name, 'p.flexferry.json', '--json', ...args], {
    folder: place.folder,
    env: { FLEXFERRY_TARGET_PASSWORD: target.admin.password },
    json: false,
  });
  const lines = result.stdout.trim().split('\n').filter(Boolean);
  return { ...result, lines: lines.map((line): unknown => JSON.parse(line)) };
}

async function generate(place: Place) {
  const { code, lines, stderr } = await command(place, 'ddl');
  const [result] = lines as [{ files: { path: string; outcome: string; conflicts: number }[] }];
  assert.ok(result, stderr);
  return { code, outcomes: result.files.map((f) => f.outcome), files: result.files };
}

async function run(place: Place, args: readonly string[] = []) {
  const { code, lines, stderr } = await command(place, 'run', args);
  const events = lines as RunEvent[];
  const done = events.at(-1) as DoneEvent;
  assert.equal(done?.event, 'done', stderr);
  const shown = `${code} ${JSON.stringify(done.fault)} ${JSON.stringify(done.findings.filter((f) => f.severity !== 'note'))}`;
  return { code, events, done, shown };
}

const read = (path: string): string => readFileSync(path, 'utf8');
function edit(path: string, from: string | RegExp, to: string): void {
  const text = read(path);
  const edited = text.replace(from, () => to);
  assert.notEqual(edited, text, `nothing to edit in ${path}`);
  writeFileSync(path, edited);
}
const ask = <Row>(place: Place, sql: string) => target.superQuery<Row>(place.database, sql);

describe('generating', () => {
  test('changes neither server, and says what it wrote', async () => {
    using place = newPlace();
    const { code, outcomes } = await generate(place);
    assert.equal(code, 0);
    assert.deepEqual(outcomes, ['written', 'written']);
    assert.match(read(place.pre), /CREATE TABLE public\.customers/);
    assert.match(read(place.post), /CREATE INDEX orders_total ON public\.orders/);
    const databases = await target.superQuery(
      'postgres',
      `SELECT FROM pg_database WHERE datname = '${place.database}'`,
    );
    assert.equal(databases.length, 0);
  });

  test('again keeps every byte', async () => {
    using place = newPlace();
    await generate(place);
    const before = [read(place.pre), read(place.post)];
    assert.deepEqual((await generate(place)).outcomes, ['kept', 'kept']);
    assert.deepEqual([read(place.pre), read(place.post)], before);
  });

  test('after a change of the mapping merges what the user edited elsewhere', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'note character varying(40)', 'note character varying(400)');
    const file = join(place.folder.path, 'p.flexferry.json');
    const project = JSON.parse(read(file));
    project.databases[0].exclude = { tables: ['public.big'] };
    writeFileSync(file, JSON.stringify(project));
    assert.deepEqual((await generate(place)).outcomes, ['merged', 'kept']);
    assert.match(read(place.pre), /note character varying\(400\)/);
    assert.match(read(place.pre), /^-- flexferry: skipped FF419: .*\n-- CREATE VIEW public\.big/m);
  });

  test('where both changed the same both stand between markers, and such a file is not run', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'note character varying(40)', 'note character varying(400)');
    const file = join(place.folder.path, 'p.flexferry.json');
    const project = JSON.parse(read(file));
    project.databases[0].tables = { 'public.customers': { name: 'clients' } };
    writeFileSync(file, JSON.stringify(project));
    const { code, outcomes, files } = await generate(place);
    assert.equal(code, 1);
    assert.equal(outcomes[0], 'conflict');
    assert.ok((files[0]?.conflicts ?? 0) > 0);
    const text = read(place.pre);
    assert.match(
      text,
      /^<<<<<<< yours\n[\s\S]*varying\(400\)[\s\S]*^=======\n[\s\S]*public\.clients[\s\S]*^>>>>>>> generated$/m,
    );
    const refused = await run(place);
    assert.equal(refused.done.fault?.code, 'FF217', refused.shown);
    assert.match(refused.done.fault?.message ?? '', /pre-data\.sql:\d+/);
    writeFileSync(
      place.pre,
      text.replace(/^<<<<<<< yours\n[\s\S]*?^=======\n([\s\S]*?)^>>>>>>> generated\n/gm, '$1'),
    );
    const { code: second, shown } = await run(place);
    assert.equal(second, 0, shown);
    assert.equal((await ask(place, 'SELECT FROM clients')).length, 100);
  });
});

describe('running what is saved', () => {
  test('edits, additions and what was taken out', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'note character varying(40)', "note text DEFAULT 'none'");
    edit(place.pre, /CREATE VIEW public\.big[^;]*;\n/, '');
    writeFileSync(place.post, `${read(place.post)}\nCREATE INDEX mine ON public.orders (customer, total);\n`);
    const { code, done, shown } = await run(place);
    assert.equal(code, 0, shown);
    const columns = await ask(
      place,
      `SELECT data_type FROM information_schema.columns WHERE column_name = 'note'`,
    );
    assert.deepEqual(columns, [{ data_type: 'text' }]);
    assert.equal((await ask(place, `SELECT FROM pg_views WHERE viewname = 'big'`)).length, 0);
    assert.equal((await ask(place, `SELECT FROM pg_indexes WHERE indexname = 'mine'`)).length, 1);
    const notes = done.findings.filter((f) => f.code === 'FF421').map((f) => f.object);
    assert.deepEqual(notes.sort(), [
      'index public.mine on public.orders',
      'table public.customers',
      'view public.big',
    ]);
  });

  test('a table taken out takes along what belongs to it and says what needs it', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, /CREATE TABLE public\.orders [^;]*;\n/, '');
    const { code, done, shown } = await run(place);
    assert.equal(code, 1, shown);
    const missing = done.findings.filter((f) => f.severity === 'warning');
    assert.deepEqual(
      missing.map((f) => [f.code, f.object]),
      [['FF417', 'view public.big']],
      shown,
    );
    assert.equal(done.totals.failed, 0);
    assert.equal(done.tables.find((t) => t.table === 'orders')?.state, 'skipped');
  });

  test('what holds asterisks in place of a password is not run', async () => {
    using place = newPlace();
    await generate(place);
    writeFileSync(
      place.pre,
      `${read(place.pre)}\nCREATE SERVER far FOREIGN DATA WRAPPER far OPTIONS (password '********');\n`,
    );
    const { code, done, shown } = await run(place);
    assert.equal(code, 1, shown);
    assert.deepEqual(
      done.findings.filter((f) => f.severity !== 'note').map((f) => [f.code, f.object]),
      [['FF427', 'server far']],
      shown,
    );
    assert.equal(done.totals.failed, 0);
  });

  test('line ends of Windows and a byte order mark change nothing', async () => {
    using place = newPlace();
    await generate(place);
    for (const path of [place.pre, place.post])
      writeFileSync(path, `\uFEFF${read(path).replaceAll('\n', '\r\n')}`);
    const { code, done, shown } = await run(place);
    assert.equal(code, 0, shown);
    assert.ok(!done.findings.some((f) => f.code === 'FF421'), JSON.stringify(done.findings));
    const [row] = await ask<{ src: string }>(
      place,
      `SELECT prosrc AS src FROM pg_proc WHERE proname = 'answer'`,
    );
    assert.equal(row?.src, 'SELECT 42');
  });

  test('what is no text is refused at its place, and nothing is done', async () => {
    using place = newPlace();
    await generate(place);
    const good = read(place.pre);
    for (const [bad, words] of [
      [good.replace('CREATE TABLE public.orders', 'CREATE TABLE\0 public.orders'), /pre-data\.sql:\d+ .*NUL/],
      [Buffer.from(good.replace('pay', 'p\u00e4y'), 'latin1'), /not UTF-8/],
    ] as const) {
      writeFileSync(place.pre, bad);
      const { code, done, shown } = await run(place);
      assert.ok(code === 3 || code === 4, shown);
      assert.equal(done.fault?.code, 'FF303', shown);
      assert.match(done.fault?.message ?? '', words);
    }
    writeFileSync(place.pre, good);
    const { code, shown } = await run(place);
    assert.equal(code, 0, shown);
  });

  test('a file that is missing is generated again', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'note character varying(40)', 'note text');
    rmSync(place.post);
    const { code, shown } = await run(place);
    assert.equal(code, 0, shown);
    assert.ok(existsSync(place.post));
    assert.equal((await ask(place, `SELECT FROM pg_indexes WHERE indexname = 'orders_total'`)).length, 1);
  });

  test('the source changed since: files without edits follow it, edited ones are kept and it is said', async () => {
    using untouched = newPlace();
    using edited = newPlace();
    for (const place of [untouched, edited]) await generate(place);
    edit(edited.pre, 'note character varying(40)', 'note text');
    await source.query('shop', 'CREATE TABLE late (id int); INSERT INTO late VALUES (1)');
    try {
      const first = await run(untouched);
      assert.equal(first.code, 0, first.shown);
      assert.equal((await ask(untouched, 'SELECT FROM late')).length, 1);
      const second = await run(edited);
      assert.equal(second.code, 1, second.shown);
      assert.ok(
        second.done.findings.some((f) => f.code === 'FF422' && f.object === 'table public.late'),
        second.shown,
      );
      assert.equal((await generate(edited)).outcomes[0], 'merged');
      const third = await run(edited);
      assert.equal(third.code, 0, third.shown);
      assert.equal((await ask(edited, 'SELECT FROM late')).length, 1);
      const [column] = await ask<{ t: string }>(
        edited,
        `SELECT data_type AS t FROM information_schema.columns WHERE column_name = 'note'`,
      );
      assert.equal(column?.t, 'text');
    } finally {
      await source.query('shop', 'DROP TABLE late');
    }
  });
});

describe('a statement that fails', () => {
  test('is named with its place; repaired and saved, the run goes on from there', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'total numeric', 'total 🚚numeric');
    edit(
      place.post,
      'CREATE INDEX orders_total ON public.orders USING btree (total)',
      'CREATE INDEX orders_total ON public.orders USING btree (totall)',
    );
    const first = await run(place);
    assert.equal(first.code, 1, first.shown);
    const failed = first.events.flatMap((e) => (e.event === 'statement' && e.state === 'failed' ? [e] : []));
    const table = failed.find((e) => e.object === 'table public.orders');
    assert.equal(table?.error?.sqlstate, '42704', JSON.stringify(failed));
    const text = read(place.pre);
    const statement = /CREATE TABLE public\.orders [^;]*;/.exec(text)?.[0] ?? '';
    assert.equal(table?.key, statementTextKey(statement));
    assert.equal(
      [...statement]
        .slice((table?.error?.position ?? 0) - 1)
        .join('')
        .startsWith('🚚numeric'),
      true,
    );
    assert.equal((await ask(place, 'SELECT FROM customers')).length, 100);
    const [before] = await ask<{ n: string }>(
      place,
      `SELECT relfilenode AS n FROM pg_class WHERE relname = 'customers'`,
    );

    edit(place.pre, '🚚numeric', 'numeric');
    const second = await run(place);
    assert.equal(second.code, 1, second.shown);
    const index = second.events.find((e) => e.event === 'statement' && e.state === 'failed');
    assert.ok(index?.event === 'statement' && index.error?.sqlstate === '42703', second.shown);
    edit(place.post, 'totall', 'total DESC');
    const third = await run(place);
    assert.equal(third.code, 0, third.shown);
    assert.equal((await ask(place, 'SELECT FROM orders')).length, 100);
    const [after] = await ask<{ n: string }>(
      place,
      `SELECT relfilenode AS n FROM pg_class WHERE relname = 'customers'`,
    );
    assert.equal(after?.n, before?.n, 'customers was copied again');
    assert.equal(
      (await ask(place, `SELECT FROM pg_indexes WHERE indexname = 'orders_total' AND indexdef LIKE '%DESC%'`))
        .length,
      1,
    );
  });

  test('with an open quote is not sent, and costs only itself', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'note character varying(40)', "note text DEFAULT 'it''s");
    const first = await run(place);
    assert.equal(first.code, 1, first.shown);
    const failed = first.events.flatMap((e) => (e.event === 'statement' && e.state === 'failed' ? [e] : []));
    assert.deepEqual(
      failed.map((e) => e.error?.sqlstate),
      ['42601'],
      first.shown,
    );
    const text = read(place.pre);
    const broken = text.slice(text.indexOf('CREATE TABLE public.customers'));
    assert.equal(broken.slice((failed[0]?.error?.position ?? 0) - 1).startsWith("'it''s"), true);
    assert.equal((await ask(place, 'SELECT FROM answer()')).length, 1);
    edit(place.pre, "'it''s", "'it''s'");
    const second = await run(place);
    assert.equal(second.code, 0, second.shown);
    assert.equal((await ask(place, 'SELECT FROM customers')).length, 100);
  });

  test('with a syntax error costs only what needs it', async () => {
    using place = newPlace();
    await generate(place);
    edit(place.pre, 'CREATE VIEW public.big AS', 'CREATE VIEW public.big ASS');
    const first = await run(place);
    assert.equal(first.code, 1, first.shown);
    assert.equal(first.done.totals.failed, 1, first.shown);
    assert.equal((await ask(place, 'SELECT FROM orders')).length, 100);
    edit(place.pre, 'ASS', 'AS');
    const second = await run(place);
    assert.equal(second.code, 0, second.shown);
    assert.equal((await ask(place, 'SELECT FROM big')).length, 50);
  });
});
