/** Owners, roles and what else the options of a project take along or leave. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ProjectDatabase, ProjectOptions } from '../../src/protocol/project.js';
import { contentsOf } from '../support/compare.js';
import { assertClean, migrateHere } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const roles = `CREATE ROLE app_owner; CREATE ROLE "Mapped owner"; CREATE ROLE mapped_ro; CREATE ROLE app_ro; CREATE ROLE app_login LOGIN;
  GRANT app_ro TO app_login`;
const app = `
  CREATE EXTENSION citext;
  CREATE SCHEMA app AUTHORIZATION app_owner; CREATE SCHEMA mine AUTHORIZATION "Mapped owner";
  CREATE TABLE app.t (id serial PRIMARY KEY, who text); CREATE TABLE mine.child (id int PRIMARY KEY, t int REFERENCES app.t);
  CREATE TABLE app.parted (id int) PARTITION BY RANGE (id); CREATE TABLE app.part_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (100);
  INSERT INTO app.t (who) SELECT 'x' FROM generate_series(1, 20); INSERT INTO mine.child SELECT i, i FROM generate_series(1, 20) i; INSERT INTO app.parted SELECT generate_series(0, 9);
  CREATE VIEW app.v AS SELECT * FROM app.t; CREATE MATERIALIZED VIEW mine.m AS SELECT count(*) AS n FROM app.t; CREATE SEQUENCE app.s;
  CREATE TYPE app.e AS ENUM ('a'); CREATE DOMAIN mine.d AS int; CREATE FUNCTION app.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.t';
  CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER note BEFORE UPDATE ON app.t FOR EACH ROW EXECUTE FUNCTION app.note();
  CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int); CREATE STATISTICS app.st ON id, who FROM app.t; CREATE PROCEDURE mine.p() LANGUAGE sql AS 'SELECT 1';
  ALTER TABLE app.t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON app.t TO mapped_ro, app_ro USING (true);
  ALTER TABLE app.t OWNER TO app_owner; ALTER TABLE mine.child OWNER TO "Mapped owner"; ALTER TABLE app.parted OWNER TO app_owner; ALTER TABLE app.part_1 OWNER TO "Mapped owner";
  ALTER VIEW app.v OWNER TO "Mapped owner"; ALTER MATERIALIZED VIEW mine.m OWNER TO app_owner; ALTER SEQUENCE app.s OWNER TO app_owner; ALTER TYPE app.e OWNER TO app_owner;
  ALTER DOMAIN mine.d OWNER TO "Mapped owner"; ALTER FUNCTION app.f() OWNER TO app_owner; ALTER FUNCTION app.note() OWNER TO "Mapped owner"; ALTER AGGREGATE app.total(int) OWNER TO app_owner;
  ALTER STATISTICS app.st OWNER TO app_owner; ALTER PROCEDURE mine.p() OWNER TO app_owner;
  GRANT USAGE ON SCHEMA app, mine TO mapped_ro, app_ro; GRANT SELECT ON app.t TO mapped_ro WITH GRANT OPTION; GRANT SELECT (id) ON mine.child TO app_ro; GRANT ALL ON app.s TO app_login;
  GRANT USAGE ON TYPE app.e TO mapped_ro; REVOKE ALL ON FUNCTION app.f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION app.f() TO mapped_ro;
  ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app GRANT SELECT ON TABLES TO mapped_ro; ALTER DEFAULT PRIVILEGES FOR ROLE "Mapped owner" GRANT EXECUTE ON FUNCTIONS TO app_ro;
  COMMENT ON TABLE app.t IS 'a comment'; COMMENT ON COLUMN app.t.who IS 'another';
  SELECT lo_from_bytea(4711, 'large'); COMMENT ON LARGE OBJECT 4711 IS 'lo'; GRANT SELECT ON LARGE OBJECT 4711 TO mapped_ro;
  CREATE PUBLICATION pub FOR TABLE app.t; CREATE PUBLICATION everything FOR TABLE mine.child WITH (publish = 'insert')`;

/** Who owns what, by name. */
const owners = `SELECT n || ' ' || coalesce(o, '') AS l FROM (
  SELECT 'schema ' || nspname AS n, pg_get_userbyid(nspowner) AS o FROM pg_namespace WHERE nspname IN ('app', 'mine')
  UNION ALL SELECT 'relation ' || c.oid::regclass, pg_get_userbyid(relowner) FROM pg_class c WHERE relnamespace::regnamespace::text IN ('app', 'mine') AND relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL SELECT 'function ' || p.oid::regprocedure, pg_get_userbyid(proowner) FROM pg_proc p WHERE pronamespace::regnamespace::text IN ('app', 'mine')
  UNION ALL SELECT 'type ' || t.oid::regtype, pg_get_userbyid(typowner) FROM pg_type t WHERE typnamespace::regnamespace::text IN ('app', 'mine') AND typtype IN ('e', 'd')
  UNION ALL SELECT 'statistics ' || stxname, pg_get_userbyid(stxowner) FROM pg_statistic_ext) x ORDER BY 1`;
