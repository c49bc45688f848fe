import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findNativePgDump } from '../../src/engine/dump/native.js';
import type { Report } from '../../src/protocol/report.js';
import { assertSame, contentsOf, type Place } from '../support/compare.js';
import {
  assertClean,
  assertSucceeded,
  clone,
  createSampleRoles,
  explain,
  migrateHere,
} from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

let source: TestServer;
let target: TestTwin;
const from = (database = 'harbour'): Place => ({ server: source, database });
const to = (database: string): Place => ({ server: target, database });

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await createSampleRoles(target);
  await source.createDatabase('harbour');
  await loadSample(source, 'harbour');
  await source.query(
    'postgres',
    `COMMENT ON DATABASE harbour IS 'The "harbour"; it''s ours';
     GRANT TEMPORARY, CREATE ON DATABASE harbour TO harbour_clerk WITH GRANT OPTION`,
  );
});
after(() => Promise.all([source.stop(), target.stop()]));

describe('the harbour from PostgreSQL 13 to a Flexible Server on 17', () => {
  test('by the command line: exit code 0, and an independent look agrees', async () => {
    const result = await clone(source.uri('harbour'), target.uri('harbour'), ['--dump-tool', 'builtin']);
    const done = assertSucceeded(result);
    const content = await assertSame(from(), to('harbour'));
    const tables = [...content].filter(([, c]) => c.kind === 'r');
    assert.ok(tables.length >= 35, 'the sample is not the sample');
    assert.equal(done.totals.tables, tables.length);
    assert.equal(
      done.totals.rows,
      tables.reduce((n, [, c]) => n + c.rows, 0),
    );
    for (const table of done.tables) {
      const own = /^[a-z_][a-z0-9_$]*$/.test(table.table)
        ? table.table
        : `"${table.table.replaceAll('"', '""')}"`;
      const schema = /^[a-z]+$/.test(table.schema) ? table.schema : `"${table.schema}"`;
      assert.equal(table.rows, content.get(`${schema}.${own}`)?.rows, `${schema}.${own}`);
    }
    assert.equal(done.totals.largeObjects, 13);
    assert.ok(done.totals.indexes > 30 && done.totals.statements > 300);
    await assertClean(source, 'harbour');
    await assertClean(target, 'harbour');

    const report = JSON.parse(readFileSync(join(result.report, 'report.json'), 'utf8')) as Report;
    assert.equal(report.exitCode, 0);
    assert.deepEqual(report.totals, done.totals);
    assert.match(report.databases[0]?.dumpTool ?? '', /^built-in pg_dump/);
    assert.equal(report.databases[0]?.sequences.equal, report.databases[0]?.sequences.total);
    assert.ok(readFileSync(join(result.report, 'report.html'), 'utf8').includes('invoice_lines'));
    const events = readFileSync(join(result.report, 'events.jsonl'), 'utf8').trim().split('\n');
    assert.deepEqual(JSON.parse(events.at(-1) ?? ''), done);
    // What is on the target has statistics: the planner is not left blind.
    const [unknown] = await target.superQuery<{ n: string }>(
      'harbour',
      `SELECT count(*) AS n FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE nspname IN ('harbour', 'billing') AND relkind = 'r' AND reltuples < 0`,
    );
    assert.equal(unknown?.n, '0');
  });

  test('the independent look notices every small change', async () => {
    const changes = [
      'UPDATE harbour.ships SET length_m = -length_m WHERE id = 7',
      'DELETE FROM billing.exchange_rates WHERE ctid = (SELECT min(ctid) FROM billing.exchange_rates)',
      'DROP INDEX harbour.ships_name_trgm',
      'ALTER TABLE harbour.berths ENABLE TRIGGER replica_only',
      `SELECT setval('harbour.never_called', 42, true)`,
      'ALTER TABLE harbour.documents ALTER COLUMN scan SET STORAGE EXTENDED',
      'ALTER TABLE harbour.containers SET WITHOUT CLUSTER',
      'ALTER TABLE billing.audit REPLICA IDENTITY DEFAULT',
      'ALTER TABLE harbour.voyages VALIDATE CONSTRAINT voyages_destination_known',
      'REVOKE UPDATE (name) ON harbour.crew FROM harbour_clerk',
      'COMMENT ON LARGE OBJECT 770001 IS NULL',
      `SELECT lo_put(770003, 100, 'x')`,
      'CREATE OR REPLACE VIEW harbour.m_busy AS SELECT crane FROM harbour.a_busiest_cranes WHERE true',
      'REFRESH MATERIALIZED VIEW harbour.not_filled',
      'ALTER TABLE harbour.crew_medical NO FORCE ROW LEVEL SECURITY',
      'ALTER DATABASE harbour RESET statement_timeout',
      `CREATE FUNCTION harbour.more() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    ];
    const expected: string[] = [];
    for (const change of changes) {
      await target.superQuery('harbour', `SET session_replication_role = replica; ${change}`).then(
        () => expected.push(change),
        (error: unknown) => assert.match(String(error), /check constraint/, change),
      );
    }
    const message = await assertSame(from(), to('harbour')).then(
      () => '0 differences',
      (error: Error) => error.message,
    );
    assert.ok(
      Number(/^(\d+)/.exec(message)?.[1]) >= expected.length,
      `${expected.length} changes: ${message}`,
    );
  });

  test('in this process, with 1,000 partitions and the native pg_dump where there is one', async () => {
    await source.query('postgres', `CREATE DATABASE "the ""big"" harbour"`);
    const name = 'the "big" harbour';
    await loadSample(source, name, { partitions1000: true });
    const native = await findNativePgDump(130000);
    const { done, events } = await migrateHere(
      source.uri(),
      target.uri(),
      { source: name, target: name },
      { dumpTool: native ? 'native' : 'builtin', jobs: 8, indexJobs: 2 },
    );
    assert.equal(done.exitCode, 0, JSON.stringify(done.findings.filter((f) => f.severity !== 'note')));
    const content = await assertSame(from(name), to(name));
    assert.equal(done.totals.tables, [...content.values()].filter((c) => c.kind === 'r').length);
    assert.ok(done.totals.tables > 1000);
    const tables = new Map<string, string[]>();
    for (const e of events)
      if (e.event === 'table')
        tables.set(`${e.schema}.${e.table}`, [...(tables.get(`${e.schema}.${e.table}`) ?? []), e.state]);
    for (const [table, states] of tables) assert.deepEqual(states, ['running', 'done'], table);
    await assertClean(source, name);
    await assertClean(target, name);
  });

  test('a second clone into the result is refused and changes nothing', async () => {
    const before = await contentsOf(to('the "big" harbour'));
    const result = await clone(source.uri('harbour'), target.uri('the "big" harbour'));
    assert.equal(result.exitCode, 3, explain(result));
    assert.equal(result.done?.fault?.code, 'FF202');
    assert.match(result.done?.fault?.message ?? '', /holds 1,\d+ objects: .*table harbour\./);
    assert.deepEqual(await contentsOf(to('the "big" harbour')), before);
    await assertClean(source, 'harbour');
    await assertClean(target, 'the "big" harbour');
  });
});
