import type { Fault } from '../engine/errors/fault.js';
import type { ErrorCode } from '../protocol/errorCodes.js';
import type { DoneEvent } from '../protocol/model.js';

/** What is wrong with what the user typed or wrote: command line, connection string, service, password or project file. */
const usageFaults: ReadonlySet<ErrorCode> = new Set([
  'FF110',
  'FF112',
  'FF700',
  'FF701',
  'FF702',
  'FF704',
  'FF705',
]);

/** The exit code of a run that ended before there was one: 2 for usage, 4 for a signal, else 3 (could not start). */
export function failureCode(code: ErrorCode): 2 | 3 | 4 {
  if (code === 'FF509') return 4;
  return usageFaults.has(code) ? 2 : 3;
}

/** The last line of `--json` where no run began, so that whoever reads it always finds one. */
export function failedBeforeStart(fault: Fault, now: Date): DoneEvent {
  return {
    event: 'done',
    at: now.toISOString(),
    run: '',
    state: 'refused',
    exitCode: failureCode(fault.code),
    seconds: 0,
    totals: {
      databases: 0,
      tables: 0,
      rows: 0,
      bytes: 0,
      largeObjects: 0,
      indexes: 0,
      statements: 0,
      skipped: 0,
      failed: 0,
      different: 0,
    },
    tables: [],
    findings: [],
    fault: fault.toData(),
    report: '',
  };
}
