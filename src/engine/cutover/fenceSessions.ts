import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.js';
import { mayEnd, otherSessions } from './fenceFacts.js';

/** A session of somebody else. Nothing of what it does. */
export interface LeftSession {
  readonly pid: number;
  readonly role: string;
  /** Its application_name, '' where it has none. */
  readonly program: string;
  readonly mayEnd: boolean;
}

export interface EndRequest {
  /** Only sessions that began at this time of the server or later; timestamptz text. */
  readonly from: string | undefined;
  /** By our clock, milliseconds since the epoch. */
  readonly end: number;
  readonly signal: AbortSignal;
}

const pauseMs = 50;
/**
 * A session shows up some time after it has read its settings, and this user may not see when one began. So long after
 * the settings changed, those that are new have read the new ones. Milliseconds.
 */
const startingMs = 150;

/**
 * Ends the sessions of others that began before now, and waits until they are gone. Those that come while it waits are
 * left alone. @returns how many were ended, and who is left.
 */
export async function endSessions(
  session: Session,
  { from, end, signal }: EndRequest,
): Promise<{ readonly ended: number; readonly left: readonly LeftSession[] }> {
  const { rows: times } = await session.query<{ now: string }>(
    'SELECT pg_catalog.clock_timestamp()::text AS now',
  );
  const now = times[0]?.now ?? '';
  const seen = new Set<number>();
  const ended = new Set<number>();
  for (const began = Date.now(); ; await sleep(pauseMs)) {
    signal.throwIfAborted();
    const isStarting = Date.now() - began < startingMs;
    const { rows } = await session.query<LeftSession & { hidden: boolean }>(
      `SELECT a.pid, r.rolname AS role, a.application_name AS program, ${mayEnd} AS "mayEnd",
         a.backend_start IS NULL AS hidden
       FROM ${otherSessions} AND coalesce(a.backend_start <= $1::timestamptz AND a.backend_start >= $2::timestamptz, true)`,
      [now, from ?? '-infinity'],
    );
    const wanted = rows.filter(({ pid, hidden }) => !hidden || isStarting || seen.has(pid));
    for (const { pid } of wanted) seen.add(pid);
    const pids = wanted.filter((one) => one.mayEnd).map(({ pid }) => pid);
    for (const pid of pids) ended.add(pid);
    // Again each time: one that was in the middle of its start had not listened yet.
    if (pids.length > 0)
      await session.query('SELECT pg_catalog.pg_terminate_backend(p) FROM pg_catalog.unnest($1::int4[]) p', [
        pids,
      ]);
    const isOver = pids.length === 0 && !isStarting;
    if (isOver || Date.now() > end)
      return { ended: ended.size, left: wanted.map(({ hidden: _, ...one }) => one) };
  }
}

/**
 * Who has written in a transaction that is still open, whatever kind of process it is: waits for their end. A vacuum
 * has a transaction of its own, but no role.
 */
export async function writersLeft(
  session: Session,
  end: number,
  signal: AbortSignal,
): Promise<readonly LeftSession[]> {
  for (; ; await sleep(pauseMs)) {
    signal.throwIfAborted();
    const { rows } = await session.query<LeftSession>(
      `SELECT a.pid, r.rolname AS role, a.application_name AS program, false AS "mayEnd"
       FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
       WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
         AND a.backend_xid IS NOT NULL AND NOT (a.application_name LIKE 'flexferry %' AND a.usename = current_user)`,
    );
    if (rows.length === 0 || Date.now() > end) return rows;
  }
}
