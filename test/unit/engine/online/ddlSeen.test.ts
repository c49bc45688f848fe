import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnEventTrigger } from '../../../../src/ddl/ownObjects.js';
import { DdlList } from '../../../../src/engine/online/ddlSeen.js';
import { openDdl } from '../../../../src/protocol/followView.js';

const message = (lsn: bigint, content: unknown, prefix = 'flexferry_ddl') => ({
  prefix,
  lsn,
  content: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
});
const created = { command: 'CREATE INDEX', type: 'index', schema: 'public', object: 'public.i', at: 5 };

test('each once, also where it is read again, and after the run began anew', () => {
  const list = new DdlList();
  assert.equal(list.seen, undefined);
  assert.deepEqual(list.take(message(16n, created)), { ...created, lsn: '0/10' });
  assert.equal(list.take(message(16n, created)), undefined);
  const next = new DdlList(list.seen);
  assert.equal(next.take(message(16n, created)), undefined);
  next.take(message(32n, { ...created, schema: null, object: null, type: null, command: 'GRANT' }));
  assert.deepEqual(next.seen, {
    total: 2,
    last: [
      { ...created, lsn: '0/10' },
      { command: 'GRANT', at: 5, lsn: '0/20' },
    ],
  });
});

test('the newest hundred are kept, all are counted', () => {
  const list = new DdlList();
  for (let n = 1; n <= 130; n++) list.take(message(BigInt(n), { ...created, at: n }));
  assert.equal(list.seen?.total, 130);
  assert.equal(list.seen?.last.length, 100);
  assert.deepEqual([list.seen?.last.at(0)?.at, list.seen?.last.at(-1)?.at], [31, 130]);
});

test('what is dealt with stays so for the next run; what came since is not', () => {
  const list = new DdlList();
  for (let n = 1; n <= 3; n++) list.take(message(BigInt(n), { ...created, at: n }));
  assert.equal(list.seen?.done, undefined);
  list.dealWith(2);
  list.dealWith(1);
  assert.equal(list.seen?.done, 2);
  const next = new DdlList(list.seen);
  assert.deepEqual(openDdl(next.seen), { total: 1, last: [{ ...created, at: 3, lsn: '0/3' }] });
  next.dealWith(99);
  assert.equal(openDdl(next.seen), undefined);
  next.take(message(4n, created));
  assert.deepEqual(openDdl(next.seen), { total: 1, last: [{ ...created, lsn: '0/4' }] });
});

test('what others write is nothing to us', () => {
  const list = new DdlList();
  for (const content of ['', 'null', '{', '[]', { command: 1, at: 2 }, { command: 'CREATE TABLE' }])
    assert.equal(list.take(message(1n, content)), undefined);
  assert.equal(list.take(message(1n, created, 'outbox')), undefined);
  assert.equal(list.take(message(1n, { ...created, command: 'x'.repeat(9_999) }))?.command.length, 300);
});

test('event triggers of ours are told by the name of a slot', () => {
  const own = (object: string, about?: string) => isOwnEventTrigger({ object, ...(about && { about }) });
  assert.ok(own('event trigger flexferry_0123456789ab_ddl'));
  assert.ok(own('comment', 'event trigger flexferry_0123456789ab_drop'));
  assert.ok(!own('event trigger audit') && !own('event trigger flexferry_mine_ddl'));
  assert.ok(!own('function flexferry_0123456789ab_ddl'));
});
