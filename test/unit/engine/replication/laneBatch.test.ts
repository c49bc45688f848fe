import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fault } from '../../../../src/engine/errors/fault.js';
import {
  type ApplyTable,
  projectChange,
  type RowChange,
} from '../../../../src/engine/replication/apply/applyTable.js';
import type { FollowedTable } from '../../../../src/engine/replication/apply/followedTables.js';
import { LaneBatch, type SourcedStep } from '../../../../src/engine/replication/apply/laneBatch.js';
import type { TableChange } from '../../../../src/engine/replication/apply/parkedChanges.js';
import { planAnew } from '../../../../src/engine/replication/apply/planAnew.js';
import { applyTable } from './applyTables.js';
import { seeded } from './recorded.js';

const how = { keepsWaiting: false, replicaRole: true, onFailure: 'table' } as const;

class Batches {
  readonly batch = new LaneBatch();
  private readonly followed = new Map<number, FollowedTable>();

  of(table: ApplyTable): FollowedTable {
    const { oid, schema, name } = table.relation;
    const known = this.followed.get(oid);
    if (known) return known;
    const target = { schema, name };
    const made: FollowedTable = {
      oid,
      schema,
      name,
      target,
      since: 0n,
      lane: 0,
      relations: [],
      stopped: undefined,
    };
    this.followed.set(oid, made);
    return made;
  }

  add(table: ApplyTable, sent: TableChange, commitLsn = 1n): void {
    const change = sent.kind === 'truncate' ? sent : projectChange(sent, table);
    this.batch.add({ followed: this.of(table), sent, change, table, commitLsn });
  }

  insert(table: ApplyTable, id: string, commitLsn = 1n): void {
    this.add(table, { kind: 'insert', relation: table.relation, row: [id, `v${id}`] }, commitLsn);
  }

  steps(isLast = true): readonly SourcedStep[] {
    return this.batch.steps('source', 'utf8', isLast);
  }

  /** In short: verb, table and origin. */
  get plan(): string[] {
    return this.steps().map(({ sql, from }) => {
      const table = /"s"\."(\w+)"/.exec(sql)?.[1] ?? '';
      return `${/^\w+/.exec(sql)?.[0]} ${table} ${from.kind}`;
    });
  }

  /** Ids of rows that wait, by table. */
  get waiting(): string[] {
    return this.batch.parked.map(({ change }) =>
      change.kind === 'insert' ? `${change.relation.name} ${String(change.row[0])}` : change.kind,
    );
  }
}

const t = applyTable({ name: 't', oid: 1, columns: ['id*', 'v'] });
const u = applyTable({ name: 'u', oid: 2, columns: ['id*', 'v'] });
const error = (sqlstate: string, table?: string): Fault =>
  new Fault('FF500', 'no', { sqlstate, ...(table !== undefined && { table: { schema: 's', name: table } }) });

/** The first step for which it holds fails. */
function fail(one: Batches, fault: Fault | number, which: (step: SourcedStep) => boolean): void {
  const step = one.steps().find(which);
  assert.ok(step);
  if (typeof fault === 'number') planAnew(one.batch, { fault: undefined, step, rows: fault }, how);
  else planAnew(one.batch, { fault, step }, how);
}

