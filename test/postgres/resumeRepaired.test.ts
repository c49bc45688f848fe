import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame, contentsOf } from '../support/compare.js';
import {
  assertClean,
  assertSucceeded,
  clone,
  createSampleRoles,
  explain,
  startClone,
} from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

let source: TestServer;
let target: TestTwin;

before(async () => {
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
});
after(() => Promise.all([source.stop(), target.stop()]));

/** A setting that the admin's sessions on the target have from their start. */
const withSetting = (name: string, value: string): Promise<unknown> =>
  target.superQuery('postgres', `ALTER ROLE ${target.admin.user} SET flexferry_test.${name} = '${value}'`);
const withoutSettings = (): Promise<unknown> =>
  target.superQuery('postgres', `ALTER ROLE ${target.admin.user} RESET ALL`);

const codesOf = (result: Awaited<ReturnType<typeof clone>>): string[] => [
  ...new Set(result.done?.findings.filter((f) => f.severity !== 'note').map((f) => f.code)),
];

describe('a run that ended incomplete and was repaired', () => {
  test('roles that were missing: the second run grants what the first left out', async () => {
    const database = await source.createDatabase('harbour');
    await loadSample(source, database);
    const first = await clone(source.uri(database), target.uri(database));
    assert.equal(first.exitCode, 1, explain(first));
    // FF417: the comment on a policy for one of them.
    assert.deepEqual(codesOf(first).sort(), ['FF413', 'FF417'], explain(first));
    assert.equal(first.done?.state, 'incomplete');
    assert.ok(first.done.tables.every((t) => t.equal));

    await createSampleRoles(target);
    const second = await clone(source.uri(database), target.uri(database));
    assertSucceeded(second);
    const again = second.events.filter((e) => e.event === 'table' && e.state === 'running');
    assert.deepEqual(again, [], 'no table is copied again');
    await assertSame({ server: source, database }, { server: target, database });
    await assertClean(target, database);
  });

  test('a table whose rows come late meets no trigger, and what reads it is made anew', async () => {
    const database = await source.createDatabase('late');
    await source.query(
      database,
      `CREATE FUNCTION gate(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
         IF current_setting('flexferry_test.gate', true) = 'closed' THEN RAISE EXCEPTION 'the gate is closed'; END IF;
         RETURN true; END $$;
       CREATE TABLE log (line serial PRIMARY KEY, what text);
       CREATE TABLE ports (id int CHECK (gate(id)), name text, size int);
       INSERT INTO ports SELECT i, 'port ' || i, i % 7 FROM generate_series(1, 5000) i;
       ALTER TABLE ports ADD PRIMARY KEY (id), ADD CHECK (size < 3) NOT VALID;
       CREATE UNIQUE INDEX ports_name ON ports (name);
       ALTER TABLE ports ALTER COLUMN name SET NOT NULL, REPLICA IDENTITY USING INDEX ports_name, CLUSTER ON ports_name;
       COMMENT ON INDEX ports_name IS 'by name';
       CREATE STATISTICS ports_stat ON id, size FROM ports;
       CREATE TABLE calls (id int PRIMARY KEY, port int REFERENCES ports, next int REFERENCES calls);
       INSERT INTO calls SELECT i, 1 + i % 5000, nullif(i - 1, 0) FROM generate_series(1, 6000) i;
       CREATE TABLE tolls (id int, port int) PARTITION BY RANGE (id);
       CREATE TABLE tolls_1 PARTITION OF tolls FOR VALUES FROM (0) TO (100);
       CREATE TABLE tolls_2 PARTITION OF tolls (CHECK (gate(id))) FOR VALUES FROM (100) TO (1000);
       INSERT INTO tolls SELECT i, i FROM generate_series(1, 500) i;
       ALTER TABLE tolls ADD PRIMARY KEY (id), ADD FOREIGN KEY (port) REFERENCES ports;
       CREATE MATERIALIZED VIEW port_sizes AS SELECT size, count(*) FROM ports GROUP BY size;
       CREATE MATERIALIZED VIEW biggest AS SELECT max(count) FROM port_sizes;
       CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO public.log (what) VALUES (TG_NAME); RETURN NULL; END $$;
       CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
       CREATE TRIGGER always BEFORE INSERT ON ports FOR EACH ROW EXECUTE FUNCTION shout();
       ALTER TABLE ports ENABLE ALWAYS TRIGGER always;
       CREATE TRIGGER emptied AFTER TRUNCATE ON ports EXECUTE FUNCTION noted();
       ALTER TABLE ports ENABLE REPLICA TRIGGER emptied;
       CREATE TRIGGER tolled AFTER INSERT ON tolls FOR EACH ROW EXECUTE FUNCTION noted();
       ALTER TABLE ports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
       CREATE POLICY few ON ports USING (id < 10);`,
    );
    await withSetting('gate', 'closed');
    const first = await clone(source.uri(database), target.uri(database));
    assert.equal(first.exitCode, 1, explain(first));
    assert.deepEqual(codesOf(first).sort(), ['FF417', 'FF501'], explain(first));
    const states = new Map(first.done?.tables.map((t) => [t.table, [t.state, t.equal]]));
    assert.deepEqual(states.get('ports'), ['failed', null]);
    assert.deepEqual(states.get('tolls_2'), ['failed', null]);
    assert.deepEqual(states.get('tolls_1'), ['done', true]);
    assert.ok(
      first.done?.findings.some((f) => /function raised an exception in public\.gate/.test(f.message)),
    );

    await withoutSettings();
    const second = await clone(source.uri(database), target.uri(database));
    assertSucceeded(second);
    const copied = second.events.flatMap((e) =>
      e.event === 'table' && e.state === 'running' ? [e.table] : [],
    );
    assert.deepEqual(copied.sort(), ['ports', 'tolls_2']);
    await assertSame({ server: source, database }, { server: target, database });
    await assertClean(target, database);
  });

  test('rows that a user put into a table since then stay', async () => {
    const database = await source.createDatabase('used');
    await source.query(
      database,
      `CREATE FUNCTION gate(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
         RETURN coalesce(current_setting('flexferry_test.gate', true), '') <> 'closed'; END $$;
       CREATE TABLE ports (id int CHECK (gate(id)), name text); INSERT INTO ports VALUES (1, 'Oslo');`,
    );
    await withSetting('gate', 'closed');
    const first = await clone(source.uri(database), target.uri(database));
    assert.equal(first.exitCode, 1, explain(first));
    await withoutSettings();
    await target.query(database, `INSERT INTO ports VALUES (2, 'Bergen')`);
    const before = await contentsOf({ server: target, database });
    const second = await clone(source.uri(database), target.uri(database));
    assert.equal(second.exitCode, 1, explain(second));
    assert.ok(codesOf(second).includes('FF507'), explain(second));
    const kept = await contentsOf({ server: target, database });
    assert.deepEqual(kept.get('public.ports'), before.get('public.ports'));
    await target.query(database, 'TRUNCATE ports');
    assertSucceeded(await clone(source.uri(database), target.uri(database)));
    await assertSame({ server: source, database }, { server: target, database });
  });
});

