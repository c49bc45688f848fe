import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFollow } from '../support/follow.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

let source: TestServer;
let target: TestServer;
let made = 0;
const name = (): string => `constraints_${++made}`;
const withoutRole = { options: { replicaRole: false } } as const;

before(async () => {
  source = await startServer({ major: 17, settings: flushedCommits });
  target = await startServer({ major: 17 });
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

describe('unique keys beside that of the row', () => {
  for (const options of [{}, withoutRole.options])
    test(`swap within a batch${options === withoutRole.options ? ', without session_replication_role' : ''}`, async () => {
      await using f = await TestFollow.start({
        source,
        target,
        database: name(),
        options,
        schema: `CREATE TABLE u (id int PRIMARY KEY, a int UNIQUE, d int UNIQUE DEFERRABLE INITIALLY DEFERRED, e int UNIQUE DEFERRABLE);
          CREATE TABLE n (id int PRIMARY KEY, a int, b int, UNIQUE NULLS NOT DISTINCT (a, b));
          CREATE TABLE x (id int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&));
          CREATE TABLE p (id int PRIMARY KEY, a text, live bool); CREATE UNIQUE INDEX ON p (lower(a)) WHERE live;
          CREATE TABLE w (a int UNIQUE, b text); ALTER TABLE w REPLICA IDENTITY FULL;
          INSERT INTO u SELECT i, i, i, i FROM generate_series(1, 6) i; INSERT INTO n VALUES (1, NULL, 1), (2, NULL, 2), (3, NULL, NULL);
          INSERT INTO x VALUES (1, '[1,5)'), (2, '[5,9)'); INSERT INTO p VALUES (1, 'A', true), (2, 'b', true), (3, 'a', false)`,
      });
      await f.change(
        'BEGIN; UPDATE u SET a = NULL WHERE id = 1; UPDATE u SET a = 1 WHERE id = 2; UPDATE u SET a = 2 WHERE id = 1; COMMIT',
        'BEGIN; UPDATE u SET d = 4 WHERE id = 3; UPDATE u SET d = 3 WHERE id = 4; UPDATE u SET e = 7 - e; COMMIT',
        'BEGIN; DELETE FROM u WHERE id = 5; INSERT INTO u VALUES (7, 5, 5, 2); UPDATE u SET a = 50 WHERE id = 7; INSERT INTO u VALUES (8, 5, 9, 9); COMMIT',
        'BEGIN; UPDATE n SET b = 9 WHERE id = 3; UPDATE n SET b = NULL WHERE id = 1; UPDATE n SET b = 1 WHERE id = 3; COMMIT',
        `BEGIN; UPDATE x SET r = '[20,21)' WHERE id = 1; UPDATE x SET r = '[1,5)' WHERE id = 2; UPDATE x SET r = '[5,9)' WHERE id = 1; COMMIT`,
        `BEGIN; UPDATE p SET live = false WHERE id = 1; UPDATE p SET live = true WHERE id = 3; UPDATE p SET a = 'B' WHERE id = 1; DELETE FROM p WHERE id = 2; UPDATE p SET live = true WHERE id = 1; COMMIT`,
        `BEGIN; INSERT INTO w VALUES (1, 'a'), (2, 'b'), (NULL, 'c'), (NULL, 'c'); UPDATE w SET a = 3 WHERE b = 'a'; UPDATE w SET a = 1 WHERE b = 'b'; UPDATE w SET a = 2 WHERE a = 3; DELETE FROM w WHERE ctid IN (SELECT ctid FROM w WHERE a IS NULL LIMIT 1); COMMIT`,
      );
      assert.deepEqual(f.stops, {});
      for (const table of ['u', 'n', 'x', 'p', 'w']) await f.rows(`SELECT * FROM ${table} ORDER BY 1`);
    });
});

describe('foreign keys and deferred constraints of the target', () => {
  test('rows of several tables in the order of the source, where foreign keys are checked', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      ...withoutRole,
      schema: `CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE p (id int PRIMARY KEY, up int REFERENCES p);
        ALTER TABLE c ADD p int REFERENCES p; INSERT INTO p VALUES (1, NULL); INSERT INTO c VALUES (1, 1)`,
    });
    await f.change(
      'BEGIN; INSERT INTO p VALUES (2, 1), (3, 2); INSERT INTO c VALUES (2, 3); UPDATE c SET p = 2 WHERE id = 1; DELETE FROM c WHERE p = 3; DELETE FROM p WHERE id = 3; COMMIT',
      'BEGIN; INSERT INTO p VALUES (4, 2); INSERT INTO c VALUES (4, 4); UPDATE p SET up = NULL WHERE id = 2; UPDATE p SET up = 4 WHERE id = 2; DELETE FROM c WHERE id = 1; COMMIT',
    );
    assert.deepEqual(f.stops, {});
    for (const table of ['p', 'c']) await f.rows(`SELECT * FROM ${table} ORDER BY 1`);
    await f.change('BEGIN; TRUNCATE p CASCADE; INSERT INTO p VALUES (7, NULL); COMMIT');
    for (const table of ['p', 'c']) await f.rows(`SELECT * FROM ${table} ORDER BY 1`);
  });

  test('what a commit would refuse stops the table that the constraint names, with its transaction', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      ...withoutRole,
      schema:
        'CREATE TABLE t (id int PRIMARY KEY, v int, p int); CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)',
      onTarget: `ALTER TABLE t ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED, ADD FOREIGN KEY (p) REFERENCES p DEFERRABLE INITIALLY DEFERRED`,
    });
    await f.change(
      'INSERT INTO t VALUES (1, 1); INSERT INTO other VALUES (1)',
      // Does not matter in between.
      'BEGIN; INSERT INTO t VALUES (2, 1, 5); UPDATE t SET v = 2 WHERE id = 2; INSERT INTO p VALUES (5); COMMIT',
    );
    assert.deepEqual(f.stops, {});
    await f.change(
      `DO $$ BEGIN FOR i IN 3..6 LOOP INSERT INTO public.other VALUES (i); INSERT INTO public.t VALUES (i, CASE i WHEN 5 THEN 1 ELSE i END); COMMIT; END LOOP; END $$`,
    );
    assert.deepEqual(f.stops, { 'public.t': 'FF815' });
    const [stopped] = f.follower.tables?.stopped ?? [];
    assert.equal(stopped?.stopped?.fault.sqlstate, '23505');
    assert.equal(stopped.stopped.waiting, 2);
    assert.deepEqual(
      await f.onTarget('SELECT id FROM t ORDER BY 1'),
      [1, 2, 3, 4].map((id) => ({ id })),
    );
    await f.rows('SELECT * FROM other ORDER BY 1');
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.change('INSERT INTO t VALUES (7, 7, 99)');
    assert.deepEqual(f.stops, { 'public.t': 'FF815' });
    f.follower.retry({ schema: 'public', name: 't' }, true);
    await f.change('INSERT INTO t VALUES (8, 8)');
    assert.equal(f.follower.tables?.stopped[0]?.stopped?.fault.sqlstate, '23503');
    await f.onTarget('INSERT INTO p VALUES (99)');
    f.follower.retry({ schema: 'public', name: 't' }, false);
    await f.untilGoingOn('public.t');
    assert.deepEqual(
      await f.onTarget('SELECT id FROM t ORDER BY 1'),
      [1, 2, 3, 4, 6, 7, 8].map((id) => ({ id })),
    );
    assert.equal(f.failure, undefined);
  });
});