const privileges = `SELECT what || ' ' || coalesce(g.rolname, 'PUBLIC') || ' ' || a.privilege_type || a.is_grantable AS l FROM (
  SELECT 'schema ' || nspname AS what, nspacl AS acl, nspowner AS owner FROM pg_namespace WHERE nspname IN ('app', 'mine')
  UNION ALL SELECT 'relation ' || c.oid::regclass, relacl, relowner FROM pg_class c WHERE relnamespace::regnamespace::text IN ('app', 'mine')
  UNION ALL SELECT 'column ' || attrelid::regclass || attname, attacl, relowner FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attacl IS NOT NULL AND c.oid > 16383
  UNION ALL SELECT 'function ' || p.oid::regprocedure, proacl, proowner FROM pg_proc p WHERE pronamespace::regnamespace::text IN ('app', 'mine')
  UNION ALL SELECT 'type ' || t.oid::regtype, typacl, typowner FROM pg_type t WHERE typnamespace::regnamespace::text IN ('app', 'mine')
  UNION ALL SELECT 'default ' || defaclnamespace || defaclobjtype::text || ' ' || pg_get_userbyid(defaclrole), defaclacl, defaclrole FROM pg_default_acl
  ) x, aclexplode(acl) a LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE a.grantee <> owner AND a.privilege_type <> 'MAINTAIN'
  UNION ALL SELECT 'policy ' || polname || ' ' || array_to_string(ARRAY(SELECT pg_get_userbyid(r) FROM unnest(polroles) r ORDER BY 1), ',') FROM pg_policy ORDER BY 1`;

let source: TestServer;
let target: TestTwin;
let made = 0;
before(async () => {
  source = await startServer({ major: 13 });
  await source.query('postgres', roles);
  await source.createDatabase('app');
  await source.query('app', app);
});
after(() => source?.stop());

const lines = (rows: readonly { l: string }[]): string[] =>
  rows.map((r) => r.l.replace(/default \d+/, 'default '));
const mapped = (found: readonly string[]): string[] =>
  found
    .map((l) => l.replaceAll('Mapped owner', 'new_owner').replaceAll('mapped_ro', 'New "ro"'))
    .map((l) => l.replace('policy own app_ro,New "ro"', 'policy own New "ro",app_ro'))
    .sort();

/** What the admin may do as somebody else. */
const memberships = (): Promise<unknown[]> =>
  target.superQuery(
    'postgres',
    `SELECT roleid::regrole::text AS role, inherit_option, set_option FROM pg_auth_members WHERE member = 'flexadmin'::regrole AND (inherit_option OR set_option) ORDER BY 1`,
  );

async function move(
  options: Partial<ProjectOptions>,
  choice: Partial<ProjectDatabase> = {},
  database = `roles ${++made}`,
  signal?: AbortSignal,
) {
  const { done } = await migrateHere(
    source.uri(),
    target.uri(),
    { source: 'app', target: database, ...choice },
    { dumpTool: 'builtin', ...options, ...(signal && { signal }) },
  );
  return { done, database, problems: done.findings.filter((f) => f.severity !== 'note') };
}

const mapping = { 'Mapped owner': 'new_owner', mapped_ro: 'New "ro"' };

