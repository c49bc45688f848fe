import type { ErrorCode } from '../../protocol/errorCodes.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';

/** What was being done when the server refused: the same SQLSTATE means another thing each time. */
export type ReplicationStep = 'connect' | 'create' | 'drop' | 'start' | 'stream';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codes: Readonly<Record<ReplicationStep, Readonly<Record<string, ErrorCode>>>> = {
  // An ordinary connection was let in just before: what is missing is the attribute, or a walsender.
  connect: { '42501': 'FF805', '53300': 'FF803' },
  create: {
    '42501': 'FF805',
    '42710': 'FF813', // duplicate_object
    '53400': 'FF803', // configuration_limit_exceeded
    '55000': 'FF804', // object_not_in_prerequisite_state
    '55P03': 'FF806', // lock_not_available
  },
  drop: { '42704': 'FF800', '55006': 'FF801', '42501': 'FF805' },
  start: {
    '42704': 'FF800', // undefined_object
    '55006': 'FF801', // object_in_use
    '55000': 'FF802',
    '58P01': 'FF802', // undefined_file: the segment was removed
    '42501': 'FF805',
  },
  stream: { '42704': 'FF807', '55000': 'FF802', '58P01': 'FF802' },
};

/** The fault of a replication command, with what it was about before the server's message. */
export function replicationFault(error: unknown, step: ReplicationStep, what: string): Fault {
  if (error instanceof Fault && error.code.startsWith('FF8')) return error;
  const fault = toFault(error, { side: 'source', what });
  const code = codeOf(fault, step, error);
  if (code === undefined || code === fault.code) return fault;
  // A fault that was mapped before has not got the words yet.
  const message = fault.message.startsWith(what) ? fault.message : `${what}: ${fault.message}`;
  return new Fault(code, message, { sqlstate: fault.sqlstate, cause: fault.cause });
}

function codeOf(fault: Fault, step: ReplicationStep, error: unknown): ErrorCode | undefined {
  const routine = (error as { routine?: unknown }).routine;
  if (routine === 'CheckLogicalDecodingRequirements' || routine === 'CheckSlotRequirements') return 'FF804';
  return fault.sqlstate === undefined ? undefined : codes[step][fault.sqlstate];
}
