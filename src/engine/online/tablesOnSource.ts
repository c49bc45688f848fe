import type { ErrorCode } from '../../protocol/errorCodes.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { formatRelation } from '../../protocol/mapping.js';
import type { SourceTable } from '../catalog/tables.js';
import { type MovedTables, movedTables } from '../catalog/tablesNow.js';
import type { Session } from '../postgres/session.js';
import { publishedOids } from '../replication/publicationCatalog.js';
import type { DatabaseTracker } from '../run/databaseTracker.js';
import type { FollowRow } from '../run/followState.js';

/** What somebody did on the source to tables that are followed, which no change in the stream tells. */
export interface TablesOnSource extends MovedTables {
  /** Those that were taken out of our publications: what was done to them since does not come. */
  readonly unpublished: readonly SourceTable[];
}

/** A cheap look, to be taken often. */
export async function tablesOnSource(
  source: Session,
  followed: readonly SourceTable[],
  row: Pick<FollowRow, 'publications' | 'ownsSlot'>,
): Promise<TablesOnSource> {
  const moved = await movedTables(source, followed);
  // What the user publishes himself is his own business.
  if (!row.ownsSlot) return { ...moved, unpublished: [] };
  const published = await publishedOids(source, row.publications);
  const gone = new Set(moved.gone);
  const isLeftOut = (table: SourceTable): boolean => !gone.has(table) && published?.has(table.oid) === false;
  return { ...moved, unpublished: followed.filter(isLeftOut) };
}

/** As findings; what is so no more is withdrawn. */
export function tellOnSource(
  tracker: DatabaseTracker,
  { gone, renamed, unpublished }: TablesOnSource,
  side: 'source' | 'target',
): void {
  const other = side === 'source' ? 'target' : 'source';
  const found = [
    ...gone.map((table) =>
      of('FF854', table, `was dropped on the ${side}; the ${other} has it as it was then`),
    ),
    ...renamed.map(({ table, now }) =>
      of(
        'FF854',
        table,
        `is ${formatRelation(now)} on the ${side} now; the ${other} has it under its former name`,
      ),
    ),
    ...unpublished.map((table) =>
      of('FF855', table, `was taken out of the publication: its changes do not come any more`),
    ),
  ];
  const objects = new Set(found.map(({ code, object }) => `${code} ${object}`));
  tracker.withdraw(
    ({ code, object }) => (code === 'FF854' || code === 'FF855') && !objects.has(`${code} ${object}`),
    new Set(),
  );
  for (const finding of found) tracker.finding(finding);
}

function of(code: Extract<ErrorCode, 'FF854' | 'FF855'>, table: SourceTable, what: string) {
  const severity = code === 'FF854' ? ('warning' as const) : ('error' as const);
  const name = formatRelation(table);
  return {
    code,
    severity,
    object: `table ${name}`,
    message: `The table ${name} ${what}.`,
    fix: errorCodes[code].help,
  };
}
