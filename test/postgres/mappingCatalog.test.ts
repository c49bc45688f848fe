import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BrowseSessions } from '../../src/engine/catalog/browseSessions.js';
import { readMappingCatalog } from '../../src/engine/catalog/mappingCatalog.js';
import { readMappingTarget } from '../../src/engine/catalog/mappingTarget.js';
import { Fault } from '../../src/engine/errors/fault.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import type { MappingCatalog } from '../../src/protocol/engine.js';
import { leftOutDependants } from '../../src/protocol/leftOutDependants.js';
import { compileMapping, formatRelation } from '../../src/protocol/mapping.js';
import {
  defaultMajors,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { loadSample } from '../support/sample/sample.js';

const tested: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const never = new AbortController().signal;
const specOf = (server: TestServer, database: string) =>
  resolveConnectionInput({ text: server.uri(database) }).spec;

/** Every kind of thing that cannot be without another relation, and what must not be listed. */
const everything = `
  CREATE SCHEMA app; CREATE SCHEMA "Odd ""x"".y 😀"; CREATE SCHEMA types; CREATE SCHEMA flexferry;
  CREATE TABLE flexferry.checkpoint (id int PRIMARY KEY);
  CREATE EXTENSION citext SCHEMA public;
  CREATE TYPE types.mood AS ENUM ('ok'); CREATE DOMAIN types.moods AS types.mood[];
  CREATE TABLE app.t (id serial PRIMARY KEY, name text, mail public.citext, mood types.moods);
  CREATE TABLE app.no_key (a int); ALTER TABLE app.no_key REPLICA IDENTITY FULL;
  CREATE TABLE app.key_by_index (a int NOT NULL); CREATE UNIQUE INDEX by_index ON app.key_by_index (a);
  ALTER TABLE app.key_by_index REPLICA IDENTITY USING INDEX by_index;
  CREATE TABLE "Odd ""x"".y 😀"."Über" (id int REFERENCES app.t, self int);
  CREATE TABLE app.rows_of (r app.t, list app.t[]);
  CREATE TABLE app.other_sequence (id int DEFAULT nextval('app.t_id_seq'));
  CREATE SEQUENCE types.free; CREATE TABLE app.free_sequence (id int DEFAULT nextval('types.free'));
  CREATE TABLE app.parent (a int); CREATE TABLE app.child () INHERITS (app.parent);
  CREATE TABLE app.parted (a int) PARTITION BY LIST (a);
  CREATE TABLE app.part PARTITION OF app.parted FOR VALUES IN (1);
  CREATE VIEW app.v AS SELECT id FROM app.t; CREATE VIEW app.w AS SELECT id FROM app.v;
  CREATE MATERIALIZED VIEW app.m AS SELECT count(*) FROM app.w;
  CREATE VIEW app.grouped AS SELECT t.id, t.name FROM app.t GROUP BY t.id;
  CREATE FUNCTION app.rows() RETURNS SETOF app.t LANGUAGE sql AS 'SELECT * FROM app.t';
  CREATE VIEW app.by_function AS SELECT * FROM app.rows();
  CREATE FUNCTION types.same(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
  CREATE INDEX by_same ON app.no_key (types.same(a));
  CREATE TYPE types.pair AS (t app.t); CREATE VIEW app.pairs AS SELECT NULL::types.pair AS p;
  CREATE TABLE app.watched (a int);
  CREATE RULE note AS ON INSERT TO app.watched DO ALSO INSERT INTO app.no_key VALUES (1);
  ALTER TABLE app.watched ENABLE ROW LEVEL SECURITY;
  CREATE POLICY mine ON app.watched USING (a IN (SELECT id FROM app.t));
  CREATE FUNCTION types.tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER tell AFTER INSERT ON app.watched FOR EACH ROW EXECUTE PROCEDURE types.tell();
  CREATE EXTENSION postgres_fdw SCHEMA public; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;
  CREATE FOREIGN TABLE app.far (a int) SERVER s;
  CREATE ROLE "Owner ö"; CREATE ROLE reader; CREATE ROLE in_policy; CREATE ROLE by_default; CREATE ROLE nobody;
  ALTER TABLE app.no_key OWNER TO "Owner ö"; GRANT SELECT (a) ON app.no_key TO reader;
  CREATE POLICY theirs ON app.watched TO in_policy USING (true);
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO by_default;
  CREATE TEMP TABLE passing (a int);
  ANALYZE app.t`;
const since14 = `
  CREATE FUNCTION app.how_many() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM app.w; END;
  CREATE FUNCTION types.deep() RETURNS bigint BEGIN ATOMIC SELECT app.how_many(); END;
  CREATE TABLE app.deep (n bigint DEFAULT types.deep())`;

for (const major of tested) {
  describe(`the mapping catalog of a PostgreSQL ${major}`, () => {
    const sessions = new BrowseSessions();
    let server: TestServer;
    let catalog: MappingCatalog;

    before(async () => {
      server = await startServer({ major });
      await server.createDatabase('d');
      await server.query('d', everything);
      if (major >= 14) await server.query('d', since14);
      catalog = await sessions.use(specOf(server, 'd'), never, readMappingCatalog);
    });
    after(async () => {
      await sessions.close();
      await server.stop();
    });

    const lines = () =>
      catalog.dependencies.map(
        ({ object, needs, needsKind }) => `${object} > ${needsKind ?? 'relation'} ${formatRelation(needs)}`,
      );

    test('schemas, tables, extensions and roles: ours, not those of the server', () => {
      assert.deepEqual([...catalog.schemas].sort(), ['Odd "x".y 😀', 'app', 'public', 'types']);
      assert.deepEqual(catalog.extensions, ['citext', 'postgres_fdw']);
      assert.deepEqual([...catalog.roles].sort(), [
        'Owner ö',
        'by_default',
        'in_policy',
        'postgres',
        'reader',
      ]);
      const kinds = new Map(catalog.tables.map((t) => [formatRelation(t), t.kind]));
      assert.equal(kinds.get('app.parted'), 'partitioned table');
      assert.equal(kinds.get('app.far'), 'foreign table');
      assert.equal(kinds.get('app.m'), 'materialized view');
      assert.equal(kinds.get('app.v'), 'view');
      assert.equal(kinds.get('"Odd ""x"".y 😀"."Über"'), 'table');
      assert.ok(![...kinds.keys()].some((name) => /flexferry|passing|pg_/.test(name)));
    });

    test('keys, partitions and indexes', () => {
      const of = (name: string) => catalog.tables.find((t) => t.name === name);
      assert.deepEqual(
        ['t', 'no_key', 'key_by_index', 'parent', 'v'].map((name) => of(name)?.hasKey),
        [true, true, true, false, false],
      );
      assert.deepEqual(of('part')?.partitionOf, { schema: 'app', name: 'parted' });
      assert.equal(of('child')?.partitionOf, undefined);
      assert.ok((of('t')?.bytes ?? 0) > 0);
      assert.equal(of('v')?.bytes, 0);
      assert.ok(
        catalog.indexes.some((i) => i.name === 'by_same' && i.table === 'no_key' && i.schema === 'app'),
      );
    });

    test('every kind of dependency', () => {
      const found = new Set(lines());
      const wanted = [
        'foreign key "Über_id_fkey" on "Odd ""x"".y 😀"."Über" > relation app.t',
        'foreign key "Über_id_fkey" on "Odd ""x"".y 😀"."Über" > index app.t_pkey',
        'child table app.child > relation app.parent',
        'partition app.part > relation app.parted',
        'view app.v > relation app.t',
        'view app.w > relation app.v',
        'materialized view app.m > relation app.w',
        'view app.grouped > index app.t_pkey',
        'view app.by_function > relation app.t',
        'function app.rows() > relation app.t',
        'table app.rows_of > relation app.t',
        'default of app.other_sequence.id > relation app.t',
        'default of app.free_sequence.id > sequence types.free',
        'table app.t > type types.moods',
        'table app.t > type types.mood',
        `table app.t > extension ${formatRelation({ schema: '', name: 'citext' })}`,
        'index by_same on app.no_key > function types."same(integer)"',
        'type types.pair > relation app.t',
        'view app.pairs > relation app.t',
        'rule note on app.watched > relation app.no_key',
        'policy mine on app.watched > relation app.t',
        'trigger tell on app.watched > function types."tell()"',
        ...(major >= 14
          ? [
              'function app.how_many() > relation app.w',
              'default of app.deep.n > relation app.w',
              'default of app.deep.n > function types."deep()"',
            ]
          : []),
      ];
      for (const line of wanted)
        assert.ok(found.has(line), `${line} is missing among\n${[...found].join('\n')}`);
      assert.equal(found.size, lines().length, 'each once');
      for (const { on, needs, needsKind } of catalog.dependencies)
        assert.ok(needsKind || !on || formatRelation(on) !== formatRelation(needs), 'nothing needs itself');
    });

    test('what it says of a table that is left out is what PostgreSQL would drop with it', async () => {
      const mapping = compileMapping({ source: 'd', target: 'd', exclude: { tables: ['app.t'] } });
      const told = new Set(
        leftOutDependants(mapping, catalog).flatMap(({ object, on }) =>
          on && /^(view|materialized view)/.test(object) ? [formatRelation(on)] : [],
        ),
      );
      await server.createDatabase('dropped');
      await server.query('dropped', everything.replace(/CREATE ROLE[^;]*;/g, ''));
      if (major >= 14) await server.query('dropped', since14);
      const views = `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;
      const names = async () =>
        (await server.query('dropped', views)).map((row) =>
          formatRelation(row as { schema: string; name: string }),
        );
      const earlier = await names();
      await server.query('dropped', 'DROP TABLE app.t CASCADE');
      const later = new Set(await names());
      // A view of a type whose column went stays behind, without what made it useful.
      const gone = earlier.filter((name) => !later.has(name));
      assert.ok(gone.length >= 5, gone.join());
      for (const name of gone) assert.ok(told.has(name), `${name} is not told`);
      assert.deepEqual(
        [...told].filter((name) => later.has(name)),
        ['app.pairs'].filter((name) => later.has(name)),
      );
    });

    test('a locked table takes nothing but its exact size', async () => {
      const holder = await server.connect('d');
      try {
        await holder.query('BEGIN; LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE');
        const again = await sessions.use(specOf(server, 'd'), never, readMappingCatalog);
        assert.equal(again.tables.length, catalog.tables.length);
        assert.deepEqual(again.dependencies, catalog.dependencies);
      } finally {
        await holder.end();
      }
    });

    test('what stands on the target', async () => {
      const target = await readMappingTarget(sessions, specOf(server, 'd'), never);
      assert.equal(target.exists, true);
      assert.deepEqual([...target.schemas].sort(), ['Odd "x".y 😀', 'app', 'public', 'types']);
      const names = new Set(target.relations.map(formatRelation));
      for (const name of ['app.t', 'app.t_pkey', 'app.t_id_seq', 'app.v', 'app.far', 'types.pair'])
        assert.ok(names.has(name), name);
      assert.ok(![...names].some((name) => name.startsWith('flexferry.')));
      const missing = await readMappingTarget(sessions, specOf(server, 'not "there" 😀'), never);
      assert.deepEqual(missing, { exists: false, relations: [], schemas: [] });
      const gone = resolveConnectionInput({ text: 'host=127.0.0.1 port=1 dbname=d user=x' }).spec;
      await assert.rejects(
        readMappingTarget(sessions, gone, never),
        (e) => e instanceof Fault && e.code === 'FF100',
      );
    });

    test('the sample is read whole', async () => {
      await server.createDatabase('harbour');
      await loadSample(server, 'harbour');
      const sample = await sessions.use(specOf(server, 'harbour'), never, readMappingCatalog);
      assert.ok(sample.tables.length > 45);
      const known = new Set(sample.tables.map(formatRelation));
      for (const { needs, needsKind, on, object } of sample.dependencies) {
        if (on) assert.ok(known.has(formatRelation(on)), object);
        if (!needsKind) assert.ok(known.has(formatRelation(needs)), object);
      }
    });
  });
}
