/** Tablespaces are kept where the project says so and the target has them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { migrateHere } from '../support/migrate.js';
import { startServer } from '../support/postgres/embedded.js';

describe('tablespaces', () => {
  test('kept where the target has them', async () => {
    await using from = await startServer({ major: 17, settings: { allow_in_place_tablespaces: 'on' } });
    await using to = await startServer({ major: 17, settings: { allow_in_place_tablespaces: 'on' } });
    await from.query('postgres', `CREATE TABLESPACE fast LOCATION ''`);
    await to.query('postgres', `CREATE TABLESPACE fast LOCATION ''`);
    await from.createDatabase('spaces');
    await from.query(
      'spaces',
      "CREATE TABLE t (id int PRIMARY KEY) TABLESPACE fast; CREATE INDEX i ON t (id) TABLESPACE fast; INSERT INTO t VALUES (1); CREATE TABLE big (id int PRIMARY KEY USING INDEX TABLESPACE fast, f text); INSERT INTO big SELECT i, repeat('x', 500) FROM generate_series(1, 5000) i; CREATE INDEX j ON big (f); CREATE MATERIALIZED VIEW m TABLESPACE fast AS SELECT id FROM t; CREATE UNIQUE INDEX m_id ON m (id); CREATE TABLE p (id int) PARTITION BY LIST (id) TABLESPACE fast; CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1) TABLESPACE pg_default; CREATE INDEX p_id ON p (id)",
    );
    const inFast = `SELECT relname AS n FROM pg_class WHERE reltablespace IN (SELECT oid FROM pg_tablespace WHERE spcname = 'fast') ORDER BY 1`;
    for (const tablespaces of [true, false]) {
      const database = `spaces ${tablespaces}`;
      const { done } = await migrateHere(
        from.uri(),
        to.uri(),
        { source: 'spaces', target: database, tables: { 'public.t': { name: 'u' } } },
        { tablespaces, dumpTool: 'builtin' },
      );
      assert.equal(done.exitCode, 0, JSON.stringify(done.findings));
      assert.deepEqual(
        await to.query(database, inFast),
        tablespaces ? ['big_pkey', 'i', 'm', 'p', 'u'].map((n) => ({ n })) : [],
      );
    }
  });
});
