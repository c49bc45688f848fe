import { findingFor, type StatementFinding } from './rules/verdict.js';
import type { Statement } from './statement.js';

const commands =
  /^(begin|start\s+transaction|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b/i;

/**
 * Why BEGIN, COMMIT, ROLLBACK TO, PREPARE TRANSACTION … do not run: they would end or widen the transaction that records
 * the work. Undefined for every other statement.
 */
export function transactionControl({ kind, object, text }: Statement): StatementFinding | undefined {
  const [, command = ''] = (kind === 'other' && commands.exec(text)) || [];
  if (command === '') return undefined;
  const message = `${command.toUpperCase()} is left out: each statement runs in a transaction of its own.`;
  return findingFor('FF426', 'warning', object, message);
}
