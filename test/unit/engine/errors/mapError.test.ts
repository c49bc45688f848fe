import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { isConnectionLoss, retryable, type Side, toFault } from '../../../../src/engine/errors/mapError.js';
import type { ErrorCode } from '../../../../src/protocol/errorCodes.js';

function serverError(code: string, message = 'meldung', fields: object = {}): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR', name: 'error', ...fields });
}
function nodeError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

describe('SQLSTATE decides, whatever the language of the message', () => {
  const cases: readonly [sqlstate: string, side: Side, code: ErrorCode, routine?: string][] = [
    ['28P01', 'server', 'FF102', 'auth_failed'],
    ['28000', 'server', 'FF107', 'ClientAuthentication'],
    ['28000', 'server', 'FF113', 'InitializeSessionUserId'],
    ['28000', 'server', 'FF116', 'auth_failed'],
    ['3D000', 'server', 'FF103'],
    ['53300', 'source', 'FF108'],
    ['57P01', 'target', 'FF115'],
    ['57P02', 'target', 'FF115'],
    ['57P03', 'target', 'FF114'],
    ['57P05', 'source', 'FF115'],
    ['25P03', 'source', 'FF115'],
    ['08006', 'source', 'FF115'],
    ['57014', 'source', 'FF509'],
    ['53100', 'target', 'FF502'],
    ['25006', 'target', 'FF503'],
    ['23503', 'target', 'FF504'],
    ['42501', 'target', 'FF214'],
    ['42501', 'source', 'FF200'],
    ['42P01', 'target', 'FF500'],
    ['42P01', 'source', 'FF510'],
  ];
  for (const [sqlstate, side, code, routine] of cases) {
    test(`${sqlstate} ${routine ?? ''} on the ${side}: ${code}`, () => {
      const fault = toFault(serverError(sqlstate, 'meldung', { routine }), { side });
      assert.equal(fault.code, code);
      assert.equal(fault.sqlstate, sqlstate);
    });
  }
});

describe('errno and OpenSSL codes', () => {
  const cases: readonly [string, ErrorCode][] = [
    ['ENOTFOUND', 'FF101'],
    ['EAI_AGAIN', 'FF101'],
    ['ECONNREFUSED', 'FF100'],
    ['EHOSTUNREACH', 'FF100'],
    ['ETIMEDOUT', 'FF111'],
    ['ECONNRESET', 'FF115'],
    ['EPIPE', 'FF115'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'FF106'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'FF106'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'FF106'],
    ['CERT_HAS_EXPIRED', 'FF106'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'FF106'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'FF117'],
    ['EPROTO', 'FF117'],
    ['EWHATEVER', 'FF900'],
  ];
  for (const [code, expected] of cases) {
    test(`${code}: ${expected}`, () =>
      assert.equal(toFault(nodeError(code), { side: 'server' }).code, expected));
  }
});

describe('row values do not get through', () => {
  const cases: readonly [sqlstate: string, message: string, expected: string, fields?: object][] = [
    [
      '22P02',
      'invalid input syntax for type integer: "s3cret"',
      'invalid input syntax for type integer: "…"',
    ],
    ['22P02', 'invalid input value for enum mood: "s3"c"ret"', 'invalid input value for enum mood: "…"'],
    [
      '22P02',
      'ungültige Eingabesyntax für Typ integer: »s3cret«',
      'ungültige Eingabesyntax für Typ integer: "…"',
    ],
    [
      '22021',
      'invalid byte sequence for encoding "UTF8": 0xe9 0x73',
      'invalid byte sequence for encoding "UTF8": …',
    ],
    [
      '23505',
      'duplicate key value violates unique constraint "t_pkey"',
      'duplicate key value violates unique constraint "t_pkey"',
      { constraint: 't_pkey', detail: 'Key (a)=(s3cret) already exists.' },
    ],
    ['23514', 'value "s3cret" violates "c"', 'value "…" violates "c"', { constraint: 'c' }],
    [
      '22P02',
      'invalid input syntax for type integer: "s3cret"',
      'invalid input syntax for type integer: "…" (line 7 of the COPY)',
      { where: 'COPY t, line 7, column a: "s3cret"' },
    ],
    [
      'P0001',
      'bad s3cret',
      'a function raised an exception in f line 3 (its text is left out, it may hold row values)',
      { where: 'PL/pgSQL function f(integer) line 3 at RAISE' },
    ],
    ['42P01', 'relation "x" does not exist', 'relation "x" does not exist', { hint: 's3cret' }],
  ];
  for (const [sqlstate, message, expected, fields] of cases) {
    test(`${sqlstate} ${message}`, () => {
      const fault = toFault(serverError(sqlstate, message, { detail: 's3cret', ...fields }), {
        side: 'target',
      });
      assert.equal(fault.message, expected);
      assert.doesNotMatch(inspect(fault, { depth: 9, showHidden: true }), /s3cret|s3"/);
    });
  }
});

test('what was being done stands before the message; a fault stays as it is', () => {
  const fault = toFault(serverError('42P01', 'x'), { side: 'target', what: 'table public.t' });
  assert.equal(fault.message, 'table public.t: x');
  assert.equal(toFault(fault, { side: 'source' }), fault);
  assert.equal(
    toFault(nodeError('ECONNREFUSED'), { side: 'source' }).message,
    'the source server cannot be reached (ECONNREFUSED)',
  );
  assert.equal(toFault('nonsense', { side: 'source' }).code, 'FF900');
});

test('retry and loss are decided by the code', () => {
  const lost = new Fault('FF115', 'x');
  assert.equal(isConnectionLoss(lost), true);
  assert.equal(isConnectionLoss(new Fault('FF102', 'x')), false);
  assert.deepEqual((['FF100', 'FF108', 'FF114', 'FF115', 'FF102', 'FF500'] as const).map(retryable), [
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
