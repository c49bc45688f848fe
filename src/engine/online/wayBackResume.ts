import { parseRelation } from '../../protocol/mapping.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Checkpoint } from '../run/checkpoint.js';
import type { FollowRow } from '../run/followState.js';

/** Says of a run that has handed over what it has done, for the report of the one that goes on. */
export function tellHandedOver({ tracker }: DatabaseJob, row: FollowRow, checkpoint: Checkpoint): void {
  for (const phase of [
    'dump',
    'preData',
    'copy',
    'indexes',
    'constraints',
    'postData',
    'sequences',
    'analyze',
    'cutover',
    'verify',
  ] as const)
    tracker.leaveOut(phase);
  for (const [item, { rows, bytes }] of checkpoint.items('table')) {
    // With its row filter behind the name, where it has one.
    const table = parseRelation(/^"(?:[^"]|"")*"\."(?:[^"]|"")*"/.exec(item)?.[0] ?? '');
    if (table === undefined) continue;
    tracker.addTable(table, bytes, rows);
    tracker.setTable(table, 'done', { rows, bytes });
  }
  if (row.said) tracker.setFollow({ ...row.said, state: row.state });
}
