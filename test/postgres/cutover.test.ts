import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Fault } from '../../src/engine/errors/fault.js';
import { cutoverSteps } from '../../src/protocol/follow.js';
import { type Intercept, request } from '../support/cutover.js';
import {
  CutoverWorld,
  cutoverMajors,
  problemsOf,
  settingsOf,
  stepEvents,
  write,
} from '../support/cutoverWorld.js';

for (const major of cutoverMajors) {
  describe(`a cutover from PostgreSQL ${major}`, () => {
    let world: CutoverWorld;
    before(async () => {
      world = await CutoverWorld.start(major);
    });
    after(() => world.stop());

    for (const replicaRole of [false, true])
      test(`hands over ${replicaRole ? 'where the apply is a replica' : 'with keys and triggers kept back'}`, async () => {
        const place = await world.place({ replicaRole });
        const [app, stubborn] = [await world.application(place), await world.application(place, 'stubborn')];
        for (let i = 0; i < 5; i++) await app.query(write);
        await stubborn.query('DELETE FROM shop.days WHERE day = 7');
        assert.equal(await place.cutOver(), 'handedOver');
        for (const client of [app, stubborn]) await assert.rejects(client.query('SELECT 1'));
        await world.assertFenced(place);
        await world.assertHandedOver(place);
        assert.deepEqual(
          stepEvents(place),
          cutoverSteps.flatMap((step) => [`${step} running`, `${step} done`]),
        );
        const { last, job } = place;
        assert.ok(last?.downtimeMs !== undefined && last.downtimeMs > 0 && last.downtimeMs < 60_000);
        assert.equal(last.id, 'c1');
        const { port } = world.servers.target;
        assert.match(last.handOver?.connection ?? '', new RegExp(`port=${port} dbname=${place.to}`));
        assert.ok((last.handOver?.todo.length ?? 0) >= 4);
        assert.ok(!last.checks.some(({ verdict }) => verdict === 'noGo'));
        assert.deepEqual(
          [job.tracker.phase('cutover').state, job.tracker.phase('cutover').done],
          ['done', 8],
        );
        assert.deepEqual(problemsOf(place), []);
        assert.ok((await place.row()).undo, 'how to lift the fence stays known');
        assert.equal(await place.cutOver(), 'handedOver', 'again nothing happens');
        const logged = `SELECT count(*)::int AS n FROM shop.log`;
        const [before] = await place.onTarget<{ n: number }>(logged);
        await place.onTarget(write);
        const [now] = await place.onTarget<{ n: number }>(logged);
        assert.equal((now?.n ?? 0) - (before?.n ?? 0), 1, 'triggers act once');
      });

    test('sequences are ahead of the source, within their bounds', async () => {
      const place = await world.place();
      assert.equal(await place.cutOver(), 'handedOver');
      const values = async (sequence: string): Promise<string[]> => {
        const sql = `SELECT last_value || ' ' || is_called AS v FROM shop.${sequence}`;
        const both = [await place.onSource<{ v: string }>(sql), await place.onTarget<{ v: string }>(sql)];
        return both.map(([row]) => row?.v ?? '');
      };
      assert.deepEqual(await values('customers_id_seq'), ['50 true', '150 true']);
      assert.deepEqual(await values('orders_id_seq'), ['500 true', '600 true']);
      assert.deepEqual(await values('few'), ['1 true', '1 true'], '100 further it is there again');
      assert.deepEqual(await values('down'), ['-6 true', '-6 true'], 'only 198 are left');
      assert.deepEqual(await values('unused'), ['1 false', '1 false']);
      assert.deepEqual(place.job.tracker.sequences, { total: 6, equal: 6 });
    });

    test('is taken back from every step, and may be repeated', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      for (const [index, step] of cutoverSteps.slice(0, -1).entries()) {
        const client = await world.application(place);
        place.events.length = 0;
        // Its work is done, and that cannot be written down.
        let isBroken = false;
        const intercept: Intercept = async (sql, run) => {
          if (isBroken || !sql.includes(`"step":"${step}","state":"done"`)) return run();
          isBroken = true;
          throw new Fault('FF510', `broken behind ${step}`);
        };
        assert.equal(await place.cutOver(request(), { intercept }), 'undone', step);
        assert.equal(place.last?.fault?.message, `broken behind ${step}`);
        await world.assertUndone(place, before);
        const undone = stepEvents(place).filter((event) => event.endsWith(' undone'));
        // The next one has begun, except for the last, before which all is written down once more.
        const last = Math.min(index + 1, cutoverSteps.length - 2);
        assert.deepEqual(
          undone,
          cutoverSteps
            .slice(0, last + 1)
            .reverse()
            .map((one) => `${one} undone`),
        );
        if (step === 'gate') await client.query('SELECT 1');
        else await assert.rejects(client.query('SELECT 1'));
      }
      assert.equal(await place.cutOver(), 'handedOver');
      await world.assertHandedOver(place);
      assert.deepEqual(problemsOf(place), []);
    });
  });
}
