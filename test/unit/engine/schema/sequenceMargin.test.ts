import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SequenceRule, withMargin } from '../../../../src/engine/schema/sequenceMargin.js';

const rule = (increment: bigint, least: bigint, greatest: bigint, cycles = false): SequenceRule => ({
  increment,
  least,
  greatest,
  cycles,
});

test('a margin goes in the direction of the increment', () => {
  assert.equal(withMargin(7n, rule(1n, 1n, 1000n), 100), 107n);
  assert.equal(withMargin(70n, rule(10n, 1n, 100_000n), 100), 1070n);
  assert.equal(withMargin(-7n, rule(-1n, -1000n, -1n), 100), -107n);
  const far = 2n ** 63n - 1n;
  assert.equal(withMargin(far - 1_000_000n, rule(3n, 1n, far), 10), far - 999_970n);
});

test('a sequence that does not cycle never runs out because of it', () => {
  assert.equal(withMargin(801n, rule(1n, 1n, 1000n), 100), 801n);
  assert.equal(withMargin(800n, rule(1n, 1n, 1000n), 100), 900n);
  assert.equal(withMargin(1000n, rule(1n, 1n, 1000n), 100), 1000n);
  assert.equal(withMargin(-995n, rule(-1n, -1000n, -1n), 100), -995n);
});

test('one that cycles goes on at its other end, as nextval does', () => {
  const up = rule(3n, 1n, 10n, true); // 1 4 7 10
  const nextval = (value: bigint): bigint => (value + 3n > 10n ? 1n : value + 3n);
  for (const value of [1n, 4n, 7n, 10n]) {
    let expected = value;
    for (let margin = 0; margin < 12; margin++, expected = nextval(expected))
      assert.equal(withMargin(value, up, margin), expected, `${value} and ${margin}`);
  }
  const down = rule(-2n, -6n, -1n, true); // -1 -3 -5
  assert.equal(withMargin(-5n, down, 1), -1n);
  assert.equal(withMargin(-5n, down, 2), -3n);
  assert.equal(withMargin(-3n, down, 5), -1n);
});

test('a value beyond the bounds of the target stays as it is', () => {
  assert.equal(withMargin(2000n, rule(1n, 1n, 1000n), 10), 2000n);
});
