import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CutoverProgress, outcomeText } from '../../../src/cli/cutoverProgress.js';
import { statusText } from '../../../src/cli/followText.js';
import { Fault } from '../../../src/engine/errors/fault.js';
import type { FollowGlance } from '../../../src/engine/online/followWatch.js';
import {
  type CutoverSnapshot,
  type CutoverStepSnapshot,
  cutoverSteps,
  type FollowSnapshot,
  type FollowState,
} from '../../../src/protocol/follow.js';

const follow: FollowSnapshot = {
  state: 'following',
  appliedLsn: '0/100',
  sourceLsn: '0/200',
  lagBytes: 256,
  lagSeconds: 0,
  transactions: 1,
  changes: 40,
  transactionsPerSecond: 0,
  changesPerSecond: 0,
  appliedBytesPerSecond: 0,
  sourceBytesPerSecond: 0,
  fallingBehind: false,
  spooledBytes: 0,
  slot: { name: 'flexferry_1', retainedBytes: 45_000_000 },
  stopped: [],
  newTables: [],
};

const cutover = (
  done: number,
  last: CutoverStepSnapshot['state'],
  more: Partial<CutoverSnapshot> = {},
): CutoverSnapshot => ({
  id: 'mine',
  fence: 'none',
  checks: [],
  steps: cutoverSteps.map((step, i) => ({ step, state: i < done ? 'done' : i === done ? last : 'pending' })),
  ...more,
});

const glance = (state?: FollowState, own?: CutoverSnapshot, waiting: string[] = []): FollowGlance => ({
  running: true,
  waiting,
  ...(state && { state, said: { ...follow, state, ...(own && { cutover: own }) } }),
});

function watch(id: string | undefined = 'mine', before?: CutoverSnapshot) {
  const told: string[] = [];
  return { told, progress: new CutoverProgress(id, before, (text) => told.push(text)) };
}

describe('a cutover that is waited for', () => {
  test('step by step, each told once, until it is handed over', () => {
    const { told, progress } = watch();
    const checks: CutoverSnapshot['checks'] = [
      { check: 'lag', verdict: 'go', message: '12 kB.' },
      { check: 'newTables', verdict: 'warn', message: '1 table is new.', fix: 'Add it.' },
    ];
    assert.equal(progress.look(glance('following', undefined, ['mine'])), 'asked');
    assert.equal(progress.look(glance('following')), 'silent');
    assert.equal(progress.look(glance('following', cutover(0, 'running'))), 'working');
    for (let i = 0; i < 3; i++)
      assert.equal(progress.look(glance('cuttingOver', cutover(2, 'running', { checks }))), 'working');
    assert.equal(progress.look(glance('holding', cutover(7, 'pending', { checks }))), 'holding');
    assert.equal(progress.look(glance('handedOver', cutover(8, 'done', { checks }))), 'handedOver');
    const text = told.join('');
    assert.match(
      text,
      /^Go or no-go:\n {2}go {5}lag: 12 kB\.\n {2}WARN {3}newTables: 1 table is new\.\n {9}Add it\.$/m,
    );
    for (const once of [
      'Go or no-go',
      'fence the source: done',
      'apply the last changes: begins',
      'hand over: done',
    ])
      assert.equal(text.split(once).length, 2, once);
  });
  test('a run that succeeded takes what it kept away', () => {
    const { progress } = watch();
    progress.look(glance('cuttingOver', cutover(6, 'running')));
    assert.equal(progress.look(glance()), 'handedOver');
    assert.equal(watch().progress.look(glance()), 'gone', 'nothing of it had begun');
    const undone = watch().progress;
    undone.look(glance('undoing', cutover(1, 'failed')));
    assert.equal(undone.look(glance()), 'gone');
    assert.equal(undone.look(glance('finished')), 'gone', 'cancelled');
  });
  test('a no-go, and what was taken back', () => {
    const fault = new Fault('FF863', 'There is a no-go.').toData();
    const { progress } = watch();
    assert.equal(progress.look(glance('following', cutover(0, 'failed', { fault }))), 'undone');
    assert.match(
      outcomeText('undone', progress.last),
      /^FF863: There is a no-go\.\n {4}\S.*\nNot handed over/,
    );
    const later = watch().progress;
    later.look(glance('cuttingOver', cutover(3, 'running')));
    assert.equal(later.look(glance('undoing', cutover(3, 'undone'))), 'undoing');
    assert.equal(later.look(glance('following')), 'undone', 'whatever is said of it then');
  });
  test('an earlier one is not this one', () => {
    const old = cutover(0, 'failed', { id: 'other' });
    const { progress, told } = watch('mine', old);
    assert.equal(progress.look(glance('following', old)), 'silent');
    assert.deepEqual(told, []);
    const { id: _, ...nameless } = old;
    const before = watch('mine', nameless).progress;
    assert.equal(before.look(glance('following', nameless)), 'silent');
    assert.equal(before.look(glance('following', { ...nameless, downtimeMs: 1 })), 'undone', 'newly said');
  });
  test('one that is under way is answered', () => {
    const { progress } = watch(undefined);
    assert.equal(progress.look(glance('holding', cutover(7, 'pending'))), 'holding');
    assert.equal(progress.look(glance('undoing', cutover(6, 'undone'))), 'undoing');
    assert.equal(progress.look(glance('following')), 'undone');
    assert.equal(watch(undefined).progress.look(glance('wayBack', cutover(8, 'done'))), 'handedOver');
  });
  test('the last words name the new connection and the downtime', () => {
    const handOver = { connection: 'postgresql://app@new/db', todo: ['Restart the pool.'] };
    assert.equal(
      outcomeText('handedOver', cutover(8, 'done', { handOver, downtimeMs: 1740 })),
      'Handed over.\nWrite downtime: 1.7 s.\nApplications connect to: postgresql://app@new/db\n  - Restart the pool.\n',
    );
  });
});

