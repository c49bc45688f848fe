/**
 * Runs `work` over `items`, at most `limit` at a time. When one rejects, no further item is begun; the promise
 * rejects with that first reason once everything already begun has settled, so that nothing runs on unseen.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, worker: number) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  let reason: unknown;
  const worker = async (index: number): Promise<void> => {
    while (!failed) {
      const next = queue.next();
      if (next.done) return;
      try {
        await work(next.value, index);
      } catch (error) {
        if (!failed) reason = error;
        failed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, (_, index) => worker(index)));
  if (failed) throw reason;
}

/** Slices of at most `size` items. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size));
  return out;
}
