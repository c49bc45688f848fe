import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cliFolder, doneOf, runCli } from '../support/flexferry.js';
import { makeCertificates } from '../support/postgres/certificates.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { assertRefused, type Refusal } from '../support/refused.js';

const password = 'right horse';
let source: TestServer;
let target: TestTwin;
let tables: string;

before(async () => {
  source = await startServer({
    major: 13,
    hba: `local all all trust
host all postgres 127.0.0.1/32 trust
host all stranger 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256`,
    settings: { password_encryption: 'scram-sha-256', max_prepared_transactions: '2' },
  });
  target = await startFlexibleServerTwin({ major: 17 });
  tables = await source.createDatabase('tables');
  await source.query(
    'tables',
    `CREATE ROLE reader LOGIN PASSWORD '${password}'; CREATE ROLE stranger LOGIN;
     CREATE ROLE watcher LOGIN PASSWORD '${password}' BYPASSRLS; CREATE ROLE idle NOLOGIN PASSWORD '${password}';
     CREATE TABLE open_to_all (id int PRIMARY KEY); INSERT INTO open_to_all SELECT generate_series(1, 10);
     CREATE TABLE "Closed to readers" (id int); INSERT INTO "Closed to readers" VALUES (1);
     CREATE SEQUENCE closed_sequence;
     GRANT SELECT ON open_to_all TO reader;
     CREATE SCHEMA rows; GRANT USAGE ON SCHEMA rows TO reader, watcher;
     CREATE TABLE rows.secret (id int, owner text); INSERT INTO rows.secret VALUES (1, 'reader'), (2, 'nobody');
     GRANT SELECT ON rows.secret TO reader, watcher;
     ALTER TABLE rows.secret ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON rows.secret USING (owner = current_user)`,
  );
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const from = (user: string, secret = password, database = tables): string =>
  `postgresql://${user}:${encodeURIComponent(secret)}@127.0.0.1:${source.port}/${database}`;

/** A clone that must not begin. */
const refused = (
  args: { source?: string; target?: string; more?: readonly string[] },
  expected: Refusal,
): Promise<void> =>
  assertRefused(
    { source, target },
    [
      'clone',
      '--source',
      args.source ?? source.uri(tables),
      '--target',
      args.target ?? target.uri('fresh'),
      ...(args.more ?? []),
    ],
    expected,
  );

describe('connecting', () => {
  test('wrong password on the source', () =>
    refused(
      { source: from('reader', 'wrong') },
      { code: 'FF102', says: /user "reader".*password authentication failed/ },
    ));

  test('wrong password on the target', () =>
    refused(
      { target: target.uri('fresh').replace(encodeURIComponent(target.admin.password), 'wrong') },
      { code: 'FF102', says: /flexadmin.*password authentication failed/ },
    ));

  test('no password at all', () =>
    refused(
      { source: `host=127.0.0.1 port=${source.port} user=reader dbname=tables` },
      { code: 'FF102', says: /user "reader"/ },
    ));

  test('unknown host', () => {
    // A label of 64 letters is refused by the resolver itself, so no question leaves the machine.
    const host = `${'x'.repeat(64)}.invalid`;
    return refused(
      { source: `postgresql://a@${host}/b` },
      { code: 'FF101', says: /host name that cannot be resolved/ },
    );
  });

  test('a port where nobody listens', () =>
    refused(
      { source: 'postgresql://postgres@127.0.0.1:1/tables' },
      { code: 'FF100', says: /cannot be reached/ },
    ));

  test('TLS demanded by the client, refused by the server', () =>
    refused({ source: `${source.uri(tables)}?sslmode=require` }, { code: 'FF104', says: /SSL|TLS/ }));

  test('TLS demanded by the server, forbidden by the client', () =>
    refused(
      { target: target.uri('fresh').replace(/sslmode=.*/, 'sslmode=disable') },
      { code: 'FF105', says: /TLS only/, fix: /sslmode=require/ },
    ));

  test('a certificate that no authority of ours signed', async () => {
    using other = cliFolder();
    const { authority } = await makeCertificates();
    const file = join(other.path, 'other.pem');
    await import('node:fs/promises').then((fs) => fs.writeFile(file, authority));
    const uri = target.uri('fresh').replace(/sslrootcert=.*/, `sslrootcert=${encodeURIComponent(file)}`);
    await refused({ target: uri }, { code: 'FF106', says: /127\.0\.0\.1/, fix: /sslrootcert/ });
  });

  test('no such database on the source', () =>
    refused({ source: source.uri('nowhere') }, { code: 'FF103', says: /"nowhere"/ }));

  test('a role that may not log in, and one that pg_hba.conf rejects', async () => {
    await refused({ source: from('idle') }, { code: 'FF113', says: /idle/ });
    await refused({ source: from('stranger') }, { code: 'FF107', says: /stranger/ });
  });

  test('the port of a pooler', async () => {
    using folder = cliFolder();
    const pooled = `postgresql://postgres@127.0.0.1:6432/${tables}`;
    const result = await runCli(['clone', '--source', pooled, '--target', target.uri('fresh')], { folder });
    assert.equal(result.code, 3);
    assert.equal(doneOf(result).fault?.code, 'FF109');
    assert.match(doneOf(result).fault?.fix ?? '', /5432/);
  });
});

describe('a table of the source that stays locked', () => {
  test('is named with the session that holds it, instead of a wait without an end', async () => {
    const holder = await source.connect(tables);
    try {
      await holder.query(`SET application_name = 'left open'; BEGIN; LOCK TABLE open_to_all`);
      await refused({}, { code: 'FF838', says: /public\.open_to_all .*process \d+ \(left open\)/ });
    } finally {
      await holder.end();
    }
  });

  test('is named with the prepared transaction that holds it', async () => {
    await source.query(tables, `BEGIN; LOCK TABLE open_to_all; PREPARE TRANSACTION 'for''gotten'`);
    try {
      using folder = cliFolder();
      const args = ['clone', '--source', source.uri(tables), '--target', target.uri('fresh')];
      const result = await runCli(args, { folder });
      const { fault } = doneOf(result);
      assert.equal(result.code, 3);
      assert.equal(fault?.code, 'FF838');
      assert.match(fault.message, /public\.open_to_all .*prepared transaction 'for''gotten'/);
    } finally {
      await source.query(tables, `ROLLBACK PREPARED 'for''gotten'`);
    }
  });
});

describe('rights on the source', () => {
  test('a table that the role may not read is named, with every other one', () =>
    refused(
      { source: from('reader') },
      { code: 'FF200', says: /public\.Closed to readers/, fix: /GRANT SELECT/ },
    ));

  test('and left out by its schema, the rest is migrated', async () => {
    using folder = cliFolder();
    await source.query(
      tables,
      'GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader; CREATE SCHEMA mine; CREATE TABLE mine.t AS SELECT 1 AS a; GRANT USAGE ON SCHEMA mine TO reader; GRANT SELECT ON mine.t TO reader',
    );
    const result = await runCli(
      ['clone', '--source', from('reader'), '--target', target.uri('only_mine'), '--schema', 'mine'],
      { folder },
    );
    assert.equal(result.code, 1, 'the role reader does not exist on the target: a grant is left out');
    assert.deepEqual(
      doneOf(result).tables.map((t) => [t.schema, t.table, t.equal]),
      [['mine', 't', true]],
    );
    await source.query(tables, 'DROP SCHEMA mine CASCADE');
    await target.query('postgres', 'DROP DATABASE only_mine');
  });

  test('a sequence that the role may not read', async () => {
    await source.query(
      tables,
      'GRANT SELECT ON "Closed to readers" TO reader; REVOKE ALL ON closed_sequence FROM reader',
    );
    await refused({ source: from('reader') }, { code: 'FF200', says: /sequence public\.closed_sequence/ });
    await source.query(tables, 'GRANT SELECT ON closed_sequence TO reader');
  });

  test('row-level security that would hide rows, with a role that may read the table', async () => {
    await source.query(
      tables,
      'GRANT SELECT ON "Closed to readers", closed_sequence TO reader, watcher; GRANT SELECT ON open_to_all TO watcher',
    );
    await refused({ source: from('reader') }, { code: 'FF201', says: /rows\.secret/, fix: /BYPASSRLS/ });
  });

  test('BYPASSRLS sees all rows and may migrate', async () => {
    using folder = cliFolder();
    const result = await runCli(['clone', '--source', from('watcher'), '--target', target.uri('seen')], {
      folder,
    });
    const secret = doneOf(result).tables.find((t) => t.table === 'secret');
    assert.deepEqual([secret?.rows, secret?.equal], [2, true]);
    assert.deepEqual(await target.superQuery('seen', 'SELECT count(*)::int AS n FROM rows.secret'), [
      { n: 2 },
    ]);
    assert.ok(!existsSync(join(folder.home, '.pgpass')));
    await target.query('postgres', 'DROP DATABASE seen');
  });

  test('FORCE ROW LEVEL SECURITY hides rows from the owner too', async () => {
    await source.query(tables, 'ALTER TABLE rows.secret OWNER TO reader');
    using folder = cliFolder();
    const asOwner = await runCli(
      ['clone', '--source', from('reader'), '--target', target.uri('owned'), '--schema', 'rows'],
      { folder },
    );
    assert.equal(doneOf(asOwner).tables[0]?.rows, 2);
    await target.query('postgres', 'DROP DATABASE owned');
    await source.query(tables, 'ALTER TABLE rows.secret FORCE ROW LEVEL SECURITY');
    await refused({ source: from('reader') }, { code: 'FF201', says: /rows\.secret/ });
  });
});

describe('the target', () => {
  test('read-only from the start', async () => {
    const database = await target.createDatabase('frozen');
    await target.query('postgres', `ALTER DATABASE frozen SET default_transaction_read_only = on`);
    await refused({ target: target.uri(database) }, { code: 'FF206', says: /frozen is read-only/ });
    await target.superQuery('postgres', 'DROP DATABASE frozen');
  });

  test('read-only as a whole, where the database is still to be made', async () => {
    await target.superQuery('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on');
    await target.superQuery('postgres', 'SELECT pg_reload_conf()');
    await refused({ target: target.uri('not_made') }, { code: 'FF206', says: /read-only/ });
    await target.superQuery('postgres', 'ALTER SYSTEM RESET default_transaction_read_only');
    await target.superQuery('postgres', 'SELECT pg_reload_conf()');
  });

  test('a user that may not create a database, and one that may not create in it', async () => {
    await target.query('postgres', `CREATE ROLE clerk LOGIN PASSWORD 'clerks own'`);
    await target.createDatabase('not_his');
    const clerk = (database: string): string =>
      target.uri(database).replace(/\/\/[^@]*@/, `//clerk:${encodeURIComponent('clerks own')}@`);
    await refused({ target: clerk('new_one') }, { code: 'FF205', says: /clerk may not create databases/ });
    await refused({ target: clerk('not_his') }, { code: 'FF205', says: /clerk may not create schemas/ });
  });

  test('not empty: what is in the way is listed', async () => {
    await target.createDatabase('taken');
    await target.query(
      'taken',
      'CREATE TABLE in_the_way (); CREATE SCHEMA too; CREATE VIEW too.v AS SELECT 1',
    );
    await refused(
      { target: target.uri('taken') },
      { code: 'FF202', says: /table public\.in_the_way/, fix: /--yes/ },
    );
  });

  test('older than the source', async () => {
    await using newer = await startServer({ major: 18 });
    await refused({ source: newer.uri() }, { code: 'FF203', says: /PostgreSQL 18, the target 17/ });
  });

  test('the source itself', async () => {
    await source.query(tables, 'CREATE DATABASE elsewhere');
    await refused({ target: source.uri(tables) }, { code: 'FF209', says: /same database/ });
  });

  test('a schema that does not exist', () =>
    refused({ more: ['--schema', 'no_such_schema'] }, { code: 'FF212', says: /no_such_schema/ }));
});
