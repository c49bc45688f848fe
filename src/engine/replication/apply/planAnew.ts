import { Fault } from '../../errors/fault.js';
import { changeFault, type Reason, reasonOfCount, stoppingRun } from './applyFaults.js';
import type { LaneBatch, LaneChange, SourcedStep } from './laneBatch.js';

/** What a step met: an error, or another number of rows than expected. */
export type Failure =
  | { readonly fault: Fault; readonly step: SourcedStep | undefined }
  | { readonly fault: undefined; readonly step: SourcedStep; readonly rows: number };

export interface Circumstances {
  /** Changes that cannot be applied wait already. */
  readonly keepsWaiting: boolean;
  readonly replicaRole: boolean;
  /** What a change that cannot be applied stops. */
  readonly onFailure: 'table' | 'run';
}

/**
 * Another way for what failed in a batch; where there is none its table stops. Each way is taken once, and each stop
 * leaves fewer changes: a batch is planned anew at most so many times as it has changes, and four times for each table.
 * @throws the Fault where that is no way, either
 */
export function planAnew(batch: LaneBatch, failure: Failure, circumstances: Circumstances): void {
  const { fault, step } = failure;
  const from = step?.from;
  // Rows that others refer to may come behind them in a batch that is merged table by table.
  if (fault?.sqlstate === '23503' && from?.kind !== 'check' && batch.order()) return;
  switch (from?.kind) {
    case 'truncate':
      if (batch.truncateOtherwise(from.oid)) return;
      break;
    case 'merged':
      if (batch.orderTable(from.oid)) return;
      break;
    case 'check': {
      if (batch.checkEach()) return;
      const culprit = from.commitLsn === undefined ? undefined : batch.culprit(from.commitLsn, fault?.table);
      if (culprit === undefined || fault === undefined) break;
      stopAt(batch, culprit, fault, circumstances);
      return;
    }
    case 'one': {
      const { change } = from;
      if (change.change.kind === 'truncate' && batch.truncateOtherwise(change.followed.oid)) return;
      stopAt(batch, change, reasonOf(change, failure, circumstances), circumstances);
      return;
    }
    default:
  }
  throw fault ?? new Fault('FF900', 'a merged batch has lost its rows');
}

function reasonOf({ change, table }: LaneChange, failure: Failure, { replicaRole }: Circumstances): Reason {
  if (failure.fault !== undefined) return failure.fault;
  if (failure.step.tellsUnsent) return 'unsent';
  const { acts } = table.target;
  return reasonOfCount(change, failure.rows, replicaRole ? acts.replica : acts.origin);
}

function stopAt(
  batch: LaneBatch,
  at: LaneChange,
  why: Reason,
  { onFailure, keepsWaiting }: Circumstances,
): void {
  const told = changeFault(at.table, at.change, at.commitLsn, why);
  if (onFailure === 'run') throw stoppingRun(told);
  batch.stopAt(at, told, keepsWaiting);
}