describe('the part of a batch that one lane applies', () => {
  test('merged, then in order for the table that failed, then without what cannot be applied', () => {
    const one = new Batches();
    for (const id of ['1', '2', '3']) for (const table of [t, u]) one.insert(table, id);
    assert.deepEqual(one.plan, ['COPY t merged', 'COPY u merged', 'SET  check']);
    fail(one, error('23505'), ({ from }) => from.kind === 'merged');
    assert.deepEqual(one.plan, [
      'INSERT t one',
      'INSERT t one',
      'INSERT t one',
      'COPY u merged',
      'SET  check',
    ]);
    fail(one, error('23505'), ({ values }) => values?.[0] === '2');
    assert.deepEqual(one.plan, ['INSERT t one', 'COPY u merged', 'SET  check', 'COPY  own']);
    assert.deepEqual(one.waiting, ['t 2', 't 3']);
    const [stop] = one.batch.stops;
    assert.equal(stop?.fault.code, 'FF815');
    assert.equal(stop.left, 2);
    assert.equal(stop.followed, one.of(t));
  });

  test('what waits comes in its order: what is taken out of the batch before what was parked', () => {
    const one = new Batches();
    one.insert(t, '1');
    one.insert(u, '1');
    one.insert(t, '2');
    one.batch.park({
      followed: one.of(t),
      change: { kind: 'insert', relation: t.relation, row: ['3', ''] },
      commitLsn: 2n,
    });
    one.batch.stop({ followed: one.of(t), fault: error('42703') });
    assert.equal(one.batch.parkTable(one.of(t)), 2);
    assert.deepEqual(one.batch.stops, []);
    assert.deepEqual(one.waiting, ['t 1', 't 2', 't 3']);
    assert.deepEqual(one.plan, ['COPY u merged', 'SET  check', 'COPY  own']);
    assert.equal(one.batch.parkTable(one.of(t)), 0);
    assert.deepEqual(
      one.batch.relationSteps('source').map(({ sql }) => /oid = \d+/.exec(sql)?.[0]),
      ['oid = 1'],
    );
  });

  test('the number of rows tells, too', () => {
    const one = new Batches();
    const update: RowChange = {
      kind: 'update',
      relation: t.relation,
      key: undefined,
      old: undefined,
      row: ['1', 'x'],
    };
    one.add(t, update);
    fail(one, 0, ({ from }) => from.kind === 'merged');
    fail(one, 0, ({ from }) => from.kind === 'one');
    assert.equal(one.batch.stops[0]?.fault.code, 'FF814');
    const acting = applyTable({ name: 'a', oid: 3, columns: ['id*', 'v'], acts: true });
    const other = new Batches();
    other.add(acting, { ...update, relation: acting.relation });
    fail(other, 0, ({ from }) => from.kind === 'merged');
    fail(other, 0, ({ from }) => from.kind === 'one');
    assert.equal(other.batch.stops[0]?.fault.code, 'FF871');
  });

  test('truncated together, apart, by deleting, then not at all', () => {
    const one = new Batches();
    one.insert(t, '1');
    for (const table of [t, u]) one.add(table, { kind: 'truncate', relation: table.relation });
    one.insert(t, '2');
    assert.deepEqual(one.plan, ['TRUNCATE t truncate', 'COPY t merged', 'SET  check']);
    assert.match(one.steps()[0]?.sql ?? '', /TRUNCATE ONLY "s"\."t", ONLY "s"\."u"/);
    fail(one, error('0A000'), ({ from }) => from.kind === 'truncate');
    assert.deepEqual(one.plan, ['TRUNCATE t truncate', 'TRUNCATE u truncate', 'COPY t merged', 'SET  check']);
    fail(one, error('0A000'), ({ from }) => from.kind === 'truncate');
    assert.deepEqual(one.plan, ['DELETE t merged', 'TRUNCATE u truncate', 'COPY t merged', 'SET  check']);
    fail(one, error('42P01'), ({ sql }) => sql.startsWith('DELETE'));
    assert.deepEqual(one.plan, [
      'TRUNCATE u truncate',
      'INSERT t one',
      'DELETE t one',
      'INSERT t one',
      'SET  check',
    ]);
    fail(one, error('42P01'), ({ sql }) => sql.startsWith('DELETE'));
    assert.deepEqual(one.plan, ['TRUNCATE u truncate', 'INSERT t one', 'SET  check', 'COPY  own']);
    assert.deepEqual(one.waiting, ['truncate', 't 2']);
    assert.equal(one.batch.stops[0]?.fault.code, 'FF817');
  });

  test('a table whose columns change in between is not merged over it', () => {
    const one = new Batches();
    const wider = applyTable({ name: 't', oid: 1, columns: ['id*', 'v', 'n'] });
    one.insert(t, '1');
    one.add(wider, {
      kind: 'update',
      relation: wider.relation,
      key: undefined,
      old: undefined,
      row: ['1', 'x', 'y'],
    });
    one.add(wider, { kind: 'truncate', relation: wider.relation });
    one.add(wider, { kind: 'insert', relation: wider.relation, row: ['2', 'x', 'y'] });
    assert.deepEqual(one.plan, [
      'INSERT t one',
      'UPDATE t one',
      'TRUNCATE t one',
      'INSERT t one',
      'SET  check',
    ]);
  });

  test('foreign keys want the order of the source; constraints that fail at the end are looked for', () => {
    const one = new Batches();
    for (const lsn of [1n, 2n, 3n]) for (const table of [t, u]) one.insert(table, `${lsn}`, lsn);
    fail(one, error('23503'), ({ from }) => from.kind === 'merged');
    assert.deepEqual(one.plan.slice(0, 3), ['INSERT t one', 'INSERT u one', 'INSERT t one']);
    fail(one, error('23503', 'u'), ({ from }) => from.kind === 'check');
    const each = ['INSERT t one', 'INSERT u one', 'SET  check', 'SET  own'];
    assert.deepEqual(one.plan, [...each, ...each, ...each, 'SET  check']);
    fail(one, error('23503', 'u'), ({ from }) => from.kind === 'check' && from.commitLsn === 2n);
    assert.deepEqual(one.waiting, ['u 2', 'u 3']);
    // Between the parts of a transaction they need not hold.
    assert.ok(one.steps(false).every(({ from }) => from.kind !== 'check' || from.commitLsn !== undefined));
  });

  test('the run may be what stops', () => {
    const one = new Batches();
    one.insert(t, '1');
    fail(one, error('23505'), ({ from }) => from.kind === 'merged');
    const [step] = one.steps();
    assert.throws(() => planAnew(one.batch, { fault: error('23505'), step }, { ...how, onFailure: 'run' }), {
      code: 'FF815',
    });
    assert.throws(() => planAnew(one.batch, { fault: error('22000'), step: undefined }, how), {
      code: 'FF500',
    });
  });

  test('whatever fails, it comes to an end', () => {
    const random = seeded(5);
    const below = (n: number): number => Math.floor(random() * n);
    const tables = [t, u, applyTable({ name: 'f', oid: 3, columns: ['id', 'v'], replicaIdentity: 'f' })];
    const states = ['23505', '23503', '0A000', '42P01', 'P0001'];
    for (let round = 0; round < 500; round++) {
      const one = new Batches();
      const count = 1 + below(12);
      for (let i = 0; i < count; i++) {
        const table = tables[below(3)] ?? t;
        if (below(6) === 0) one.add(table, { kind: 'truncate', relation: table.relation });
        else one.insert(table, `${i}`, BigInt(1 + below(3)));
      }
      let plans = 0;
      for (;;) {
        const steps = one.steps();
        const step = steps[below(steps.length)];
        if (step === undefined || step.from.kind === 'own') break;
        plans += 1;
        const fault = error(states[below(states.length)] ?? '', ['t', 'u', 'f'][below(3)]);
        try {
          if (step.expected !== undefined && below(3) === 0)
            planAnew(one.batch, { fault: undefined, step, rows: below(3) }, how);
          else planAnew(one.batch, { fault, step }, how);
        } catch (thrown) {
          assert.ok(thrown instanceof Fault);
          break;
        }
      }
      assert.ok(plans <= count + 4 * 3 + 3, `${plans} plans for ${count} changes`);
      assert.equal(one.batch.changes.length + one.batch.parked.length, count);
    }
  });
});
