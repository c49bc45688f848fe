import type pg from 'pg';
import type { ConnectionSpec } from '../../protocol/connection.js';

/**
 * One dedicated connection. Opened by {@link connect} (connect.ts), which pins the session settings that make dumps,
 * copies and comparisons byte-exact. Values come back as text unless PostgreSQL says otherwise: no JS dates, no
 * rounded numerics; int8, numeric and oid are strings, bool is boolean, int2/int4 are numbers, NULL is null.
 */
export interface Session {
  readonly spec: ConnectionSpec;
  /** server_version_num, e.g. 130023. */
  readonly versionNum: number;
  readonly backendPid: number;
  /** The driver's client, for src/engine/postgres alone. */
  readonly client: pg.Client;
  /** True after the socket was lost or destroyed. */
  readonly closed: boolean;
  /** One statement with parameters (extended protocol), or any SQL text without. Rejects with a {@link Fault}. */
  query<Row = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
  /** Several statements in one message and one implicit transaction: all or nothing. Rejects with a {@link Fault}. */
  script(sql: string): Promise<void>;
  /** Ends politely, within 2 s; then by force. Never rejects. */
  close(): Promise<void>;
  /** Drops the socket at once. */
  destroy(): void;
}

/** For functions that rely on it; our own statements qualify every name. */
export async function useSearchPath(session: Session, path: string): Promise<void> {
  await session.query(`SELECT pg_catalog.set_config('search_path', $1, false)`, [path]);
}
