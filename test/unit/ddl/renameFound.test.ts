/** What was found by renaming whole databases and running what came of it. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { ddl, names, renamed, renamesFor } from './renameSetup.js';

before(loadParser);

const body = (text: string): string =>
  `CREATE FUNCTION misc.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${text} END $$;`;

describe('one query for several columns', () => {
  for (const [what, from, to] of [
    [
      'in PL/pgSQL',
      body('UPDATE app.status SET (status, id) = (SELECT orders.note, orders.id FROM app.orders);'),
      body('UPDATE sales.status SET (status, id) = (SELECT bookings.note, bookings.id FROM sales.bookings);'),
    ],
    [
      'in a rule',
      'CREATE RULE r AS ON UPDATE TO misc.v DO INSTEAD UPDATE app.status SET (status, id) = ( SELECT orders.note, orders.id FROM app.orders WHERE (orders.id = new.id));',
      'CREATE RULE r AS ON UPDATE TO misc.v DO INSTEAD UPDATE sales.status SET (status, id) = ( SELECT bookings.note, bookings.id FROM sales.bookings WHERE (bookings.id = new.id));',
    ],
    [
      'in ON CONFLICT, as a row',
      body(
        'INSERT INTO app.orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET (note, id) = ROW(orders.note, app.next_order());',
      ),
      body(
        'INSERT INTO sales.bookings (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET (note, id) = ROW(bookings.note, sales.next_order());',
      ),
    ],
    [
      'in an SQL body',
      'CREATE PROCEDURE misc.p() LANGUAGE sql BEGIN ATOMIC UPDATE app.status SET (status, id) = ( SELECT orders.note, orders.id FROM app.orders); END;',
      'CREATE PROCEDURE misc.p() LANGUAGE sql BEGIN ATOMIC UPDATE sales.status SET (status, id) = ( SELECT bookings.note, bookings.id FROM sales.bookings); END;',
    ],
  ] as const)
    test(what, () => assert.equal(renamed(from, renamesFor()), to));
});

test('ON CONFLICT ON CONSTRAINT follows a constraint that is renamed with its table', () => {
  const text = (table: string, constraint: string): string =>
    body(
      `INSERT INTO ${table} (id) VALUES (1) ON CONFLICT ON CONSTRAINT ${constraint} DO NOTHING; INSERT INTO misc.kept VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING; INSERT INTO ${table} AS o VALUES (1) ON CONFLICT ON CONSTRAINT ${constraint} DO UPDATE SET note = o.note;`,
    );
  const renames = renamesFor({ ...names, renameOwned: true }, ddl);
  assert.equal(renamed(text('app.orders', 'orders_pkey'), renames), text('sales.bookings', 'bookings_pkey'));
  assert.equal(
    renamed(text('app.orders', 'orders_pkey'), renamesFor()),
    text('sales.bookings', 'orders_pkey'),
  );
});

test('the message of ASSERT is for people, its condition is not', () => {
  const renames = renamesFor();
  assert.equal(
    renamed(
      body("ASSERT EXISTS (SELECT FROM app.orders), 'app.orders is empty'; ASSERT app.next_order() > 0;"),
      renames,
    ),
    body("ASSERT EXISTS (SELECT FROM sales.bookings), 'app.orders is empty'; ASSERT sales.next_order() > 0;"),
  );
  assert.equal(
    renamed(body('ASSERT true, (SELECT note FROM app.orders LIMIT 1);'), renames),
    body('ASSERT true, (SELECT note FROM sales.bookings LIMIT 1);'),
  );
});