for (const major of [15, 17] as const)
  describe(`a Flexible Server on ${major}`, {
    skip: major === 15 && process.env['FLEXFERRY_MAJORS'] !== 'all',
  }, () => {
    before(async () => {
      target = await startFlexibleServerTwin({ major });
    });
    after(() => target?.stop());

    test('owners kept after a mapping, roles created', async () => {
      const before = await memberships();
      const { done, database, problems } = await move({
        owners: 'keep',
        createRoles: true,
        roles: { ...mapping, postgres: 'flexadmin' },
      });
      assert.deepEqual(
        problems.filter((f) => f.code !== 'FF412'),
        [],
        done.fault?.message,
      );
      assert.deepEqual(
        lines(await target.superQuery(database, owners)).sort(),
        mapped(lines(await source.query('app', owners))),
      );
      assert.deepEqual(
        lines(await target.superQuery(database, privileges)).sort(),
        mapped(lines(await source.query('app', privileges))),
      );
      assert.deepEqual(await memberships(), before);
      assert.deepEqual(
        await target.superQuery(
          'postgres',
          `SELECT pg_has_role('app_login', 'app_ro', 'MEMBER') AS a, (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app_login') AS c`,
        ),
        [{ a: true, c: true }],
      );
      assert.deepEqual(
        await target.superQuery(
          database,
          `SELECT g.rolname, a.privilege_type, obj_description(4711, 'pg_largeobject') AS c FROM pg_largeobject_metadata m, aclexplode(lomacl) a
           JOIN pg_roles g ON g.oid = a.grantee WHERE m.oid = 4711 AND a.grantee <> lomowner`,
        ),
        [{ rolname: 'New "ro"', privilege_type: 'SELECT', c: 'lo' }],
      );
      const rows = await contentsOf({ server: target, database });
      assert.deepEqual(
        ['app.t', 'mine.child', 'app.part_1', 'mine.m'].map((n) => rows.get(n)?.rows),
        [20, 20, 10, 1],
      );
    });

    test('interrupted in the copy, resumed: the admin is a member of nothing more than before', async () => {
      const before = await memberships();
      const stop = new AbortController();
      const database = `stopped ${++made}`;
      const { done } = await migrateHere(
        source.uri(),
        target.uri(),
        { source: 'app', target: database, schemas: { app: 'App 2' } },
        {
          dumpTool: 'builtin',
          owners: 'keep',
          createRoles: true,
          roles: mapping,
          signal: stop.signal,
          onEvent: (e) => {
            if (e.event === 'phase' && e.phase === 'preData' && e.state === 'done') stop.abort();
          },
        },
      );
      assert.equal(done.state, 'interrupted');
      const resumed = await move(
        { owners: 'keep', createRoles: true, roles: mapping },
        { schemas: { app: 'App 2' } },
        database,
      );
      assert.deepEqual(
        resumed.problems.filter((f) => f.code !== 'FF412'),
        [],
      );
      assert.deepEqual(await memberships(), before);
      assert.deepEqual(
        await target.superQuery(
          database,
          `SELECT pg_get_userbyid(relowner) AS o FROM pg_class WHERE oid IN ('"App 2".t'::regclass, 'mine.m'::regclass, 'mine.child'::regclass) ORDER BY relname`,
        ),
        [{ o: 'new_owner' }, { o: 'app_owner' }, { o: 'app_owner' }],
      );
    });

    test('without grants, comments, extensions and publications', async () => {
      const { database, problems } = await move({
        grants: false,
        comments: false,
        extensions: false,
        roles: mapping,
      });
      assert.deepEqual(
        problems.filter((f) => f.code !== 'FF412'),
        [],
      );
      assert.deepEqual(
        lines(await target.superQuery(database, privileges)).filter((l) => !l.startsWith('policy')),
        [],
      );
      assert.deepEqual(
        await target.superQuery(
          database,
          `SELECT obj_description('app.t'::regclass) AS c, (SELECT count(*)::int FROM pg_extension WHERE extname = 'citext') AS e, (SELECT count(*)::int FROM pg_publication) AS p, obj_description(4711, 'pg_largeobject') AS lo, (SELECT lomacl::text FROM pg_largeobject_metadata WHERE oid = 4711) AS acl`,
        ),
        [{ c: null, e: 0, p: 0, lo: null, acl: null }],
      );
    });

    test('with publications, under other names; everything belongs to the user of the target', async () => {
      const { database, problems } = await move(
        { publications: true, roles: mapping },
        { schemas: { app: 'x' }, tables: { 'app.t': { name: 'renamed' } } },
      );
      assert.deepEqual(problems, []);
      assert.deepEqual(
        await target.superQuery(
          database,
          `SELECT pubname || ' ' || schemaname || '.' || tablename AS l FROM pg_publication_tables ORDER BY 1`,
        ),
        [{ l: 'everything mine.child' }, { l: 'pub x.renamed' }],
      );
      assert.deepEqual(
        await target.superQuery(
          database,
          `SELECT DISTINCT pg_get_userbyid(relowner) AS o FROM pg_class WHERE relnamespace::regnamespace::text IN ('x', 'mine')`,
        ),
        [{ o: 'flexadmin' }],
      );
      assert.equal(
        (
          await target.superQuery<{ c: string }>(
            database,
            `SELECT obj_description('x.renamed'::regclass) AS c`,
          )
        )[0]?.c,
        'a comment',
      );
      await assertClean(target, database);
    });

    test('--restart leaves the roles that the interrupted run had joined', async () => {
      const before = await memberships();
      const stop = new AbortController();
      const database = `restarted ${++made}`;
      const options = { dumpTool: 'builtin', owners: 'keep', roles: mapping } as const;
      await migrateHere(
        source.uri(),
        target.uri(),
        { source: 'app', target: database },
        {
          ...options,
          signal: stop.signal,
          onEvent: (e) => {
            if (e.event === 'phase' && e.phase === 'preData' && e.state === 'done') stop.abort();
          },
        },
      );
      const { done } = await migrateHere(
        source.uri(),
        target.uri(),
        { source: 'app', target: database, schemas: { app: 'other' } },
        {
          ...options,
          owners: 'target',
          restart: true,
        },
      );
      assert.deepEqual(
        done.findings.filter((f) => f.severity !== 'note' && f.code !== 'FF412'),
        [],
        done.fault?.message,
      );
      assert.deepEqual(await memberships(), before);
    });
  });
