import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownState, stepFollow } from '../../../../src/engine/run/followLifecycle.js';
import { followStates } from '../../../../src/protocol/follow.js';

test('every step of an online migration is in the table or throws', () => {
  const allowed = followStates.flatMap((from) =>
    followStates
      .filter((to) => {
        try {
          return stepFollow(from, to) === to && from !== to;
        } catch {
          return false;
        }
      })
      .map((to) => `${from} ${to}`),
  );
  assert.deepEqual(allowed, [
    'copying following',
    'copying finished',
    'following copying',
    'following cuttingOver',
    'following finished',
    'cuttingOver holding',
    'cuttingOver undoing',
    'cuttingOver handedOver',
    'holding cuttingOver',
    'holding undoing',
    'undoing following',
    'handedOver wayBack',
    'handedOver finished',
    'wayBack finished',
  ]);
  for (const state of followStates) assert.equal(stepFollow(state, state), state);
});

test('what is handed over is never taken back', () => {
  assert.throws(() => stepFollow('handedOver', 'undoing'), /no step from handedOver to undoing/);
  assert.throws(() => stepFollow('wayBack', 'following'), /no step/);
});

test('a way back that is followed is told as one', () => {
  const back = { wayBack: true };
  assert.deepEqual(
    followStates.map((state) => shownState(back, state)),
    followStates.map((state) => (state === 'copying' || state === 'following' ? 'wayBack' : state)),
  );
  for (const state of followStates) assert.equal(shownState({ wayBack: false }, state), state);
});
