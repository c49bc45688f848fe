import type { ErrorCode } from '../../protocol/errorCodes.js';
import { Fault } from './fault.js';
import { redactServerMessage } from './redact.js';

/** Which server an error came from; `server` where there is only one, as in a connection test. */
export type Side = 'source' | 'target' | 'server';

export interface FaultContext {
  readonly side: Side;
  /** What was being done or to what, e.g. `table public.orders`: stands before the message. */
  readonly what?: string;
}

/** The fields of an ErrorResponse. https://www.postgresql.org/docs/current/protocol-error-fields.html */
interface ServerError extends Error {
  readonly code: string;
  readonly severity?: string;
  readonly where?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly dataType?: string;
  readonly constraint?: string;
  readonly position?: string;
  /** Function of the server that raised it: not translated, unlike the message. */
  readonly routine?: string;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const bySqlstate: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'FF102',
  '28000': 'FF107',
  '3D000': 'FF103',
  '53300': 'FF108',
  '57P01': 'FF115',
  '57P02': 'FF115',
  '57P03': 'FF114',
  '57P05': 'FF115',
  '25P03': 'FF115',
  '25P04': 'FF115',
  '57014': 'FF509',
};
const bySqlstateOfTarget: Readonly<Record<string, ErrorCode>> = {
  '53100': 'FF502',
  '25006': 'FF503',
  '23503': 'FF504',
  '42501': 'FF214',
};

/** Node's errno and OpenSSL codes. https://nodejs.org/api/errors.html, https://nodejs.org/api/tls.html */
const byNodeCode: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'FF101',
  EAI_AGAIN: 'FF101',
  EAI_NODATA: 'FF101',
  EAI_NONAME: 'FF101',
  EAI_FAIL: 'FF101',
  ECONNREFUSED: 'FF100',
  EHOSTUNREACH: 'FF100',
  EHOSTDOWN: 'FF100',
  ENETUNREACH: 'FF100',
  ENETDOWN: 'FF100',
  EADDRNOTAVAIL: 'FF100',
  ENOENT: 'FF100',
  EACCES: 'FF100',
  ETIMEDOUT: 'FF111',
  ECONNRESET: 'FF115',
  ECONNABORTED: 'FF115',
  EPIPE: 'FF115',
  ERR_STREAM_DESTROYED: 'FF115',
  ERR_STREAM_WRITE_AFTER_END: 'FF115',
};
const certificateCodes =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|CERT_|CRL_|ERROR_IN_CERT|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;

/** Words for what Node only says in English or not at all. */
const wordsOfCode: Readonly<Partial<Record<ErrorCode, string>>> = {
  FF100: 'cannot be reached',
  FF101: 'has a host name that cannot be resolved',
  FF111: 'did not answer in time',
  FF115: 'closed the connection',
};

/**
 * The one place where errors of the driver, Node and the server get their code: from SQLSTATE, errno or OpenSSL code,
 * never from a text that may be translated. Keeps the server's primary message, without row values; DETAIL, HINT and
 * CONTEXT are dropped. A {@link Fault} comes back as it is.
 */
export function toFault(error: unknown, context: FaultContext): Fault {
  if (error instanceof Fault) return error;
  const lead = context.what === undefined ? '' : `${context.what}: `;
  const cause = harmless(error);
  if (isServerError(error)) {
    const message = `${lead}${serverMessage(error)}`;
    const position = error.position === undefined ? undefined : Number(error.position);
    const { schema, table: name } = error;
    return new Fault(codeOfServerError(error, context.side), message, {
      sqlstate: error.code,
      position,
      ...(schema !== undefined && name !== undefined && { table: { schema, name } }),
      cause,
    });
  }
  const nodeCode = codeOf(error);
  const code = codeOfNodeError(nodeCode, error);
  const subject = context.side === 'server' ? 'the server' : `the ${context.side} server`;
  const detail = nodeCode === undefined ? '' : ` (${nodeCode})`;
  const words = wordsOfCode[code];
  if (words !== undefined) return new Fault(code, `${lead}${subject} ${words}${detail}`, { cause });
  const text = error instanceof Error ? error.message : String(error);
  return new Fault(code, `${lead}${text}${text.includes(String(nodeCode)) ? '' : detail}`, { cause });
}

/** True if the connection is gone, so that work must go on over a new one. */
export function isConnectionLoss(fault: Fault): boolean {
  return fault.code === 'FF115';
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['FF100', 'FF108', 'FF111', 'FF114', 'FF115']);

/** True if the same step may succeed later without anything being changed by the user. */
export function retryable(code: ErrorCode): boolean {
  return retryableCodes.has(code);
}

function codeOfServerError(error: ServerError, side: Side): ErrorCode {
  if (error.code === '28000') return codeOfRefusedLogin(error);
  const known = bySqlstate[error.code];
  if (known !== undefined) return known;
  if (error.code.startsWith('08')) return 'FF115';
  if (side === 'target') return bySqlstateOfTarget[error.code] ?? 'FF500';
  return side === 'source' && error.code === '42501' ? 'FF200' : 'FF510';
}

/** One SQLSTATE for four faults; the routine tells them apart whatever the language of the server. */
function codeOfRefusedLogin(error: ServerError): ErrorCode {
  switch (error.routine) {
    case 'InitializeSessionUserId': // does not exist, or NOLOGIN
      return 'FF113';
    case 'auth_failed': // peer, ident, cert … (a wrong password is 28P01)
      return 'FF116';
    default: // ClientAuthentication: no entry, or a reject entry
      return 'FF107';
  }
}

function codeOfNodeError(code: string | undefined, error: unknown): ErrorCode {
  if (code === undefined) return codeOfDriverError(error);
  const known = byNodeCode[code];
  if (known !== undefined) return known;
  if (certificateCodes.test(code)) return 'FF106';
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'FF117';
  return 'FF900';
}

/** Errors that the driver makes itself have no code. These texts are its own constants, never translated. */
function codeOfDriverError(error: unknown): ErrorCode {
  const text = error instanceof Error ? error.message : '';
  if (text === 'The server does not support SSL connections') return 'FF104';
  if (text === 'There was an error establishing an SSL connection') return 'FF100';
  if (text.startsWith('SASL: ') || text.startsWith('Unknown authenticationOk message type')) return 'FF116';
  if (/^Connection terminated|is not queryable$/.test(text)) return 'FF115';
  return 'FF900';
}

function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '') &&
    'severity' in error &&
    typeof error.severity === 'string'
  );
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function serverMessage(error: ServerError): string {
  const { message, code: sqlstate, where, schema, table, column, constraint, dataType } = error;
  return redactServerMessage({
    message,
    sqlstate,
    where,
    names: [schema, table, column, constraint, dataType],
  });
}

/**
 * What is kept as `cause`: name, code and stack of the original, but none of the fields that may hold row values or
 * secrets, because inspecting an error prints its causes.
 */
function harmless(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  const message = isServerError(error) ? serverMessage(error) : error.message;
  const cause = new Error(message);
  const frames = error.stack?.slice(error.stack.indexOf('\n    at '));
  cause.stack = `${error.name}: ${message}${frames ?? ''}`;
  const code = codeOf(error);
  const fields: Record<string, string | undefined> = { code };
  if (isServerError(error)) fields['position'] = error.position;
  return Object.assign(cause, fields);
}
