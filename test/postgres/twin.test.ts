import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { makeCertificates } from '../support/postgres/certificates.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const majors =
  process.env['FLEXFERRY_MAJORS'] === 'all' ? ([13, 14, 15, 16, 17, 18] as const) : ([13, 17] as const);

interface Refusal {
  readonly what: string;
  readonly sql: string;
  readonly code: string;
  readonly message: RegExp;
  /** Before that major PostgreSQL lets a CREATEROLE role do it, and only Azure's own changes refuse it. */
  readonly from?: number;
}

const notListed =
  /^extension "\w+" is not allow-listed for "azure_pg_admin" users in Azure Database for PostgreSQL$/;

/** What facts about a Flexible Server say its admin cannot do. */
const refusals: readonly Refusal[] = [
  {
    what: 'a superuser',
    sql: 'CREATE ROLE root SUPERUSER',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'becoming superuser',
    sql: 'ALTER ROLE flexadmin SUPERUSER',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'becoming azuresu',
    sql: 'SET ROLE azuresu',
    code: '42501',
    message: /permission denied to set role/,
  },
  {
    what: 'pg_write_server_files',
    sql: 'GRANT pg_write_server_files TO flexadmin',
    code: '42501',
    message: /permission denied to grant role/,
    from: 16,
  },
  {
    what: 'an owner azuresu',
    sql: 'CREATE SCHEMA x AUTHORIZATION azuresu',
    code: '42501',
    message: /SET ROLE|member of role/,
  },
  {
    what: 'handing public to a role that one is not a member of',
    sql: 'ALTER SCHEMA public OWNER TO azuresu',
    code: '42501',
    message: /SET ROLE|member of role/,
  },
  { what: 'an unlisted extension', sql: 'CREATE EXTENSION file_fdw', code: '0A000', message: notListed },
  {
    what: 'an unlisted one, quoted',
    sql: 'create  extension if not exists "file_fdw"',
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an extension nobody has heard of',
    sql: 'CREATE EXTENSION nonsense',
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an unlisted extension created inside DO',
    sql: "DO $$ BEGIN EXECUTE 'CREATE ' || 'EXTENSION lo'; END $$",
    code: '0A000',
    message: notListed,
  },
  {
    what: 'an allow-list that the session made for itself',
    sql: "SET azure.extensions = 'file_fdw'; CREATE EXTENSION file_fdw",
    code: '0A000',
    message: notListed,
  },
  {
    what: 'moving an extension',
    sql: 'ALTER EXTENSION hstore SET SCHEMA elsewhere',
    code: '0A000',
    message: /^SET SCHEMA clause for ALTER EXTENSION is not supported\.$/,
  },
  {
    what: 'a comment on plpgsql',
    sql: "COMMENT ON EXTENSION plpgsql IS 'x'",
    code: '42501',
    message: /^must be owner of extension plpgsql$/,
  },
  {
    what: 'a comment on an extension',
    sql: 'COMMENT ON EXTENSION hstore IS NULL',
    code: '42501',
    message: /^must be owner of extension hstore$/,
  },
  { what: 'a tablespace', sql: "CREATE TABLESPACE t LOCATION '/tmp'", code: '42501', message: /tablespace/ },
  {
    what: 'a function in C',
    sql: "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
    code: '42501',
    message: /^permission denied for language c$/,
  },
  {
    what: 'a function in internal',
    sql: "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'x'",
    code: '42501',
    message: /language internal/,
  },
  { what: 'an untrusted language', sql: 'CREATE EXTENSION plpython3u', code: '0A000', message: notListed },
  {
    what: 'a base type',
    sql: 'CREATE TYPE b; CREATE TYPE b (INPUT = int4in, OUTPUT = int4out)',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'a binary-coercible cast',
    sql: 'CREATE TYPE c AS ENUM (); CREATE CAST (c AS int) WITHOUT FUNCTION',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'a text-search parser',
    sql: 'CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'an event trigger',
    sql: 'CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()',
    code: '42501',
    message: /superuser|permission denied/i,
  },
  {
    what: 'a publication of all tables',
    sql: 'CREATE PUBLICATION p FOR ALL TABLES',
    code: '42501',
    message: /superuser/,
  },
  {
    what: 'COPY to a file',
    sql: "COPY (SELECT 1) TO '/tmp/flexferry-must-not-be'",
    code: '42501',
    message: /superuser|privileges|permission denied/,
  },
  {
    what: 'COPY from a program',
    sql: "CREATE TABLE t (a text); COPY t FROM PROGRAM 'ls'",
    code: '42501',
    message: /superuser|privileges|permission denied/,
  },
  {
    what: 'ALTER SYSTEM',
    sql: "ALTER SYSTEM SET work_mem = '8MB'",
    code: '42501',
    message: /superuser|permission denied/,
  },
  {
    what: 'a database setting of a superuser',
    sql: 'ALTER DATABASE postgres SET lo_compat_privileges = on',
    code: '42501',
    message: /permission denied|must be owner/,
  },
  { what: 'md5()', sql: "SELECT md5('x')", code: '42501', message: /md5/ },
  ...[
    'pg_authid',
    'pg_shadow',
    'pg_statistic',
    'pg_subscription',
    'pg_user_mapping',
    'pg_largeobject',
    'pg_hba_file_rules',
    'pg_file_settings',
    'pg_config',
    'pg_replication_origin_status',
  ].map(
    (name): Refusal => ({
      what: `reading ${name}`,
      sql: `TABLE pg_catalog.${name}`,
      code: '42501',
      message: new RegExp(`permission denied for .*${name}`),
    }),
  ),
];

