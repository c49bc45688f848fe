import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interruptedSnapshot, lostSnapshot } from '../../../src/extension/migrations/lostRun.js';
import type { RunEvent } from '../../../src/protocol/model.js';
import { database, follow, run } from '../../support/followed.js';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const start: RunEvent = {
  event: 'start',
  at: at(1),
  run: 'r',
  source: 'a@one:5432',
  target: 'b@two:5432',
  databases: [
    { source: 'shop', target: 'shop' },
    { source: 'old', target: 'old' },
  ],
};
const phase = (name: 'copy' | 'follow', state: 'running' | 'done'): RunEvent => ({
  event: 'phase',
  at: at(2),
  database: 'shop',
  phase: name,
  state,
});

test('a killed run is known by its events: what followed, and how far it was', () => {
  const lost = lostSnapshot('/project', 'r', [
    start,
    phase('copy', 'running'),
    phase('copy', 'done'),
    phase('follow', 'running'),
    { event: 'follow', at: at(3), database: 'shop', state: 'following' },
    { event: 'follow', at: at(50), database: 'shop', state: 'wayBack' },
    { event: 'follow', at: at(60), database: 'shop', state: 'holding' },
  ]);
  assert.equal(lost?.state, 'interrupted');
  assert.equal(lost?.endedAt, 60_000);
  const [shop, old] = lost?.databases ?? [];
  assert.deepEqual([shop?.follow?.state, shop?.follow?.isWayBack], ['holding', true]);
  assert.equal(old?.follow, undefined);
  assert.deepEqual(
    shop?.phases.map((one) => [one.phase, one.state]),
    [
      ['copy', 'done'],
      ['follow', 'pending'],
    ],
  );
  assert.equal(lostSnapshot('/project', 'r', [phase('copy', 'done')]), undefined);
});

test('a killed run has the figures that it last wrote down, and the state of its last events', () => {
  const shop = {
    ...database('shop', follow({ appliedLsn: '0/5' })),
    rows: 70,
    tablesDone: 2,
    tablesTotal: 3,
  };
  const figures = run([{ ...shop, state: 'running' }], {
    rows: 70,
    endedAt: 90_000,
    reportDirectory: '/moved',
  });
  const lost = lostSnapshot(
    '/project',
    'r',
    [start, phase('copy', 'done'), { event: 'follow', at: at(60), database: 'shop', state: 'holding' }],
    figures,
  );
  const [found] = lost?.databases ?? [];
  assert.deepEqual(
    [lost?.state, lost?.endedAt, lost?.rows, lost?.reportDirectory],
    ['interrupted', 90_000, 70, '/project/runs/r'],
  );
  assert.deepEqual([found?.rows, found?.tablesDone, found?.tablesTotal, found?.state], [70, 2, 3, 'pending']);
  assert.deepEqual([found?.follow?.state, found?.follow?.appliedLsn], ['holding', '0/5']);
  assert.deepEqual(
    found?.phases.map(({ phase: name }) => name),
    shop.phases.map(({ phase: name }) => name),
  );
});

test('nothing of a run goes on whose engine has gone', () => {
  const running = database('shop', follow());
  const phases = running.phases.map((one) =>
    one.phase === 'follow' ? { ...one, state: 'running' as const } : one,
  );
  const ended = interruptedSnapshot(run([{ ...running, phases }]), 5000);
  assert.deepEqual([ended.state, ended.endedAt, ended.databases[0]?.state], ['interrupted', 5000, 'pending']);
  assert.ok(ended.databases[0]?.phases.every(({ state }) => state !== 'running'));
  const refused = run([], { state: 'refused' });
  assert.equal(interruptedSnapshot(refused, 5000), refused);
});
