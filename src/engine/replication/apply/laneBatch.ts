import type { RelationName } from '../../../protocol/model.js';
import type { Fault } from '../../errors/fault.js';
import type { Lsn } from '../../postgres/lsn.js';
import type { ValueEncoding } from '../pgoutput.js';
import type { ApplyTable } from './applyTable.js';
import { type ApplyStep, batchStatements } from './batchStatements.js';
import { relationsStep } from './followedRows.js';
import type { FollowedTable } from './followedTables.js';
import { TableMerge } from './mergeChanges.js';
import { orderedStatements } from './orderedStatements.js';
import { type ParkedChange, parkStep, type TableChange } from './parkedChanges.js';

export interface LaneChange {
  readonly followed: FollowedTable;
  /** As it came. */
  readonly sent: TableChange;
  /** With the columns of the table alone. */
  readonly change: TableChange;
  readonly table: ApplyTable;
  readonly commitLsn: Lsn;
}

/** A statement with what it came from. */
export interface SourcedStep extends ApplyStep {
  readonly from: /** Tables by oid of the source. */
    | { readonly kind: 'merged'; readonly oid: number }
    | { readonly kind: 'one'; readonly change: LaneChange }
    /** Of several tables; `oid`: of one. */
    | { readonly kind: 'truncate'; readonly oid?: number }
    /** Deferred constraints are checked, those behind a transaction of the source, or all at the end. */
    | { readonly kind: 'check'; readonly commitLsn?: Lsn }
    | { readonly kind: 'own' };
}

/** Of a table that stops in this batch: what is applied of it, and the rest that waits. */
interface Stop {
  readonly followed: FollowedTable;
  readonly fault: Fault;
  readonly ddl?: string;
  /** Changes that were to be applied and are not. */
  readonly left: number;
}

const checkSql = 'SET CONSTRAINTS ALL IMMEDIATE';
const deferSql = 'SET CONSTRAINTS ALL DEFERRED';

/**
 * The part of a batch that one lane applies: at first merged, table by table; what fails is planned anew, until only
 * what cannot be applied is left, which is parked. Every way to plan anew can be taken once, or for each table once, or
 * leaves fewer changes: so that comes to an end.
 */
export class LaneBatch {
  readonly changes: LaneChange[] = [];
  /** Of tables that are stopped. */
  readonly parked: ParkedChange[] = [];
  readonly stops: Stop[] = [];
  /** By oid of the source. */
  private merges = new Map<number, TableMerge>();
  private truncated = new Set<number>();
  private ordered = new Set<number>();
  /** Every change by itself, across the tables: foreign keys of the target want it. */
  private isInOrder = false;
  /** Deferred constraints are checked behind every transaction of the source, to find the one that they are about. */
  private checksEach = false;
  /** A table that a foreign key refers to cannot be truncated by itself. */
  private truncatesApart = false;
  private truncatesByDelete = new Set<number>();
  /** What {@link steps} gave last, until something changes. */
  private planned: { readonly isLast: boolean; readonly steps: readonly SourcedStep[] } | undefined;

  get isEmpty(): boolean {
    return this.changes.length === 0 && this.parked.length === 0 && this.stops.length === 0;
  }

  /** How many have changes to be applied. */
  get tables(): number {
    return this.merges.size;
  }

  add(entry: LaneChange): void {
    this.planned = undefined;
    this.changes.push(entry);
    this.merge(entry);
  }

  park(change: ParkedChange): void {
    this.planned = undefined;
    this.parked.push(change);
  }

  stop(stop: Omit<Stop, 'left'>): void {
    this.stops.push({ ...stop, left: 0 });
  }

  /** All that is collected of a table waits, as it was stopped for an earlier change; how many that are. */
  parkTable(followed: FollowedTable): number {
    const at = this.stops.findIndex((stop) => stop.followed === followed);
    if (at >= 0) this.stops.splice(at, 1);
    return this.merges.has(followed.oid) ? this.cut(followed.oid, 0, false) : 0;
  }

  /** Everything in the order of the source. False if it is already. */
  order(): boolean {
    if (this.isInOrder) return false;
    this.planned = undefined;
    this.isInOrder = true;
    return true;
  }

  /** All changes of the table one after the other from now on. False if they are already. */
  orderTable(oid: number): boolean {
    if (this.ordered.has(oid)) return false;
    this.planned = undefined;
    this.ordered.add(oid);
    this.merges.get(oid)?.order();
    return true;
  }

  /** Another way for tables that could not be truncated together, or one that could not by itself. False without one. */
  truncateOtherwise(oid?: number): boolean {
    this.planned = undefined;
    if (oid === undefined) {
      if (this.truncatesApart) return false;
      this.truncatesApart = true;
      return true;
    }
    if (this.truncatesByDelete.has(oid)) return false;
    this.truncatesByDelete.add(oid);
    return true;
  }

  /** Looks behind every transaction whether constraints hold. False if that is done already. */
  checkEach(): boolean {
    if (this.checksEach) return false;
    this.planned = undefined;
    this.checksEach = true;
    this.order();
    return true;
  }

