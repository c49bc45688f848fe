import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { FrameReader } from '../../../../src/engine/postgres/copyBoth.js';
import type { SourceEvent } from '../../../../src/engine/replication/sourceEvents.js';
import { SpoolFolder } from '../../../../src/engine/replication/spool.js';
import { TransactionAssembler } from '../../../../src/engine/replication/transactions.js';
import { line } from '../../../support/replication.js';
import { frame, keepaliveFrame, recorded, seeded } from './recorded.js';

const folder = mkdtempSync(join(tmpdir(), 'flexferry-transactions-'));
after(() => rmSync(folder, { recursive: true }));

/** All events for bytes that come in such pieces. */
async function assemble(pieces: Iterable<Buffer>, appliedThrough = 0n): Promise<SourceEvent[]> {
  const spool = await SpoolFolder.create(folder);
  const assembler = new TransactionAssembler({ spool, appliedThrough });
  const reader = new FrameReader();
  const events: SourceEvent[] = [];
  try {
    for (const piece of pieces) {
      for await (const some of assembler.feed(reader.push(piece))) {
        assert.ok(some.length > 0, 'an empty piece');
        events.push(...some);
      }
    }
    assert.equal(reader.inMessage, false);
    assert.equal(spool.bytes, 0, 'something is left on disk');
  } finally {
    await spool.remove();
  }
  assert.deepEqual(readdirSync(folder), []);
  return events;
}
function* cut(bytes: Buffer, size: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + Math.max(1, size()));
    yield Buffer.from(bytes.subarray(at, end));
    at = end;
  }
}
const wire = (major: 13 | 17) => Buffer.concat(recorded(major).map(({ message }) => frame(message)));
const shown = (events: readonly SourceEvent[]) =>
  events
    .filter(({ kind }) => kind !== 'progress')
    .map((event) =>
      event.kind === 'begin' ? `begin ${event.gid ?? event.origin ?? ''}`.trim() : line(event),
    );

// Hand-made messages.
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const message = (tag: string, ...parts: readonly (Buffer | string)[]) =>
  Buffer.concat([Buffer.from(tag), ...parts.map((part) => Buffer.from(part))]);
const relation = (xid?: number) =>
  message(
    'R',
    ...(xid === undefined ? [] : [u32(xid)]),
    u32(1),
    's\0t\0d',
    '\0\x01\0v\0',
    u32(25),
    u32(0xffffffff),
  );
const insert = (value: string, xid?: number) =>
  message('I', ...(xid === undefined ? [] : [u32(xid)]), u32(1), 'N\0\x01t', u32(value.length), value);
const start = (xid: number, first = true) => message('S', u32(xid), first ? '\x01' : '\0');
const stop = message('E');
const abort = (xid: number, subxid: number) => message('A', u32(xid), u32(subxid));
const streamCommit = (xid: number, lsn: bigint) =>
  message('c', u32(xid), '\0', u64(lsn), u64(lsn + 8n), u64(0n));
const begin = (xid: number, lsn: bigint) => message('B', u64(lsn), u64(0n), u32(xid));
const commit = (lsn: bigint) => message('C', '\0', u64(lsn), u64(lsn + 8n), u64(0n));
const framed = (...messages: readonly Buffer[]) => [Buffer.concat(messages.map((one) => frame(one)))];

