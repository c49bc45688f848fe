import type pg from 'pg';
import { poll } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';

/**
 * A schema in which a test can stop a migration where it likes: `app.gate(n, value)` waits, on the server that runs
 * it, for the advisory lock n of its database, which a test may hold. On the source nobody does.
 */
export const gatedSchema = `
  CREATE SCHEMA app;
  CREATE FUNCTION app.gate(gate bigint, value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(gate); RETURN value; END$$;
  CREATE TABLE app.copied (id int PRIMARY KEY, CONSTRAINT copied_gate CHECK (app.gate(1, id) = id));
  INSERT INTO app.copied SELECT generate_series(1, 50);
  CREATE TABLE app.indexed (id int PRIMARY KEY, v int);
  INSERT INTO app.indexed SELECT i, i FROM generate_series(1, 50) i;
  CREATE INDEX indexed_gate ON app.indexed (app.gate(2, v));
  CREATE TABLE app.parent (id int PRIMARY KEY);
  INSERT INTO app.parent SELECT generate_series(1, 50);
  CREATE TABLE app.child (id int PRIMARY KEY, parent_id int REFERENCES app.parent);
  INSERT INTO app.child SELECT i, i FROM generate_series(1, 50) i;
  CREATE TABLE app.parted (id int NOT NULL) PARTITION BY RANGE (id);
  CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (100);
  INSERT INTO app.parted SELECT generate_series(0, 99);
  CREATE MATERIALIZED VIEW app.summary AS SELECT app.gate(3, 1) AS v;
  CREATE SEQUENCE app.numbers; SELECT setval('app.numbers', 4711);
  CREATE TABLE app.plain (id int PRIMARY KEY, what text);
  INSERT INTO app.plain SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i;
`;

export const gates = { copy: 1, indexes: 2, postData: 3, constraints: 4 } as const;

/**
 * Nothing of a foreign key runs code of the schema, and locks on its tables would stop their indexes as well: on the
 * target an event trigger waits at gate 4 before the first one. In pg_catalog, where it is nobody's object.
 */
export const foreignKeyGate = `
  CREATE FUNCTION pg_catalog.flexferry_test_gate() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN IF current_query() ~ 'FOREIGN KEY' THEN PERFORM pg_advisory_xact_lock_shared(4); END IF; END$$;
  CREATE EVENT TRIGGER flexferry_test_gate ON ddl_command_start WHEN TAG IN ('ALTER TABLE')
    EXECUTE FUNCTION pg_catalog.flexferry_test_gate()`;

/** A transaction of the test's own that keeps others waiting until it is rolled back. */
export interface Hold extends AsyncDisposable {
  release(): Promise<void>;
}

export async function hold(server: TestServer, database: string, sql: string): Promise<Hold> {
  const client: pg.Client = await server.connect(database);
  await client.query('BEGIN');
  await client.query(sql);
  let open = true;
  const release = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await client.end().catch(() => undefined);
  };
  return { release, [Symbol.asyncDispose]: release };
}

export const holdGate = (server: TestServer, database: string, gate: number): Promise<Hold> =>
  hold(server, database, `SELECT pg_advisory_xact_lock(${gate})`);

/** Until a session of a migration waits for a lock on this server. */
export function untilBlocked(server: TestServer, what: string): Promise<void> {
  return poll(async () => {
    const rows = await server.query(
      'postgres',
      `SELECT FROM pg_stat_activity WHERE application_name LIKE 'flexferry%' AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  }, `${what}: a session that waits`);
}
