import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assessOnline, type OnlineChoice } from '../../src/engine/assessment/online.js';
import { slotFindings } from '../../src/engine/assessment/onlineFindings.js';
import { tableReplicationFacts } from '../../src/engine/catalog/replicaIdentities.js';
import { canSetReplicaRole, readReplicationFacts } from '../../src/engine/catalog/replicationFacts.js';
import { Fault } from '../../src/engine/errors/fault.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { type ErrorCode, type ErrorCodeEntry, errorCodes } from '../../src/protocol/errorCodes.js';
import { poll } from '../support/flexferry.js';
import { identityTables, projectTables } from '../support/identities.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { startFlexibleServerTwin } from '../support/postgres/twin.js';
import { flushedCommits, makeSlot, specOf } from '../support/replication.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

async function opened(
  server: TestServer,
  database: string,
  user?: string,
): Promise<Session & AsyncDisposable> {
  const session = await connect(specOf(server.uri(database, user)), 'test');
  return Object.assign(session, { [Symbol.asyncDispose]: () => session.close() });
}

/** The fix of the fault. */
async function refused(work: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Fault, `no fault, but ${String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return error.fix;
}

for (const major of wanted)
  describe(`what an online migration from PostgreSQL ${major} needs`, () => suite(major));

function suite(major: Major): void {
  let server: TestServer;
  let target: TestServer;
  let targetDatabase: string;
  before(async () => {
    await ensureMajor(major);
    server = await startServer({ major, settings: { ...flushedCommits, max_prepared_transactions: '5' } });
    target = await startServer({ major: 17 });
    targetDatabase = await target.createDatabase();
  });
  after(() => Promise.all([server.stop(), target.stop()]));

  async function assess(database: string, choice: OnlineChoice = {}, user?: string, to = target) {
    await using source = await opened(server, database, user);
    await using into = await opened(to, to === target ? targetDatabase : 'postgres');
    return await assessOnline(source, into, await projectTables(source), choice);
  }

  test('the facts of a server', async () => {
    const database = await server.createDatabase();
    const other = await server.createDatabase();
    await server.query(database, `SELECT lo_create(0); CREATE SEQUENCE s; CREATE PUBLICATION pub`);
    await makeSlot(server, database, 'a_slot');
    const client = await server.connect(other);
    await client.query("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'x'; SET application_name = 'nightly'");
    await client.query('BEGIN; CREATE TABLE u ()');
    await using source = await opened(server, database);
    const facts = await readReplicationFacts(source, 0);
    assert.deepEqual(
      {
        platform: facts.platform,
        inRecovery: facts.inRecovery,
        walLevel: facts.walLevel,
        slots: facts.slots,
        senders: facts.senders.max,
        workers: facts.maxWorkerProcesses,
        user: facts.user,
        walSender: facts.walSenderTimeoutMs,
        memory: facts.decodingWorkMemBytes,
        keep: facts.slotKeepBytes,
        idle: facts.idleSlotTimeoutMs,
        largeObjects: facts.largeObjects,
        sequences: facts.sequences,
        slotNames: facts.slotNames,
        publications: facts.publications,
        prepared: [facts.prepared.here, facts.prepared.elsewhere],
      },
      {
        platform: 'plain',
        inRecovery: false,
        walLevel: 'logical',
        slots: { max: 10, used: 1 },
        senders: 10,
        workers: 8,
        user: { name: 'postgres', superuser: true, mayReplicate: true, mayCreate: true },
        walSender: 60_000,
        memory: major >= 13 ? 64 * 1024 * 1024 : undefined,
        keep: undefined,
        idle: undefined,
        largeObjects: 1,
        sequences: 1,
        slotNames: ['a_slot'],
        publications: ['pub'],
        prepared: [0, 1],
      },
    );
    const open = facts.longTransactions.find((one) => one.application === 'nightly');
    assert.deepEqual([open?.database, open?.wrote], [other, true]);
    const said = slotFindings(facts).map(({ code, severity, message }) => `${severity} ${code} ${message}`);
    assert.match(said.join('\n'), /note FF835 \d+ transactions? open .*\(nightly\)/);
    assert.match(said.join('\n'), /note FF835 1 prepared transaction \(0 of them of this database\)/);
    await client.query('ROLLBACK');
    await client.query("ROLLBACK PREPARED 'x'");
    await client.end();
    await server.query(database, `SELECT pg_drop_replication_slot('a_slot')`);
    assert.equal(await canSetReplicaRole(source), true);
  });

  test('tables without identity: a note, or refused with the statements that help, or made FULL', async () => {
    const database = await server.createDatabase();
    await server.query(
      database,
      `${identityTables(major)}; CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY); CREATE MATERIALIZED VIEW mv AS SELECT 1;
       SELECT lo_create(0); CREATE SEQUENCE s`,
    );
    const calm = await assess(database);
    const notes = calm.findings.map(({ severity, code, object }) => `${severity} ${code} ${object}`);
    assert.deepEqual(notes, [
      'note FF825 replica identity',
      'note FF827 unlogged tables',
      'note FF827 large objects',
      'note FF828 sequences',
      'note FF828 materialized views',
      ...(major < 11 ? ['note FF834 TRUNCATE'] : []),
      'note FF829 DDL',
    ]);
    const fix = calm.findings[0]?.fix ?? '';
    assert.match(fix, /^ALTER TABLE "public"\."bare" REPLICA IDENTITY FULL;$/m);
    assert.match(fix, /^ALTER TABLE "public"\."nothing" REPLICA IDENTITY DEFAULT;$/m);
    assert.match(fix, /^ALTER TABLE "public"\."index_gone" REPLICA IDENTITY DEFAULT;$/m);
    assert.match(fix, /^ALTER TABLE "public"\."Uniqüe only" REPLICA IDENTITY USING INDEX "Odd Index";$/m);
    if (major >= 18) assert.match(fix, /^-- Virtual generated columns rule out/m);
    assert.deepEqual([calm.replicaRole, calm.madeFull, calm.insertOnly], [true, [], calm.withoutIdentity]);
    assert.ok(calm.followed.every(({ name }) => name !== 'fleeting' && name !== 'mv'));

    await server.query(
      database,
      `INSERT INTO bare VALUES ('a'); UPDATE bare SET v = 'b'; INSERT INTO nothing VALUES (1); DELETE FROM nothing`,
    );
    await using source = await opened(server, database);
    const oids = (await projectTables(source)).filter(({ name }) => name === 'bare' || name === 'nothing');
    await poll(async () => {
      const facts = await tableReplicationFacts(
        source,
        oids.map(({ oid }) => oid),
      );
      return [...facts.values()].every(({ updates, deletes }) => updates + deletes === 1);
    }, 'statistics');
    const advice = await refused(
      assess(database),
      'FF824',
      /^Rows of 2 tables .*public\.(bare|nothing), public\./,
    );
    const statements = advice.split('\n').filter((line) => line.startsWith('ALTER TABLE'));
    assert.equal(statements.length, 2);
    const whole = await assess(database, { identityFull: true });
    const madeFull = whole.followed.filter(({ oid }) => whole.madeFull.includes(oid)).map(({ name }) => name);
    assert.ok(madeFull.includes('bare') && madeFull.includes('nothing') && madeFull.includes('put_off'));
    assert.equal(whole.insertOnly.length, major >= 18 ? 2 : 0);
    assert.equal(whole.withoutIdentity.length, whole.insertOnly.length + madeFull.length);
    assert.equal(whole.findings.find(({ code }) => code === 'FF826')?.severity, 'note');
    // What the advice says really helps.
    await server.query(database, statements.join('\n'));
    const helped = await assess(database);
    assert.deepEqual(helped.insertOnly.length, calm.insertOnly.length - 2);
    assert.ok(helped.findings.every(({ severity }) => severity === 'note'));
    // A slot and publications of the user's own are his to judge.
    const own = await assess(database, { skipCopy: { slot: 's', publications: ['p'] } });
    assert.deepEqual([own.insertOnly, own.madeFull], [[], []]);
  });

  test('the rights of the source user', async () => {
    const database = await server.createDatabase();
    const user = `mover_${major}`;
    await server.query(
      database,
      `CREATE ROLE ${user} LOGIN; CREATE TABLE mine (id int PRIMARY KEY); ALTER TABLE mine OWNER TO ${user};
       GRANT USAGE ON SCHEMA public TO ${user}`,
    );
    assert.match(
      await refused(assess(database, {}, user), 'FF805', new RegExp(user)),
      /ALTER ROLE "mover_\d+" REPLICATION;/,
    );
    await server.query(
      database,
      `CREATE ROLE rds_replication; CREATE ROLE rds_superuser; GRANT rds_replication TO ${user}`,
    );
    const grant = await refused(assess(database, {}, user), 'FF823', /may not create publications/);
    assert.match(grant, /GRANT CREATE ON DATABASE "test_\w+" TO "mover_\d+";/);
    await server.query(database, /GRANT .*;/.exec(grant)?.[0] ?? '');
    await server.query(database, `CREATE TABLE other (id int PRIMARY KEY); GRANT SELECT ON other TO ${user}`);
    await refused(assess(database, {}, user), 'FF823', /does not own public\.other/);
    await server.query(database, `ALTER TABLE other OWNER TO ${user}; DROP ROLE rds_superuser`);
    const fine = await assess(database, { wayBack: true }, user);
    assert.equal(fine.sourceReplicaRole, false);
    await server.query(
      database,
      `CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER acts BEFORE INSERT ON other FOR EACH ROW EXECUTE PROCEDURE act()`,
    );
    await refused(assess(database, { wayBack: true }, user), 'FF895', /trigger acts on public\.other/);
    // Who may set session_replication_role is kept from those that are set to act even then.
    await assess(database, { wayBack: true });
    await server.query(database, 'ALTER TABLE other ENABLE ALWAYS TRIGGER acts');
    await refused(assess(database, { wayBack: true }), 'FF895', /trigger acts/);
    await server.query(database, 'ALTER TABLE other DISABLE TRIGGER acts');
    await server.query(database, `REVOKE TRUNCATE ON other FROM ${user}`);
    const writing = await refused(
      assess(database, { wayBack: true }, user),
      'FF833',
      /may not write to public\.other/,
    );
    await server.query(database, /GRANT [^;]*;/.exec(writing)?.[0] ?? '');
    await assess(database, { wayBack: true }, user);
    await server.query(database, `REVOKE rds_replication FROM ${user}; DROP ROLE rds_replication`);
  });

  test('room and settings of the source, and limits that may cost the slot', async () => {
    const database = await server.createDatabase();
    await server.query(database, 'CREATE TABLE t (id int PRIMARY KEY)');
    await server.restart({
      max_replication_slots: '1',
      max_wal_senders: '1',
      ...(major >= 13 ? { max_slot_wal_keep_size: '2GB' } : {}),
      ...(major >= 18 ? { idle_replication_slot_timeout: '1h' } : {}),
    });
    const limits = (await assess(database)).findings.filter(({ code }) => code === 'FF836');
    assert.deepEqual(
      limits.map(({ message }) => /2\.1 GB|1 h 00 min/.exec(message)?.[0]),
      [...(major >= 13 ? ['2.1 GB'] : []), ...(major >= 18 ? ['1 h 00 min'] : [])],
    );
    await makeSlot(server, database, 'flexferry_own');
    const more = await refused(assess(database), 'FF820', /^All 1 replication slots/);
    assert.match(more, /^ALTER SYSTEM SET max_replication_slots = '5'; then restart/);
    await assess(database, { slot: 'flexferry_own' });
    await server.query(database, `SELECT pg_drop_replication_slot('flexferry_own')`);
    await server.restart({ max_wal_senders: '0' });
    await refused(assess(database), 'FF821', /^All 0 replication connections/);
    await server.restart({ wal_level: 'replica' });
    const fix = await refused(assess(database), 'FF804', /wal_level = replica/);
    assert.equal(fix, "ALTER SYSTEM SET wal_level = 'logical'; then restart the server.");
    // The other way round it is the target that must be able to.
    await server.restart({ wal_level: 'logical', max_wal_senders: '5', max_replication_slots: '5' });
    await using weak = await startServer({
      major: 17,
      settings: { wal_level: 'replica', max_wal_senders: '0' },
    });
    await refused(
      assess(database, { wayBack: true }, undefined, weak),
      'FF830',
      /target has wal_level = replica/,
    );
    await weak.restart({ wal_level: 'logical' });
    await refused(assess(database, { wayBack: true }, undefined, weak), 'FF831', /max_wal_senders/);
    assert.equal((await assess(database, { wayBack: true })).sourceReplicaRole, true);
    await assess(database, {}, undefined, weak);
  });

  test('a standby is refused', async () => {
    const database = await server.createDatabase();
    const standby = major >= 12 ? ['standby.signal', ''] : ['recovery.conf', "standby_mode = 'on'\n"];
    writeFileSync(join(server.dataDir, standby[0] ?? ''), standby[1] ?? '', { mode: 0o666 });
    await server.restart({ hot_standby: 'on' });
    await refused(assess(database), 'FF822', /standby/);
  });
}

test('a Flexible Server as source and as target', async () => {
  await using source = await startFlexibleServerTwin({ major: 13, settings: { wal_level: 'replica' } });
  await using target = await startFlexibleServerTwin({ major: 17 });
  const database = await source.createDatabase();
  await source.query(database, 'CREATE TABLE t (id int PRIMARY KEY)');
  const assess = async (choice: OnlineChoice = {}) => {
    await using from = await opened(source, database);
    await using to = await opened(target, 'postgres');
    return await assessOnline(from, to, await projectTables(from), choice);
  };
  const parameter = await refused(assess(), 'FF804', /wal_level/);
  assert.match(parameter, /az postgres flexible-server parameter set --name wal_level --value logical/);
  await source.restart({ wal_level: 'logical' });
  await refused(assess(), 'FF805', /flexadmin/);
  await source.allowReplication();
  const found = await assess();
  assert.deepEqual([found.replicaRole, found.source.platform], [true, 'flexibleServer']);
  assert.match(
    await refused(assess({ wayBack: true }), 'FF832', /flexadmin/),
    /ALTER ROLE "flexadmin" REPLICATION;/,
  );
  await target.allowReplication();
  await assess({ wayBack: true });
  await using old = await opened(source, database);
  assert.equal(await canSetReplicaRole(old), false);
});

test('codes of Azure stand at the faults that match', () => {
  const azure = (code: ErrorCode) => (errorCodes[code] as ErrorCodeEntry).azure;
  assert.deepEqual((['FF805', 'FF820', 'FF821', 'FF804'] as const).map(azure), [
    '603104',
    '603105',
    '603106',
    '603107',
  ]);
});
