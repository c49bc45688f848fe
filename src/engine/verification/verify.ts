import { forEachConcurrent } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { TableVerification } from '../../protocol/model.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { importSnapshot } from '../postgres/snapshot.js';
import type { DatabaseContext } from '../run/context.js';
import { type ChecksumRules, checksumQuery, checksumRules, checksumSettings } from './checksum.js';

/** Compares every table that was copied, both servers at once, `jobs` tables at a time. Differences become findings. */
export async function verifyTables(context: DatabaseContext, tables: readonly SourceTable[]): Promise<void> {
  const { options, signal } = context;
  const pairs = new Map<number, Promise<VerifyPair>>();
  try {
    await forEachConcurrent(
      tables,
      Math.min(options.jobs, Math.max(1, tables.length)),
      async (table, index) => {
        signal.throwIfAborted();
        let pair = pairs.get(index);
        if (!pair) {
          pair = openPair(context, index);
          pairs.set(index, pair);
        }
        const broken = await verifyOne(context, await pair, table);
        if (broken) pairs.delete(index);
      },
    );
  } finally {
    for (const opening of pairs.values()) await closePair(context, opening);
  }
}

interface VerifyPair {
  readonly source: Session;
  readonly target: Session;
  readonly rules: ChecksumRules;
}

async function openPair(context: DatabaseContext, index: number): Promise<VerifyPair> {
  const { sessions, snapshot } = context;
  const source = await sessions.open('source', `verify ${index + 1}`);
  const target = await sessions.open('target', `verify ${index + 1}`);
  const encoding = async (s: Session): Promise<string> =>
    (await s.query<{ e: string }>(`SELECT current_setting('server_encoding') AS e`)).rows[0]?.e ?? '';
  const same = (await encoding(source)) === (await encoding(target));
  const rules = checksumRules(source.versionNum, target.versionNum, same);
  await source.script(checksumSettings(rules));
  await target.script(checksumSettings(rules));
  await importSnapshot(source, snapshot);
  return { source, target, rules };
}

async function closePair(context: DatabaseContext, opening: Promise<VerifyPair>): Promise<void> {
  const pair = await opening.catch(() => undefined);
  if (!pair) return;
  await Promise.all([context.sessions.close(pair.source), context.sessions.close(pair.target)]);
}

/** True when the pair cannot be used again: an error ends the transaction that holds the snapshot. */
async function verifyOne(context: DatabaseContext, pair: VerifyPair, table: SourceTable): Promise<boolean> {
  const { tracker, signal } = context;
  const name = `${table.schema}.${table.name}`;
  const sql = checksumQuery(table, pair.rules);
  const both = await Promise.allSettled(
    [pair.source, pair.target].map((session) => session.query<{ rows: string; checksum: string }>(sql)),
  );
  signal.throwIfAborted();
  const [source, target] = both;
  if (source?.status === 'fulfilled' && target?.status === 'fulfilled') {
    const verification = compare(source.value.rows[0], target.value.rows[0]);
    tracker.setVerification(table, verification);
    tracker.advance('verify', verification.equal ? 'done' : 'failed');
    if (!verification.equal) {
      const message =
        verification.sourceRows === verification.targetRows
          ? `${name}: ${verification.sourceRows} rows on both sides, but their contents differ.`
          : `${name}: ${verification.sourceRows} rows on the source, ${verification.targetRows} on the target.`;
      tracker.finding({
        code: 'FF600',
        severity: 'error',
        object: `table ${name}`,
        message,
        fix: errorCodes.FF600.help,
      });
    }
    return false;
  }
  const reason: unknown =
    source?.status === 'rejected' ? source.reason : target?.status === 'rejected' ? target.reason : undefined;
  if (!(reason instanceof Fault) || endsRun(reason)) throw reason;
  tracker.advance('verify', 'failed');
  tracker.finding({
    code: 'FF601',
    severity: 'error',
    object: `table ${name}`,
    message: `${name} could not be compared: ${reason.message}`,
    fix: errorCodes.FF601.help,
  });
  await closePair(context, Promise.resolve(pair));
  return true;
}

function compare(
  source: { rows: string; checksum: string } | undefined,
  target: { rows: string; checksum: string } | undefined,
): TableVerification {
  const sourceRows = Number(source?.rows ?? -1);
  const targetRows = Number(target?.rows ?? -2);
  const sourceChecksum = source?.checksum ?? '';
  const targetChecksum = target?.checksum ?? '';
  return {
    equal: sourceRows === targetRows && sourceChecksum === targetChecksum,
    sourceRows,
    targetRows,
    sourceChecksum,
    targetChecksum,
  };
}
