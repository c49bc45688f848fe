import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Following } from '../../../src/extension/migrations/following.js';
import { cutover, database, follow, run } from '../../support/followed.js';

const at = (change: Parameters<typeof follow>[0] = {}) => run([database('shop', follow(change))]);

test('lag is kept once a second, by database', () => {
  const following = new Following();
  for (let ms = 0; ms < 3000; ms += 250) following.take(at({ lagSeconds: ms / 1000 }), ms);
  assert.deepEqual(
    following.lag['shop']?.map(([time]) => time),
    [0, 1000, 2000],
  );
  assert.deepEqual(following.lag['shop']?.at(-1), [2000, 2, 12_400]);
  following.reset();
  assert.deepEqual(following.lag, {});
});

test('weeks of lag keep their beginning and a bound', () => {
  const following = new Following();
  for (let second = 0; second < 20_000; second += 1) following.take(at(), second * 1000);
  const points = following.lag['shop'] ?? [];
  assert.ok(points.length <= 900, `${points.length} points`);
  assert.equal(points[0]?.[0], 0);
  assert.equal(points.at(-1)?.[0], 19_999_000);
});

test('nothing lags before the base is there or after the hand-over', () => {
  const following = new Following();
  for (const state of ['copying', 'handedOver', 'finished'] as const) following.take(at({ state }), 0);
  assert.deepEqual(following.lag, {});
});

test('a request is waited for until it shows, or for so long', () => {
  const following = new Following();
  following.ask(at(), 0);
  following.take(at({ lagSeconds: 5 }), 500);
  assert.ok(following.asking(600), 'another figure is no answer');
  following.take(at({ state: 'cuttingOver', cutover: cutover(1) }), 1000);
  assert.ok(!following.asking(1000));
  following.ask(at(), 2000);
  assert.ok(following.asking(16_000));
  assert.ok(!following.asking(17_001));
  following.ask(at(), 20_000);
  following.answered();
  assert.ok(!following.asking(20_000));
});