const permitted: readonly { readonly what: string; readonly sql: string; readonly from?: number }[] = [
  {
    what: 'listed extensions',
    sql: 'CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public',
  },
  { what: 'dropping an extension', sql: 'CREATE EXTENSION unaccent; DROP EXTENSION unaccent' },
  { what: 'an extension and what it needs', sql: 'CREATE EXTENSION earthdistance CASCADE' },
  {
    what: 'a foreign server',
    sql: 'CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw',
  },
  {
    what: 'roles, and giving them objects',
    sql: 'CREATE ROLE clerk; GRANT clerk TO CURRENT_USER; CREATE SCHEMA c AUTHORIZATION clerk; DROP SCHEMA c; DROP ROLE clerk',
  },
  { what: 'BYPASSRLS', sql: 'CREATE ROLE b BYPASSRLS; DROP ROLE b', from: 16 },
  {
    what: 'objects in schema public',
    sql: 'CREATE TABLE public.t (a int); CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$',
  },
  { what: 'comments on tables', sql: "CREATE TABLE k (a int); COMMENT ON TABLE k IS 'x'" },
  {
    what: 'large objects',
    sql: "SELECT lo_from_bytea(12345, 'x'); COMMENT ON LARGE OBJECT 12345 IS 'x'; SELECT lo_unlink(12345)",
  },
  { what: 'a publication of one table', sql: 'CREATE TABLE p (a int); CREATE PUBLICATION p FOR TABLE p' },
  { what: 'session_replication_role', sql: 'SET session_replication_role = replica', from: 15 },
  { what: 'ending sessions', sql: 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE false' },
  { what: 'checksums without md5', sql: "SELECT hashtextextended('x', 0), sha256('x')" },
];

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

    it('replicates once Azure allowed it', async () => {
      const replication = { ...tcp(twin), replication: 'database' } as pg.ClientConfig;
      await assert.rejects(new pg.Client(replication).connect(), { code: '42501' });
      await twin.allowReplication();
      const client = new pg.Client(replication);
      await client.connect();
      await client.query('IDENTIFY_SYSTEM');
      await client.end();
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
