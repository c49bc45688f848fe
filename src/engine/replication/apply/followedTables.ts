import { loadParser } from '../../../ddl/parser.js';
import { type BareRowFilter, bareRowFilter } from '../../../ddl/rowFilterColumns.js';
import type { FaultData } from '../../../protocol/connection.js';
import type { RelationName } from '../../../protocol/model.js';
import { readTargetTables, type TargetTable } from '../../catalog/applyTargets.js';
import { Fault } from '../../errors/fault.js';
import { type Lsn, laterLsn, lsnFromServer } from '../../postgres/lsn.js';
import type { Session } from '../../postgres/session.js';
import { type Relation, sameRelation } from '../pgoutputMessages.js';
import { type ApplyTable, allColumns, fitTable, isMisfit } from './applyTable.js';
import {
  changedColumns,
  type Drift,
  type KnownColumn,
  knownColumns,
  seenByTarget,
  targetMoved,
} from './columnChanges.js';
import { beginTables, readFollowed, type StoredFollowed } from './followedRows.js';
import { TargetsAhead } from './targetsAhead.js';

export type { Drift, KnownColumn } from './columnChanges.js';

/** A table whose changes are to be followed. */
export interface TableToFollow extends RelationName {
  /** Of the source. */
  readonly oid: number;
  readonly target: RelationName;
  /** Its rows on the target are those of this position: only what is committed behind it counts. */
  readonly since: Lsn;
  /** Undefined: what comes first is taken for granted. */
  readonly columns?: readonly KnownColumn[];
  /** A row filter that the source does not apply itself. */
  readonly filter?: string;
}

export interface FollowedTable extends TableToFollow {
  columns?: readonly KnownColumn[];
  readonly lane: number;
  /** Those that changes which wait refer to, by their places here. */
  relations: Relation[];
  stopped:
    | { readonly fault: FaultData; readonly ddl?: string; readonly since: number; waiting: number }
    | undefined;
}

export type DescribeDrift = (table: FollowedTable) => Promise<Drift>;

/** What was found out about a relation. */
export interface Resolved {
  readonly followed: FollowedTable;
  readonly fit?: ApplyTable;
  readonly stop?: Fault;
  readonly ddl?: string;
}

/** What the user mends on the target, without telling us. */
const fitFaults: ReadonlySet<string> = new Set(['FF816', 'FF817']);

/** The tables of a follow, and how what the source announces gets into them. */
export class FollowedTables {
  private readonly byOid = new Map<number, FollowedTable>();
  /** By oid of the source; relations that are the same share one. */
  private readonly fits = new Map<number, Map<Relation, ApplyTable>>();
  /** What the tables of the target were like when they were last looked at, by oid of the source. */
  private readonly definitions = new Map<number, string>();
  private stored: ReadonlyMap<number, StoredFollowed> = new Map();
  private readonly ahead = new TargetsAhead();

  private constructor(
    private readonly lanes: number,
    /** A relation that nobody named: undefined leaves it out. */
    private readonly unknown: (relation: Relation) => TableToFollow | undefined,
    private readonly drift: DescribeDrift,
  ) {}

  /** What the target knows of these tables wins over what is given, but for tables that were copied since. */
  static async load(
    target: Session,
    source: string,
    given: {
      readonly tables: readonly TableToFollow[];
      readonly lanes: number;
      unknown?(relation: Relation): TableToFollow | undefined;
      readonly drift: DescribeDrift;
    },
  ): Promise<FollowedTables> {
    const all = new FollowedTables(given.lanes, given.unknown ?? (() => undefined), given.drift);
    all.stored = await readFollowed(target, source);
    const isKnown = ({ oid, since }: TableToFollow): boolean => {
      const row = all.stored.get(oid);
      return row !== undefined && lsnFromServer(row.since) >= since;
    };
    const fresh = given.tables.filter((table) => !isKnown(table)).map((table) => all.add(table));
    if (fresh.length > 0) {
      await beginTables(target, source, fresh, given.lanes);
      all.stored = await readFollowed(target, source);
    }
    for (const table of given.tables) if (!all.of(table.oid)) all.add(table, all.stored.get(table.oid));
    if (given.tables.some(({ filter }) => filter !== undefined)) await loadParser();
    return all;
  }

  of(oid: number): FollowedTable | undefined {
    return this.byOid.get(oid);
  }

  get stopped(): FollowedTable[] {
    return [...this.byOid.values()].filter((table) => table.stopped !== undefined);
  }

  find(name: RelationName): FollowedTable | undefined {
    return [...this.byOid.values()].find((t) => t.schema === name.schema && t.name === name.name);
  }

