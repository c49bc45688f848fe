import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FollowHistory, type FollowSample } from '../../../../src/engine/online/followRates.js';

const megabyte = 1n << 20n;

/** A look each second: what was written and applied by then, in megabytes. */
function history(looks: readonly (readonly [written: number, applied: number])[], from = 0): FollowHistory {
  const all = new FollowHistory();
  for (const [i, [written, applied]] of looks.entries()) {
    const sample: FollowSample = {
      at: (from + i) * 1_000,
      sourceLsn: BigInt(written) * megabyte,
      appliedLsn: BigInt(applied) * megabyte,
      transactions: applied * 10,
      changes: applied * 100,
    };
    all.add(sample);
  }
  return all;
}

describe('rates of a follow', () => {
  test('none without two looks at different times', () => {
    const none = {
      transactionsPerSecond: 0,
      changesPerSecond: 0,
      appliedBytesPerSecond: 0,
      sourceBytesPerSecond: 0,
      fallingBehind: false,
    };
    assert.deepEqual(new FollowHistory().rates(), none);
    assert.deepEqual(history([[5, 5]]).rates(), none);
    const twice = history([[5, 5]]);
    twice.add({ at: 0, sourceLsn: 0n, appliedLsn: 0n, transactions: 0, changes: 0 });
    assert.deepEqual(twice.rates(), none);
  });

  test('of both sides, and when the lag is gone', () => {
    const { catchUpSeconds, ...rates } = history([
      [100, 0],
      [101, 5],
      [102, 10],
    ]).rates();
    assert.deepEqual(rates, {
      transactionsPerSecond: 50,
      changesPerSecond: 500,
      appliedBytesPerSecond: 5 * 2 ** 20,
      sourceBytesPerSecond: 2 ** 20,
      fallingBehind: false,
    });
    assert.equal(catchUpSeconds, 92 / 4);
  });

  test('over the last seconds alone', () => {
    const looks = Array.from({ length: 20 }, (_, i) => [1_000, i < 10 ? i * 50 : 500 + (i - 10)] as const);
    assert.equal(history(looks).rates().appliedBytesPerSecond, 2 ** 20);
  });

  test('no forecast where nothing is late, or it gets later', () => {
    assert.equal(
      history([
        [10, 10],
        [20, 20],
      ]).rates().catchUpSeconds,
      undefined,
    );
    assert.equal(
      history([
        [10, 0],
        [20, 5],
      ]).rates().catchUpSeconds,
      undefined,
    );
  });

  test('it falls behind where the lag grows for long enough', () => {
    const growing = (seconds: number) =>
      Array.from({ length: seconds + 1 }, (_, i) => [i * 10, i * 4] as const);
    assert.equal(history(growing(3)).rates().fallingBehind, false);
    assert.equal(history(growing(8)).rates().fallingBehind, true);
    // A burst that is being worked off.
    const burst = Array.from({ length: 10 }, (_, i) => [i < 4 ? i * 40 : 120, i * 10] as const);
    assert.equal(history(burst).rates().fallingBehind, false);
    // Growing, but nothing to speak of.
    const small = new FollowHistory();
    for (let i = 0; i < 10; i++)
      small.add({ at: i * 1_000, sourceLsn: BigInt(i * 1_000), appliedLsn: 0n, transactions: 0, changes: 0 });
    assert.equal(small.rates().fallingBehind, false);
  });

  test('after a new start counting begins anew, without rates below nothing', () => {
    const all = history([[100, 90]]);
    all.add({
      at: 1_000,
      sourceLsn: 100n * megabyte,
      appliedLsn: 80n * megabyte,
      transactions: 0,
      changes: 0,
    });
    const { transactionsPerSecond, appliedBytesPerSecond } = all.rates();
    assert.deepEqual([transactionsPerSecond, appliedBytesPerSecond], [0, 0]);
  });

  test('the forecast of the slot comes from the looks at it', () => {
    const all = new FollowHistory();
    for (let i = 0; i < 300; i++)
      all.addSlot({ at: i * 1_000, retainedBytes: i * 10, safeWalBytes: 3_000 - i * 10 });
    assert.deepEqual(all.slotForecast(299_000), { bytesPerSecond: 10, lostInSeconds: 1 });
  });
});
