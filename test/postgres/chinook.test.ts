import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { assertSame } from '../support/compare.js';
import { assertClean, assertSucceeded, clone } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

/** As the INSERT statements of the script have them, counted without a server. */
const rows: Readonly<Record<string, number>> = {
  album: 347,
  artist: 275,
  customer: 59,
  employee: 8,
  genre: 25,
  invoice: 412,
  invoice_line: 2240,
  media_type: 5,
  playlist: 18,
  playlist_track: 8715,
  track: 3503,
};

describe('Chinook, a database that others wrote', () => {
  let source: TestServer;
  let target: TestTwin;
  before(async () => {
    [source, target] = await Promise.all([
      startServer({ major: 13 }),
      startFlexibleServerTwin({ major: 17, extensions: [] }),
    ]);
    await source.createDatabase('chinook');
    await source.query(
      'chinook',
      gunzipSync(readFileSync(join(__dirname, '../fixtures/chinook.sql.gz'))).toString('utf8'),
    );
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  test('from PostgreSQL 13 to a Flexible Server on 17, every row', async () => {
    const done = assertSucceeded(await clone(source.uri('chinook'), target.uri('chinook')));
    assert.deepEqual(Object.fromEntries(done.tables.map((t) => [t.table, t.rows]).sort()), rows);
    assert.equal(done.totals.rows, 15_607);
    await assertSame({ server: source, database: 'chinook' }, { server: target, database: 'chinook' });
    const [sum] = await target.query<{ total: string; keys: string }>(
      'chinook',
      `SELECT (SELECT sum(unit_price * quantity) FROM invoice_line)::text AS total,
              (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated)::text AS keys`,
    );
    assert.deepEqual(sum, { total: '2328.60', keys: '11' });
    await assertClean(source, 'chinook');
    await assertClean(target, 'chinook');
  });
});
