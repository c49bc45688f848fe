import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatSeconds } from '../../src/base/format.js';
import type { ProjectDatabase } from '../../src/protocol/project.js';
import { assertSame } from '../support/compare.js';
import { CliRun, doneOf, reportOf, runCli } from '../support/flexferry.js';
import { ensureMajor, type Major, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { flushedCommits } from '../support/replication.js';
import { Migration } from '../support/wayBack.js';

const shop = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id serial PRIMARY KEY, name text NOT NULL, note text);
  CREATE TABLE shop.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int REFERENCES shop.customers ON DELETE CASCADE, amount numeric,
    twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
  CREATE TABLE shop.log (id bigserial PRIMARY KEY, what text);
  CREATE TABLE shop.days (day int PRIMARY KEY, note text) PARTITION BY RANGE (day);
  CREATE TABLE shop.days_1 PARTITION OF shop.days FOR VALUES FROM (0) TO (100);
  CREATE TABLE shop.days_2 PARTITION OF shop.days FOR VALUES FROM (100) TO (200);
  CREATE TABLE shop.keyless (v int);
  CREATE TABLE shop.events (id int PRIMARY KEY, kind text NOT NULL);
  CREATE SEQUENCE shop.numbers;
  CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN EXECUTE format('INSERT INTO %I.log (what) VALUES ($1)', TG_TABLE_SCHEMA) USING TG_OP; RETURN NULL; END $$;
  CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note();
  INSERT INTO shop.customers (name, note) SELECT 'customer ' || i, repeat(md5(i::text), 200) FROM generate_series(1, 40) i;
  INSERT INTO shop.orders (customer, amount) SELECT 1 + i % 40, i FROM generate_series(1, 200) i;
  INSERT INTO shop.days SELECT i, 'day ' || i FROM generate_series(0, 199) i;
  INSERT INTO shop.keyless VALUES (1), (2);
  INSERT INTO shop.events SELECT i, CASE i % 2 WHEN 0 THEN 'keep' ELSE 'leave' END FROM generate_series(1, 20) i;
  SELECT nextval('shop.numbers') FROM generate_series(1, 5);
  CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(amount) AS amount FROM shop.orders GROUP BY 1;
  CREATE VIEW shop.large AS SELECT * FROM shop.totals WHERE amount > 10;
  CREATE MATERIALIZED VIEW shop.grand AS SELECT sum(amount) AS amount FROM shop.large`;

/** What applications do on the target: all kinds of changes. `s` and `orders` are the names there. */
const work = (s: string, orders: string): string => `
  INSERT INTO ${s}.customers (name, note) VALUES ('new', 'n'), ('gone soon', NULL);
  UPDATE ${s}.customers SET name = name || '!' WHERE id % 7 = 0;
  UPDATE ${s}.customers SET id = id + 1000 WHERE name = 'new';
  DELETE FROM ${s}.customers WHERE id IN (3, 4) OR name = 'gone soon';
  INSERT INTO ${s}.${orders} (customer, amount) SELECT 1, i FROM generate_series(1, 20) i;
  UPDATE ${s}.${orders} SET amount = amount + 0.50 WHERE id % 10 = 0;
  UPDATE ${s}.days SET day = day + 100 WHERE day = 7 AND false;
  UPDATE ${s}.days SET note = 'moved', day = 150 WHERE day = 50 AND NOT EXISTS (SELECT FROM ${s}.days WHERE day = 150);
  DELETE FROM ${s}.days WHERE day BETWEEN 20 AND 30;
  INSERT INTO ${s}.keyless VALUES (3);
  BEGIN; SAVEPOINT a; DELETE FROM ${s}.log; ROLLBACK TO a; INSERT INTO ${s}.log (what) VALUES ('by hand'); COMMIT;
  INSERT INTO ${s}.events VALUES (1000 + (SELECT count(*) FROM ${s}.events), 'keep');
  SELECT nextval('${s}.numbers')`;

let older: TestServer;
let source: TestServer;
let target: TestServer;
let flexible: TestTwin;
before(async () => {
  for (const major of [13, 17] as Major[]) await ensureMajor(major);
  [older, source, target, flexible] = await Promise.all([
    startServer({ major: 13, settings: flushedCommits }),
    startServer({ major: 17, settings: flushedCommits }),
    startServer({ major: 17, settings: flushedCommits }),
    startFlexibleServerTwin({ major: 17 }),
  ]);
  await flexible.allowReplication();
});
after(() => Promise.all([older?.stop(), source?.stop(), target?.stop(), flexible?.stop()]));

const readOnly = 'setting default_transaction_read_only=on';
const plainTables = ['customers', 'orders', 'log', 'days', 'keyless', 'events'].map(
  (name) => [`shop.${name}`, `shop.${name}`] as const,
);

describe('the way back', { concurrency: 3 }, () => {
  test('13 to a Flexible Server, renamed and filtered: followed until finish, through a kill', async () => {
    const names: Partial<ProjectDatabase> = {
      schemas: { shop: 'store' },
      tables: { 'shop.orders': { name: 'purchases' }, 'shop.events': { where: "kind = 'keep'" } },
    };
    await using move = await Migration.create(older, flexible, shop, [
      'run',
      'p.flexferry.json',
      '--way-back',
    ]);
    writeFileSync(
      join(move.folder.path, 'p.flexferry.json'),
      JSON.stringify({
        version: 2,
        name: 'shop',
        source: { connection: older.uri('postgres') },
        target: { connection: flexible.uri('postgres') },
        databases: [{ source: move.database, target: move.to, mode: 'online', ...names }],
      }),
    );
    const tables = [
      ['shop.customers', 'store.customers'],
      ['shop.orders', 'store.purchases'],
      ['shop.log', 'store.log'],
      ['shop.days', 'store.days'],
      ['shop.keyless', 'store.keyless'],
      [`(SELECT * FROM shop.events WHERE kind = 'keep')`, 'store.events'],
    ] as const;
    move.start();
    await move.until('following');
    await move.old(`INSERT INTO shop.customers (name) VALUES ('late')`);
    await move.ask('cutover', move.pair, '--fence', 'read-only', '--yes');
    await move.until('wayBack');
    await move.new(work('store', 'purchases'));
    await move.untilSame(tables);
    assert.equal((await move.old(`SELECT FROM shop.events WHERE kind = 'leave'`)).length, 10);
    const forth = await move.status(move.pair);
    assert.deepEqual([forth.running, forth.follow?.state, forth.follow?.isWayBack], [true, 'wayBack', true]);
    const back = await move.status(move.back);
    assert.deepEqual([back.running, back.follow?.slot.name], [true, forth.follow?.slot.name]);
    assert.ok(!(await move.left()).some((item) => item.startsWith('source slot')), 'nothing goes round');
    // Applications that were not told.
    const straggler = await older.connect(move.database);
    await assert.rejects(straggler.query('INSERT INTO shop.keyless VALUES (9)'), /read-only/);
    await straggler.end();

    await move.kill();
    await move.new(work('store', 'purchases'));
    await move.new('ALTER TABLE store.purchases RENAME TO bought');
    move.start();
    await move.until('wayBack');
    await move.new('TRUNCATE store.keyless; INSERT INTO store.keyless VALUES (7)');
    await move.untilSame(tables.map(([a, b]) => [a, b.replace('purchases', 'bought')] as const));

    await move.ask('finish', move.pair);
    const result = await move.run.result;
    assert.equal(result.code, 0, result.stdout.slice(-3000) + result.stderr);
    assert.deepEqual(
      doneOf(result).findings.filter(({ severity }) => severity !== 'note'),
      [],
    );
    const [reported] = reportOf(move.folder).snapshot.databases;
    assert.equal(reported?.follow?.state, 'finished');
    assert.ok((reported.follow.cutover?.downtimeMs ?? 0) > 0);
    await move.untilLeft([`source ${readOnly}`]);
  });

  test('17 to 17: applications go back by a cutover the other way round', async () => {
    await using move = await Migration.create(source, target, shop);
    move.start();
    await move.until('following');
    await move.ask('cutover', move.pair, '--fence', 'read-only', '--yes', '--verify', 'full');
    await move.until('wayBack');
    await move.new(work('shop', 'orders'));
    const again = await runCli(['cutover', ...move.back, '--yes', '--way-back'], { json: false });
    assert.deepEqual([again.code, /FF893/.test(again.stderr)], [3, true], again.stderr);

    // Held, and given up: the target is the applications' as before.
    const held = new CliRun(['cutover', ...move.back, '--fence', 'read-only', '--yes', '--hold'], {
      json: false,
    });
    await move.until('holding');
    assert.ok((await move.left()).includes(`target ${readOnly}`));
    await move.ask('cutover', move.back, '--undo');
    assert.equal((await held.result).code, 1);
    await move.new(work('shop', 'orders'));
    await move.untilSame(plainTables);
    await move.new('REFRESH MATERIALIZED VIEW shop.totals; REFRESH MATERIALIZED VIEW shop.grand');

    const text = await move.ask('cutover', move.back, '--fence', 'read-only', '--yes', '--verify', 'full');
    assert.match(text, /Handed over\./);
    assert.match(
      text,
      new RegExp(`Point the applications to 127.0.0.1:${source.port}/${move.database} again`),
    );
    const result = await move.run.result;
    assert.equal(result.code, 0, result.stdout.slice(-3000) + result.stderr);
    const [reported] = reportOf(move.folder).snapshot.databases;
    assert.deepEqual([reported?.follow?.state, reported?.follow?.wentBack], ['finished', true]);
    const { cutover: back, forward } = reported?.follow ?? {};
    const page = readFileSync(join(move.folder.report, 'report.html'), 'utf8');
    for (const [one, way] of [
      [forward, 'from the fence of the source to the hand-over'],
      [back, 'from the fence of the target to the hand-back'],
    ] as const) {
      assert.ok(one?.downtimeMs !== undefined && one.handOver !== undefined, way);
      const text = `Write downtime, measured: ${formatSeconds(one.downtimeMs / 1000)}, ${way}.`;
      assert.ok(page.includes(text), text);
    }
    assert.notEqual(forward?.id, back?.id);
    // Who waits for the end is told that it goes on.
    const handedBack = result.events.findLastIndex((e) => e.event === 'follow' && e.state === 'handedOver');
    const told = result.events.slice(handedBack).filter(({ event }) => event === 'progress');
    assert.ok(told.length >= 2, `${told.length} in the last seconds`);
    await move.untilLeft([`target ${readOnly}`]);
    await assertSame(
      { server: target, database: move.to },
      { server: source, database: move.database },
      { sequences: 'ahead', except: [/^object setting default_transaction_read_only/] },
    );
    await move.old(work('shop', 'orders'));
  });

  test('stopped, not begun anew, cancelled and cleaned up', async () => {
    await using move = await Migration.create(source, target, shop);
    move.start();
    await move.until('following');
    await move.ask('cutover', move.pair, '--yes');
    await move.until('wayBack');
    move.run.child.kill('SIGINT');
    assert.equal((await move.run.result).code, 4);
    const anew = await runCli(['clone', '--online', ...move.pair, '--restart']);
    assert.equal(doneOf(anew).fault?.code, 'FF896');
    const status = await move.status(move.pair);
    assert.deepEqual([status.running, status.follow?.state], [false, 'wayBack']);
    await move.new(work('shop', 'orders'));

    move.start();
    await move.until('wayBack');
    await move.untilSame(plainTables);
    await move.ask('cancel', move.pair);
    assert.equal(doneOf(await move.run.result).fault?.code, 'FF867');
    await move.untilLeft(['target schema flexferry']);
    assert.match(await move.ask('cleanup', move.pair), /^target: checkpoints/);
    await move.untilLeft([]);
  });
});
