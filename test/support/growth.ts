/**
 * How many times as long ten times as much takes: about 10 where it is linear, 100 where it is quadratic, on a slow
 * machine as on a fast one. `prepare` makes what is worked on; the fastest of several counts, as tests share theirs.
 */
export function growth(prepare: (count: number) => () => void, count: number): number {
  const fastest = (work: () => void): number => {
    const times = Array.from({ length: 5 }, () => {
      const began = performance.now();
      work();
      return performance.now() - began;
    });
    return Math.min(...times);
  };
  const [few, many] = [prepare(count / 10), prepare(count)];
  return fastest(many) / fastest(few);
}

/** Between linear with all that caches and collections of garbage add to it, and quadratic. */
export const linear = 60;
