import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Session } from '../../../../src/engine/postgres/session.js';
import { RequestBox } from '../../../../src/engine/run/requestBox.js';
import type { FollowRequest } from '../../../../src/protocol/follow.js';

/** A target whose connection may break before or behind what it does. */
class Target {
  readonly requests = new Map<number, FollowRequest>();
  breaks: 'before' | 'behind' | undefined;

  query(sql: string): Promise<unknown> {
    const rows = [...this.requests].map(([position, request]) => ({
      position: String(position),
      request: JSON.stringify(request),
    }));
    if (sql.startsWith('SELECT')) return Promise.resolve({ rows });
    const { breaks } = this;
    this.breaks = undefined;
    if (breaks !== 'before') this.requests.clear();
    return breaks === undefined
      ? Promise.resolve({ rows })
      : Promise.reject(new Error('the connection broke'));
  }

  get session(): Session {
    return this as unknown as Session;
  }
}

const retry: FollowRequest = { command: 'retry', schema: 's', name: 'one' };
const skip: FollowRequest = { command: 'skip', schema: 's', name: 'two' };

describe('requests to a run', () => {
  it('are taken once, oldest first', async () => {
    const target = new Target();
    const box = new RequestBox('source');
    target.requests.set(9, retry).set(10, skip);
    assert.deepEqual(await box.take(target.session), [retry, skip]);
    assert.deepEqual(await box.take(target.session), []);
  });

  for (const breaks of ['before', 'behind'] as const)
    it(`are taken once where the connection breaks ${breaks} their removal`, async () => {
      const target = new Target();
      const box = new RequestBox('source');
      target.requests.set(1, skip);
      target.breaks = breaks;
      await assert.rejects(box.take(target.session));
      target.requests.set(2, retry);
      assert.deepEqual(await box.take(target.session), [skip, retry]);
      assert.deepEqual(await box.take(target.session), []);
    });

  it('are not lost where the connection breaks twice', async () => {
    const target = new Target();
    const box = new RequestBox('source');
    target.requests.set(1, skip);
    target.breaks = 'behind';
    await assert.rejects(box.take(target.session));
    target.requests.set(2, retry);
    target.breaks = 'before';
    await assert.rejects(box.take(target.session));
    assert.deepEqual(await box.take(target.session), [skip, retry]);
  });
});
