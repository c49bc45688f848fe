/** Plain data about servers and connections, shared by the engine, the command line and the extension. */

/** libpq's sslmode values. https://www.postgresql.org/docs/current/libpq-ssl.html */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/**
 * A connection after URI, keyword string, service file, PG* variables and .pgpass were applied. The password
 * lives in memory only: whatever writes a spec to a file, log or event uses {@link describeServer}.
 */
export interface ConnectionSpec {
  /** One or several hosts, tried in order as libpq does. A host that starts with "/" is a socket directory. */
  readonly hosts: readonly { readonly host: string; readonly hostaddr?: string; readonly port: number }[];
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  readonly sslmode: SslMode;
  readonly sslrootcert?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  /** Seconds; 0 waits for ever, which is raised to the engine's own bound. */
  readonly connectTimeout: number;
  /** libpq's `options` start-up parameter, e.g. "-c search_path=app". */
  readonly options?: string;
  /** `require`: by SCRAM bound to the TLS channel or not at all. Default: bound where the server offers it. */
  readonly channelBinding?: 'disable' | 'require';
  /** Which of several hosts will do. Default: any. */
  readonly targetSessionAttrs?: 'read-write' | 'read-only' | 'primary' | 'standby';
}

/** What a successful connection test found. */
export interface ServerFacts {
  /** server_version_num, e.g. 170010. */
  readonly versionNum: number;
  readonly version: string;
  readonly user: string;
  readonly isSuperuser: boolean;
  /** True where the azure.extensions setting or the azure_pg_admin role is found. */
  readonly isFlexibleServer: boolean;
  readonly encrypted: boolean;
  readonly inRecovery: boolean;
}

/** An error on its way across a process boundary. Never holds a secret or a row value. */
export interface FaultData {
  readonly code: import('./errorCodes.js').ErrorCode;
  readonly message: string;
  /** What to do, one sentence or two. */
  readonly fix: string;
  /** The server's SQLSTATE where there is one. */
  readonly sqlstate?: string;
  readonly object?: string;
  /** Where in the statement the server found it: characters (code points) from 1. */
  readonly position?: number;
}

/** "user@host:port", safe for titles, logs and reports. */
export function describeServer(spec: Pick<ConnectionSpec, 'hosts' | 'user'>): string {
  return `${spec.user}@${spec.hosts.map((h) => `${h.host}:${h.port}`).join(',')}`;
}
