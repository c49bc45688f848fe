import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameReader, serverError, statusUpdate } from '../../../../src/engine/postgres/copyBoth.js';
import { compareLsn, formatLsn, parseLsn } from '../../../../src/engine/postgres/lsn.js';
import { createSlotCommand } from '../../../../src/engine/postgres/replicationConnection.js';
import { startCommand } from '../../../../src/engine/postgres/replicationConnectionStart.js';
import { brokenContinuity } from '../../../../src/engine/replication/continuity.js';
import { forecastSlot, type SlotState } from '../../../../src/engine/replication/slotHealth.js';
import { frame, keepaliveFrame } from './recorded.js';

describe('positions in the log', () => {
  test('as PostgreSQL writes them', () => {
    for (const text of ['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF', '0/A', '1/0']) {
      assert.equal(formatLsn(parseLsn(text) ?? -1n), text);
    }
    assert.equal(parseLsn('16/b374d848'), 0x16b374d848n);
    for (const text of ['', '0', '/', '1/', '/1', 'G/0', '0/123456789', ' 0/1', '0/1\n', '-1/0', '0x1/0']) {
      assert.equal(parseLsn(text), undefined, JSON.stringify(text));
    }
    const sorted = ['0/FFFFFFFF', '0/9', 'A/0', '9/0'].map((text) => parseLsn(text) ?? 0n).sort(compareLsn);
    assert.deepEqual(sorted.map(formatLsn), ['0/9', '0/FFFFFFFF', '9/0', 'A/0']);
  });
});

describe('commands by version', () => {
  const slot = { name: 's' };
  test('CREATE_REPLICATION_SLOT', () => {
    assert.equal(createSlotCommand(14, slot), 'CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput EXPORT_SNAPSHOT');
    assert.equal(
      createSlotCommand(17, { ...slot, temporary: true, twoPhase: true, failover: true }),
      `CREATE_REPLICATION_SLOT "s" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export', TWO_PHASE true, FAILOVER true)`,
    );
    assert.equal(
      createSlotCommand(15, { ...slot, failover: true }),
      `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'export')`,
    );
    assert.throws(() => createSlotCommand(14, { ...slot, twoPhase: true }), { code: 'FF510' });
  });

  test('START_REPLICATION', () => {
    const request = {
      slot: 's',
      publications: ['p', `a "b", 'c'`],
      startLsn: 0x1_0000_000an,
      twoPhase: true,
      messages: true,
      origin: 'none',
    } as const;
    const names = `publication_names '"p","a ""b"", ''c''"'`;
    const lead = (version: number) =>
      `START_REPLICATION SLOT "s" LOGICAL 1/A (proto_version '${version}', ${names}`;
    assert.equal(startCommand(10, request), `${lead(1)})`);
    assert.equal(startCommand(14, request), `${lead(2)}, streaming 'on', messages 'true')`);
    assert.equal(startCommand(15, request), `${lead(3)}, streaming 'on', messages 'true', two_phase 'on')`);
    assert.equal(
      startCommand(18, request),
      `${lead(4)}, streaming 'on', messages 'true', two_phase 'on', origin 'none')`,
    );
    assert.ok(!startCommand(18, { ...request, streaming: false }).includes('streaming'));
  });
});

describe('frames of the stream', () => {
  test('keepalives, payloads and other messages, in any pieces', () => {
    const error = Buffer.from('SERROR\0VERROR\0C42704\0Mgone\0RLoadPublications\0\0');
    const head = Buffer.from('E\0\0\0\0');
    head.writeUInt32BE(error.length + 4, 1);
    const bytes = Buffer.concat([
      keepaliveFrame(5n),
      frame(Buffer.alloc(70_000, 1), 7n),
      keepaliveFrame(9n, true),
      head,
      error,
    ]);
    for (const size of [1, 13, 4_096, bytes.length]) {
      const reader = new FrameReader();
      const seen: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const batch = reader.push(bytes.subarray(at, at + size));
        for (let i = 0; i < batch.payloads.length; i += 2) {
          seen.push((batch.payloads[i + 1] ?? 0) - (batch.payloads[i] ?? 0), batch.received);
        }
        if (batch.replyRequested) seen.push(batch.serverPosition);
        for (const { type, body } of batch.controls) seen.push(type, serverError(body).message);
      }
      assert.deepEqual(seen, [70_000, 7n, 9n, 'E', 'gone']);
      assert.equal(reader.inMessage, false);
    }
  });

  test('what is none is a fault', () => {
    for (const hex of [
      '6400000003',
      '64ffffffff',
      '6400000005ff',
      '640000000577',
      '64000000056b',
      '64000000207700',
    ]) {
      const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(64)]);
      if (hex === '64000000207700') assert.doesNotThrow(() => new FrameReader().push(bytes.subarray(0, 33)));
      else assert.throws(() => new FrameReader().push(bytes), { code: 'FF808' }, hex);
    }
  });

  test('a status never says more than it was told', () => {
    const bytes = statusUpdate(5n, 9n, Date.UTC(2000, 0, 1) + 1, true);
    assert.equal(
      bytes.toString('hex'),
      `6400000026${'72'}${'0000000000000009'.repeat(3)}${'00000000000003e8'}01`,
    );
  });
});