describe('the status', () => {
  const head = { source: 'a@h:1/shop', target: 'b@h:2/shop', running: true };
  test('of nothing', () => {
    assert.equal(
      statusText({ ...head, running: false }, 0),
      'a@h:1/shop → b@h:2/shop: nothing is followed.\n',
    );
  });
  test('of a migration that is followed', () => {
    const text = statusText({ ...head, at: 1000, follow }, 1500);
    assert.equal(
      text,
      [
        'a@h:1/shop → b@h:2/shop: following changes',
        'run          at work, last heard of just now',
        'lag          256 B, 0.0 s',
        'positions    applied 0/100, source 0/200',
        'applied      40 changes in 1 transaction; now 0/s in 0/s',
        'log kept     45.0 MB on the source by slot flexferry_1',
        '',
      ].join('\n'),
    );
  });
  test('of one that needs somebody', () => {
    const text = statusText(
      {
        ...head,
        running: false,
        at: 0,
        unreachable: new Fault('FF100', 'the source server cannot be reached').toData(),
        follow: {
          ...follow,
          stopped: [
            {
              schema: 'public',
              name: 'Odd',
              waiting: 3,
              since: 0,
              fault: new Fault('FF864', 'A column is new.').toData(),
              ddl: 'ALTER TABLE x\n  ADD y int',
            },
          ],
          newTables: [{ schema: 'public', name: 'fresh' }],
          ddlSeen: {
            total: 12,
            done: 9,
            last: [{ command: 'CREATE INDEX', type: 'index', object: 'public.i', at: 60_000, lsn: '0/1' }],
          },
          slot: { name: 's', retainedBytes: 1000, walStatus: 'extended', safeBytes: 5000, lostInSeconds: 90 },
          cutover: cutover(1, 'failed', { fault: new Fault('FF863', 'No.').toData() }),
        },
      },
      90_000,
    );
    for (const part of [
      'run          none is at work; the same command goes on, last heard of 1 min 30 s ago\n',
      'FF100: the source server cannot be reached\n',
      '1.0 kB on the source by slot s (extended); 5.0 kB more are safe, lost in 1 min 30 s at this rate\n',
      'STOPPED      public."Odd", 3 changes waiting: FF864: A column is new.\n',
      '             ALTER TABLE x\n               ADD y int\n',
      'NEW          public.fresh: add-tables takes it in\n',
      'DDL          12 commands on the source since the start, 9 dealt with: run the same on the target; for columns the DDL ',
      '             the last 1:\n             1970-01-01T00:01:00Z  CREATE INDEX public.i\n',
      'cutover: fence the source: FAILED\n',
      'FF863: No.\n',
    ])
      assert.ok(text.includes(part), `${part}\nnot in\n${text}`);
  });
});
