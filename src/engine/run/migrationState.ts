import type { Phase, RunState, WorkState } from '../../protocol/model.js';

/**
 * The life of a piece of work (a phase, a table, a statement, an index).
 *
 * | from    | to      | set by                                             | durable (checkpoint in the target) |
 * |---------|---------|----------------------------------------------------|------------------------------------|
 * | pending | running | the worker that takes it                           | no                                 |
 * | pending | done    | a resumed run that finds its checkpoint            | yes                                |
 * | pending | skipped | a rule, or because what it needs is missing        | no: decided anew                   |
 * | running | done    | the worker, in the transaction of the work itself  | yes                                |
 * | running | failed  | the worker; a later run tries again                | no                                 |
 * | running | skipped | the worker that finds nothing to do                | no                                 |
 * | running | pending | interruption                                       | no                                 |
 * | failed  | running | a second way of doing it                           | no                                 |
 */
const transitions: Readonly<Record<WorkState, readonly WorkState[]>> = {
  pending: ['running', 'done', 'skipped', 'failed'],
  running: ['done', 'failed', 'skipped', 'pending'],
  failed: ['running'],
  done: [],
  skipped: [],
};

/** The next state; throws where the table above has no such step, because a silent one would hide a lost failure. */
export function step(from: WorkState, to: WorkState): WorkState {
  if (from === to) return to;
  if (!transitions[from].includes(to)) throw new Error(`no step from ${from} to ${to}`);
  return to;
}

/** Share of the whole that each phase takes in a progress bar. Copy is most of it; the sum is 1. */
export const phaseWeight: Readonly<Record<Phase, number>> = {
  assess: 0.01,
  dump: 0.02,
  preData: 0.04,
  copy: 0.55,
  indexes: 0.15,
  constraints: 0.06,
  postData: 0.02,
  sequences: 0.01,
  analyze: 0.04,
  // Following has no end of its own.
  follow: 0,
  cutover: 0,
  verify: 0.1,
};

/** What a process that ran this should exit with. 2 (usage) never comes from a run. */
export function exitCodeOf(state: RunState): 0 | 1 | 3 | 4 {
  switch (state) {
    case 'succeeded':
      return 0;
    case 'incomplete':
      return 1;
    case 'refused':
      return 3;
    default:
      return 4;
  }
}
