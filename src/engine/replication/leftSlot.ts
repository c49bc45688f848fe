import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';

/** A walsender that was told to end is gone within moments; milliseconds. */
const goneWithin = 10_000;
const pause = 50;

interface SlotUse {
  pid: number | null;
  application: string | null;
}

/**
 * Drops a slot of ours in the database of the session, over an ordinary connection. A replication session of ours that
 * still reads it (its run is dead or has lost the target) is ended first, unless it is to be left to whoever uses it.
 * @returns false where there is none, or where it is left.
 * @throws Fault FF801 if somebody else reads it.
 */
export async function dropLeftSlot(session: Session, slot: string, inUse: 'end' | 'leave'): Promise<boolean> {
  for (const end = Date.now() + goneWithin; ; await sleep(pause)) {
    const use = await slotUse(session, slot);
    if (use === undefined) return false;
    if (use.pid === null && (await dropIdle(session, slot))) return true;
    if (inUse === 'leave') return false;
    const isOurs = use.application?.startsWith('flexferry ') ?? true;
    if (!isOurs || Date.now() > end) {
      const by = use.application ? ` (${use.application})` : '';
      throw new Fault('FF801', `The replication slot ${slot} is read by another connection${by}.`);
    }
    if (use.pid !== null) await session.query('SELECT pg_catalog.pg_terminate_backend($1)', [use.pid]);
  }
}

/** Undefined where this database has no such slot of pgoutput. */
async function slotUse(session: Session, slot: string): Promise<SlotUse | undefined> {
  const { rows } = await session.query<SlotUse>(
    `SELECT s.active_pid AS pid, a.application_name AS application
     FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.slot_name = $1 AND s.plugin = 'pgoutput' AND s.database = current_database()`,
    [slot],
  );
  return rows[0];
}

/** False where somebody came in between, to read or to drop it: to be looked at again. */
async function dropIdle(session: Session, slot: string): Promise<boolean> {
  try {
    await session.query('SELECT pg_catalog.pg_drop_replication_slot($1)', [slot]);
    return true;
  } catch (error) {
    // object_in_use, undefined_object
    if (error instanceof Fault && (error.sqlstate === '55006' || error.sqlstate === '42704')) return false;
    throw error;
  }
}
