import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type pg from 'pg';
import type { Fault } from '../../src/engine/errors/fault.js';
import { poll } from '../support/flexferry.js';
import { TestFollow } from '../support/follow.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { flushedCommits, untilNoSession } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

interface SlotRow {
  readonly wal_status: string;
  readonly active_pid: number | null;
}

for (const major of wanted)
  describe(`a target that takes nothing while PostgreSQL ${major} writes on`, () => standstill(major));

function standstill(major: Major): void {
  let source: TestServer;
  let target: TestServer;
  const limited = major >= 13;

  before(async () => {
    await ensureMajor(major);
    source = await startServer({
      major,
      settings: {
        ...flushedCommits,
        wal_sender_timeout: '2s',
        ...(limited && { max_slot_wal_keep_size: '16MB' }),
      },
    });
    target = await startServer({ major: 17 });
  });
  after(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
  });

  /** Followed, with a lock on the table of the target, and more behind it than is read ahead. */
  async function stuck(database: string): Promise<{ f: TestFollow; holder: pg.Client }> {
    const schema = 'CREATE TABLE t (id int PRIMARY KEY, v text)';
    const f = await TestFollow.start({ source, target, database, schema });
    await f.change(`INSERT INTO t VALUES (0)`);
    const holder = await target.connect(database);
    await holder.query('BEGIN; LOCK TABLE t');
    for (let from = 1; from < 60_000; from += 3_000)
      await source.query(
        database,
        `INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(${from}, ${from + 2_999}) i`,
      );
    return { f, holder };
  }

  const sender = async (): Promise<string | undefined> => {
    const [row] = await source.query<{ wait: string }>(
      'postgres',
      `SELECT wait_event AS wait FROM pg_stat_activity WHERE application_name LIKE 'flexferry follow%'`,
    );
    return row?.wait;
  };
  const slot = async (): Promise<SlotRow | undefined> => {
    const [row] = await source.query<SlotRow>(
      'postgres',
      'SELECT wal_status, active_pid FROM pg_replication_slots',
    );
    return row;
  };

  test('a checkpoint of the source is not held up, and the loss of the slot is told while it goes on', {
    skip: !limited && 'no slot is given up',
  }, async () => {
    const { f, holder } = await stuck(`checkpoint_${major}`);
    await using _ = f;
    await poll(async () => (await sender()) === 'WalSenderWriteData', 'nobody reads');
    assert.equal((await slot())?.wal_status, 'unreserved');
    let isDone = false;
    const checkpoint = source.query('postgres', 'CHECKPOINT').then(() => {
      isDone = true;
    });
    try {
      await poll(() => isDone, 'the checkpoint ends', 20_000);
      // The target is still locked.
      await poll(() => f.failure !== undefined, 'the loss is told', 20_000);
      assert.equal((f.failure as Fault).code, 'FF802', String(f.failure));
    } finally {
      await holder.end();
      await checkpoint;
    }
    await untilNoSession(source);
    await untilNoSession(target);
  });

  test('a slot in danger is let go of, told, and followed again once the target takes changes', {
    skip: !limited && 'no slot is in danger',
  }, async () => {
    const { f, holder } = await stuck(`danger_${major}`);
    await using _ = f;
    await poll(async () => (await slot())?.active_pid === null, 'the stream is closed', 20_000);
    assert.equal(f.follower.reconnecting?.code, 'FF899');
    assert.match(f.messages[0] ?? '', /The target takes no changes/);
    assert.equal((await slot())?.wal_status, 'unreserved');
    assert.equal(f.failure, undefined);
    await holder.query('ROLLBACK');
    await holder.end();
    await f.caughtUp();
    assert.equal(f.follower.reconnecting, undefined);
    await f.rows('SELECT count(*), sum(id), sum(length(v)) FROM t');
    assert.equal(f.messages.length, 1);
  });

  test('a shutdown of the source is not held up', async () => {
    const { f, holder } = await stuck(`shutdown_${major}`);
    await using _ = f;
    await poll(async () => (await sender()) === 'WalSenderWriteData', 'nobody reads');
    const before = readFileSync(source.logFile, 'utf8').length;
    // A server that is late is killed by the test's own support, and recovers.
    await source.restart();
    assert.doesNotMatch(readFileSync(source.logFile, 'utf8').slice(before), /not properly shut down/);
    await holder.query('ROLLBACK');
    await holder.end();
    if (limited) return;
    await f.caughtUp();
    await f.rows('SELECT count(*), sum(id) FROM t');
  });

  test('who ends the stream by hand need not do it twice', async () => {
    const { f, holder } = await stuck(`ended_${major}`);
    await using _ = f;
    await poll(async () => (await sender()) === 'WalSenderWriteData', 'nobody reads');
    const [ended] = await source.query<{ pid: number }>(
      'postgres',
      `SELECT active_pid AS pid, pg_terminate_backend(active_pid) FROM pg_replication_slots`,
    );
    await poll(
      async () =>
        (await source.query('postgres', `SELECT FROM pg_stat_activity WHERE pid = ${ended?.pid}`)).length ===
        0,
      'it ends',
      15_000,
    );
    await holder.end();
  });
}
