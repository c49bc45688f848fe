import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { PgoutputDecoder } from '../../../../src/engine/replication/pgoutput.js';
import { printable, recorded, seeded } from './recorded.js';

/** Decodes all of a recording, as its blocks demand. */
function decodeAll(major: 13 | 17, decoder = new PgoutputDecoder()): unknown[] {
  let inStream = false;
  return recorded(major).map(({ message }) => {
    const streamed = inStream && message[0] !== 0x45;
    const decoded = decoder.decode(message, 0, message.length, streamed);
    if (decoded.kind === 'streamStart') inStream = true;
    if (decoded.kind === 'streamStop') inStream = false;
    return printable(decoded);
  });
}

describe('messages of pgoutput', () => {
  for (const major of [13, 17] as const) {
    test(`as PostgreSQL ${major} sent them`, () => {
      const expected = recorded(major).map(({ decoded }) => decoded);
      assert.ok(expected.length > 30);
      assert.deepEqual(decodeAll(major), expected);
    });
  }

  test('every kind is in the recordings', () => {
    const kinds = [...recorded(13), ...recorded(17)].map(({ decoded }) => (decoded as { kind: string }).kind);
    assert.deepEqual([...new Set(kinds)].sort(), [
      'begin',
      'beginPrepare',
      'commit',
      'commitPrepared',
      'delete',
      'insert',
      'message',
      'origin',
      'prepare',
      'relation',
      'rollbackPrepared',
      'streamAbort',
      'streamCommit',
      'streamPrepare',
      'streamStart',
      'streamStop',
      'truncate',
      'type',
      'update',
    ]);
  });

  test('an abort of version 4 says where and when', () => {
    const bytes = Buffer.from(
      `41${'00000007'}${'00000008'}${'0000000000000100'}${'0000000000000000'}`,
      'hex',
    );
    assert.deepEqual(new PgoutputDecoder().decode(bytes, 0, bytes.length), {
      kind: 'streamAbort',
      xid: 7,
      subxid: 8,
      lsn: 256n,
      at: Date.UTC(2000, 0, 1),
    });
  });

  test('a table that is announced again as it was stays the same object', () => {
    const message = recorded(13).find(
      ({ decoded }) => (decoded as { kind: string }).kind === 'relation',
    )?.message;
    assert.ok(message);
    const decoder = new PgoutputDecoder();
    const relation = () => {
      const decoded = decoder.decode(message, 0, message.length);
      return decoded.kind === 'relation' ? decoded.relation : undefined;
    };
    const first = relation();
    assert.equal(relation(), first);
    // Its first column is not part of the key any more.
    const flags = message.indexOf(Buffer.from('\0d')) + 4;
    assert.equal(message[flags], 1);
    message[flags] = 0;
    assert.notEqual(relation(), first);
  });

  test('values of a SQL_ASCII database keep their bytes', () => {
    const decoder = new PgoutputDecoder('latin1');
    const relation = Buffer.from('520000000170756200740064000100760000000019ffffffff', 'hex');
    decoder.decode(relation, 0, relation.length);
    const insert = Buffer.from('49000000014e00017400000003ff80e9', 'hex');
    const decoded = decoder.decode(insert, 0, insert.length);
    assert.ok(decoded.kind === 'insert');
    assert.equal(Buffer.from(String(decoded.row[0]), 'latin1').toString('hex'), 'ff80e9');
  });

  test('what is not understood is a fault that says what', () => {
    const decoder = new PgoutputDecoder();
    const fails = (hex: string, words: RegExp) => {
      const bytes = Buffer.from(hex, 'hex');
      assert.throws(
        () => decoder.decode(bytes, 0, bytes.length),
        (error) => error instanceof Fault && error.code === 'FF808' && words.test(error.message),
      );
    };
    fails('', /^nothing/);
    fails('7a', /message z .*not known/);
    fails('4200', /message B .*cut off/);
    fails('49000000094e0000', /table 9, which was not announced/);
    const relation = Buffer.from('520000000170756200740064000100760000000019ffffffff', 'hex');
    decoder.decode(relation, 0, relation.length);
    fails('49000000014e00016200000001ff', /binary/);
    fails('49000000014e000174ffffffffff', /cut off/);
    fails('49000000014e0001740000000561', /cut off/);
    fails('49000000014e00026e6e', /columns/);
    fails('49000000014e00016e00', /length/);
    fails('54ffffffff00', /cut off/);
    fails('52000000027075620074', /cut off/);
  });

  test('a message that reaches into the next one is a fault', () => {
    const all = recorded(17);
    for (const [index, { message }] of all.entries()) {
      if (message.length < 2) continue;
      const decoder = new PgoutputDecoder();
      for (const earlier of all.slice(0, index)) {
        if (earlier.message[0] === 0x52) {
          try {
            decoder.decode(earlier.message, 0, earlier.message.length);
          } catch {
            // Of a stream block: with an id before it.
          }
        }
      }
      const behind = Buffer.concat([message, Buffer.alloc(64, 0x74)]);
      assert.throws(() => decoder.decode(behind, 0, message.length - 1), Fault);
    }
  });

  test('random bytes and random damage end in a fault or a message, and soon', () => {
    const random = seeded(20_261_122);
    const all = recorded(17).filter(({ message }) => message.length < 2_000);
    let faults = 0;
    for (let round = 0; round < 30_000; round++) {
      const source = all[Math.floor(random() * all.length)]?.message ?? Buffer.alloc(1);
      const bytes = Buffer.from(round % 3 === 0 ? Buffer.alloc(1 + Math.floor(random() * 60)) : source);
      const hits = round % 3 === 0 ? bytes.length : 1 + Math.floor(random() * 3);
      for (let hit = 0; hit < hits; hit++) {
        bytes[round % 3 === 0 ? hit : Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      if (round % 3 === 0) bytes[0] = source[0] ?? 0;
      const end = round % 5 === 0 ? Math.floor(random() * bytes.length) : bytes.length;
      const decoder = new PgoutputDecoder();
      const relation = Buffer.from('520000000170756200740064000100760000000019ffffffff', 'hex');
      decoder.decode(relation, 0, relation.length);
      try {
        decoder.decode(bytes, 0, end, random() < 0.3);
      } catch (error) {
        assert.ok(
          error instanceof Fault && error.code === 'FF808',
          `${String(error)} for ${bytes.toString('hex')}`,
        );
        faults += 1;
      }
    }
    assert.ok(faults > 10_000, `${faults} faults`);
  });
});
