import type { TablesParams } from '../protocol/engine.js';
import type { TableSnapshot, WorkState } from '../protocol/model.js';
import type { RunTracker } from './run/runTracker.js';

const order: Readonly<Record<WorkState, number>> = { running: 0, failed: 1, pending: 2, done: 3, skipped: 4 };

/** A page of the tables of a run: running ones first, then failed ones, then by size. */
export function tablesPage(
  tracker: RunTracker,
  params: TablesParams,
): { total: number; tables: TableSnapshot[] } {
  const database = tracker.databases.find((d) => d.key === params.database);
  const text = params.text?.toLowerCase() ?? '';
  const found = [...(database?.tables.values() ?? [])].filter(
    (t) =>
      (params.state === undefined || t.state === params.state) &&
      `${t.schema}.${t.name}`.toLowerCase().includes(text),
  );
  found.sort(
    (a, b) =>
      order[a.state] - order[b.state] ||
      Math.max(b.bytes, b.bytesEstimated) - Math.max(a.bytes, a.bytesEstimated),
  );
  return {
    total: found.length,
    tables: found.slice(params.offset, params.offset + params.limit).map((t) => ({ ...t })),
  };
}
