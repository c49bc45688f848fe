import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import type { PlannedStatement } from './plannedStatement.js';
import { reportFailed, runEitherWay } from './runStatements.js';

/**
 * Refreshes materialized views once more, in the order of the dump, in which each comes after those that it reads.
 * Without checkpoints: they were filled before, and what they read has changed since. What fails becomes a finding.
 * @returns how many are fresh.
 */
export async function refreshAgain(
  context: DatabaseContext,
  target: Session,
  refreshes: readonly PlannedStatement[],
): Promise<number> {
  const { tracker, signal } = context;
  const wanted = refreshes.filter(({ skip }) => !skip);
  tracker.again('postData');
  tracker.begin('postData', wanted.length);
  let fresh = 0;
  for (const item of wanted) {
    signal.throwIfAborted();
    try {
      await runEitherWay(context, target, item);
      fresh += 1;
      tracker.advance('postData', 'done');
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault) || endsRun(error)) throw error;
      reportFailed(context, 'postData', item, error);
    }
  }
  tracker.end('postData');
  return fresh;
}
