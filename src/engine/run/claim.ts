import { chunks } from '../../base/pool.js';
import { Fault } from '../errors/fault.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { forgetSource } from './checkpoint.js';

/** "flex": the key of the advisory lock that one run holds on its target database. */
const lockKey = 0x666c6578;
/** A killed predecessor's connection may be in a statement: its server notices within 5 s (see the pinned settings), milliseconds. */
const claimWait = 10_000;
const pause = 100;

/** Takes the target database for this run alone, as long as the session lives. Rejects with FF208. */
export async function lockTarget(target: Session, signal: AbortSignal): Promise<void> {
  for (let waited = 0; ; waited += pause) {
    signal.throwIfAborted();
    const { rows } = await target.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${lockKey}) AS locked`,
    );
    if (rows[0]?.locked) return;
    if (waited >= claimWait)
      throw new Fault('FF208', `Another migration is running into the database ${target.spec.database}.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** application_name of the session that holds the target database now; undefined where none does. */
export async function holderOfTarget(target: Session): Promise<string | undefined> {
  const { rows } = await target.query<{ name: string | null }>(
    `SELECT a.application_name AS name FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ${lockKey} AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND l.pid <> pg_catalog.pg_backend_pid()`,
  );
  const [holder] = rows;
  return holder && (holder.name ?? '');
}

/** True while a run, in whatever process, is at work on this target database. */
export async function isRunAtWork(target: Session): Promise<boolean> {
  return (await holderOfTarget(target))?.startsWith('flexferry run:') ?? false;
}

/**
 * Ends what a killed run left busy on a server (an index build does not notice that its client is gone). Only sessions
 * of this user whose name says they belong to another run, and only under the lock, which that run no longer holds.
 */
export async function endOrphans(session: Session, ownPrefix: string): Promise<void> {
  const orphans = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
    AND application_name LIKE 'flexferry run:%' AND application_name NOT LIKE ${literal(`flexferry ${ownPrefix}%`)} AND pid <> pg_backend_pid()`;
  await session.query(`SELECT pg_terminate_backend(pid) FROM (${orphans}) o`);
  for (let waited = 0; waited < claimWait; waited += pause) {
    const { rowCount } = await session.query(orphans);
    if (rowCount === 0) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

interface UndoRow {
  readonly position: string;
  readonly undo: string | null;
}

/**
 * --restart: takes back everything that earlier runs made from these sources, last first and without CASCADE, so that nothing is dropped that
 * someone else made. What still has dependants is tried again after the others; rejects with FF215 when that leads
 * nowhere, with the checkpoints of the rest in place.
 */
export async function undoRun(target: Session, sources: readonly string[]): Promise<void> {
  const { rows } = await target.query<UndoRow>(
    'SELECT position, undo FROM flexferry.work WHERE source = ANY ($1::text[]) ORDER BY position DESC',
    [sources],
  );
  let left: readonly UndoRow[] = rows;
  while (left.length > 0) {
    const blocked: UndoRow[] = [];
    let reason: Fault | undefined;
    for (const batch of chunks(left, 100)) {
      if ((await undo(target, batch)) === undefined) continue;
      for (const row of batch) {
        const fault = await undo(target, [row]);
        if (!fault) continue;
        blocked.push(row);
        reason ??= fault;
      }
    }
    if (blocked.length === left.length && reason) {
      throw new Fault('FF215', `What an earlier run made cannot be removed: ${reason.message}`, {
        cause: reason,
        sqlstate: reason.sqlstate,
      });
    }
    left = blocked;
  }
  for (const source of sources) await forgetSource(target, source);
}

const undoScript = (rows: readonly UndoRow[]): string =>
  [
    ...rows.flatMap((r) => (r.undo === null ? [] : [r.undo.replace(/;\s*$/, '')])),
    `DELETE FROM flexferry.work WHERE position IN (${rows.map((r) => r.position).join(', ')})`,
  ].join('; ');

/** The fault of the server, or nothing when it worked. */
async function undo(target: Session, rows: readonly UndoRow[]): Promise<Fault | undefined> {
  try {
    await target.script(undoScript(rows));
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault) || error.sqlstate === undefined) throw error;
    return error;
  }
}
