/** How a sequence counts, as pg_sequence has it. */
export interface SequenceRule {
  /** Negative where it counts down; never 0. */
  readonly increment: bigint;
  readonly least: bigint;
  readonly greatest: bigint;
  readonly cycles: boolean;
}

/**
 * The value `margin` increments further. One that cycles goes on at its other end, as nextval does; one that does not
 * keeps its value where fewer than twice as many increments are left: a sequence that has run out is worse than one
 * without a margin.
 */
export function withMargin(value: bigint, rule: SequenceRule, margin: number): bigint {
  const { increment, least, greatest, cycles } = rule;
  const steps = BigInt(margin);
  const isUp = increment > 0n;
  const size = isUp ? increment : -increment;
  const left = (isUp ? greatest - value : value - least) / size;
  if (left < 0n) return value;
  if (!cycles) return left >= 2n * steps ? value + increment * steps : value;
  if (left >= steps) return value + increment * steps;
  const around = (greatest - least) / size + 1n;
  return (isUp ? least : greatest) + increment * ((steps - left - 1n) % around);
}
