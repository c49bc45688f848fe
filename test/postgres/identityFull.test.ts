import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CliRun, doneOf, problemsOf, runCli } from '../support/flexferry.js';
import { ensureMajor, type Major, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { flushedCommits } from '../support/replication.js';
import { Migration } from '../support/wayBack.js';

/** Tables without a usable key, one of each identity that they may have had, and two that are followed as they are. */
const shop = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.keyed (id int PRIMARY KEY, v int);
  CREATE TABLE shop.whole (v int);
  ALTER TABLE shop.whole REPLICA IDENTITY FULL;
  CREATE TABLE shop.keyless (v int);
  CREATE TABLE shop.put_off (id int PRIMARY KEY DEFERRABLE, v int);
  CREATE TABLE shop.nothing (id int PRIMARY KEY, v int);
  ALTER TABLE shop.nothing REPLICA IDENTITY NOTHING;
  CREATE TABLE shop."By Index" (a int, k int GENERATED ALWAYS AS (a + 1) STORED NOT NULL, v int);
  CREATE UNIQUE INDEX "Its Index" ON shop."By Index" (k);
  ALTER TABLE shop."By Index" REPLICA IDENTITY USING INDEX "Its Index";
  CREATE TABLE shop.by_key (a int, k int GENERATED ALWAYS AS (a + 1) STORED NOT NULL, v int,
    CONSTRAINT its_key UNIQUE (k));
  ALTER TABLE shop.by_key REPLICA IDENTITY USING INDEX its_key;
  INSERT INTO shop.keyed SELECT i, i FROM generate_series(1, 9) i;
  INSERT INTO shop.whole SELECT i FROM generate_series(1, 9) i;
  INSERT INTO shop.keyless SELECT i FROM generate_series(1, 9) i;
  INSERT INTO shop.put_off SELECT i, i FROM generate_series(1, 9) i;
  INSERT INTO shop.nothing SELECT i, i FROM generate_series(1, 9) i;
  INSERT INTO shop."By Index" (a, v) SELECT i, i FROM generate_series(1, 9) i;
  INSERT INTO shop.by_key (a, v) SELECT i, i FROM generate_series(1, 9) i`;
const names = ['keyed', 'whole', 'keyless', 'put_off', 'nothing', '"By Index"', 'by_key'];
const former = {
  'By Index': 'i Its Index',
  by_key: 'i its_key',
  keyed: 'd',
  keyless: 'd',
  nothing: 'n',
  put_off: 'd',
  whole: 'f',
};
const full = { ...former, 'By Index': 'f', by_key: 'f', keyless: 'f', nothing: 'f', put_off: 'f' };

const work = (schema: string): string =>
  names
    .map(
      (name) =>
        `UPDATE ${schema}.${name} SET v = v + 100 WHERE v < 4; DELETE FROM ${schema}.${name} WHERE v = 7`,
    )
    .join(';');

type Read = <Row>(sql: string) => Promise<Row[]>;

/** relreplident with its index, by table. */
async function identities(read: Read): Promise<Record<string, string>> {
  const rows = await read<{ name: string; identity: string }>(`
    SELECT c.relname AS name, concat_ws(' ', c.relreplident::text, (SELECT x.relname FROM pg_index i
      JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident)) AS identity
    FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text IN ('shop', 'store')`);
  return Object.fromEntries(rows.map(({ name, identity }) => [name, identity]));
}
const onSource = (move: Migration) => identities((sql) => move.old(sql));
const onTarget = (move: Migration) => identities((sql) => move.new(sql));

/** What of the target a run has said that it put back. */
const putBack = (move: Migration): string[] =>
  move.run.events.flatMap((event) => {
    const said =
      event.event === 'log' ? event.message.split('removed: target: REPLICA IDENTITY FULL of ') : [];
    return said.slice(1);
  });

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

describe('tables that are FULL for the time of a migration', { concurrency: 2 }, () => {
  test('13 to a Flexible Server, renamed: as they were before; FULL only for the way back', async () => {
    const command = ['run', 'p.flexferry.json', '--way-back', '--identity-full'];
    await using move = await Migration.create(older, flexible, shop, command);
    const project = {
      version: 2,
      name: 'shop',
      source: { connection: older.uri('postgres') },
      target: { connection: flexible.uri('postgres') },
      databases: [
        {
          source: move.database,
          target: move.to,
          mode: 'online',
          schemas: { shop: 'store' },
          tables: { 'shop.keyless': { name: 'bare' } },
        },
      ],
    };
    writeFileSync(join(move.folder.path, 'p.flexferry.json'), JSON.stringify(project));
    const tables = names.map(
      (name) => [`shop.${name}`, `store.${name === 'keyless' ? 'bare' : name}`] as const,
    );
    const renamed = ({ keyless, ...others }: typeof former) => ({ ...others, bare: keyless });
    const ddl = async (): Promise<string> => {
      const { code, stderr } = await runCli(['ddl', 'p.flexferry.json'], {
        folder: move.folder,
        json: false,
      });
      assert.equal(code, 0, stderr);
      const file = (name: string): string =>
        readFileSync(join(move.folder.path, 'p.flexferry/ddl', move.database, name), 'utf8');
      return file('pre-data.sql') + file('post-data.sql');
    };
    const reviewed = await ddl();

    move.start();
    await move.until('following');
    await move.old(work('shop'));
    await move.untilSame(tables);
    assert.deepEqual(await onSource(move), full);
    assert.deepEqual(await onTarget(move), renamed(former));
    assert.equal(await ddl(), reviewed, 'what was reviewed is what runs, and is written again');

    await move.ask('cutover', move.pair, '--fence', 'read-only', '--yes');
    await move.until('wayBack');
    assert.deepEqual(await onSource(move), former);
    assert.deepEqual(await onTarget(move), renamed(full));
    assert.equal(await ddl(), reviewed);
    await move.new(work('store').replaceAll('store.keyless', 'store.bare'));
    await move.untilSame(tables);

    await move.ask('finish', move.pair);
    const result = await move.run.result;
    assert.equal(result.code, 0, result.stdout.slice(-3000) + result.stderr);
    assert.deepEqual(problemsOf(doneOf(result)), []);
    assert.deepEqual(await onTarget(move), renamed(former));
    const expected = ['"By Index"', 'bare', 'by_key', 'nothing', 'put_off'].map((name) => `store.${name}`);
    assert.deepEqual(putBack(move).sort(), expected);
  });

  test('a cutover that is taken back, then one whose way back is taken: 17 to 17', async () => {
    await using move = await Migration.create(source, target, shop);
    move.start('--identity-full');
    await move.until('following');
    const held = new CliRun(['cutover', ...move.pair, '--fence', 'read-only', '--yes', '--hold'], {
      json: false,
    });
    await move.until('holding');
    assert.deepEqual(await onTarget(move), full);
    await move.ask('cutover', move.pair, '--undo');
    assert.equal((await held.result).code, 1);
    assert.deepEqual(await onTarget(move), former);
    await move.old(work('shop'));

    await move.ask('cutover', move.pair, '--fence', 'read-only', '--yes');
    await move.until('wayBack');
    await move.new(work('shop'));
    await move.untilSame(names.map((name) => [`shop.${name}`, `shop.${name}`] as const));
    await move.ask('cutover', move.back, '--fence', 'read-only', '--yes', '--verify', 'full');
    const result = await move.run.result;
    assert.equal(result.code, 0, result.stdout.slice(-3000) + result.stderr);
    assert.deepEqual(await onTarget(move), former);
    assert.deepEqual(await onSource(move), former);
  });

  test('the clean-up of a way back puts back what is still FULL', async () => {
    await using move = await Migration.create(source, target, shop);
    move.start('--identity-full');
    await move.until('following');
    await move.ask('cutover', move.pair, '--fence', 'read-only', '--yes');
    await move.until('wayBack');
    await move.kill();
    await move.new('DROP TABLE shop.nothing; ALTER TABLE shop.keyless RENAME TO renamed');
    await move.new('ALTER TABLE shop.put_off REPLICA IDENTITY NOTHING');
    const said = (await move.ask('cleanup', move.pair)).split('\n');
    assert.deepEqual(
      said.filter((line) => line.startsWith('target: REPLICA IDENTITY')).sort(),
      ['"By Index"', 'by_key', 'renamed'].map((name) => `target: REPLICA IDENTITY FULL of shop.${name}`),
    );
    const { keyless, nothing: _, ...others } = former;
    assert.deepEqual(await onTarget(move), { ...others, put_off: 'n', renamed: keyless });
  });

  test('cancelled before the cutover: the target has never been FULL', async () => {
    await using move = await Migration.create(source, target, shop);
    move.start('--identity-full');
    await move.until('following');
    await move.ask('cancel', move.pair);
    assert.equal(doneOf(await move.run.result).fault?.code, 'FF867');
    assert.deepEqual([await onSource(move), await onTarget(move)], [former, former]);
  });
});