  /** How the relation gets into its table, if that is known; see {@link resolve}. */
  known(relation: Relation): ApplyTable | undefined {
    const fits = this.fits.get(relation.oid);
    const fit = fits?.get(relation);
    if (fit !== undefined || fits === undefined) return fit;
    // One table in one batch is one thing, whoever announced it: another decoder makes another object.
    for (const [other, same] of fits) {
      if (!sameRelation(other, relation)) continue;
      fits.set(relation, same);
      return same;
    }
    return undefined;
  }

  /** Forgets how relations of a table get into that of the target: it may have been changed. */
  forget(oid: number): void {
    this.fits.delete(oid);
  }

  /** Stopped tables that may fit again: those whose table on the target was changed since it was looked at, or `all`. */
  async toRefit(target: Session, all: boolean): Promise<FollowedTable[]> {
    const stopped = this.stopped.filter((table) => fitFaults.has(table.stopped?.fault.code ?? ''));
    if (all || stopped.length === 0) return stopped;
    const found = await readTargetTables(
      target,
      stopped.map((table) => table.target),
    );
    return stopped.filter(({ oid }, i) => (found[i]?.definition ?? '') !== this.definitions.get(oid));
  }

  /**
   * Looks at the target's table for a relation that is new or changed. `stop`: it does not fit, or the source changed
   * since its rows were copied. Undefined: not followed. `next`: relations that will be asked for soon.
   */
  async resolve(
    target: Session,
    relation: Relation,
    next: () => Iterable<Relation> = () => [],
  ): Promise<Resolved | undefined> {
    const followed = this.byOid.get(relation.oid) ?? this.adopt(relation);
    if (followed === undefined) return undefined;
    const object = `table ${followed.schema}.${followed.name}`;
    const { schema, name } = followed.target;
    const refuse = (code: 'FF816' | 'FF817', message: string, ddl?: string): Resolved => ({
      followed,
      stop: new Fault(code, `${object}: ${message}`, { object }),
      ...(ddl !== undefined && { ddl }),
    });
    const table = await this.ahead.read(target, followed, () => this.unresolved(next()));
    this.definitions.set(followed.oid, table?.definition ?? '');
    if (table === undefined) return refuse('FF817', `the target has no table ${schema}.${name}`);
    const known = followed.columns;
    const changed = known && changedColumns(known, relation, table);
    const isMoved = known !== undefined && targetMoved(known, table);
    const drift = changed !== undefined || isMoved ? await this.drift(followed) : undefined;
    const seen = drift ? seenByTarget(known ?? [], relation, table, drift) : allColumns(relation);
    if (seen === undefined && changed !== undefined)
      return refuse('FF816', `its columns changed on the source (${changed})`, drift?.ddl);
    if (seen === undefined) return refuse('FF817', this.whyNot(relation, table), drift?.ddl);
    const fit = fitTable(seen, table, this.filterOf(followed));
    if (isMisfit(fit)) return refuse('FF817', fit.message, drift?.ddl);
    followed.columns = knownColumns(seen, table, known, drift);
    const fits = this.fits.get(followed.oid);
    if (fits) fits.set(relation, fit);
    else this.fits.set(followed.oid, new Map([[relation, fit]]));
    return { followed, fit };
  }

  private *unresolved(relations: Iterable<Relation>): Generator<FollowedTable> {
    for (const relation of relations) {
      const table = this.byOid.get(relation.oid);
      if (table?.stopped === undefined && table && !this.known(relation)) yield table;
    }
  }

  /** The target's table was changed, or never had all columns. */
  private whyNot(relation: Relation, table: TargetTable): string {
    const fit = fitTable(allColumns(relation), table, undefined);
    return isMisfit(fit) ? fit.message : 'its columns changed on the target';
  }

  /** One that cannot be read fails on the target, in its words. */
  private filterOf({ filter }: FollowedTable): BareRowFilter | undefined {
    if (filter === undefined) return undefined;
    return bareRowFilter(filter) ?? { condition: filter, columns: new Set() };
  }

  private adopt(relation: Relation): FollowedTable | undefined {
    const table = this.unknown(relation);
    return table && this.add(table, this.stored.get(table.oid));
  }

  private add(table: TableToFollow, row?: StoredFollowed): FollowedTable {
    const followed: FollowedTable = {
      ...table,
      ...(row && { since: laterLsn(table.since, lsnFromServer(row.since)) }),
      ...(row?.columns && { columns: row.columns }),
      lane: table.oid % this.lanes,
      relations: row?.relations ?? [],
      stopped: row?.stopped,
    };
    this.byOid.set(table.oid, followed);
    return followed;
  }
}