describe('a run killed while the target works for it', () => {
  for (const [what, sql] of [
    ['builds an index', 'CREATE INDEX slow_index ON ports (slow(id))'],
    ['refreshes a materialized view', 'CREATE MATERIALIZED VIEW slow_view AS SELECT slow(id) FROM ports'],
  ] as const) {
    test(`that ${what}: the next run goes on at once`, async () => {
      const database = await source.createDatabase(`slow_${what.split(' ').at(-1)}`);
      await source.query(
        database,
        `CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
           IF current_setting('flexferry_test.slow', true) = 'yes' THEN PERFORM pg_sleep(120); END IF; RETURN i; END $$;
         CREATE TABLE ports (id int PRIMARY KEY); INSERT INTO ports VALUES (1), (2); SET search_path = public; ${sql}`,
      );
      await withSetting('slow', 'yes');
      const run = startClone(source.uri(database), target.uri(database));
      const sleeping = `SELECT pid FROM pg_stat_activity WHERE datname = '${database}' AND wait_event = 'PgSleep'`;
      while ((await target.superQuery('postgres', sleeping)).length === 0 && run.child.exitCode === null);
      run.child.kill('SIGKILL');
      await run.ended;
      await withoutSettings();
      assert.equal(
        (await target.superQuery('postgres', sleeping)).length,
        1,
        'the server does not notice by itself',
      );
      assertSucceeded(await clone(source.uri(database), target.uri(database)));
      await assertSame({ server: source, database }, { server: target, database });
      await assertClean(target, database);
      await assertClean(source, database);
    });
  }
});
