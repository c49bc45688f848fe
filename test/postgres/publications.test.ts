import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isFollowed, tableReplicationFacts } from '../../src/engine/catalog/replicaIdentities.js';
import type { SourceTable } from '../../src/engine/catalog/tables.js';
import { Fault } from '../../src/engine/errors/fault.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { publicationNames } from '../../src/engine/replication/publicationCatalog.js';
import { dropPublications, ensurePublications } from '../../src/engine/replication/publications.js';
import {
  formerIdentities,
  makeIdentitiesFull,
  restoreIdentities,
} from '../../src/engine/replication/replicaIdentity.js';
import type { ErrorCode } from '../../src/protocol/errorCodes.js';
import { poll } from '../support/flexferry.js';
import { expectedPublishing, identityTables, projectTables } from '../support/identities.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { Follower, flushedCommits, logEnd, makeSlot, specOf } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const slot = 'flexferry_0123456789ab';
const impatient = { lockTimeoutMs: 100, attempts: 2 };

async function fails(work: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<Fault> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Fault, `no fault, but ${String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return error;
}

for (const major of wanted)
  describe(`publications and replica identities of PostgreSQL ${major}`, () => suite(major));

function suite(major: Major): void {
  let server: TestServer;
  before(async () => {
    await ensureMajor(major);
    server = await startServer({ major, settings: flushedCommits });
  });
  after(() => server.stop());

  async function opened(database: string, user?: string): Promise<Session & AsyncDisposable> {
    const session = await connect(specOf(server.uri(database, user)), 'test', { side: 'source' });
    return Object.assign(session, { [Symbol.asyncDispose]: () => session.close() });
  }
  /** `all table filter` or `insert table filter`, sorted. */
  async function members(database: string): Promise<string[]> {
    const filter = major >= 15 ? `coalesce(' ' || pg_get_expr(prqual, prrelid), '')` : `''`;
    const rows = await server.query<{ line: string }>(
      database,
      `SELECT pubname || ' ' || prrelid::regclass || ${filter} AS line
       FROM pg_publication p JOIN pg_publication_rel ON prpubid = p.oid`,
    );
    return rows.map(({ line }) => line.replace(`${slot}_insert`, 'insert').replace(slot, 'all')).sort();
  }
  const followed = async (session: Session, filters: Record<string, string> = {}): Promise<SourceTable[]> =>
    (
      await projectTables(session, {
        tables: Object.fromEntries(Object.entries(filters).map(([name, where]) => [name, { where }])),
      })
    ).filter(isFollowed);

  test('every kind of identity is published so that the source takes its updates, and not more', async () => {
    const database = await server.createDatabase();
    await server.query(database, identityTables(major));
    await using source = await opened(database);
    const tables = await followed(source);
    const facts = await tableReplicationFacts(
      source,
      tables.map(({ oid }) => oid),
    );
    const expected = expectedPublishing(major);
    const found = Object.fromEntries([...facts.values()].map(({ name, publishing }) => [name, publishing]));
    assert.deepEqual(found, expected);

    const ensured = await ensurePublications(source, slot, tables);
    assert.deepEqual(ensured.publications, publicationNames(slot, source.versionNum));
    assert.equal(ensured.publications.length, major >= 18 ? 3 : 2);
    assert.deepEqual(ensured.created, ensured.publications);
    assert.equal(ensured.added.size, tables.length);
    assert.deepEqual([...ensured.missing, ...ensured.filtered], []);
    const insertOnly = tables.filter(({ oid }) => ensured.insertOnly.has(oid)).map(({ name }) => name);
    assert.deepEqual(
      insertOnly.sort(),
      Object.keys(expected)
        .filter((name) => expected[name] === 'insert')
        .sort(),
    );
    for (const { name } of tables) {
      const quoted = `"${name}"`;
      await server.query(database, `UPDATE ${quoted} SET v = 'x'; DELETE FROM ${quoted}`);
    }
    // With updates published, the source would refuse them: so none of these is left out for nothing.
    for (const name of insertOnly.filter((one) => one !== 'stored_key')) {
      const attempt = `BEGIN; ALTER PUBLICATION ${slot} ADD TABLE "${name}"; EXPLAIN UPDATE "${name}" SET v = 'x'; ROLLBACK`;
      await assert.rejects(server.query(database, attempt), /cannot update table/, name);
    }
    const again = await ensurePublications(source, slot, tables);
    assert.deepEqual([...again.created, ...again.added], []);
    assert.deepEqual(await dropPublications(source, slot), [...ensured.publications].sort());
    assert.deepEqual(await dropPublications(source, slot), []);
  });

  test('they follow the tables: added, dropped, renamed, with another identity, and other options', async () => {
    const database = await server.createDatabase();
    await server.query(
      database,
      `CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (v text); CREATE TABLE c (id int PRIMARY KEY);
       CREATE TABLE "d ""x"" ü" (id int PRIMARY KEY); CREATE TABLE parent (id int PRIMARY KEY);
       CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)`,
    );
    await using source = await opened(database);
    const all = await followed(source);
    const named = (...names: readonly string[]) => all.filter(({ name }) => names.includes(name));
    const odd = 'd "x" ü';
    assert.deepEqual((await ensurePublications(source, slot, [])).publications.slice(0, 2), [
      slot,
      `${slot}_insert`,
    ]);
    await ensurePublications(source, slot, named('a', 'b', odd, 'parent'));
    assert.deepEqual(await members(database), [`all "d ""x"" ü"`, `all a`, `all parent`, `insert b`]);
    await server.query(
      database,
      `ALTER TABLE a RENAME TO a2; ALTER TABLE b ADD PRIMARY KEY (v); ALTER TABLE c DROP CONSTRAINT c_pkey;
       DROP TABLE "d ""x"" ü"; ALTER PUBLICATION ${slot} SET (publish = 'insert')`,
    );
    const changed = await ensurePublications(source, slot, named('a', 'b', 'c', odd));
    assert.deepEqual(await members(database), [`all a2`, `all b`, `insert c`]);
    assert.deepEqual(
      [...changed.missing],
      named(odd).map(({ oid }) => oid),
    );
    assert.deepEqual(
      [...changed.added],
      named('c').map(({ oid }) => oid),
    );
    const [options] = await server.query<{ all: boolean }>(
      database,
      `SELECT pubinsert AND pubupdate AND pubdelete ${major >= 11 ? 'AND pubtruncate' : ''} AS all
       FROM pg_publication WHERE pubname = '${slot}'`,
    );
    assert.equal(options?.all, true);
    if (major < 15) return;
    await server.query(database, `ALTER PUBLICATION ${slot} SET TABLE a2 (id)`);
    await ensurePublications(source, slot, named('a'));
    const lists = await server.query(database, 'SELECT FROM pg_publication_rel WHERE prattrs IS NOT NULL');
    assert.deepEqual([await members(database), lists], [[`all a2`], []]);
  });

  test('a publication of somebody else is not touched', async () => {
    const database = await server.createDatabase();
    await server.query(database, `CREATE TABLE t (id int); CREATE PUBLICATION ${slot}_insert FOR TABLE t`);
    await using source = await opened(database);
    const fault = await fails(ensurePublications(source, slot, []), 'FF837', /_insert was not made/);
    assert.equal(fault.object, `publication ${slot}_insert`);
    assert.deepEqual(await dropPublications(source, slot), []);
    assert.deepEqual(await members(database), [`insert t`]);
  });

  test('row filters are published where no update of the source suffers from it', async () => {
    const database = await server.createDatabase();
    await server.query(
      database,
      `CREATE FUNCTION mine(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 1';
       CREATE TABLE by_key (id int PRIMARY KEY, v text); CREATE TABLE by_other (id int PRIMARY KEY, v text);
       CREATE TABLE by_mine (id int PRIMARY KEY, v text); CREATE TABLE by_query (id int PRIMARY KEY, v text);
       CREATE TABLE bare (id int, v text); CREATE TABLE whole (id int, v text);
       ALTER TABLE whole REPLICA IDENTITY FULL;
       CREATE TABLE parted (id int, tenant int, v text) PARTITION BY RANGE (id);
       CREATE TABLE part_1 PARTITION OF parted (PRIMARY KEY (id, tenant)) FOR VALUES FROM (0) TO (100)`,
    );
    await using source = await opened(database);
    const filters = {
      'public.by_key': `id > 1 -- not '1'`,
      'public.by_other': `v <> 'secret'`,
      'public.by_mine': 'public.mine(id)',
      'public.by_query': 'id > (SELECT 1)',
      'public.bare': `v <> 'it''s'`,
      'public.whole': `v <> 'x'`,
      'public.parted': 'tenant = 7',
    };
    const tables = await followed(source, filters);
    const ensured = await ensurePublications(source, slot, tables);
    const filtered = tables.filter(({ oid }) => ensured.filtered.has(oid)).map(({ name }) => name);
    const taken = ['bare', 'by_key', 'part_1', 'whole'];
    assert.deepEqual(filtered.sort(), major >= 15 ? taken : []);
    const present = await members(database);
    if (major >= 15)
      assert.deepEqual(present, [
        `all by_key (id > 1)`,
        `all by_mine`,
        `all by_other`,
        `all by_query`,
        `all part_1 (tenant = 7)`,
        `all whole (v <> 'x'::text)`,
        `insert bare (v <> 'it''s'::text)`,
      ]);
    for (const { name } of tables)
      await server.query(database, `UPDATE ${name} SET v = 'y'; DELETE FROM ${name}`);
    const again = await ensurePublications(source, slot, tables);
    assert.deepEqual([[...again.filtered].sort(), [...again.added]], [[...ensured.filtered].sort(), []]);
    // Without its filter, and with one that the publication cannot apply.
    const other = await followed(source, { 'public.by_key': 'id > 2', 'public.whole': 'public.mine(id)' });
    await ensurePublications(source, slot, other);
    const lines = (await members(database)).filter((line) => / \(/.test(line));
    assert.deepEqual(lines, major >= 15 ? [`all by_key (id > 2)`] : []);
  });

  test('what is published is what the stream brings', async () => {
    const database = await server.createDatabase();
    await server.query(
      database,
      `CREATE TABLE keyed (id int PRIMARY KEY, v text); CREATE TABLE bare (v text); CREATE TABLE other (id int PRIMARY KEY);
       CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
       CREATE TABLE part_1 PARTITION OF parted (PRIMARY KEY (id)) FOR VALUES FROM (0) TO (100)`,
    );
    await using source = await opened(database);
    const tables = (await followed(source, { 'public.keyed': 'id < 100' })).filter(
      ({ name }) => name !== 'other',
    );
    const { publications } = await ensurePublications(source, slot, tables);
    await makeSlot(server, database, slot);
    {
      await using follower = await Follower.start(specOf(server.uri(database)), slot, { publications });
      await server.query(
        database,
        `INSERT INTO keyed VALUES (1, 'a'), (200, 'b'); UPDATE keyed SET v = 'c'; UPDATE keyed SET id = 201 WHERE id = 1;
         INSERT INTO bare VALUES ('d'); UPDATE bare SET v = 'e'; DELETE FROM bare; INSERT INTO other VALUES (1);
         INSERT INTO parted VALUES (1, 'f'); UPDATE parted SET v = 'g'; TRUNCATE bare, other`,
      );
      await follower.until(await logEnd(server, database));
      const all = follower.transactions.flatMap(({ changes }) => changes);
      const keyed =
        major >= 15
          ? ['insert public.keyed (1|a)', 'update public.keyed (1|c)', 'delete public.keyed key(1|NULL)']
          : [
              'insert public.keyed (1|a)',
              'insert public.keyed (200|b)',
              'update public.keyed (1|c)',
              'update public.keyed (200|c)',
              'update public.keyed key(1|NULL) (201|c)',
            ];
      assert.deepEqual(all, [
        ...keyed,
        'insert public.bare (d)',
        'insert public.part_1 (1|f)',
        'update public.part_1 (1|g)',
        ...(major >= 11 ? ['truncate public.bare'] : []),
      ]);
    }
    await server.query(database, `SELECT pg_drop_replication_slot('${slot}')`);
  });

  test('without the rights nothing is left half done', async () => {
    const database = await server.createDatabase();
    await server.query(
      database,
      `CREATE ROLE mover_${major} LOGIN; CREATE TABLE own (id int PRIMARY KEY); CREATE TABLE foreign_one (id int PRIMARY KEY);
       GRANT CREATE ON SCHEMA public TO mover_${major}; ALTER TABLE own OWNER TO mover_${major}`,
    );
    await using source = await opened(database, `mover_${major}`);
    const tables = await followed(source);
    await fails(ensurePublications(source, slot, tables), 'FF823', /permission denied for database/);
    await server.query(database, `GRANT CREATE ON DATABASE ${database} TO mover_${major}`);
    await fails(ensurePublications(source, slot, tables), 'FF823', /must be owner of (table|relation)/);
    assert.deepEqual(await members(database), []);
    await ensurePublications(
      source,
      slot,
      tables.filter(({ name }) => name === 'own'),
    );
    assert.deepEqual(await members(database), [`all own`]);
  });

  test('FULL for a time, put back exactly', async () => {
    const database = await server.createDatabase();
    await server.query(database, identityTables(major));
    await using source = await opened(database);
    const tables = await followed(source);
    const state = () =>
      server.query(
        database,
        `SELECT relname, relreplident, (SELECT x.relname FROM pg_index JOIN pg_class x ON x.oid = indexrelid
           WHERE indrelid = c.oid AND indisreplident) AS index
         FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
      );
    const start = await state();
    const former = JSON.parse(JSON.stringify(await formerIdentities(source, tables))) as Awaited<
      ReturnType<typeof formerIdentities>
    >;
    assert.equal(former.length, tables.length - start.filter((row) => row['relreplident'] === 'f').length);
    await makeIdentitiesFull(source, tables);
    await makeIdentitiesFull(source, tables);
    assert.deepEqual(new Set((await state()).map((row) => row['relreplident'])), new Set(['f']));
    assert.deepEqual(await formerIdentities(source, tables), []);
    await server.query(database, 'ALTER INDEX by_index_ab RENAME TO "other name"');
    const restored = await restoreIdentities(source, former);
    assert.equal(restored.length, former.length);
    await server.query(database, 'ALTER INDEX "other name" RENAME TO by_index_ab');
    // An identity whose index is gone cannot be named any more: NOTHING is the same.
    const expected = start.map((row) =>
      row['relname'] === 'index_gone' ? { ...row, relreplident: 'n' } : row,
    );
    assert.deepEqual(await state(), expected);
    assert.deepEqual(await restoreIdentities(source, former), []);
    // What somebody changed meanwhile is left.
    await makeIdentitiesFull(source, tables);
    await server.query(database, 'ALTER TABLE with_key REPLICA IDENTITY NOTHING; DROP TABLE bare');
    const later = await restoreIdentities(source, former);
    assert.equal(later.length, former.length - 2);
  });

  test('a locked table is waited for in short pieces, then named', async () => {
    const database = await server.createDatabase();
    await server.query(database, 'CREATE TABLE t (id int PRIMARY KEY, v text)');
    await using source = await opened(database);
    const tables = await followed(source, { 'public.t': 'id > 0' });
    const other = await server.connect(database);
    await other.query('BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE');
    const named = /table public\.t stays locked by process \d+/;
    await fails(ensurePublications(source, slot, tables, impatient), 'FF838', named);
    await fails(makeIdentitiesFull(source, tables, impatient), 'FF838', named);
    const stopped = new AbortController();
    const waiting = ensurePublications(source, slot, tables, {
      ...impatient,
      attempts: 999,
      signal: stopped.signal,
    });
    await poll(
      async () => (await server.query(database, 'SELECT FROM pg_locks WHERE NOT granted')).length > 0,
      'a wait',
    );
    stopped.abort();
    await fails(waiting, 'FF509', /interrupted/);
    const done = ensurePublications(source, slot, tables, { ...impatient, attempts: 999 });
    await other.query('COMMIT');
    await other.end();
    assert.equal((await done).added.size, 1);
    await makeIdentitiesFull(source, tables, impatient);
  });
}
