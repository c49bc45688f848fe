import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Fault } from '../../src/engine/errors/fault.js';
import { followStatus, requestFollow, whatIsFollowed } from '../../src/engine/online/followControl.js';
import { formatLsn, parseLsn } from '../../src/engine/postgres/lsn.js';
import { noteSaid, noteState } from '../../src/engine/run/followState.js';
import type { ErrorCode } from '../../src/protocol/errorCodes.js';
import type { FollowRequest, FollowState } from '../../src/protocol/follow.js';
import { FollowedPair, quiet, takeRequests } from '../support/followRows.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { flushedCommits, logEnd } from '../support/replication.js';

let source: TestServer;
let target: TestTwin;
before(async () => {
  source = await startServer({ major: 13, settings: flushedCommits });
  target = await startFlexibleServerTwin({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const pairOf = () => FollowedPair.create(source, target);
const cutover: FollowRequest = {
  command: 'cutover',
  fence: 'none',
  verify: 'sample',
  hold: false,
  force: false,
  wayBack: false,
  id: 'first',
};
const refused = (work: Promise<unknown>, code: ErrorCode, message = /./) =>
  assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });

describe('requests', () => {
  test('without a migration there is nobody to ask', async () => {
    await using pair = await pairOf();
    await refused(requestFollow(pair.specs, cutover), 'FF860', new RegExp(pair.sourceDatabase));
    assert.equal(await whatIsFollowed(pair.specs), undefined);
    const nowhere = { ...pair.specs, target: { ...pair.specs.target, database: 'nowhere' } };
    assert.equal(await whatIsFollowed(nowhere), undefined);
    const unknown = { ...pair.specs, source: { ...pair.specs.source, database: 'nowhere' } };
    await refused(whatIsFollowed(unknown), 'FF103');
    await refused(requestFollow(nowhere, cutover), 'FF103');
    await pair.begin();
    assert.equal((await whatIsFollowed(pair.specs))?.ownsSlot, true);
    // The same server, another database.
    const other = { ...pair.specs, source: { ...pair.specs.source, database: 'postgres' } };
    await refused(requestFollow(other, cutover), 'FF860');
  });

  test('are kept for a run, which takes them in their order; the newest cutover counts', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    assert.deepEqual(await requestFollow(pair.specs, cutover), { running: false });
    const newer = { ...cutover, fence: 'readOnly', id: 'second' } as const;
    const run = await pair.run();
    assert.deepEqual(await requestFollow(pair.specs, newer), { running: true });
    await requestFollow(pair.specs, { command: 'cancel' });
    assert.deepEqual(await takeRequests(state, pair.source), [newer, { command: 'cancel' }]);
    await run.close();
    await refused(requestFollow(pair.specs, { command: 'cancel' }), 'FF861');
    assert.deepEqual(await takeRequests(state, pair.source), []);
  });

  test('a cutover that no run has taken is taken back without one', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    await requestFollow(pair.specs, cutover);
    assert.deepEqual(await requestFollow(pair.specs, { command: 'undo' }), { running: false });
    assert.deepEqual(await takeRequests(state, pair.source), []);
    await refused(requestFollow(pair.specs, { command: 'undo' }), 'FF863', /no cutover has begun/);
  });

  test('that make no sense now are refused, and nothing is left of them', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    // Without a run, too, it is said what can be done now.
    const undo = requestFollow(pair.specs, { command: 'undo' });
    await assert.rejects(undo, (fault: Fault) => {
      assert.match(fault.message, /changes are followed, no cutover has begun; no run is at work\.$/);
      assert.match(fault.fix, /^The same command as before goes on with it\. Begin a cutover/);
      return true;
    });
    const cases: readonly [FollowState, FollowRequest['command'], RegExp | undefined][] = [
      ['copying', 'cutover', undefined],
      ['cuttingOver', 'cutover', /under way/],
      ['handedOver', 'cutover', /handed over/],
      ['following', 'confirm', /no cutover/],
      ['holding', 'confirm', undefined],
      ['holding', 'undo', undefined],
      ['handedOver', 'undo', /handed over to the applications\.$/],
      ['wayBack', 'undo', /followed back; no run is at work/],
      ['following', 'finish', /followed/],
      ['wayBack', 'finish', undefined],
      ['finished', 'addTables', /finished/],
    ];
    for (const [now, command, message] of cases) {
      await noteState(state, pair.source, { state: now });
      const request = command === 'cutover' ? cutover : ({ command } as FollowRequest);
      const asked = requestFollow(pair.specs, request);
      if (message) await refused(asked, 'FF863', message);
      else await asked;
      const left = await takeRequests(state, pair.source);
      assert.equal(left.length, message ? 0 : 1, `${command} while ${now}`);
    }
  });

  test('a table is retried or skipped where it is stopped', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    const retry = { command: 'retry', schema: 'public', name: 't' } as const;
    await refused(requestFollow(pair.specs, retry), 'FF864', /public\.t is not stopped/);
    await state.query(
      `INSERT INTO flexferry.followed (source, oid, schema, name, since, fault, stopped_at)
       VALUES ($1, 1, 'public', 't', '0/1', '{}', now())`,
      [pair.source],
    );
    await requestFollow(pair.specs, retry);
    await requestFollow(pair.specs, { ...retry, command: 'skip' });
    assert.equal((await takeRequests(state, pair.source)).length, 2);
  });
});

