import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { rename } from '../../../src/ddl/rename/rename.js';
import { mentionsOf } from '../../../src/ddl/rename/renamesOf.js';
import { names, renamed, renamesFor } from './renameSetup.js';

const inApp = (name: string) => ({ schema: 'app', name });

describe('the renames of a dump', () => {
  before(loadParser);

  it('take sequences and indexes along with their table', () => {
    const renames = renamesFor();
    assert.deepEqual(renames.relation(inApp('orders')), { schema: 'sales', name: 'bookings' });
    assert.deepEqual(renames.relation(inApp('orders_id_seq')), { schema: 'sales', name: 'orders_id_seq' });
    assert.deepEqual(renames.index(inApp('by_note')), { schema: 'elsewhere', name: 'by_note' });
    assert.deepEqual(renames.relation(inApp('anything')), { schema: 'sales', name: 'anything' });
    assert.deepEqual(renames.sourceOf({ schema: 'sales', name: 'bookings' }), inApp('orders'));
    assert.deepEqual([...(renames.columns(inApp('orders')) ?? [])], ['id', 'customer', 'note']);
    assert.equal(renames.columns(inApp('open_orders')), undefined);
    assert.deepEqual(renames.schemasOf('orders'), ['app', 'other']);
    assert.ok(renames.known('app', 'next_order') && renames.known('app', 'mood'));
    assert.ok(!renames.known('other', 'next_order'));
  });

  it('rename what carries the name of a table, on wish', () => {
    const renames = renamesFor({ ...names, renameOwned: true });
    assert.deepEqual(renames.relation(inApp('orders_id_seq')), { schema: 'sales', name: 'bookings_id_seq' });
    assert.equal(renames.index(inApp('orders_pkey')).name, 'bookings_pkey');
    assert.equal(renames.constraint(inApp('orders'), 'orders_pkey'), 'bookings_pkey');
    assert.equal(renames.constraint(inApp('orders'), 'orders_check'), 'bookings_check');
    assert.equal(renames.constraint(inApp('orders'), 'ordersx'), 'ordersx');
    assert.equal(renames.constraint(inApp('status'), 'orders_check'), 'orders_check');
    assert.equal(
      renamed('CREATE INDEX orders_customer_idx ON app.orders USING btree (customer);', renames),
      'CREATE INDEX bookings_customer_idx ON sales.bookings USING btree (customer);',
    );
  });

  it('leave a name alone that would be too long or taken', () => {
    const long = 'ü'.repeat(29);
    const tooLong = renamesFor({ tables: { 'app.orders': inApp(long) }, renameOwned: true });
    assert.equal(tooLong.relation(inApp('orders_id_seq')).name, 'orders_id_seq');
    assert.equal(tooLong.index(inApp('orders_pkey')).name, `${long}_pkey`);
    const taken = renamesFor({ tables: { 'app.orders': inApp('free') }, renameOwned: true });
    assert.equal(taken.relation(inApp('orders_id_seq')).name, 'free_id_seq');
    const ddl = `CREATE TABLE app.orders (id integer); CREATE TABLE app.free_pkey (id integer);
      ALTER TABLE ONLY app.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);`;
    const clash = renamesFor({ tables: { 'app.orders': inApp('free') }, renameOwned: true }, ddl);
    assert.equal(clash.index(inApp('orders_pkey')).name, 'orders_pkey');
    assert.equal(clash.constraint(inApp('orders'), 'orders_pkey'), 'orders_pkey');
  });

  it('know what a text cannot mention', () => {
    const mentions = mentionsOf(['orders', 'We "ird.x', 'ü🚚']);
    for (const text of ['orders', 'app.ORDERS', '"We ""ird.x"', "'ü🚚'", "E'\\x6frders'"])
      assert.ok(mentions(text), text);
    for (const text of ['', 'order', 'orders_2', 'xorders', 'ü']) assert.ok(!mentions(text), text);
    assert.ok(mentionsOf(['..'])('anything'));
    assert.ok(!mentionsOf([])('orders'));
  });

  it('cost little where nothing is mentioned', () => {
    const renames = renamesFor();
    const text = `CREATE TABLE misc.t (\n${'    a_column integer DEFAULT 1,\n'.repeat(1000)});`;
    const start = process.cpuUsage().user;
    for (let i = 0; i < 1000; i++) assert.equal(rename(text, renames).text, text);
    const ms = (process.cpuUsage().user - start) / 1000;
    assert.ok(ms < 10_000, `${ms} ms for 28 MB`);
  });
});
