import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { connect } from './connect.js';

const goneWithinMs = 5_000;
const connectWithinSeconds = 5;

/**
 * Ends backends of ours that may still be busy after their connection was dropped, and waits until they are gone, at
 * most 5 s, so that no session or lock outlives a stop. Only backends of this user with our application_name are
 * touched: a process id may have been given to somebody else since. Never rejects.
 * @returns the pids that are still there (or could not be asked about).
 */
export async function terminateBackends(
  spec: ConnectionSpec,
  pids: readonly number[],
): Promise<readonly number[]> {
  if (pids.length === 0) return [];
  try {
    const bounded = {
      ...spec,
      connectTimeout: Math.min(spec.connectTimeout || connectWithinSeconds, connectWithinSeconds),
    };
    const session = await connect(bounded, 'cleanup');
    try {
      const ours = `FROM pg_catalog.pg_stat_activity
        WHERE pid = ANY ($1::int4[]) AND usename = current_user AND application_name LIKE 'flexferry %'`;
      await session.query(`SELECT pg_catalog.pg_terminate_backend(pid) ${ours}`, [pids]);
      for (const end = Date.now() + goneWithinMs; ; await sleep(50)) {
        const { rows } = await session.query<{ pid: number }>(`SELECT pid ${ours}`, [pids]);
        if (rows.length === 0 || Date.now() > end) return rows.map((row) => row.pid);
      }
    } finally {
      await session.close();
    }
  } catch {
    return pids;
  }
}