describe('what acts on changes on the target', () => {
  test('a trigger or rule that keeps rows away stops its table', async () => {
    const kinds = ['insert', 'update', 'delete', 'rule', 'mover', 'silent'];
    const keep = (kind: string): string =>
      `CREATE TRIGGER keep BEFORE ${kind} ON ${kind}_t FOR EACH ROW EXECUTE FUNCTION keep(); ALTER TABLE ${kind}_t ENABLE ALWAYS TRIGGER keep;`;
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      schema: kinds
        .map(
          (kind) =>
            `CREATE TABLE ${kind}_t (id int PRIMARY KEY, n int); INSERT INTO ${kind}_t VALUES (1, 1), (2, 2)`,
        )
        .join('; '),
      onTarget: `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'INSERT' OR OLD.id < 3 THEN RETURN NULL; END IF; RETURN NEW; END $$;
        ${['insert', 'update', 'delete'].map(keep).join(' ')}
        CREATE TRIGGER keep BEFORE INSERT ON silent_t FOR EACH ROW EXECUTE FUNCTION keep();
        CREATE RULE keep AS ON UPDATE TO rule_t DO INSTEAD NOTHING; ALTER TABLE rule_t ENABLE ALWAYS RULE keep;
        CREATE RULE move AS ON UPDATE TO mover_t DO INSTEAD DELETE FROM mover_t WHERE id = OLD.id; ALTER TABLE mover_t ENABLE ALWAYS RULE move`,
    });
    await f.change(
      ...kinds.map(
        (kind) =>
          `BEGIN; INSERT INTO ${kind}_t VALUES (3, 3); UPDATE ${kind}_t SET n = n + 1 WHERE id = 2; DELETE FROM ${kind}_t WHERE id = 1; COMMIT`,
      ),
    );
    const expected = {
      'public.insert_t': 'FF871',
      'public.update_t': 'FF871',
      'public.delete_t': 'FF871',
      'public.rule_t': 'FF871',
      'public.mover_t': 'FF871',
    };
    assert.deepEqual(f.stops, expected);
    await f.rows('SELECT * FROM silent_t ORDER BY 1');
    await f.onTarget(
      `${['insert', 'update', 'delete'].map((kind) => `DROP TRIGGER keep ON ${kind}_t`).join('; ')}; DROP RULE keep ON rule_t; DROP RULE move ON mover_t`,
    );
    for (const kind of kinds) f.follower.retry({ schema: 'public', name: `${kind}_t` }, false);
    for (const kind of kinds) await f.untilGoingOn(`public.${kind}_t`);
    for (const kind of kinds) await f.rows(`SELECT * FROM ${kind}_t ORDER BY 1`);
  });

  test('functions that rely on the search_path of the source', async () => {
    await using f = await TestFollow.start({
      source,
      target,
      database: name(),
      options: { searchPath: '"$user", app, public' },
      schema: `CREATE SCHEMA app; CREATE FUNCTION app.inner_of(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
        CREATE FUNCTION app.outer_of(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_of($1); END';
        CREATE TABLE t (id int PRIMARY KEY, v int CHECK (app.outer_of(v))); ALTER DATABASE ${`constraints_${made}`} SET search_path = app, public`,
    });
    await f.change('SET search_path = app, public; INSERT INTO t VALUES (1, 1); UPDATE t SET v = 2');
    assert.deepEqual(f.stops, {});
    await f.rows('SELECT * FROM t');
  });
});
