import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { makeCertificates } from '../support/postgres/certificates.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { permitted, refusals } from '../support/postgres/twinRules.js';

const majors =
  process.env['FLEXFERRY_MAJORS'] === 'all' ? ([13, 14, 15, 16, 17, 18] as const) : ([13, 17] as const);

for (const major of majors) {
  describe(`the Flexible Server twin on PostgreSQL ${major}`, () => {
    let twin: TestTwin;
    before(async () => {
      twin = await startFlexibleServerTwin({ major });
    });
    after(() => twin.stop());

    for (const { what, sql, code, message, from = 0 } of refusals) {
      if (major < from) continue;
      it(`refuses ${what}`, async () => {
        const database = await twin.createDatabase();
        await twin.query(database, 'CREATE EXTENSION hstore; CREATE SCHEMA elsewhere');
        await assert.rejects(twin.query(database, sql), { code, message });
      });
    }

    for (const { what, sql, from = 0 } of permitted) {
      if (major >= from) {
        it(`permits ${what}`, async () => {
          await twin.query(await twin.createDatabase(), sql);
        });
      }
    }

    it('shows its allow-list and points at it', async () => {
      const [shown] = await twin.query<{ 'azure.extensions': string }>('postgres', 'SHOW azure.extensions');
      assert.match(shown?.['azure.extensions'] ?? '', /(^|,)hstore(,|$)/);
      const hint = 'to see the full allow list of extensions, please run: "show azure.extensions;"';
      await assert.rejects(twin.query('postgres', 'CREATE EXTENSION file_fdw'), { hint });
    });

    it('refuses what an extension would bring along unlisted', async () => {
      const database = await twin.createDatabase();
      await using narrow = await startFlexibleServerTwin({ major, extensions: ['earthdistance'] });
      await assert.rejects(narrow.query('postgres', 'CREATE EXTENSION earthdistance CASCADE'), {
        code: '0A000',
        message: /"cube" is not allow-listed/,
      });
      await twin.query(database, 'CREATE EXTENSION earthdistance CASCADE');
    });

    it('follows a change of the allow-list', async () => {
      await using changing = await startFlexibleServerTwin({ major, extensions: [] });
      await assert.rejects(changing.query('postgres', 'CREATE EXTENSION hstore'), { code: '0A000' });
      await changing.setExtensions(['hstore']);
      await changing.query('postgres', 'CREATE EXTENSION hstore');
    });

    it('refuses extensions to others than its admins', async () => {
      const database = await twin.createDatabase();
      await twin.query(database, "CREATE ROLE outsider LOGIN PASSWORD 'outside'");
      await twin.query(database, `GRANT CREATE ON DATABASE ${database} TO outsider`);
      const client = new pg.Client({ ...tcp(twin, 'outside'), user: 'outsider', database });
      await client.connect();
      await assert.rejects(client.query('CREATE EXTENSION hstore'), {
        message: 'Only members of "azure_pg_admin" are allowed to use CREATE EXTENSION',
      });
      await client.end();
    });

    for (const database of ['azure_maintenance', 'azure_sys']) {
      it(`refuses a connection to ${database}, and lists it`, async () => {
        await assert.rejects(twin.query(database, 'SELECT 1'), {
          code: '42501',
          message: `permission denied for database "${database}"`,
        });
        const listed = await twin.query('postgres', 'SELECT 1 FROM pg_database WHERE datname = $1', [
          database,
        ]);
        assert.equal(listed.length, 1);
      });
    }

    for (const template of ['template1', 'template0']) {
      it(`gives schema public to azure_pg_admin in databases made from ${template}`, async () => {
        const name = `from_${template}`;
        await twin.query('postgres', `CREATE DATABASE ${name} TEMPLATE ${template}`);
        const sql = "SELECT nspowner::regrole::text AS owner FROM pg_namespace WHERE nspname = 'public'";
        assert.deepEqual(await twin.query(name, sql), [{ owner: 'azure_pg_admin' }]);
        await assert.rejects(twin.query(name, 'CREATE EXTENSION file_fdw'), { code: '0A000' });
      });
    }

    it('has an admin without superuser, in azure_pg_admin, and no role postgres', async () => {
      const [role] = await twin.query(
        'postgres',
        `SELECT rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolreplication,
                pg_has_role(current_user, 'azure_pg_admin', 'member') AS member,
                (SELECT count(*)::int FROM pg_roles WHERE rolname = 'postgres') AS postgres
           FROM pg_roles WHERE rolname = current_user`,
      );
      assert.deepEqual(role, {
        rolsuper: false,
        rolcreatedb: true,
        rolcreaterole: true,
        rolinherit: true,
        rolreplication: false,
        member: true,
        postgres: 0,
      });
    });

    it('keeps connections for its own use', async () => {
      await using small = await startFlexibleServerTwin({ major, settings: { max_connections: '20' } });
      const open = await Promise.all([1, 2, 3, 4, 5].map(() => small.connect('postgres')));
      await assert.rejects(small.connect('postgres'), { code: '53300' });
      await Promise.all(open.map((client) => client.end()));
    });

    it('asks for TLS', async () => {
      const client = new pg.Client({ ...tcp(twin), ssl: false });
      await assert.rejects(client.connect(), {
        code: '28000',
        message: /no pg_hba\.conf entry for host .* (no encryption|SSL off)/,
      });
    });

    it('shows a certificate of its own authority and of no other', async () => {
      const other = await makeCertificates();
      const client = new pg.Client({ ...tcp(twin), ssl: { ca: other.authority } });
      await assert.rejects(client.connect(), /certificate|signature|self-signed/);
      const sql = 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
      assert.match(
        (await twin.query<{ version: string }>('postgres', sql))[0]?.version ?? '',
        /^TLSv1\.[23]$/,
      );
    });

    it('refuses TLS 1.1', async () => {
      const old = {
        ...tcp(twin).ssl,
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'ALL:@SECLEVEL=0',
      } as const;
      await assert.rejects(new pg.Client({ ...tcp(twin), ssl: old }).connect(), /protocol|alert|version/i);
    });

    it('asks for the right password, by SCRAM', async () => {
      await assert.rejects(new pg.Client(tcp(twin, 'wrong')).connect(), { code: '28P01' });
      const [secret] = await twin.superQuery<{ kind: string }>(
        'postgres',
        "SELECT split_part(rolpassword, '$', 1) AS kind FROM pg_authid WHERE rolname = 'flexadmin'",
      );
      assert.equal(secret?.kind, 'SCRAM-SHA-256');
    });

    it('replicates once the admin gave itself the right to, which no other role gets', async (t) => {
      const replication = { ...tcp(twin), replication: 'database' } as pg.ClientConfig;
      await assert.rejects(new pg.Client(replication).connect(), { code: '42501' });
      if (twin.givesReplication) {
        await twin.query('postgres', 'CREATE ROLE other_role');
        for (const more of ['other_role REPLICATION', 'flexadmin SUPERUSER', 'azuresu NOREPLICATION'])
          await assert.rejects(twin.query('postgres', `ALTER ROLE ${more}`), { code: '42501' }, more);
        await twin.query('postgres', 'ALTER ROLE flexadmin REPLICATION');
      } else {
        t.diagnostic('no C compiler: the twin gives the right in the place of its admin');
        await twin.allowReplication();
      }
      const client = new pg.Client(replication);
      await client.connect();
      await client.query('IDENTIFY_SYSTEM');
      await client.end();
      if (twin.givesReplication) await twin.query('postgres', 'ALTER ROLE flexadmin WITH NOREPLICATION;');
    });

    it('hides how it works from lists of user objects', async () => {
      const rows = await twin.query(
        await twin.createDatabase(),
        `SELECT evtname FROM pg_event_trigger e WHERE NOT EXISTS
           (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')`,
      );
      assert.deepEqual(rows, []);
    });
  });
}

function tcp(twin: TestTwin, password = twin.admin.password) {
  const uri = new URL(twin.uri('postgres'));
  assert.equal(uri.searchParams.get('sslmode'), 'verify-full');
  return {
    host: twin.host,
    port: twin.port,
    user: twin.admin.user,
    password,
    database: 'postgres',
    ssl: { ca: twin.authority },
  };
}
