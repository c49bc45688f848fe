import type { FaultData } from '../../protocol/connection.js';
import type {
  CutoverSnapshot,
  CutoverStepSnapshot,
  FollowSnapshot,
  StoppedTable,
} from '../../protocol/follow.js';

/** `the source` and `the target`, but no name of anything. */
const sides = /(?<=\b(?:[Tt]he|old) )(?:source|target)\b/g;

const exchanged = (text: string): string =>
  text.replace(sides, (side) => (side === 'source' ? 'target' : 'source'));

const exchangedFault = (fault: FaultData): FaultData => ({
  ...fault,
  message: exchanged(fault.message),
  fix: exchanged(fault.fix),
});

export function stepInWordsOfMigration(step: CutoverStepSnapshot): CutoverStepSnapshot {
  return step.detail === undefined ? step : { ...step, detail: exchanged(step.detail) };
}

export function cutoverInWordsOfMigration(cutover: CutoverSnapshot): CutoverSnapshot {
  return {
    ...cutover,
    steps: cutover.steps.map(stepInWordsOfMigration),
    checks: cutover.checks.map((check) => ({
      ...check,
      message: exchanged(check.message),
      ...(check.fix !== undefined && { fix: exchanged(check.fix) }),
    })),
    ...(cutover.fault && { fault: exchangedFault(cutover.fault) }),
  };
}

/**
 * The way back is a follow as any, and calls its own source and target so. Who looks at the migration knows them the
 * other way round, and still wants to know of the cutover that handed the target over until there is one back: not of
 * one that was only taken back.
 */
export function inWordsOfMigration(said: FollowSnapshot, forward?: CutoverSnapshot): FollowSnapshot {
  const isTakenBack = said.state === 'wayBack' && said.cutover?.fault === undefined;
  const isBack = said.cutover !== undefined && !isTakenBack;
  const cutover = isBack ? cutoverInWordsOfMigration(said.cutover) : (forward ?? said.cutover);
  return {
    ...said,
    stopped: said.stopped.map((table) => ({ ...table, fault: exchangedFault(table.fault) })),
    ...(said.ended && { ended: exchangedFault(said.ended) }),
    ...(said.reconnecting && { reconnecting: exchangedFault(said.reconnecting) }),
    ...(cutover && { cutover }),
    ...(isBack && forward && { forward }),
  };
}

/** DDL for the old source, which is read-only for everybody: as one text, or line by line. */
export function forReadOnly(table: StoppedTable): StoppedTable {
  if (table.ddl === undefined) return table;
  const lines = 'SET default_transaction_read_only = off;\nSET TRANSACTION READ WRITE;\n';
  return { ...table, ddl: `${lines}${table.ddl}` };
}
