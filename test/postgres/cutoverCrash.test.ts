import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cutOver, interruptedCutover } from '../../src/engine/online/cutoverDatabase.js';
import { type CutoverStep, cutoverSteps } from '../../src/protocol/follow.js';
import { type CutoverPlace, type Intercept, request } from '../support/cutover.js';
import { CutoverWorld, cutoverMajors, settingsOf, write } from '../support/cutoverWorld.js';
import { poll } from '../support/flexferry.js';

for (const [index, major] of cutoverMajors.entries()) {
  describe(`a cutover from PostgreSQL ${major} whose run ends`, () => {
    let world: CutoverWorld;
    before(async () => {
      world = await CutoverWorld.start(major);
    });
    after(() => world.stop());

    /** Runs into a statement that never answers, with what came before it done or not; then the run is gone. */
    async function killAt(
      place: CutoverPlace,
      isWhere: (sql: string) => boolean,
      { isDone, ...change }: { isDone: boolean; fence?: 'none'; hold?: true },
    ): Promise<void> {
      let isThere = false;
      const intercept: Intercept = async (sql, run) => {
        if (isThere || !isWhere(sql)) return run();
        if (isDone) await run();
        isThere = true;
        await new Promise(() => {});
      };
      const running = place.cutOver(request(change), { intercept });
      await Promise.race([
        poll(() => isThere, 'the moment'),
        running.then((end) => assert.fail(`ended: ${end}`)),
      ]);
      await place.kill();
    }
    const begins = (step: CutoverStep) => (sql: string) => sql.includes(`"step":"${step}","state":"running"`);

    // Each way with every second major, and the rest with one: it looks the same on all.
    const isDone = index % 2 === 0;
    test(`killed ${isDone ? 'at the beginning of' : 'just before'} each step, the next run goes on`, async () => {
      for (const step of cutoverSteps) {
        const place = await world.place();
        await (await world.application(place)).query(write);
        await killAt(place, begins(step), { isDone });
        await place.start();
        const row = await place.row();
        assert.equal(row.state, 'cuttingOver', step);
        const asked = interruptedCutover(row);
        assert.deepEqual(asked, request());
        place.events.length = 0;
        assert.equal(await place.cutOver(asked), 'handedOver', step);
        await world.assertFenced(place);
        await world.assertHandedOver(place);
        const again = new Set(place.events.flatMap((e) => (e.event === 'cutover' ? [e.step] : [])));
        // That the one before was done is written down with the beginning of the next; before the last one at once.
        const isKnown = isDone || step === 'gate' || step === 'handOver';
        const first = cutoverSteps.indexOf(step) - (isKnown ? 0 : 1);
        assert.deepEqual([...again], cutoverSteps.slice(first), step);
        await place.kill();
      }
    });

    if (index > 0) return;

    test('killed with its last word, it is handed over', async () => {
      for (const isDone of [true, false]) {
        const place = await world.place();
        await killAt(place, (sql) => sql.includes(`state = 'handedOver'`), { isDone });
        await place.start();
        assert.equal(place.state, isDone ? 'handedOver' : 'cuttingOver');
        const stopped = place.follower;
        assert.equal(await place.cutOver(), 'handedOver');
        if (!isDone) {
          assert.ok(stopped.stopped);
          await world.assertHandedOver(place);
        }
      }
    });

    test('killed while it is taken back, the next run goes on taking back', async () => {
      for (const where of [
        `state = 'undoing'`,
        `"step":"constraints","state":"undone"`,
        `"step":"fence","state":"undone"`,
      ]) {
        const place = await world.place();
        const before = await settingsOf(place);
        let isThere = false;
        const intercept: Intercept = async (sql, run) => {
          await run();
          if (!sql.includes(where)) return;
          isThere = true;
          await new Promise(() => {});
        };
        void place.cutOver(request({ hold: true }), {
          intercept,
          decision: async () => {
            await poll(() => place.state === 'holding', 'the hold');
            return 'undo';
          },
        });
        await poll(() => isThere, where);
        await place.kill();
        await place.start();
        assert.equal(place.state, 'undoing');
        const asked = interruptedCutover(await place.row());
        assert.equal(await place.cutOver(asked), 'undone');
        await world.assertUndone(place, before);
        assert.equal(await place.cutOver(), 'handedOver');
      }
    });

    test('stopped by the user, the source is freed at once, and the next run takes it back', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      const running = place.cutOver(request({ hold: true }));
      await poll(() => place.state === 'holding', 'the hold');
      await world.assertFenced(place);
      place.abort();
      await assert.rejects(running, { code: 'FF509' });
      assert.deepEqual(await settingsOf(place), before);
      const client = await world.application(place);
      await client.query(write);
      await place.start();
      assert.equal(place.state, 'holding');
      assert.equal(await place.cutOver(interruptedCutover(await place.row())), 'undone');
      assert.equal(place.last?.fault?.code, 'FF848');
      await client.query(write); // nobody is ended a second time
      await world.assertUndone(place, before);
      assert.equal(await place.cutOver(), 'handedOver');
      await world.assertHandedOver(place);
    });

    test('without a fence, the next run waits for quiet and compares again', async () => {
      const place = await world.place();
      await killAt(place, begins('verify'), { isDone: true, fence: 'none' });
      const client = await world.application(place);
      await client.query(write);
      await place.start();
      place.events.length = 0;
      const times = { quietMs: 100 };
      assert.equal(await place.cutOver(interruptedCutover(await place.row()), { times }), 'handedOver');
      await world.assertHandedOver(place);
      assert.ok(place.events.some((e) => e.event === 'cutover' && e.step === 'drain' && e.state === 'done'));
      await client.query('SELECT 1');
    });

    test('where the target goes away, the source is freed', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      const intercept: Intercept = async (sql, run) => {
        if (begins('constraints')(sql)) {
          await world.servers.target.query(
            'postgres',
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${place.to}'`,
          );
        }
        return run();
      };
      await assert.rejects(cutOver(place.parts(request(), { intercept })), { code: 'FF115' });
      assert.deepEqual(await settingsOf(place), before);
      await (await world.application(place)).query(write);
      await place.kill();
      await place.start();
      assert.equal(await place.cutOver(interruptedCutover(await place.row())), 'undone');
      await world.assertUndone(place, before);
    });

    for (const answer of ['undo', 'confirm'] as const)
      test(`where the source starts again while it holds, ${answer} works`, async () => {
        const place = await world.place();
        const before = await settingsOf(place);
        const decision = async () => {
          await poll(() => place.state === 'holding', 'the hold');
          await world.servers.source.restart();
          await world.assertFenced(place);
          return answer;
        };
        const end = await place.cutOver(request({ hold: true }), { decision });
        if (answer === 'undo') {
          assert.equal(end, 'undone');
          assert.equal(place.last?.fault, undefined);
          await world.assertUndone(place, before);
        } else {
          assert.equal(end, 'handedOver');
          await world.assertFenced(place);
          await world.assertHandedOver(place);
        }
      });

    test('where the source cannot be freed, it says how to do it by hand', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      const onServer = (sql: string) => world.servers.source.query('postgres', sql);
      const decision = async () => {
        await poll(() => place.state === 'holding', 'the hold');
        await onServer(`ALTER DATABASE ${place.from} ALLOW_CONNECTIONS false`);
        await onServer(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${place.from}'`,
        );
        return 'undo' as const;
      };
      const times = { liftLimitMs: 300 };
      let told = '';
      await assert.rejects(place.cutOver(request({ hold: true }), { decision, times }), (error: Error) => {
        told = error.message;
        return true;
      });
      const [, sql = ''] = /By hand: (.*)$/s.exec(told) ?? [];
      assert.match(
        sql,
        /^ALTER DATABASE "place_\d+" RESET default_transaction_read_only; ALTER ROLE "stubborn"/,
      );
      await place.kill();
      await place.start();
      assert.equal(place.state, 'undoing', 'the next run knows');
      await onServer(`ALTER DATABASE ${place.from} ALLOW_CONNECTIONS true`);
      await onServer(`BEGIN; SET TRANSACTION READ WRITE; ${sql} COMMIT`);
      assert.equal(await place.cutOver(interruptedCutover(await place.row())), 'undone');
      await world.assertUndone(place, before);
    });
  });
}