describe('status', () => {
  test('of nothing', async () => {
    await using pair = await pairOf();
    const status = await followStatus(pair.specs);
    assert.deepEqual(status, {
      source: `postgres@127.0.0.1:${source.port}/${pair.sourceDatabase}`,
      target: `flexadmin@127.0.0.1:${target.port}/${pair.targetDatabase}`,
      running: false,
    });
  });

  test('of a run that has said nothing yet', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const { follow, running, at } = await followStatus(pair.specs);
    assert.deepEqual([running, at, follow?.state, follow?.slot.name], [false, undefined, 'following', slot]);
    assert.equal(follow?.lagSeconds, 0);
  });

  test('is what the run said, with the lag and the log of the source as they are now', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const state = await pair.open('target');
    const applied = await logEnd(source, pair.sourceDatabase);
    await noteSaid(state, pair.source, { ...quiet, appliedLsn: formatLsn(applied) });
    const run = await pair.run();
    await source.query(
      pair.sourceDatabase,
      "INSERT INTO t (v) SELECT repeat('x', 100) FROM generate_series(1, 2000)",
    );
    const end = await logEnd(source, pair.sourceDatabase);
    const status = await followStatus(pair.specs);
    const { follow } = status;
    assert.ok(follow);
    assert.equal(status.running, true);
    assert.ok(Math.abs((status.at ?? 0) - Date.now()) < 60_000);
    assert.equal(follow.appliedLsn, formatLsn(applied));
    assert.ok((parseLsn(follow.sourceLsn) ?? 0n) >= end);
    assert.ok(follow.lagBytes >= Number(end - applied) && follow.lagBytes > 200_000, `${follow.lagBytes}`);
    assert.deepEqual([follow.slot.name, follow.slot.walStatus], ['said', 'reserved']);
    assert.ok(follow.slot.retainedBytes >= follow.lagBytes);
    assert.deepEqual(
      [follow.changes, follow.transactionsPerSecond, follow.lagSeconds, follow.catchUpSeconds],
      [30, 5, 0.25, 2],
      'the run knows better',
    );
    // The lanes go on while it says nothing.
    await state.query('UPDATE flexferry.lane SET applied = $1 WHERE source = $2', [
      formatLsn(end),
      pair.source,
    ]);
    await run.close();
    const later = (await followStatus(pair.specs)).follow;
    assert.ok(later);
    assert.equal(later.appliedLsn, formatLsn(end));
    assert.ok(later.lagBytes < 100_000);
    assert.deepEqual(
      [later.transactionsPerSecond, later.catchUpSeconds],
      [0, undefined],
      'nothing is applied',
    );
    assert.equal(slot, pair.slot);
  });

  test('grows older without a run; says so where the slot is gone', async () => {
    await using pair = await pairOf();
    const slot = await pair.begin();
    const state = await pair.open('target');
    await noteSaid(state, pair.source, { ...quiet, appliedLsn: '0/1' });
    await state.query("UPDATE flexferry.follow SET said_at = now() - interval '1 hour'");
    await source.query(pair.sourceDatabase, "INSERT INTO t (v) VALUES ('late')");
    const { follow } = await followStatus(pair.specs);
    assert.ok(follow && follow.lagSeconds >= 3600 && follow.lagSeconds < 3700, `${follow?.lagSeconds}`);
    await source.query(pair.sourceDatabase, `SELECT pg_drop_replication_slot('${slot}')`);
    assert.equal((await followStatus(pair.specs)).follow?.slot.walStatus, 'lost');
  });

  test('says what is known while the source is down', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const state = await pair.open('target');
    await noteSaid(state, pair.source, {
      ...quiet,
      sourceLsn: '0/5000',
      appliedLsn: '0/4000',
      lagBytes: 4096,
    });
    const [host] = pair.specs.source.hosts;
    assert.ok(host);
    const down = { ...pair.specs, source: { ...pair.specs.source, hosts: [{ ...host, port: 1 }] } };
    const status = await followStatus(down);
    assert.equal(status.unreachable?.code, 'FF100');
    assert.ok(status.follow);
    assert.deepEqual(status.follow.slot, quiet.slot);
    assert.deepEqual(await requestFollow(down, cutover), { running: false });
    const unknown = { ...down, source: { ...down.source, database: 'unknown' } };
    const nothing = await followStatus(unknown);
    assert.deepEqual([nothing.follow, nothing.unreachable?.code], [undefined, 'FF100']);
    await refused(
      followStatus({ ...down, target: { ...pair.specs.target, hosts: down.source.hosts } }),
      'FF100',
    );
  });

  test('of the way back, which the old source keeps', async () => {
    await target.allowReplication();
    await using pair = await pairOf();
    await target.query(pair.targetDatabase, 'CREATE TABLE t (id int PRIMARY KEY, v text)');
    await pair.begin();
    const back = await pair.begin({ isBack: true });
    const state = await pair.open('target');
    await noteState(state, pair.source, { state: 'wayBack' });
    const keeper = await pair.open('source');
    await noteSaid(keeper, pair.target, { ...quiet, state: 'wayBack', isWayBack: true });
    const { follow } = await followStatus(pair.specs);
    assert.ok(follow);
    assert.deepEqual([follow.state, follow.isWayBack], ['wayBack', true]);
    assert.ok((parseLsn(follow.sourceLsn) ?? 0n) > 0n, 'of the log of the target');
    assert.notEqual(back, pair.slot);
    // The other way round it is followed as any, into an old source that is read-only for everybody else.
    const reversed = { source: pair.specs.target, target: pair.specs.source };
    await source.query(
      'postgres',
      `ALTER DATABASE ${pair.sourceDatabase} SET default_transaction_read_only = on`,
    );
    assert.equal((await followStatus(reversed)).follow?.slot.name, follow.slot.name);
    await requestFollow(reversed, cutover);
    assert.deepEqual(await takeRequests(keeper, pair.target), [cutover]);
    await refused(requestFollow(reversed, { ...cutover, wayBack: true }), 'FF893');
    await refused(requestFollow(reversed, { command: 'addTables' }), 'FF863', /way back/);
    await requestFollow(pair.specs, { command: 'finish' });
  });
});
