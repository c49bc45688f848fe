import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type Distribution, type Major, prepareDistribution, run, type Variant } from './distribution.js';
import { freePort, startPostmaster } from './postmaster.js';
import { makeRunFolder, memoryIsRoomy, serverAccount } from './runFolder.js';

export { defaultMajors, ensureMajor, type Major, majors } from './distribution.js';

export interface ServerOptions {
  readonly major: Major;
  /** postgresql.conf settings over the tests' own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whole text of pg_hba.conf; by default everyone is trusted. */
  readonly hba?: string;
  /** PEM texts; switches ssl on. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly authority?: string };
  readonly port?: number;
  /** `disk` for databases that would not fit in memory, as in benchmarks. Default: memory where it is large enough. */
  readonly storage?: 'memory' | 'disk';
  readonly variant?: Variant;
}

/** A real PostgreSQL server on 127.0.0.1, superuser `postgres`; it ends with this process, however that ends. */
export interface TestServer extends AsyncDisposable {
  readonly major: Major;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  /** The postmaster's, also after a {@link TestServer.restart}. */
  readonly pid: number;
  uri(database?: string, user?: string): string;
  /** One or several statements on a connection of their own, as the superuser; rows of the last one. */
  query<Row = Record<string, unknown>>(
    database: string,
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** A session for the test to hold and to end; the superuser's. */
  connect(database: string): Promise<pg.Client>;
  /** A fresh database; the name is made up unless given. */
  createDatabase(name?: string): Promise<string>;
  /**
   * Shutdown, which ends all sessions, and a start on the same data and port, with further settings. Fast by default;
   * `immediate` is a crash with recovery: what was committed asynchronously just before may be gone.
   */
  restart(settings?: Readonly<Record<string, string>>, shutdown?: 'fast' | 'immediate'): Promise<void>;
  /** Immediate shutdown, as in a crash; the data goes. */
  stop(): Promise<void>;
}

const shutdownLimitMs = 10_000;

/** Durability off, as the data is thrown away; autovacuum off, so that statistics and plans do not depend on time. */
function testSettings(socketDir: string): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketDir,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    shared_buffers: '32MB',
    max_wal_size: '512MB',
    max_connections: '100',
    max_locks_per_transaction: '256',
    wal_level: 'logical',
    max_wal_senders: '10',
    max_replication_slots: '10',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%a %d ',
    dynamic_shared_memory_type: memoryIsRoomy() ? 'posix' : 'mmap',
  };
}

/** Starts a server in about 0.1 s (the first of a major: 1.5 s for initdb; a major not installed: npm's time). */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const distribution = await prepareDistribution(options.major, options.variant);
  const folder = await makeRunFolder(options.major, options.storage ?? 'memory');
  const dataDir = join(folder, 'data');
  try {
    await run('cp', ['-a', '--reflink=auto', distribution.template, dataDir], false);
    chmodSync(dataDir, 0o700);
    appendSettings(dataDir, { ...testSettings(folder), ...options.settings });
    if (options.hba !== undefined) writeFileSync(join(dataDir, 'pg_hba.conf'), options.hba);
    if (options.tls !== undefined) writeTls(dataDir, options.tls);
    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort());
      try {
        return new EmbeddedServer(
          options.major,
          port,
          folder,
          distribution,
          await startPostmaster(distribution, folder, port),
        );
      } catch (error) {
        // Another process may have taken the port between our look and the server's start.
        const taken =
          existsSync(join(folder, 'log')) &&
          readFileSync(join(folder, 'log'), 'utf8').includes('Address already in use');
        if (!taken || options.port !== undefined || attempt === 5) throw error;
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function appendSettings(dataDir: string, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  );
  appendFileSync(join(dataDir, 'postgresql.auto.conf'), lines.join(''));
}

function writeTls(dataDir: string, tls: NonNullable<ServerOptions['tls']>): void {
  const account = serverAccount();
  const files = { 'server.crt': tls.certificate, 'server.key': tls.key, 'root.crt': tls.authority };
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) continue;
    writeFileSync(join(dataDir, name), text, { mode: 0o600 });
    if (account !== undefined) chownSync(join(dataDir, name), account.uid, account.gid);
  }
  appendSettings(dataDir, { ssl: 'on', ...(tls.authority === undefined ? {} : { ssl_ca_file: 'root.crt' }) });
}

/** Runs one or several statements, ends the client, and gives the last one's rows. */
export async function queryOnce<Row>(
  client: pg.Client,
  sql: string,
  values?: readonly unknown[],
): Promise<Row[]> {
  try {
    const result: pg.QueryResult | pg.QueryResult[] = await client.query(
      sql,
      values === undefined ? undefined : [...values],
    );
    const last = Array.isArray(result) ? result.at(-1) : result;
    return (last?.rows ?? []) as Row[];
  } finally {
    await client.end();
  }
}

class EmbeddedServer implements TestServer {
  readonly host = '127.0.0.1';
  readonly dataDir: string;
  readonly logFile: string;
  #made = 0;

  constructor(
    readonly major: Major,
    readonly port: number,
    readonly socketDir: string,
    private readonly distribution: Distribution,
    private postmaster: ChildProcess,
  ) {
    this.dataDir = join(socketDir, 'data');
    this.logFile = join(socketDir, 'log');
    process.once('exit', this.#onExit);
  }

  readonly #onExit = (): void => {
    this.postmaster.kill('SIGQUIT');
    rmSync(this.socketDir, { recursive: true, force: true, maxRetries: 3 });
  };

  get pid(): number {
    return this.postmaster.pid ?? 0;
  }

  uri(database = 'postgres', user = this.distribution.superuser): string {
    return `postgresql://${encodeURIComponent(user)}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  async connect(database: string): Promise<pg.Client> {
    // Through the socket, so that a server that asks for TLS and passwords on TCP still lets the test in.
    const client = new pg.Client({
      host: this.socketDir,
      port: this.port,
      user: this.distribution.superuser,
      database,
    });
    client.on('error', () => undefined); // a server stopped under an idle session is not the test's failure
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

  async createDatabase(name = `test_${++this.#made}_${randomBytes(3).toString('hex')}`): Promise<string> {
    await this.query('postgres', `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    return name;
  }

  async restart(
    settings: Readonly<Record<string, string>> = {},
    shutdown: 'fast' | 'immediate' = 'fast',
  ): Promise<void> {
    await this.#end(shutdown === 'fast' ? 'SIGINT' : 'SIGQUIT');
    appendSettings(this.dataDir, settings);
    this.postmaster = await startPostmaster(this.distribution, this.socketDir, this.port);
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    await this.#end('SIGQUIT');
    await rm(this.socketDir, { recursive: true, force: true, maxRetries: 3 });
  }

  async #end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const child = this.postmaster;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const overdue = setTimeout(() => child.kill('SIGQUIT'), shutdownLimitMs);
    await ended;
    clearTimeout(overdue);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
