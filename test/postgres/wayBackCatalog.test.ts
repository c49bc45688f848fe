import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { actingTables } from '../../src/engine/catalog/actingTables.js';
import { refreshOrder } from '../../src/engine/catalog/materializedViews.js';
import { namesOfOids, oidsOfNames } from '../../src/engine/catalog/relationNames.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import {
  defaultMajors,
  ensureMajor,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { specOf } from '../support/replication.js';

const wanted = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

for (const major of wanted) {
  describe(`what the way back asks the catalog of PostgreSQL ${major}`, () => {
    let server: TestServer;
    let session: Session;
    before(async () => {
      await ensureMajor(major);
      server = await startServer({ major });
      session = await connect(specOf(server.uri('postgres')), 'test');
      await session.script(`
        CREATE SCHEMA s; SET search_path = s;
        CREATE TABLE plain (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY REFERENCES plain);
        CREATE TABLE busy (id int PRIMARY KEY);
        CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER usual BEFORE INSERT ON busy FOR EACH ROW EXECUTE PROCEDURE act();
        CREATE TRIGGER always BEFORE INSERT ON busy FOR EACH ROW EXECUTE PROCEDURE act();
        CREATE TRIGGER replica BEFORE INSERT ON busy FOR EACH ROW EXECUTE PROCEDURE act();
        CREATE TRIGGER off BEFORE INSERT ON busy FOR EACH ROW EXECUTE PROCEDURE act();
        CREATE RULE kept AS ON DELETE TO busy DO INSTEAD NOTHING;
        ALTER TABLE busy ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica, DISABLE TRIGGER off;
        CREATE MATERIALIZED VIEW z_first AS SELECT id FROM plain;
        CREATE VIEW between AS SELECT id FROM z_first;
        CREATE MATERIALIZED VIEW a_second AS SELECT id FROM between;
        CREATE MATERIALIZED VIEW empty AS SELECT id FROM plain WITH NO DATA;
        SET search_path = ''`);
    });
    after(async () => {
      await session?.close();
      await server?.stop();
    });

    const named = (names: readonly string[]) => names.map((name) => ({ schema: 's', name }));

    test('what would act on changes, with and without session_replication_role', async () => {
      const oids = (await oidsOfNames(session, named(['plain', 'child', 'busy']))).map((oid) => oid ?? '');
      const found = async (replicaRole: boolean): Promise<string[]> =>
        (await actingTables(session, oids, replicaRole)).map(({ name, what }) => `${name}: ${what}`);
      assert.deepEqual(await found(true), ['busy: trigger always', 'busy: trigger replica']);
      assert.deepEqual(await found(false), [
        'busy: rule kept',
        'busy: trigger always',
        'busy: trigger usual',
        'child: foreign key child_id_fkey',
      ]);
      assert.deepEqual(await actingTables(session, oids.slice(0, 1), false), []);
    });

    test('materialized views come behind those that they read; those that are not filled stay so', async () => {
      const order = await refreshOrder(session, named(['a_second', 'empty', 'z_first', 'missing']));
      assert.deepEqual(order, named(['z_first', 'a_second']));
      assert.deepEqual(await refreshOrder(session, []), []);
    });

    test('relations by name and by oid', async () => {
      const [plain, missing] = await oidsOfNames(session, named(['plain', 'missing']));
      assert.equal(missing, undefined);
      assert.ok(plain);
      await session.script('ALTER TABLE s.plain RENAME TO renamed');
      const names = await namesOfOids(session, [plain, '1']);
      assert.deepEqual([...names], [[plain, { schema: 's', name: 'renamed' }]]);
      await session.script('ALTER TABLE s.renamed RENAME TO plain');
      assert.deepEqual(await oidsOfNames(session, []), []);
    });
  });
}
