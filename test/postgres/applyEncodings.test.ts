import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const asciiOnly = `ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`;
const latin1 = `ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`;
const tä = { schema: 'public', name: 'tä' };

describe('encodings', () => {
  test('the bytes of a SQL_ASCII database stay as they are, also those that wait', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: 'bytes',
      encodings: { source: asciiOnly, target: asciiOnly },
      options: { encoding: 'latin1' },
      schema:
        'CREATE TABLE "tä" (id int PRIMARY KEY, "ö" text, n int); CREATE TABLE k (k text PRIMARY KEY, n int); CREATE TABLE f (v text); ALTER TABLE f REPLICA IDENTITY FULL',
    });
    const bytes = `SELECT id, encode(convert_to("ö", 'SQL_ASCII'), 'hex') AS v, n FROM "tä" ORDER BY id`;
    await f.change(
      `INSERT INTO "tä" VALUES (1, E'\\xff\\xe9\\x80'), (2, 'é日'), (3, E'\\t\\\\\\xff')`,
      `BEGIN; UPDATE "tä" SET "ö" = E'\\xc3\\x28' WHERE id = 1; UPDATE "tä" SET n = 1 WHERE id = 2; COMMIT`,
      `BEGIN; INSERT INTO k VALUES (E'\\xe9', 1), ('é', 2); UPDATE k SET n = 3 WHERE k = E'\\xe9'; UPDATE k SET k = E'\\xea' WHERE k = 'é'; COMMIT`,
      `INSERT INTO f VALUES (E'\\xe9'), (E'\\xc3\\xa9'), (E'\\xe9'); DELETE FROM f WHERE v = E'\\xc3\\xa9'; UPDATE f SET v = v || 'x' WHERE ctid IN (SELECT ctid FROM f LIMIT 1)`,
    );
    assert.equal(f.follower.replans, 0);
    await f.onTarget('INSERT INTO "tä" VALUES (4)');
    await f.change(
      `INSERT INTO "tä" VALUES (4, E'\\xfe'); INSERT INTO "tä" VALUES (5, E'\\xff\\xe9\\x80'), (6, 'é日')`,
    );
    assert.deepEqual(f.stops, { 'public.tä': 'FF815' });
    await f.stop();
    f.run();
    await f.change(`UPDATE "tä" SET "ö" = E'\\xe9' WHERE id = 6`);
    await f.onTarget('DELETE FROM "tä" WHERE id = 4');
    f.follower.retry(tä, false);
    await f.untilGoingOn('public.tä');
    await f.rows(bytes);
    await f.rows(`SELECT encode(convert_to(k, 'SQL_ASCII'), 'hex') AS k, n FROM k ORDER BY 1`);
    await f.rows(`SELECT encode(convert_to(v, 'SQL_ASCII'), 'hex') AS v FROM f ORDER BY 1`);
    assert.deepEqual(
      await f.onTarget(
        `SELECT name FROM flexferry.followed WHERE oid IN (SELECT oid FROM flexferry.followed WHERE name LIKE 't%')`,
      ),
      [{ name: 'tä' }],
    );
  });

  test('characters that the target does not have stop their table', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: 'characters',
      encodings: { target: latin1 },
      schema:
        'CREATE TABLE "tä" (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY, v text)',
    });
    await f.change(
      `INSERT INTO "tä" VALUES (1, 'é'), (2, 'ü')`,
      `INSERT INTO "tä" VALUES (3, '日'); INSERT INTO "tä" VALUES (4, 'ß'); INSERT INTO other VALUES (1, 'é')`,
      `UPDATE "tä" SET v = '日本' WHERE id = 1; UPDATE "tä" SET v = 'ê' WHERE id = 3`,
    );
    assert.deepEqual(f.stops, { 'public.tä': 'FF815' });
    assert.ok(!f.follower.tables?.stopped[0]?.stopped?.fault.message.includes('日'));
    await f.rows('SELECT * FROM other');
    await f.stop();
    f.run();
    await f.onTarget(`INSERT INTO "tä" VALUES (3, '?')`);
    f.follower.retry(tä, true);
    await f.change('INSERT INTO other VALUES (2)');
    f.follower.retry(tä, true);
    await f.untilGoingOn('public.tä');
    assert.deepEqual(await f.onTarget('SELECT v FROM "tä" ORDER BY id'), [
      { v: 'é' },
      { v: 'ü' },
      { v: 'ê' },
      { v: 'ß' },
    ]);
  });

  test('bytes of a SQL_ASCII database into UTF-8: what is none stops its table', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: 'mixed',
      encodings: { source: asciiOnly },
      options: { encoding: 'latin1' },
      schema:
        'CREATE TABLE "tä" (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY, v text)',
    });
    await f.change(
      `INSERT INTO "tä" VALUES (1, 'é日')`,
      `INSERT INTO "tä" VALUES (2, E'\\xe9'); INSERT INTO "tä" VALUES (3, '日'); INSERT INTO other VALUES (1, 'é')`,
    );
    assert.deepEqual(f.stops, { 'public.tä': 'FF815' });
    f.follower.retry(tä, true);
    await f.untilGoingOn('public.tä');
    assert.deepEqual(await f.onTarget('SELECT v FROM "tä" ORDER BY id'), [{ v: 'é日' }, { v: '日' }]);
  });
});
