import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import type { RunEvent } from '../../src/protocol/model.js';
import { poll, runCli } from '../support/flexferry.js';
import { assertSucceeded, startClone } from '../support/migrate.js';
import { defaultMajors, ensureMajor, type Major, majors, startServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

/** An open transaction with an id, for which whoever makes a slot waits. */
async function begin(client: pg.Client, sql?: string): Promise<string> {
  await client.query('BEGIN');
  if (sql !== undefined) await client.query(sql);
  const { rows } = await client.query<{ xid: string }>('SELECT txid_current()::text AS xid');
  return rows[0]?.xid ?? '';
}

for (const major of wanted)
  test(`a slot that PostgreSQL ${major} cannot read is made again`, async () => {
    await ensureMajor(major);
    await using source = await startServer({ major, settings: flushedCommits });
    await using target = await startServer({ major: major > 17 ? major : 17 });
    const database = await source.createDatabase();
    await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    await target.createDatabase(database);
    const clients = await Promise.all([1, 2, 3].map(() => source.connect(database)));
    const [first, second, third] = clients;
    assert.ok(first && second && third);
    const isWaitedFor = (xid: string) => async (): Promise<boolean> => {
      const sql = 'SELECT FROM pg_locks WHERE NOT granted AND transactionid::text = $1';
      return (await source.query(database, sql, [xid])).length > 0;
    };
    const events: RunEvent[] = [];
    const pair = ['--source', source.uri(database), '--target', target.uri(database)];

    const early = await begin(first);
    const run = startClone(source.uri(database), target.uri(database), ['--online'], (e) => events.push(e));
    await poll(isWaitedFor(early), 'it waits for the first transaction');
    const middle = await begin(second);
    // Committed before that phase of the making from which on it takes notice, and after one that goes on into it.
    await source.query(database, 'TRUNCATE t');
    await first.query('COMMIT');
    await poll(isWaitedFor(middle), 'it waits for the second transaction');
    // This one takes the catalog for what it was before the TRUNCATE.
    await begin(third, 'INSERT INTO t VALUES (2)');
    await second.query('COMMIT');
    const made = `SELECT FROM pg_replication_slots WHERE NOT temporary AND confirmed_flush_lsn IS NOT NULL`;
    await poll(async () => (await source.query(database, made)).length > 0, 'the slot is made');
    await third.query('COMMIT');

    const isFollowing = (): boolean =>
      events.some((event) => event.event === 'follow' && event.state === 'following');
    await poll(isFollowing, 'it follows');
    await source.query(database, 'INSERT INTO t VALUES (3)');
    await Promise.all(clients.map((client) => client.end()));
    const cutover = await runCli(['cutover', ...pair, '--fence', 'none', '--yes'], { json: false });
    assert.equal(cutover.code, 0, `${cutover.stdout}${cutover.stderr}`);
    assertSucceeded(await run.ended);
    assert.deepEqual(await target.query(database, 'SELECT id FROM t ORDER BY id'), [{ id: 2 }, { id: 3 }]);
    const again = events.filter((event) => event.event === 'log' && /cannot be read/.test(event.message));
    assert.equal(again.length, 1);
  });