  /** The first change of a transaction in the table that a constraint names, else in the last one. */
  culprit(commitLsn: Lsn, named: RelationName | undefined): LaneChange | undefined {
    const own = this.changes.filter((one) => one.commitLsn === commitLsn);
    const isNamed = ({ table }: LaneChange): boolean =>
      table.target.schema === named?.schema && table.target.name === named.name;
    const oid = (own.find(isNamed) ?? own.at(-1))?.followed.oid;
    return own.find(({ followed }) => followed.oid === oid);
  }

  /** The table ends before this change; it and those behind it wait. */
  stopAt(failed: LaneChange, fault: Fault, keepsWaiting: boolean): void {
    const { followed } = failed;
    const left = this.cut(followed.oid, this.changes.indexOf(failed), keepsWaiting);
    this.stops.push({ followed, fault, left });
  }

  /** Kept until something changes: they can be made while the batch before is still being applied. */
  steps(source: string, encoding: ValueEncoding, isLast: boolean): readonly SourcedStep[] {
    if (this.planned?.isLast !== isLast)
      this.planned = { isLast, steps: this.plan(source, encoding, isLast) };
    return this.planned.steps;
  }

  private plan(source: string, encoding: ValueEncoding, isLast: boolean): SourcedStep[] {
    const steps = this.isInOrder ? this.inOrder() : this.byTable(encoding);
    // Between the parts of a transaction they need not hold.
    if (isLast && steps.length > 0) steps.push({ sql: checkSql, from: { kind: 'check' } });
    if (this.parked.length === 0) return steps;
    const own = { from: { kind: 'own' } } as const;
    steps.push({ ...parkStep(source, this.parked), ...own });
    return steps;
  }

  /** To be run behind those that say that the tables are stopped. */
  relationSteps(source: string): ApplyStep[] {
    const tables = new Set(this.parked.map(({ followed }) => followed));
    return [...tables].map((followed) => relationsStep(source, followed));
  }

  /** Takes out the changes of a table from a place on: they wait, or are left where they wait already. */
  private cut(oid: number, at: number, keepsWaiting: boolean): number {
    this.planned = undefined;
    const left = this.changes.splice(0);
    const waited: ParkedChange[] = [];
    this.merges = new Map();
    this.truncated = new Set();
    for (const [i, entry] of left.entries()) {
      const { followed, sent, commitLsn } = entry;
      if (followed.oid !== oid || i < at) this.add(entry);
      else waited.push({ followed, change: sent, commitLsn });
    }
    // What is parked already of this table came later.
    if (!keepsWaiting) this.parked.unshift(...waited);
    return waited.length;
  }

  private merge({ followed: { oid }, change, table }: LaneChange): void {
    let merge = this.merges.get(oid);
    if (merge === undefined) {
      merge = new TableMerge(table);
      this.merges.set(oid, merge);
      if (this.ordered.has(oid)) merge.order();
    }
    // Its columns became others.
    if (merge.table !== table) merge.order();
    if (change.kind !== 'truncate') merge.add(change);
    else {
      merge.truncate();
      this.truncated.add(oid);
    }
  }

  private byTable(encoding: ValueEncoding): SourcedStep[] {
    const steps = this.truncations();
    const single = new Map<number, LaneChange[]>();
    for (const [oid, merge] of this.merges) if (merge.isOrdered) single.set(oid, []);
    if (single.size > 0) for (const one of this.changes) single.get(one.followed.oid)?.push(one);
    for (const [oid, merge] of this.merges) {
      const ones = single.get(oid);
      if (ones) steps.push(...ones.flatMap((one) => this.single(one)));
      else
        for (const step of batchStatements(merge.merged(), encoding))
          steps.push({ ...step, from: { kind: 'merged', oid } });
    }
    return steps;
  }

  /** Of the tables that are merged: before all that is left of their changes. */
  private truncations(): SourcedStep[] {
    const steps: SourcedStep[] = [];
    const together: string[] = [];
    for (const oid of this.truncated) {
      const merge = this.merges.get(oid);
      if (merge === undefined || merge.isOrdered) continue;
      const { only } = merge.table;
      if (this.truncatesByDelete.has(oid))
        steps.push({ sql: `DELETE FROM ${only}`, from: { kind: 'merged', oid } });
      else if (this.truncatesApart) steps.push({ sql: `TRUNCATE ${only}`, from: { kind: 'truncate', oid } });
      else together.push(only);
    }
    if (together.length > 0)
      steps.push({ sql: `TRUNCATE ${together.join(', ')}`, from: { kind: 'truncate' } });
    return steps;
  }

  private inOrder(): SourcedStep[] {
    const steps: SourcedStep[] = [];
    for (const [i, one] of this.changes.entries()) {
      steps.push(...this.single(one));
      const { commitLsn } = one;
      if (!this.checksEach || this.changes[i + 1]?.commitLsn === commitLsn) continue;
      steps.push({ sql: checkSql, from: { kind: 'check', commitLsn } });
      steps.push({ sql: deferSql, from: { kind: 'own' } });
    }
    return steps;
  }

  private single(one: LaneChange): SourcedStep[] {
    const { change, table, followed } = one;
    const from = { kind: 'one', change: one } as const;
    if (change.kind !== 'truncate')
      return orderedStatements(table, change).map((step) => ({ ...step, from }));
    const verb = this.truncatesByDelete.has(followed.oid) ? 'DELETE FROM' : 'TRUNCATE';
    return [{ sql: `${verb} ${table.only}`, from }];
  }
}
