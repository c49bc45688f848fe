import type { SourceTable } from '../catalog/tables.js';
import { readCopies, writeCopies } from '../postgres/copyBatch.js';
import type { CopyResult } from '../postgres/copyRelay.js';
import type { Session } from '../postgres/session.js';
import type { Checkpoint } from '../run/checkpoint.js';
import { copyStatements, onlyGenerated } from './copyTable.js';

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
): Promise<CopyResult[]> {
  const statements = tables.map((t) => copyStatements(t, 'own'));
  const copied = await readCopies(
    source,
    statements.map((s) => s.out),
  );
  const script = tables.map((table, i) => {
    const result = copied[i] ?? { rows: 0, bytes: 0 };
    return `${statements[i]?.in ?? ''}; ${checkpoint.record('table', itemOf(table), result)}`;
  });
  await writeCopies(
    target,
    `BEGIN; ${script.join('; ')}; COMMIT`,
    copied.map((c) => c.data),
  );
  return tables.map((table, i) => {
    const { rows, bytes } = copied[i] ?? { rows: 0, bytes: 0 };
    checkpoint.remember('table', itemOf(table), { rows, bytes });
    return { rows, bytes };
  });
}