describe('transactions', () => {
  test('of a recording are the same however the network cuts it', async () => {
    for (const major of [13, 17] as const) {
      const bytes = wire(major);
      const whole = shown(await assemble([bytes]));
      assert.ok(whole.length > 20);
      const random = seeded(major);
      const sizes = [
        () => 1,
        () => 7,
        () => 31,
        () => Math.floor(random() * 200),
        () => Math.floor(random() * 5_000),
      ];
      for (const size of sizes) assert.deepEqual(shown(await assemble(cut(bytes, size))), whole);
    }
  });

  test('of a recording: streamed, prepared, aborted', async () => {
    const all = shown(await assemble([wire(17)]));
    const from = all.indexOf('message outside q: out');
    assert.deepEqual(all.slice(from), [
      'message outside q: out',
      'begin',
      'message in p: in',
      'commit',
      'begin g1',
      'insert public.c (7)',
      'commit',
      'begin',
      ...[1000, 1001, 1497, 1498, 1994, 1995].map((id) => `insert public.c (${id})`),
      'insert public.c (9)',
      'commit',
      'begin g3',
      ...[3000, 3001, 3497, 3498, 3994, 3995].map((id) => `insert public.c (${id})`),
      'commit',
    ]);
    assert.ok(all.includes('begin o'));
  });

  test('interleaved, with subtransactions in subtransactions', async () => {
    const events = await assemble(
      framed(
        start(10),
        relation(10),
        insert('a1', 10),
        insert('a2', 11),
        stop,
        start(20),
        relation(20),
        insert('b1', 20),
        stop,
        start(10, false),
        insert('a3', 12),
        insert('a4', 10),
        stop,
        abort(10, 12),
        begin(5, 100n),
        relation(),
        insert('plain'),
        commit(100n),
        start(20, false),
        insert('b2', 21),
        insert('b3', 22),
        stop,
        abort(20, 22),
        abort(20, 21),
        abort(10, 11),
        streamCommit(20, 200n),
        start(30),
        insert('c', 30),
        stop,
        abort(30, 30),
        streamCommit(10, 300n),
      ),
    );
    assert.deepEqual(shown(events), [
      'begin',
      'insert s.t (plain)',
      'commit',
      'begin',
      'insert s.t (b1)',
      'commit',
      'begin',
      'insert s.t (a1)',
      'insert s.t (a4)',
      'commit',
    ]);
  });

  test('what a streamed one announced holds after its commit, not after its abort', async () => {
    const used = (end: Buffer) =>
      assemble(
        framed(
          start(10),
          relation(10),
          insert('a', 10),
          stop,
          end,
          begin(5, 200n),
          insert('b'),
          commit(200n),
        ),
      );
    assert.deepEqual(shown(await used(streamCommit(10, 100n))).length, 6);
    await assert.rejects(used(abort(10, 10)), { code: 'FF808' });
  });

  test('the newer announcement wins, whoever ends first', async () => {
    const renamed = Buffer.from(relation());
    renamed.write('u', renamed.indexOf('t\0'));
    const events = await assemble(
      framed(
        start(10),
        relation(10),
        insert('old', 10),
        stop,
        begin(5, 100n),
        renamed,
        insert('new'),
        commit(100n),
        streamCommit(10, 200n),
        begin(6, 300n),
        insert('newer'),
        commit(300n),
      ),
    );
    assert.deepEqual(
      shown(events).filter((text) => text.startsWith('insert')),
      ['insert s.u (new)', 'insert s.t (old)', 'insert s.u (newer)'],
    );
  });

  test('what was applied is left out, empty ones only move the position', async () => {
    const bytes = framed(
      begin(1, 100n),
      relation(),
      insert('a'),
      commit(100n),
      start(2),
      relation(2),
      insert('b', 2),
      stop,
      streamCommit(2, 200n),
      begin(3, 300n),
      insert('c'),
      commit(300n),
      begin(4, 400n),
      commit(400n),
    );
    const all = await assemble(bytes);
    assert.equal(shown(all).length, 9);
    assert.deepEqual(all.at(-1), { kind: 'progress', lsn: 408n });
    assert.deepEqual(shown(await assemble(bytes, 208n)), ['begin', 'insert s.t (c)', 'commit']);
    assert.deepEqual(shown(await assemble(bytes, 108n)).length, 6);
    assert.deepEqual(await assemble(bytes, 408n), []);
  });

  test('a keepalive is progress only between transactions', async () => {
    const events = await assemble([
      frame(begin(1, 100n)),
      keepaliveFrame(90n),
      Buffer.concat([frame(relation()), frame(insert('a'))]),
      keepaliveFrame(90n),
      frame(commit(100n)),
      keepaliveFrame(90n),
      keepaliveFrame(150n),
      keepaliveFrame(150n),
    ]);
    assert.deepEqual(
      events.map((event) => (event.kind === 'progress' ? event.lsn : event.kind)),
      ['begin', 'insert', 'commit', 150n],
    );
  });

  test('what cannot be is a fault', async () => {
    const fails = (code: string, ...messages: readonly Buffer[]) =>
      assert.rejects(assemble(framed(...messages)), (error) => error instanceof Fault && error.code === code);
    await fails('FF808', streamCommit(1, 100n));
    await fails('FF808', start(1, false));
    await fails('FF808', commit(100n));
    await fails('FF808', relation(), insert('a'));
    await fails('FF811', message('K', '\0', u64(100n), u64(108n), u64(0n), u32(7), 'gid\0'));
    await assert.rejects(SpoolFolder.create(join(folder, 'missing')), { code: 'FF810' });
  });
});
