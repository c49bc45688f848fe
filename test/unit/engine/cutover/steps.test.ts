import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type CutoverRecord,
  CutoverSteps,
  type CutoverWork,
  newRecord,
  recordOf,
  snapshotOf,
} from '../../../../src/engine/cutover/steps.js';
import { type CutoverStep, cutoverSteps } from '../../../../src/protocol/follow.js';

const request = {
  command: 'cutover',
  fence: 'readOnly',
  verify: 'full',
  hold: false,
  force: false,
  wayBack: false,
  id: 'x',
} as const;

/** What was done, in its order; steps in `failing` reject. */
function world(failing: readonly string[] = []) {
  const did: string[] = [];
  const saved: string[] = [];
  const act = async (what: string): Promise<void> => {
    did.push(what);
    if (failing.includes(what)) throw new Error(`${what} failed`);
  };
  const work = Object.fromEntries(
    cutoverSteps.map((step) => [
      step,
      {
        run: async () => {
          await act(step);
          return `did ${step}`;
        },
        ...((step === 'fence' || step === 'constraints') && { undo: () => act(`undo ${step}`) }),
      },
    ]),
  ) as unknown as CutoverWork;
  let clock = 0;
  const make = (record: CutoverRecord): CutoverSteps =>
    new CutoverSteps(work, record, {
      now: () => ++clock,
      save: async (now) => void saved.push(JSON.stringify(now)),
      told: () => undefined,
    });
  return { did, saved, make };
}
const states = (steps: CutoverSteps): string => steps.record.steps.map(({ state }) => state).join(' ');

describe('steps of a cutover', () => {
  test('are written down before they begin, and done once', async () => {
    const { did, saved, make } = world();
    const steps = make(newRecord(request));
    for (const step of cutoverSteps) await steps.run(step);
    for (const step of cutoverSteps) await steps.run(step);
    assert.deepEqual(did, [...cutoverSteps]);
    assert.equal(saved.length, 8, 'one round trip each');
    const second = recordOf(JSON.parse(saved[1] ?? ''));
    assert.deepEqual(second?.steps.slice(0, 3), [
      { step: 'gate', state: 'done', startedAt: 1, endedAt: 2, detail: 'did gate' },
      { step: 'fence', state: 'running', startedAt: 3 },
      { step: 'drain', state: 'pending' },
    ]);
    assert.ok(steps.isHandingOver);
  });

  for (const [index, killed] of cutoverSteps.entries())
    test(`killed in ${killed}, a later run goes on with it`, async () => {
      const { did, saved, make } = world([killed]);
      const steps = make(newRecord(request));
      for (const step of cutoverSteps.slice(0, index)) await steps.run(step);
      await assert.rejects(steps.run(killed), /failed/);
      const record = recordOf(JSON.parse(saved.at(-1) ?? ''));
      assert.ok(record);
      const later = world();
      const again = later.make(record);
      for (const step of cutoverSteps) await again.run(step);
      assert.deepEqual(later.did, cutoverSteps.slice(index));
      assert.equal(did.length, index + 1);
    });

  test('are taken back last first, also the one that was only begun', async () => {
    const { did, saved, make } = world(['constraints']);
    const steps = make(newRecord(request));
    for (const step of cutoverSteps.slice(0, 4)) await steps.run(step);
    await assert.rejects(steps.run('constraints'));
    assert.equal(states(steps), 'done done done done failed pending pending pending');
    await steps.undo();
    assert.deepEqual(did.slice(5), ['undo constraints', 'undo fence']);
    assert.equal(states(steps), 'undone undone undone undone undone pending pending pending');
    await steps.undo();
    assert.equal(did.length, 7, 'once');
    const record = recordOf(JSON.parse(saved.at(-1) ?? ''));
    assert.equal(record?.steps[1]?.state, 'undone');
    assert.equal(record?.steps[4]?.detail, 'constraints failed');
  });

  test('the source is freed whatever else cannot be taken back', async () => {
    const { did, make } = world(['verify', 'undo constraints']);
    const steps = make(newRecord(request));
    for (const step of cutoverSteps.slice(0, 6)) await steps.run(step);
    await assert.rejects(steps.run('verify'));
    await assert.rejects(steps.undo(), /undo constraints failed/);
    assert.deepEqual(did.slice(7), ['undo constraints', 'undo fence']);
    assert.equal(steps.step('constraints').state, 'done', 'is still to be taken back');
    assert.equal(steps.step('fence').state, 'undone');
  });

  test('are done again from a step on where the source may have changed', async () => {
    const { did, make } = world();
    const steps = make(newRecord(request));
    for (const step of ['gate', 'fence', 'drain', 'sequences'] as CutoverStep[]) await steps.run(step);
    steps.reopen('fence');
    assert.equal(states(steps), 'done pending pending pending pending pending pending pending');
    for (const step of cutoverSteps) await steps.run(step);
    assert.deepEqual(did.slice(4), cutoverSteps.slice(1));
  });

  test('others see the downtime grow until it is over', () => {
    const record: CutoverRecord = { ...newRecord(request), stillSince: 100, drained: { lsn: '0/1', at: 1 } };
    assert.equal(snapshotOf(record, 350, false).downtimeMs, 250);
    assert.equal(snapshotOf({ ...record, downtimeMs: 7 }, 350, true).downtimeMs, 7);
    assert.equal(snapshotOf(newRecord(request), 350, false).downtimeMs, undefined);
    assert.deepEqual(Object.keys(snapshotOf(record, 350, false)).sort(), [
      'checks',
      'downtimeMs',
      'fence',
      'id',
      'steps',
    ]);
    assert.equal(recordOf({ fence: 'none' }), undefined);
    assert.equal(recordOf(null), undefined);
  });
});
