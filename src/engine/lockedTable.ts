import { displayName } from '../ddl/identifier.js';
import { Fault } from './errors/fault.js';
import type { Session } from './postgres/session.js';

/** Long enough for a DDL that is at work, short enough to tell soon of one that was left open. */
const lockWait = '15s';

/**
 * Reads the catalog of the source. The size of a table that somebody holds in ACCESS EXCLUSIVE mode has to wait for him,
 * and he may be a transaction that was left open or prepared: it ends with FF838, which names both.
 */
export async function withinLockWait<T>(source: Session, read: () => Promise<T>): Promise<T> {
  await source.script(`SET lock_timeout = '${lockWait}'`);
  try {
    const result = await read();
    await source.script('SET lock_timeout = 0');
    return result;
  } catch (error) {
    if (!(error instanceof Fault) || error.sqlstate !== '55P03') throw error;
    throw await lockedFault(source, error);
  }
}

async function lockedFault(source: Session, cause: Fault): Promise<Fault> {
  const { rows } = await source.query<{ schema: string; name: string; holder: string }>(
    `SELECT n.nspname AS schema, c.relname AS name,
       CASE WHEN l.pid IS NULL THEN concat_ws(' ', 'a prepared transaction', quote_literal(x.gid))
            ELSE format('process %s', l.pid) || coalesce(format(' (%s)', nullif(a.application_name, '')), '') END AS holder
     FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     LEFT JOIN pg_locks t ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
       AND t.virtualtransaction = l.virtualtransaction
     LEFT JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
     WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'AccessExclusiveLock'
       AND c.relkind IN ('r', 'm', 'p', 'v', 'f', 'S') AND l.pid IS DISTINCT FROM pg_backend_pid()
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY 1, 2, 3 LIMIT 1`,
  );
  const [row] = rows;
  if (row === undefined)
    return new Fault('FF838', 'A table of the source stays locked.', { sqlstate: '55P03', cause });
  const table = displayName(row.schema, row.name);
  return new Fault('FF838', `The table ${table} of the source stays locked by ${row.holder}.`, {
    object: `table ${table}`,
    sqlstate: '55P03',
    cause,
  });
}
