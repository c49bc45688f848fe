import { setTimeout as sleep } from 'node:timers/promises';
import { displayName } from '../../ddl/identifier.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';

export interface LockPatience {
  /** Longest wait for a lock in one attempt: others queue behind it meanwhile. Default 1 s. */
  readonly lockTimeoutMs?: number;
  /** Default 30. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

const pauseMs = 300;

/**
 * Several statements in one transaction that locks tables of a server in use. Rejects with FF838 which says who holds a
 * lock, FF509 when aborted.
 */
export async function runLocking(
  session: Session,
  sql: string,
  oids: readonly string[],
  patience: LockPatience = {},
): Promise<void> {
  await withPatience(session, oids, patience, (setTimeout) => session.script(`${setTimeout}; ${sql}`));
}

/**
 * An attempt never waits for long, as others queue behind it, but is made again. `attempt` is one transaction that
 * begins with the statement that it is given.
 */
export async function withPatience<T>(
  session: Session,
  oids: readonly string[],
  { lockTimeoutMs = 1_000, attempts = 30, signal }: LockPatience,
  attempt: (setTimeout: string) => Promise<T>,
): Promise<T> {
  for (let made = 1; ; made++) {
    if (signal?.aborted) throw new Fault('FF509', 'interrupted while tables were locked by others');
    try {
      return await attempt(`SET LOCAL lock_timeout = ${Math.max(1, Math.round(lockTimeoutMs))}`);
    } catch (error) {
      if (!(error instanceof Fault) || error.sqlstate !== '55P03') throw error;
      if (made >= attempts) throw await stillLocked(session, oids, error);
    }
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** ALTER PUBLICATION waits for SHARE UPDATE EXCLUSIVE and above, ALTER TABLE for every lock: the strongest is named. */
async function stillLocked(session: Session, oids: readonly string[], cause: Fault): Promise<Fault> {
  const { rows } = await session.query<{ schema: string; name: string; pid: number; application: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, l.pid, coalesce(a.application_name, '') AS application
     FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND l.relation = ANY ($1::oid[])
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY l.mode NOT IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
       'AccessExclusiveLock'), 1, 2, 3 LIMIT 1`,
    [oids],
  );
  const [row] = rows;
  if (row === undefined) return new Fault('FF838', 'A table stays locked.', { sqlstate: '55P03', cause });
  const table = displayName(row.schema, row.name);
  const by = row.application === '' ? '' : ` (${row.application})`;
  return new Fault('FF838', `The table ${table} stays locked by process ${row.pid}${by}.`, {
    object: `table ${table}`,
    sqlstate: '55P03',
    cause,
  });
}
