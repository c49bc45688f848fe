/**
 * A node:test reporter that counts leaf tests exactly and ends with one JSON line. node:test's own totals count parents
 * beside their children and leave out a file that dies.
 */

/** Children seen per file and nesting since the last result one level up: whoever has some is a parent. */
const children = new Map();

function takeChildren(file, nesting) {
  const seen = children.get(file) ?? [];
  const own = seen[nesting + 1] ?? 0;
  seen[nesting + 1] = 0;
  seen[nesting] = (seen[nesting] ?? 0) + 1;
  children.set(file, seen);
  return own;
}

/** @param {AsyncIterable<{ type: string, data: any }>} source */
export default async function* countReporter(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // node:test reports a file that declares no test as a test that passed.
    if (type === 'test:pass' && data.nesting === 0 && /\.test\.ts$/.test(data.name)) continue;
    const isParent = takeChildren(data.file, data.nesting) > 0 || data.details?.type === 'suite';
    const isExcused = data.skip !== undefined || data.todo !== undefined;
    if (type === 'test:fail' && !isExcused) {
      // A parent fails because a child did, which counts already, or by itself: a hook, a timeout, an assertion.
      const reason = data.details?.error?.failureType;
      if (!isParent || reason !== 'subtestsFailed') counts.failed++;
    } else if (!isParent) {
      if (isExcused) counts.skipped++;
      else counts.passed++;
    }
  }
  yield `${JSON.stringify(counts)}\n`;
}
