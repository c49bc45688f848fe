import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { certificates as ownCertificates } from './certificates.js';
import { type Major, queryOnce, startServer, type TestServer } from './embedded.js';
import { replicationModule } from './twinModule.js';
import { closeTemplate0, databaseSetup, roleSetup, serviceDatabases } from './twinSetup.js';

export interface TwinOptions {
  /** 13 to 18; before 13 there are no trusted extensions to build on. */
  readonly major?: Major;
  /** The allow-list in server parameter azure.extensions. */
  readonly extensions?: readonly string[];
  /** Without quotes and backslashes. Made up by default. */
  readonly adminPassword?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly storage?: 'memory' | 'disk';
}

/**
 * A server that refuses and permits what a Flexible Server does. `uri`, `query`, `connect` and `createDatabase` are the
 * admin's, over TLS and with the password. One deviation where there is no C compiler: PostgreSQL itself lets nobody give
 * himself REPLICATION (Azure changed its server for that); {@link TestTwin.allowReplication} does it everywhere.
 */
export interface TestTwin extends TestServer {
  readonly admin: { readonly user: string; readonly password: string };
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** The same, as PEM text. */
  readonly authority: string;
  /** As azuresu, through the Unix socket: for what Microsoft does on the real one, and for looking behind the curtain. */
  superQuery<Row = Record<string, unknown>>(
    database: string,
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** False where there is no C compiler: then the admin cannot give itself REPLICATION. */
  readonly givesReplication: boolean;
  /** What `ALTER ROLE <admin> REPLICATION` by the admin does on the real server. */
  allowReplication(): Promise<void>;
  /** Replaces the allow-list, as `az postgres flexible-server parameter set` does. */
  setExtensions(extensions: readonly string[]): Promise<void>;
}

export const defaultExtensions: readonly string[] = [
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'earthdistance',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'ltree',
  'pg_trgm',
  'pgcrypto',
  'postgres_fdw',
  'tablefunc',
  'unaccent',
  'uuid-ossp',
];

const adminUser = 'flexadmin';

/** No line for hostnossl: a connection without TLS gets the real server's "no pg_hba.conf entry ..., no encryption". */
const hba = `local   all         azuresu               trust
hostssl all         all     127.0.0.1/32  scram-sha-256
hostssl replication all     127.0.0.1/32  scram-sha-256
`;

/** Starts a twin in about half a second. */
export async function startFlexibleServerTwin(options: TwinOptions = {}): Promise<TestTwin> {
  const major = options.major ?? 17;
  if (major < 13) throw new Error('the twin needs PostgreSQL 13 or newer');
  const password = options.adminPassword ?? randomBytes(12).toString('base64url');
  const certificates = await ownCertificates();
  const replication = replicationModule(major);
  const server = await startServer({
    major,
    variant: 'twin',
    hba,
    tls: { certificate: certificates.certificate, key: certificates.key },
    settings: {
      password_encryption: 'scram-sha-256',
      ssl_min_protocol_version: 'TLSv1.2',
      'azure.extensions': (options.extensions ?? defaultExtensions).join(','),
      // 15 reserved in all, for superusers and (from 16) for pg_use_reserved_connections.
      superuser_reserved_connections: major >= 16 ? '10' : '15',
      ...(major >= 16 ? { reserved_connections: '5' } : {}),
      ...(replication === undefined ? {} : { shared_preload_libraries: replication }),
      ...options.settings,
    },
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.storage === undefined ? {} : { storage: options.storage }),
  });
  try {
    await server.query('postgres', roleSetup(major, adminUser, password));
    for (const database of ['template0', 'template1', 'postgres'])
      await server.query(database, databaseSetup());
    for (const statement of [...serviceDatabases, closeTemplate0]) await server.query('postgres', statement);
    const caFile = join(server.socketDir, 'ca.pem');
    writeFileSync(caFile, certificates.authority);
    chmodSync(caFile, 0o644);
    const admin = { user: adminUser, password };
    return new FlexibleServerTwin(server, admin, caFile, certificates.authority, replication !== undefined);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class FlexibleServerTwin implements TestTwin {
  readonly host = '127.0.0.1';
  readonly major: Major;
  readonly port: number;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  #made = 0;

  constructor(
    private readonly server: TestServer,
    readonly admin: TestTwin['admin'],
    readonly caFile: string,
    readonly authority: string,
    readonly givesReplication: boolean,
  ) {
    this.major = server.major;
    this.port = server.port;
    this.dataDir = server.dataDir;
    this.socketDir = server.socketDir;
    this.logFile = server.logFile;
  }

  get pid(): number {
    return this.server.pid;
  }

  uri(database = 'postgres', user = this.admin.user): string {
    const login =
      user === this.admin.user
        ? `${user}:${encodeURIComponent(this.admin.password)}`
        : encodeURIComponent(user);
    const tls = `sslmode=verify-full&sslrootcert=${encodeURIComponent(this.caFile)}`;
    return `postgresql://${login}@${this.host}:${this.port}/${encodeURIComponent(database)}?${tls}`;
  }

  async connect(database: string): Promise<pg.Client> {
    const { user, password } = this.admin;
    const ssl = { ca: this.authority };
    const client = new pg.Client({ host: this.host, port: this.port, user, password, database, ssl });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async query<Row = Record<string, unknown>>(
    database: string,
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]> {
    return queryOnce<Row>(await this.connect(database), sql, values);
  }

  superQuery<Row = Record<string, unknown>>(
    database: string,
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]> {
    return this.server.query<Row>(database, sql, values);
  }

  async createDatabase(name = `test_${++this.#made}_${randomBytes(3).toString('hex')}`): Promise<string> {
    await this.query('postgres', `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    return name;
  }

  async allowReplication(): Promise<void> {
    await this.superQuery('postgres', `ALTER ROLE ${this.admin.user} REPLICATION`);
  }

  async setExtensions(extensions: readonly string[]): Promise<void> {
    await this.superQuery('postgres', `ALTER SYSTEM SET azure.extensions = '${extensions.join(',')}'`);
    await this.superQuery('postgres', 'SELECT pg_reload_conf()');
  }

  restart(settings?: Readonly<Record<string, string>>, shutdown?: 'fast' | 'immediate'): Promise<void> {
    return this.server.restart(settings, shutdown);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