describe('the forecast of a slot', () => {
  const sample = (seconds: number, retainedBytes: number, safeWalBytes?: number) => ({
    at: seconds * 1000,
    retainedBytes,
    ...(safeWalBytes !== undefined && { safeWalBytes }),
  });
  test('needs two samples apart', () => {
    assert.deepEqual(forecastSlot([], 0), {});
    assert.deepEqual(forecastSlot([sample(1, 5)], 1000), {});
    assert.deepEqual(forecastSlot([sample(1, 5), sample(1, 9)], 1000), {});
  });
  test('says when it is lost, counted from now', () => {
    const samples = [sample(0, 1000, 9000), sample(10, 2000, 8000)];
    assert.deepEqual(forecastSlot(samples, 10_000), { bytesPerSecond: 100, lostInSeconds: 80 });
    assert.deepEqual(forecastSlot(samples, 30_000), { bytesPerSecond: 100, lostInSeconds: 60 });
    assert.deepEqual(forecastSlot(samples, 900_000), { bytesPerSecond: 100, lostInSeconds: 0 });
  });
  test('never, while it shrinks or has no limit', () => {
    assert.deepEqual(forecastSlot([sample(0, 2000, 10), sample(10, 1000, 10)], 10_000), {
      bytesPerSecond: -100,
    });
    assert.deepEqual(forecastSlot([sample(0, 1000), sample(10, 2000)], 10_000), { bytesPerSecond: 100 });
  });
  test('not while it keeps little of what it may: it moves on in leaps', () => {
    const samples = [sample(0, 100, 9900), sample(3, 900, 9100)];
    assert.equal(forecastSlot(samples, 3000).lostInSeconds, undefined);
    assert.ok(forecastSlot([...samples, sample(4, 1100, 8900)], 4000).lostInSeconds !== undefined);
  });
  test('looks at the last minute', () => {
    const samples = [sample(0, 0, 0), sample(100, 100_000, 0), sample(150, 150_500, 990)];
    assert.deepEqual(forecastSlot(samples, 150_000), { bytesPerSecond: 1010, lostInSeconds: 990 / 1010 });
  });
});

describe('whether following can go on', () => {
  const identity = { systemId: '7', timeline: 2, position: 1000n };
  const slot: SlotState = {
    name: 's',
    plugin: 'pgoutput',
    database: 'd',
    active: false,
    restartLsn: 100n,
    confirmedLsn: 200n,
    currentLsn: 1000n,
    retainedBytes: 900,
    lagBytes: 800,
    twoPhase: false,
    failover: false,
  };
  const known = { systemId: '7', timeline: 2, appliedThrough: 300n };
  const { restartLsn: _lost, ...withoutLog } = slot;
  const found = { identity, history: [], slot };
  const cases = [
    ['the same', known, found, undefined],
    ['nothing is known yet', undefined, found, undefined],
    ['another cluster', { ...known, systemId: '8' }, found, 'FF809'],
    ['restored to before', { ...known, appliedThrough: 2000n }, found, 'FF809'],
    [
      'an older timeline',
      { ...known, timeline: 3 },
      { ...found, history: [{ timeline: 1, position: 5n }] },
      'FF809',
    ],
    [
      'promoted after it',
      { ...known, timeline: 1 },
      { ...found, history: [{ timeline: 1, position: 300n }] },
      undefined,
    ],
    [
      'promoted before it',
      { ...known, timeline: 1 },
      { ...found, history: [{ timeline: 1, position: 299n }] },
      'FF809',
    ],
    ['no slot', known, { ...found, slot: undefined }, 'FF800'],
    ['a lost slot', known, { ...found, slot: { ...slot, walStatus: 'lost' as const } }, 'FF802'],
    [
      'an invalidated slot',
      known,
      { ...found, slot: { ...slot, invalidationReason: 'rows_removed' } },
      'FF802',
    ],
    ['a slot without log', known, { ...found, slot: withoutLog }, 'FF802'],
    ['confirmed beyond', known, { ...found, slot: { ...slot, confirmedLsn: 301n } }, 'FF812'],
    ['confirmed just so', known, { ...found, slot: { ...slot, confirmedLsn: 300n } }, undefined],
  ] as const;
  for (const [name, before, now, code] of cases) {
    test(name, () => assert.equal(brokenContinuity(before, now, 's')?.code, code));
  }
});
