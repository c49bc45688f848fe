import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FollowState } from '../../../src/protocol/follow.js';
import {
  attentionCount,
  cutoverStage,
  earlyChecks,
  followCan,
  followedDatabases,
  forecastOf,
  groupDowntime,
  leadingDatabase,
  measuredDowntime,
  onlyFollows,
  slotDanger,
  slotShare,
  standingRefusals,
  wentBack,
} from '../../../src/protocol/followView.js';
import { isDashboardMessage } from '../../../src/protocol/webview.js';
import { cutover, database, follow, followedDatabase, run, stoppedTable } from '../../support/followed.js';

const group = (...states: readonly FollowState[]) =>
  states.map((state, index) => followedDatabase(`d${index}`, { state }));

describe('progress that promises an end', () => {
  test('is over once nothing but following goes on', () => {
    assert.ok(onlyFollows(run([database('shop', follow())])));
    assert.ok(onlyFollows(run(group('holding', 'wayBack'))));
    assert.ok(onlyFollows(run([database('shop', follow()), { ...database('old'), state: 'done' }])));
  });
  test('goes on while anything is copied, or ends', () => {
    assert.ok(!onlyFollows(undefined));
    assert.ok(!onlyFollows(run([database('shop', follow({ state: 'copying' }))])));
    assert.ok(!onlyFollows(run([database('shop', follow()), database('offline')])));
    assert.ok(!onlyFollows(run([database('shop', follow())], { state: 'stopping' })));
    assert.ok(!onlyFollows(run([{ ...database('offline'), state: 'done' }])));
    assert.ok(!onlyFollows(run(group('finished'))));
  });
});

describe('the cutover of a group', () => {
  test('stands where the database is that needs most', () => {
    const stages = [
      [['following', 'following'], 'before'],
      [['cuttingOver', 'holding'], 'running'],
      [['holding', 'holding'], 'holding'],
      [['holding', 'following'], 'holding'],
      [['undoing', 'cuttingOver'], 'undoing'],
      [['handedOver', 'following'], 'before'],
      [['handedOver', 'wayBack'], 'after'],
      [['finished'], 'after'],
      [[], 'before'],
    ] as const;
    for (const [states, stage] of stages) assert.equal(cutoverStage(group(...states)), stage, states.join());
  });
  test('is handed over only when all of it is ready', () => {
    assert.ok(followCan(group('holding', 'holding'), true).confirm);
    assert.ok(followCan(group('holding', 'handedOver'), true).confirm);
    for (const other of ['copying', 'following', 'cuttingOver', 'undoing'] as const)
      assert.ok(!followCan(group('holding', other), true).confirm, other);
  });
  test('goes on without a database that is not followed any more', () => {
    const ended = { code: 'FF800', message: 'no slot', fix: 'again' } as const;
    const lost = followedDatabase('lost', { ended });
    assert.ok(followCan([...group('holding'), lost], true).confirm);
    assert.ok(!followCan([lost], true).cutOver);
    assert.equal(leadingDatabase([...group('holding'), lost])?.source, 'lost');
    assert.equal(attentionCount(lost.follow), 1);
    assert.deepEqual(earlyChecks(lost.follow), [{ check: 'errors', verdict: 'noGo' }]);
  });
  test('can be undone until then, and asks a run that is there', () => {
    assert.ok(followCan(group('cuttingOver'), true).undo);
    assert.ok(followCan(group('holding', 'following'), true).undo);
    assert.ok(!followCan(group('handedOver'), true).undo);
    for (const allowed of Object.values(followCan(group('following', 'holding', 'wayBack'), false)))
      assert.equal(allowed, false);
  });
  test('costs what its slowest member costs', () => {
    const times = [1200, 3400].map((downtimeMs) =>
      followedDatabase('d', { state: 'holding', cutover: cutover(7, { downtimeMs }) }),
    );
    assert.equal(groupDowntime(times), 3400);
    assert.equal(groupDowntime(group('following')), undefined);
  });
  test('that was taken back has no measured downtime', () => {
    const handOver = { connection: 'host=two', todo: [] };
    const undone = cutover(3, { downtimeMs: 900 });
    const done = cutover(8, { downtimeMs: 1800, handOver });
    const of = (made: typeof done) => run([database('shop', follow({ cutover: made }))]);
    assert.equal(measuredDowntime(of(undone)), undefined);
    assert.equal(measuredDowntime(of(done)), 1800);
  });
  test('is told of by the member in a cutover, else by the one that lags most', () => {
    const [slow, fast] = [followedDatabase('slow', { lagSeconds: 9 }), followedDatabase('fast')];
    assert.equal(leadingDatabase([fast, slow])?.source, 'slow');
    assert.equal(leadingDatabase([slow, followedDatabase('ready', { state: 'holding' })])?.source, 'ready');
    assert.equal(leadingDatabase(followedDatabases(undefined)), undefined);
  });
});

test('a migration went back with the first of its databases', () => {
  assert.ok(!wentBack(undefined));
  assert.ok(!wentBack(run(group('wayBack', 'finished'))));
  assert.ok(
    wentBack(run([...group('finished'), followedDatabase('b', { state: 'finished', wentBack: true })])),
  );
});

