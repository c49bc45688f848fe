import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors/fault.js';
import { type Lsn, lsnFromServer } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';

const flushWithinMs = 10_000;
const pauseMs = 20;

/**
 * A position of the source's log that everything committed before ends at or before, and that is flushed, as only
 * flushed log is sent. Commits may be asynchronous, so an own one is made to flush them: a message that nobody reads.
 */
export async function fencedLsn(session: Session, signal: AbortSignal): Promise<Lsn> {
  await session.query('SET default_transaction_read_only = off');
  const written = await position(session, 'pg_current_wal_insert_lsn');
  // `local`: a standby that is away must not keep the cutover waiting.
  await session
    .script(
      `SET LOCAL synchronous_commit = local; SELECT pg_catalog.pg_logical_emit_message(true, 'flexferry', 'fence')`,
    )
    .catch(async (error: unknown) => {
      if (!(error instanceof Fault) || error.sqlstate !== '42501') throw error;
      // Its commit is asynchronous, but wakes the process that flushes.
      await session.query('SELECT pg_catalog.txid_current()');
    });
  for (const end = Date.now() + flushWithinMs; ; await sleep(pauseMs)) {
    signal.throwIfAborted();
    const flushed = await position(session, 'pg_current_wal_flush_lsn');
    if (flushed >= written || Date.now() > end) return flushed;
  }
}

async function position(
  session: Session,
  of: 'pg_current_wal_insert_lsn' | 'pg_current_wal_flush_lsn',
): Promise<Lsn> {
  const { rows } = await session.query<{ lsn: string }>(`SELECT pg_catalog.${of}()::text AS lsn`);
  return lsnFromServer(rows[0]?.lsn ?? '');
}
