import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cutOverGroup } from '../../src/engine/online/cutoverDatabase.js';
import { type CutoverPlace, request } from '../support/cutover.js';
import { CutoverWorld, cutoverMajors, problemsOf, settingsOf, write } from '../support/cutoverWorld.js';
import { poll } from '../support/flexferry.js';

/** Somebody who decides once the cutover holds. */
const deciding = (place: CutoverPlace, answer: 'confirm' | 'undo') => async () => {
  await poll(() => place.state === 'holding', 'the hold');
  return answer;
};

// What is decided is the same on all majors.
for (const major of cutoverMajors.slice(-1)) {
  describe(`what is decided about a cutover from PostgreSQL ${major}`, () => {
    let world: CutoverWorld;
    before(async () => {
      world = await CutoverWorld.start(major);
    });
    after(() => world.stop());

    const tamper = (place: CutoverPlace): Promise<unknown> =>
      place.onTarget(`UPDATE shop.days SET note = 'another' WHERE day = 3; CREATE FUNCTION shop.nothing() RETURNS trigger
        LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER nothing BEFORE INSERT OR DELETE ON shop.days_1
        FOR EACH ROW EXECUTE FUNCTION shop.nothing(); ALTER TABLE shop.days_1 ENABLE ALWAYS TRIGGER nothing`);

    test('a no-go changes nothing, and nobody is disturbed', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      const client = await world.application(place);
      const fault = { code: 'FF814', message: 'm', fix: 'f' } as const;
      place.follower.said = { stopped: [{ schema: 'shop', name: 'orders', fault, waiting: 2, since: 1 }] };
      assert.equal(await place.cutOver(), 'undone');
      assert.equal(place.last?.fault?.code, 'FF840');
      assert.match(place.last.fault.message, /1 table stopped: shop\.orders/);
      assert.equal(place.last.checks.find(({ check }) => check === 'stoppedTables')?.verdict, 'noGo');
      await client.query('SELECT 1');
      await world.assertUndone(place, before);
      assert.equal(await place.cutOver(request({ force: true })), 'handedOver');
    });

    test('a difference takes everything back and frees the source', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      await tamper(place);
      assert.equal(await place.cutOver(), 'undone');
      assert.equal(place.last?.fault?.code, 'FF846');
      assert.match(place.last.fault.message, /differ in table shop\.days_1/);
      assert.deepEqual(problemsOf(place), ['FF600 table shop.days_1']);
      assert.deepEqual(await settingsOf(place), before);
      await (await world.application(place)).query(write);
      assert.equal((await place.row()).state, 'following');
      assert.equal(await place.cutOver(request({ verify: 'none' })), 'handedOver');
      assert.deepEqual(problemsOf(place), [], 'what an earlier attempt found is not held against it');
      assert.match(place.last?.steps.find(({ step }) => step === 'verify')?.detail ?? '', /as asked/);
    });

    test('a difference is shown to who decides', async () => {
      const place = await world.place();
      await tamper(place);
      const held = request({ hold: true });
      assert.equal(await place.cutOver(held, { decision: deciding(place, 'undo') }), 'undone');
      assert.ok(
        place.snapshots.some(({ fault, steps }) => fault?.code === 'FF846' && steps.at(-2)?.state === 'done'),
      );
      assert.equal(place.last?.fault, undefined, 'it was asked for');
      await (await world.application(place)).query(write);
      assert.equal(await place.cutOver(held, { decision: deciding(place, 'confirm') }), 'handedOver');
      await world.assertFenced(place);
      assert.deepEqual(problemsOf(place), ['FF600 table shop.days_1']);
    });

    test('force goes on in spite of a difference', async () => {
      const place = await world.place();
      await tamper(place);
      assert.equal(await place.cutOver(request({ force: true })), 'handedOver');
      assert.match(place.last?.steps.at(-2)?.detail ?? '', /differ in table shop\.days_1/);
      assert.deepEqual(problemsOf(place), ['FF600 table shop.days_1']);
    });

    test('a key that the rows violate takes everything back', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      await place.onSource(
        `SET session_replication_role = replica; INSERT INTO shop.orders (customer) VALUES (9999)`,
      );
      assert.equal(await place.cutOver(), 'undone');
      assert.equal(place.last?.fault?.code, 'FF850');
      assert.deepEqual(problemsOf(place), ['FF504 constraint orders_customer on shop.orders']);
      await world.assertUndone(place, before);
      await place.onSource('DELETE FROM shop.orders WHERE customer = 9999');
      assert.equal(await place.cutOver(), 'handedOver');
      await world.assertHandedOver(place);
      assert.deepEqual(problemsOf(place), []);
    });

    test('a key that was not valid yet is validated with the others', async () => {
      const place = await world.place({ replicaRole: true });
      await place.onTarget(`ALTER TABLE shop.orders DROP CONSTRAINT orders_customer, ADD CONSTRAINT orders_customer
          FOREIGN KEY (customer) REFERENCES shop.customers NOT VALID;
        DELETE FROM flexferry.work WHERE kind = 'index' AND item LIKE 'validate %'`);
      await place.kill();
      await place.start();
      assert.equal(await place.cutOver(), 'handedOver');
      await world.assertHandedOver(place);
      const check = place.last?.checks.find((one) => one.check === 'constraints');
      assert.match(
        check?.message ?? '',
        /1 constraint not validated yet: constraint orders_customer on shop\.orders/,
      );
    });

    test('without a fence it waits until nothing comes', async () => {
      const place = await world.place();
      const client = await world.application(place);
      let isWriting = true;
      const writing = (async () => {
        while (isWriting) await client.query(write);
      })();
      const times = { quietMs: 300, quietLimitMs: 600 };
      assert.equal(await place.cutOver(request({ fence: 'none' }), { times }), 'undone');
      assert.equal(place.last?.fault?.code, 'FF843');
      assert.equal((await place.row()).state, 'following');
      isWriting = false;
      await writing;
      assert.equal(
        await place.cutOver(request({ fence: 'none' }), { times: { quietMs: 300 } }),
        'handedOver',
      );
      await world.assertHandedOver(place);
      await client.query('SELECT 1');
      assert.equal((await place.row()).undo, undefined);
    });

    for (const fence of ['none', 'readOnly'] as const)
      test(`a change behind the drain is noticed, fence ${fence}`, async () => {
        const place = await world.place();
        const before = await settingsOf(place);
        const held = request({ hold: true, fence });
        const decision = async () => {
          await deciding(place, 'confirm')();
          const client = await world.application(place);
          await client.query(`BEGIN READ WRITE; ${write}; COMMIT`);
          return 'confirm' as const;
        };
        assert.equal(await place.cutOver(held, { decision, times: { quietMs: 10 } }), 'undone');
        assert.equal(place.last?.fault?.code, 'FF845');
        await world.assertUndone(place, before);
        const logged = await place.onTarget<{ n: number }>(`SELECT count(*)::int AS n FROM shop.log`);
        const there = await place.onSource<{ n: number }>(`SELECT count(*)::int AS n FROM shop.log`);
        assert.ok((logged[0]?.n ?? 0) < (there[0]?.n ?? 0), 'no trigger of the target acted on it');
        assert.equal(await place.cutOver(request({ fence }), { times: { quietMs: 10 } }), 'handedOver');
        await world.assertHandedOver(place);
      });

    test('what is not applied in time takes everything back', async () => {
      const place = await world.place();
      const before = await settingsOf(place);
      place.follower.stuck = true;
      assert.equal(await place.cutOver(request(), { times: { drainLimitMs: 100 } }), 'undone');
      assert.equal(place.last?.fault?.code, 'FF844');
      await world.assertUndone(place, before);
    });

    test('a sample says what was compared', async () => {
      const place = await world.place();
      const tables = place
        .parts(request())
        .tables.map((table, i) => ({ ...table, bytes: i % 2 ? 1 : 9 << 20 }));
      assert.equal(await place.cutOver(request({ verify: 'sample' }), { tables }), 'handedOver');
      assert.match(place.last?.steps.at(-2)?.detail ?? '', /^\d of 5 tables .* every 10th/);
    });

    test('a sequence that came to be since is told, and stops nothing', async () => {
      const place = await world.place();
      await place.onSource('CREATE SEQUENCE shop.fresh');
      assert.equal(await place.cutOver(), 'handedOver');
      const check = place.last?.checks.find((one) => one.check === 'sequences');
      assert.deepEqual([check?.verdict, /shop\.fresh/.test(check?.message ?? '')], ['warn', true]);
      assert.deepEqual(problemsOf(place), ['FF505 sequence shop.fresh']);
    });

    test('a materialized view that cannot be refreshed is told, and stops nothing', async () => {
      const place = await world.place();
      // One more order, and this divides by zero.
      await place.onTarget('CREATE INDEX bad ON shop.grand ((1 / (amount - 125251)::int))');
      await (await world.application(place)).query(write);
      assert.equal(await place.cutOver(), 'handedOver');
      assert.deepEqual(problemsOf(place), ['FF506 materialized view shop.grand']);
      assert.match(place.last?.steps.find(({ step }) => step === 'refresh')?.detail ?? '', /^1 of 2/);
    });

    test('a group is handed over together, or not at all', async () => {
      const places = [await world.place(), await world.place({ replicaRole: true })] as const;
      const [one, other] = places;
      const before = [await settingsOf(one), await settingsOf(other)];
      await tamper(other);
      const group = () => cutOverGroup(places.map((place) => place.parts(request())));
      assert.equal(await group(), 'undone');
      assert.deepEqual(
        places.map(({ last }) => last?.fault?.code),
        ['FF853', 'FF846'],
      );
      await world.assertUndone(one, before[0]);
      assert.deepEqual(await settingsOf(other), before[1]);
      await other.onTarget(
        `DROP TRIGGER nothing ON shop.days_1; DROP FUNCTION shop.nothing(); UPDATE shop.days SET note = 'day 3' WHERE day = 3`,
      );
      assert.equal(await group(), 'handedOver');
      for (const place of places) {
        await world.assertFenced(place);
        await world.assertHandedOver(place);
      }
    });
  });
}