describe('how it goes on', () => {
  test('is one of five', () => {
    assert.equal(forecastOf(follow()), 'upToDate');
    assert.equal(forecastOf(follow({ lagSeconds: 30, catchUpSeconds: 5 })), 'catchingUp');
    assert.equal(forecastOf(follow({ fallingBehind: true, lagSeconds: 3 })), 'fallingBehind');
    assert.equal(forecastOf(follow({ lagSeconds: 147, appliedBytesPerSecond: 0 })), 'stalled');
    assert.equal(forecastOf(follow({ lagSeconds: 4, appliedBytesPerSecond: 0 })), 'catchingUp');
    assert.equal(forecastOf(follow({ fallingBehind: true, lagSeconds: 0.5 })), 'upToDate');
    const reconnecting = { code: 'FF101', message: 'refused', fix: 'start it' } as const;
    assert.equal(forecastOf(follow({ fallingBehind: true, reconnecting })), 'reconnecting');
  });
  test('a slot is in danger by what the server says, by time, or by room', () => {
    const slot = { name: 's', retainedBytes: 100 };
    assert.equal(slotDanger(slot), 'fine');
    assert.equal(slotDanger({ ...slot, walStatus: 'reserved', safeBytes: 900 }), 'fine');
    assert.equal(slotDanger({ ...slot, walStatus: 'extended', safeBytes: 30 }), 'tight');
    assert.equal(slotDanger({ ...slot, lostInSeconds: 7200 }), 'tight');
    assert.equal(slotDanger({ ...slot, lostInSeconds: 600 }), 'urgent');
    assert.equal(slotDanger({ ...slot, walStatus: 'unreserved', safeBytes: -5 }), 'urgent');
    assert.equal(slotDanger({ ...slot, walStatus: 'lost' }), 'lost');
    assert.equal(slotShare(slot), 0);
    assert.equal(slotShare({ ...slot, safeBytes: 300 }), 0.25);
    assert.equal(slotShare({ ...slot, safeBytes: -5 }), 1);
  });
  test('tables that wait for the user are counted', () => {
    const newTables = [{ schema: 'public', name: 'n' }];
    assert.equal(attentionCount(follow({ stopped: [stoppedTable('t')], newTables })), 2);
    assert.equal(attentionCount(follow({ state: 'holding', newTables })), 0);
  });
});

test('before a cutover: go where nothing is in the way, no go where it would be refused', () => {
  const verdicts = (change: Parameters<typeof follow>[0]) =>
    Object.fromEntries(earlyChecks(follow(change)).map(({ check, verdict }) => [check, verdict]));
  assert.deepEqual(new Set(Object.values(verdicts({}))), new Set(['go']));
  assert.equal(verdicts({ stopped: [stoppedTable('t')] })['stoppedTables'], 'noGo');
  assert.equal(verdicts({ newTables: [{ schema: 'a', name: 'b' }] })['newTables'], 'warn');
  assert.equal(verdicts({ lagSeconds: 60 })['lag'], 'warn');
  assert.equal(verdicts({ fallingBehind: true, lagSeconds: 5 })['lag'], 'warn');
  assert.equal(verdicts({ state: 'copying' })['base'], 'noGo');
  const away = { code: 'FF100', message: 'refused', fix: 'start it' } as const;
  assert.deepEqual(
    [verdicts({ reconnecting: away })['errors'], verdicts({ reconnecting: away })['lag']],
    ['noGo', undefined],
  );
  assert.equal(verdicts({ slot: { name: 's', retainedBytes: 1, walStatus: 'lost' } })['slot'], 'noGo');
});

test('what a cutover was refused for is shown until it can be seen to be otherwise', () => {
  const checks = (['stoppedTables', 'slot', 'wayBack', 'errors'] as const).map((check) => ({
    check,
    verdict: 'noGo' as const,
    message: check,
  }));
  const refused = follow({ cutover: cutover(0, { checks }) });
  assert.deepEqual(
    standingRefusals(refused).map(({ check }) => check),
    ['wayBack', 'errors'],
  );
  assert.deepEqual(standingRefusals(follow()), []);
});

test('the host takes what it knows from the page, and nothing else', () => {
  const choices = { fence: 'readOnly', verify: 'full', wayBack: false, force: false };
  const table = { type: 'stoppedTable', database: 'shop', schema: 'public', name: 't' };
  const good: readonly unknown[] = [
    { type: 'ready', version: 2 },
    { type: 'action', action: 'confirm' },
    { type: 'action', action: 'restart' },
    { type: 'startCutover', choices },
    { type: 'addTables', database: 'shop' },
    { type: 'copyConnection', database: 'shop' },
    { type: 'ddlDone', database: 'shop', through: 3 },
    { ...table, action: 'skip' },
    { type: 'tables', request: 1, database: 'shop', offset: 0, limit: 50 },
  ];
  for (const message of good) assert.ok(isDashboardMessage(message), JSON.stringify(message));
  const bad: readonly unknown[] = [
    undefined,
    'ready',
    { type: 'action', action: 'toString' },
    { type: 'startCutover' },
    { type: 'startCutover', choices: { ...choices, fence: 'all' } },
    { type: 'startCutover', choices: { ...choices, verify: 'some' } },
    { type: 'startCutover', choices: { ...choices, force: 1 } },
    { type: 'addTables' },
    { type: 'ddlDone', database: 'shop' },
    { ...table, action: 'drop' },
    { ...table, action: 'skip', name: 1 },
    { type: 'tables', request: 1, database: 'shop', offset: -1, limit: 50 },
    { type: 'other' },
  ];
  for (const message of bad) assert.ok(!isDashboardMessage(message), JSON.stringify(message));
});
