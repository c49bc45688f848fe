import { chunks } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';

/** Compares all large objects of the run; a difference becomes a finding. */
export async function verifyLargeObjects(
  context: DatabaseContext,
  source: Session,
  target: Session,
): Promise<void> {
  const { tracker } = context;
  const { oids } = tracker.largeObjects;
  if (oids.length === 0) return;
  const equal = await largeObjectsEqual(source, target, oids).catch((error: unknown) => {
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    return error;
  });
  if (equal instanceof Fault) {
    const message = `Large objects could not be compared: ${equal.message}`;
    tracker.finding({
      code: 'FF601',
      severity: 'error',
      object: 'large objects',
      message,
      fix: errorCodes.FF601.help,
    });
    return;
  }
  tracker.largeObjects = { ...tracker.largeObjects, equal };
  if (!equal)
    tracker.finding({
      code: 'FF600',
      severity: 'error',
      object: 'large objects',
      message: 'Large objects differ between source and target.',
      fix: errorCodes.FF600.help,
    });
}

/** Compares large objects by count, size and hash, in batches; true when all are equal. */
async function largeObjectsEqual(
  source: Session,
  target: Session,
  oids: readonly string[],
): Promise<boolean> {
  const wide = Math.min(source.versionNum, target.versionNum) >= 110000;
  // With its name, so that two objects that changed places are seen.
  const text = `m.oid::text || ':' || encode(lo_get(m.oid), 'base64')`;
  const hash = wide ? `hashtextextended(${text}, 0)` : `hashtext(${text})::bigint`;
  for (const batch of chunks(oids, 500)) {
    const sql = `SELECT count(*)::text || '/' || coalesce(sum(${hash}), 0)::text AS sum FROM pg_largeobject_metadata m WHERE m.oid = ANY ($1::oid[])`;
    const [a, b] = await Promise.all([source, target].map((s) => s.query<{ sum: string }>(sql, [batch])));
    if (a?.rows[0]?.sum !== b?.rows[0]?.sum) return false;
  }
  return true;
}
