import type { SourceTable } from '../catalog/tables.js';
import { readCopies, writeCopies } from '../postgres/copyBatch.js';
import type { CopyResult } from '../postgres/copyRelay.js';
import type { Session } from '../postgres/session.js';
import type { Checkpoint, DoneWork } from '../run/checkpoint.js';
import { copyStatements, type FollowedCopy, onlyGenerated } from './copyTable.js';
import { requireNotRewritten } from './rewritten.js';

/** Tables below this many heap bytes are copied together, `batchCount` at a time. */
const smallTable = 128 * 1024;
export const batchCount = 20;

export function isSmall(table: SourceTable): boolean {
  return table.bytes < smallTable && table.extensionCondition === undefined && !onlyGenerated(table);
}

/**
 * Copies small tables that the project made, with their checkpoints, in one transaction of the target. Rejects with the
 * Fault of the first that fails; none of them is copied then, and the source's snapshot is gone with its transaction.
 */
export async function copySmallTables(
  source: Session,
  target: Session,
  tables: readonly SourceTable[],
  checkpoint: Checkpoint,
  itemOf: (table: SourceTable) => string,
  followed?: FollowedCopy,
): Promise<CopyResult[]> {
  const statements = tables.map((t) => copyStatements(t, 'own'));
  const copied = await readCopies(
    source,
    statements.map((s) => s.out),
  );
  if (followed) await requireNotRewritten(source, tables);
  const workOf = (i: number): DoneWork => {
    const { rows, bytes } = copied[i] ?? { rows: 0, bytes: 0 };
    return { rows, bytes, ...(followed?.lsn !== undefined && { lsn: followed.lsn }) };
  };
  const script = tables.map(
    (table, i) => `${statements[i]?.in ?? ''}; ${checkpoint.record('table', itemOf(table), workOf(i))}`,
  );
  await writeCopies(
    target,
    `BEGIN; ${script.join('; ')}; COMMIT`,
    copied.map((c) => c.data),
  );
  return tables.map((table, i) => {
    const work = workOf(i);
    checkpoint.remember('table', itemOf(table), work);
    return { rows: work.rows, bytes: work.bytes };
  });
}
