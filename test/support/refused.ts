import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertNothingLeft, cliFolder, doneOf, reportOf, runCli } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';

export interface Refusal {
  readonly code: string;
  readonly says: RegExp;
  readonly fix?: RegExp;
}

/** Runs what must not begin: documented code, report of it, exit 3, target as it was, nothing left. */
export async function assertRefused(
  { source, target }: { readonly source: TestServer; readonly target: TestTwin },
  args: readonly string[],
  expected: Refusal,
): Promise<void> {
  using folder = cliFolder();
  const before = await contentOf(target);
  const result = await runCli(args, { folder });
  const done = doneOf(result);
  assert.equal(done.fault?.code, expected.code, `${done.fault?.message}`);
  assert.match(done.fault.message, expected.says);
  assert.match(done.fault.fix, expected.fix ?? /\S+ \S+ \S+/);
  assert.equal(done.state, 'refused');
  assert.equal(done.exitCode, 3);
  assert.equal(result.code, 3);
  assert.equal(done.totals.tables, 0);
  const report = reportOf(folder);
  assert.equal(report.snapshot.state, 'refused');
  assert.equal(report.exitCode, 3);
  assert.equal(report.snapshot.fault?.code, expected.code);
  const page = readFileSync(join(folder.report, 'report.html'), 'utf8');
  assert.ok(page.includes('Not started') && page.includes(expected.code));
  assert.deepEqual(await contentOf(target), before, 'the target was touched');
  await assertNothingLeft(source, target, folder);
}

/** Databases and what users made in them. */
async function contentOf(target: TestTwin): Promise<unknown[]> {
  const databases = await target.superQuery<{ datname: string }>(
    'postgres',
    `SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '^(azure_|template)' ORDER BY 1`,
  );
  return Promise.all(
    databases.map(async ({ datname }) => [
      datname,
      await target.superQuery(
        datname,
        `SELECT n.nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2`,
      ),
      await target.superQuery(datname, 'SELECT nspname FROM pg_namespace ORDER BY 1'),
    ]),
  );
}
