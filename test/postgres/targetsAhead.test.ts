import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { TargetsAhead } from '../../src/engine/replication/apply/targetsAhead.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { specOf } from '../support/replication.js';

const count = 700;
let target: TestServer;

before(async () => {
  target = await startServer({ major: 17 });
  await target.createDatabase('ahead');
  await target.query(
    'ahead',
    `DO $$ BEGIN FOR i IN 0..${count - 1} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', i); END LOOP; END $$`,
  );
});
after(() => target?.stop());

/** A session that counts its queries. */
function counting(session: Session): { session: Session; queries(): number } {
  let queries = 0;
  const counted = new Proxy(session, {
    get: (whole, name) => {
      if (name !== 'query') return Reflect.get(whole, name, whole);
      return (...given: Parameters<Session['query']>) => {
        queries += 1;
        return whole.query(...given);
      };
    },
  });
  return { session: counted, queries: () => queries };
}

describe('tables of the target, read with those that come next', () => {
  test('a query for up to 512 of them, in whatever order; each answer is given once', async () => {
    const real = await connect(specOf(target.uri('ahead')), 'test', { side: 'target' });
    try {
      const { session, queries } = counting(real);
      const tables = Array.from({ length: count }, (_, n) => {
        const oid = (n * 311) % count;
        return { oid, target: { schema: 'public', name: `t${oid}` } };
      });
      const ahead = new TargetsAhead();
      for (const [i, table] of tables.entries()) {
        const found = await ahead.read(session, table, () => tables.slice(i));
        assert.equal(found?.name, table.target.name);
      }
      assert.equal(queries(), 2);
      const [first] = tables;
      assert.ok(first);
      await target.query('ahead', 'ALTER TABLE t0 ADD COLUMN more int');
      assert.ok((await ahead.read(session, first, () => []))?.columns.has('more'));
      assert.equal(
        await ahead.read(session, { oid: -1, target: { schema: 'no', name: 'such' } }, () => []),
        undefined,
      );
    } finally {
      await real.close();
    }
  });
});
