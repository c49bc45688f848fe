import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  copyMessageBytes,
  copyMessages,
  FrontendMessages,
  fitsInMessage,
  type Value,
  type ValueEncoding,
} from '../../../../src/engine/postgres/frontendMessages.js';

/** The same messages in the plainest way. */
const message = (type: string, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

function bind(name: string, values: readonly Value[], encoding: ValueEncoding): Buffer {
  const encoded = values.map((value) => {
    if (value === null) return int32(-1);
    const bytes = typeof value === 'string' ? Buffer.from(value, encoding) : value;
    return Buffer.concat([int32(bytes.length), bytes]);
  });
  return message('B', text(''), text(name), int16(0), int16(values.length), ...encoded, int16(0));
}

/** Sizes about the borders of blocks and of what is copied into them. */
const lengths = [0, 1, 5, 100, 5_461, 5_462, 16_383, 16_384, 16_385, 40_000, 65_535, 65_536, 65_537, 200_000];

describe('messages to the server', () => {
  for (const encoding of ['utf8', 'latin1'] as const) {
    test(`are whole wherever a block ends (${encoding})`, () => {
      const letters = encoding === 'utf8' ? ['a', 'é', '☃', '🚢'] : ['a', 'é', '\xff', '\0'];
      const messages = new FrontendMessages(encoding);
      const expected: Buffer[] = [];
      const written: Buffer[] = [];
      for (let round = 0; round < 300; round++) {
        const length = lengths[(round * 7) % lengths.length] ?? 0;
        const other = lengths[(round * 11 + 3) % lengths.length] ?? 0;
        const letter = letters[round % letters.length] ?? '';
        const sql = `SELECT '${'é'.repeat(round % 5 === 0 ? length : round)}'`;
        const values = [letter.repeat(length), null, Buffer.alloc(other, round), '', letter.repeat(round)];
        messages.parse(`s${round}`, sql);
        messages.bind(`s${round}`, values);
        messages.execute();
        messages.copyData([Buffer.alloc(round), Buffer.alloc(other, 1)]);
        messages.copyDone();
        messages.close(`s${round}`);
        messages.sync();
        expected.push(
          message('P', text(`s${round}`), text(sql), int16(0)),
          bind(`s${round}`, values, encoding),
          message('E', text(''), int32(0)),
          message('d', Buffer.alloc(round), Buffer.alloc(other, 1)),
          message('c'),
          message('C', Buffer.from('S'), text(`s${round}`)),
          message('S'),
        );
        const { bytes } = messages;
        if (round % 3 === 0) {
          const taken = messages.take();
          assert.equal(Buffer.concat(taken).length, bytes);
          written.push(...taken);
        }
      }
      written.push(...messages.take());
      assert.ok(Buffer.concat(written).equals(Buffer.concat(expected)));
      assert.deepEqual(messages.take(), []);
    });
  }

  test('many small ones are one piece of memory, large values are not copied', () => {
    const messages = new FrontendMessages('utf8');
    for (let i = 0; i < 100; i++) messages.bind('', ['small', null]);
    assert.equal(messages.take().length, 1);
    const large = Buffer.alloc(100_000);
    messages.bind('', [large, 'x']);
    const taken = messages.take();
    assert.equal(taken.length, 3);
    assert.equal(taken[1], large);
  });

  test('the rows of a COPY come in messages of a size', () => {
    const rows = [10, 300_000, 0, 5, copyMessageBytes, 1_000_000, 7].map((size, i) => Buffer.alloc(size, i));
    const messages = [...copyMessages(rows)].map((parts) => Buffer.concat(parts));
    assert.ok(Buffer.concat(messages).equals(Buffer.concat(rows)));
    assert.ok(messages.slice(0, -1).every(({ length }) => length === copyMessageBytes));
    assert.deepEqual([...copyMessages([])], []);
    assert.deepEqual([...copyMessages([Buffer.alloc(0)])], []);
    const whole = Buffer.alloc(100);
    assert.equal([...copyMessages([whole])][0]?.[0], whole);
  });

  test('what fits in a message', () => {
    assert.equal(fitsInMessage(new Array(65_535).fill(''), 'utf8'), true);
    assert.equal(fitsInMessage(new Array(65_536).fill(null), 'utf8'), false);
    const half = Buffer.alloc(0x2000_0000);
    assert.equal(fitsInMessage([half], 'utf8'), true);
    assert.equal(fitsInMessage([half, half], 'utf8'), false);
    const long = 'a'.repeat(30_000_000);
    assert.equal(fitsInMessage(new Array(20).fill(long), 'utf8'), true);
    assert.equal(fitsInMessage(new Array(36).fill(long), 'latin1'), false);
  });
});
