import type { Fault } from '../../errors/fault.js';
import type { Lsn } from '../../postgres/lsn.js';
import type { ValueEncoding } from '../pgoutput.js';
import type { ApplyTable } from './applyTable.js';
import { type ApplyStep, batchStatements } from './batchStatements.js';
import type { FollowedTable } from './followedTables.js';
import { TableMerge } from './mergeChanges.js';
import { orderedStatements } from './orderedStatements.js';
import { type ParkedChange, parkStep, type TableChange } from './parkedChanges.js';

export interface LaneChange {
  readonly change: TableChange;
  readonly table: ApplyTable;
  readonly commitLsn: Lsn;
}

/** A statement with what it came from. */
export interface SourcedStep extends ApplyStep {
  readonly from:
    | { readonly kind: 'merged'; readonly table: ApplyTable }
    | { readonly kind: 'one'; readonly change: LaneChange }
    | { readonly kind: 'truncate' }
    | { readonly kind: 'own' };
}

/** Of a table that stops in this batch: what is applied of it, and the rest that waits. */
interface Stop {
  readonly followed: FollowedTable;
  readonly fault: Fault;
  readonly ddl?: string;
}

/**
 * The part of a batch that one lane applies: at first merged, table by table; what fails is planned anew, until only
 * what cannot be applied is left, which is parked.
 */
export class LaneBatch {
  readonly changes: LaneChange[] = [];
  /** Of tables that are stopped. */
  readonly parked: ParkedChange[] = [];
  readonly stops: Stop[] = [];
  private merges = new Map<ApplyTable, TableMerge>();
  private truncated = new Set<ApplyTable>();
  /** Every change by itself, across the tables: foreign keys of the target want it. */
  inOrder = false;
  /** A table that a foreign key refers to cannot be truncated by itself. */
  truncateByDelete = false;

  get isEmpty(): boolean {
    return this.changes.length === 0 && this.parked.length === 0 && this.stops.length === 0;
  }

  add(entry: LaneChange): void {
    this.changes.push(entry);
    this.merge(entry);
  }

  park(change: ParkedChange): void {
    this.parked.push(change);
  }

  /** All that is collected of a table waits; how many that are. */
  parkTable(oid: number): number {
    const first = this.changes.find(({ change }) => change.relation.oid === oid);
    return first ? this.cut(oid, 0, false) : 0;
  }

  /** All changes of the table one after the other from now on. False if they were already. */
  order(table: ApplyTable): boolean {
    const merge = this.merges.get(table);
    if (merge === undefined || merge.isOrdered) return false;
    merge.isOrdered = true;
    return true;
  }

  /** The table ends before this change; it and those behind it wait. */
  stopAt(failed: LaneChange, followed: FollowedTable, fault: Fault, keepsWaiting: boolean): void {
    this.cut(failed.change.relation.oid, this.changes.indexOf(failed), keepsWaiting);
    this.stops.push({ followed, fault });
  }

  steps(source: string, encoding: ValueEncoding): SourcedStep[] {
    const steps = this.inOrder ? this.changes.flatMap((one) => this.single(one)) : this.byTable(encoding);
    if (this.parked.length > 0) {
      const kept: SourcedStep = { ...parkStep(source, this.parked, encoding), from: { kind: 'own' } };
      steps.push(kept);
    }
    return steps;
  }

  /** Takes out the changes of a table from a place on: they wait, or are left where they wait already. */
  private cut(oid: number, at: number, keepsWaiting: boolean): number {
    const left = this.changes.splice(0);
    const ordered = [...this.merges].flatMap(([table, m]) => (m.isOrdered ? [table] : []));
    const waited: ParkedChange[] = [];
    this.merges = new Map();
    this.truncated = new Set();
    for (const [i, entry] of left.entries()) {
      if (entry.change.relation.oid !== oid || i < at) this.add(entry);
      else waited.push({ change: entry.change, commitLsn: entry.commitLsn });
    }
    for (const table of ordered) this.order(table);
    // What is parked already of this table came later.
    if (!keepsWaiting) this.parked.unshift(...waited);
    return waited.length;
  }

  private merge({ change, table }: LaneChange): void {
    let merge = this.merges.get(table);
    if (merge === undefined) {
      merge = new TableMerge(table);
      this.merges.set(table, merge);
    }
    if (change.kind !== 'truncate') merge.add(change);
    else if (!merge.isOrdered) {
      merge.truncate();
      this.truncated.add(table);
    }
  }

  private byTable(encoding: ValueEncoding): SourcedStep[] {
    const steps: SourcedStep[] = [];
    const all = [...this.truncated].filter((table) => this.merges.get(table)?.isOrdered === false);
    if (all.length > 0)
      for (const sql of this.truncation(all)) steps.push({ sql, from: { kind: 'truncate' } });
    for (const [table, merge] of this.merges) {
      if (merge.isOrdered)
        for (const one of this.changes) {
          if (one.table === table) steps.push(...this.single(one));
        }
      else
        for (const step of batchStatements(merge.merged(), encoding))
          steps.push({ ...step, from: { kind: 'merged', table } });
    }
    return steps;
  }

  private single(one: LaneChange): SourcedStep[] {
    const { change, table } = one;
    const from = { kind: 'one', change: one } as const;
    if (change.kind === 'truncate')
      return this.truncation([table]).map((sql) => ({ sql, from: { kind: 'truncate' } }));
    return orderedStatements(table, change).map((step) => ({ ...step, from }));
  }

  private truncation(tables: readonly ApplyTable[]): string[] {
    if (this.truncateByDelete) return tables.map(({ only }) => `DELETE FROM ${only}`);
    return [`TRUNCATE ${tables.map(({ only }) => only).join(', ')}`];
  }
}
