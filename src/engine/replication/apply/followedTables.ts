import { chunks } from '../../../base/pool.js';
import type { FaultData } from '../../../protocol/connection.js';
import type { RelationName } from '../../../protocol/model.js';
import { readTargetTables, type TargetTable } from '../../catalog/applyTargets.js';
import { Fault } from '../../errors/fault.js';
import { formatLsn, type Lsn, lsnFromServer } from '../../postgres/lsn.js';
import type { PipelineStep } from '../../postgres/pipeline.js';
import { literal } from '../../postgres/quote.js';
import type { Session } from '../../postgres/session.js';
import type { Relation } from '../pgoutputMessages.js';
import { type ApplyTable, fitTable, isMisfit } from './applyTable.js';

/** A column as it was when the rows of its table were copied: another one now means DDL. */
export interface KnownColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** pg_attribute.attnum: stays when the column gets another name. */
  readonly number?: number;
  /** Type of the same column on the target then, as DDL writes it. */
  readonly target?: string;
}

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
  stopped:
    | { readonly fault: FaultData; readonly ddl?: string; readonly since: number; waiting: number }
    | undefined;
}

/** What the source says of a table whose columns changed. */
export interface Drift {
  /** SQL for the target that makes its table fit again. */
  readonly ddl?: string;
  /** Its columns now; undefined where it is gone. `declared`: type as DDL writes it. */
  readonly columns?: readonly { readonly name: string; readonly number: number; readonly declared: string }[];
}
export type DescribeDrift = (table: FollowedTable) => Promise<Drift>;

interface StoredRow {
  oid: string;
  since: string;
  columns: string | null;
  fault: string | null;
  stopped_ms: string | null;
  ddl: string | null;
  waiting: string;
}

/** Tables that are read and written in one query. */
const tablesAtOnce = 2000;

/** What was found out about a relation. */
export interface Resolved {
  readonly followed: FollowedTable;
  readonly fit?: ApplyTable;
  readonly stop?: Fault;
  readonly ddl?: string;
}

/** The tables of a follow, and how what the source announces gets into them. */
export class FollowedTables {
  private readonly byOid = new Map<number, FollowedTable>();
  private readonly fits = new Map<Relation, ApplyTable>();

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
    const { rows } = await target.query<StoredRow>(
      `SELECT oid::text, since::text, columns::text, fault::text, ddl,
         (extract(epoch FROM stopped_at) * 1000)::bigint::text AS stopped_ms,
         (SELECT count(*) FROM flexferry.parked p WHERE p.source = f.source AND p.oid = f.oid)::text AS waiting
       FROM flexferry.followed f WHERE source = $1`,
      [source],
    );
    const stored = new Map(rows.map((row) => [Number(row.oid), row]));
    const fresh: FollowedTable[] = [];
    for (const table of given.tables) {
      const row = stored.get(table.oid);
      if (row === undefined || lsnFromServer(row.since) < table.since) fresh.push(all.add(table));
      else all.add(table, row);
    }
    for (const some of chunks(fresh, tablesAtOnce)) {
      await noteTypes(target, some);
      await writeFollowed(target, source, some);
    }
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
    return this.fits.get(relation);
  }

  /** Forgets what is known of the target's tables: they may have been changed. */
  forgetFits(): void {
    this.fits.clear();
  }

  /**
   * Looks at the target's table for a relation that is new or changed. `stop`: it does not fit, or the source changed
   * since its rows were copied. Undefined: not followed.
   */
  async resolve(target: Session, relation: Relation): Promise<Resolved | undefined> {
    const followed = this.byOid.get(relation.oid) ?? this.adopt(relation);
    if (followed === undefined) return undefined;
    const object = `table ${followed.schema}.${followed.name}`;
    const { schema, name } = followed.target;
    const refuse = (code: 'FF816' | 'FF817', message: string, ddl?: string): Resolved => ({
      followed,
      stop: new Fault(code, `${object}: ${message}`, { object }),
      ...(ddl !== undefined && { ddl }),
    });
    const [table] = await readTargetTables(target, [followed.target]);
    if (table === undefined) return refuse('FF817', `the target has no table ${schema}.${name}`);
    const changed = followed.columns && changedColumns(followed.columns, relation);
    const drift = changed === undefined ? undefined : await this.drift(followed);
    const seen = drift ? seenByTarget(followed.columns ?? [], relation, table, drift) : { relation };
    if (seen === undefined)
      return refuse('FF816', `its columns changed on the source (${changed})`, drift?.ddl);
    const fit = fitTable(seen.relation, table, followed.filter);
    if (isMisfit(fit)) return refuse('FF817', fit.message, drift?.ddl);
    const apply = seen.places ? { ...fit, places: seen.places } : fit;
    followed.columns = seen.relation.columns.map((column) =>
      knownColumn(column, table, followed.columns, drift),
    );
    this.fits.set(relation, apply);
    return { followed, fit: apply };
  }

  private adopt(relation: Relation): FollowedTable | undefined {
    const table = this.unknown(relation);
    return table && this.add(table);
  }

  private add(table: TableToFollow, row?: StoredRow): FollowedTable {
    const fault = row && row.fault !== null ? (JSON.parse(row.fault) as FaultData) : undefined;
    const columns = row && row.columns !== null ? (JSON.parse(row.columns) as KnownColumn[]) : table.columns;
    const { columns: _, ...rest } = table;
    const followed: FollowedTable = {
      ...rest,
      ...(columns && { columns }),
      lane: table.oid % this.lanes,
      stopped: fault && {
        fault,
        since: Number(row?.stopped_ms ?? 0),
        waiting: Number(row?.waiting ?? 0),
        ...(row && row.ddl !== null && { ddl: row.ddl }),
      },
    };
    this.byOid.set(table.oid, followed);
    return followed;
  }
}

function knownColumn(
  { name, typeOid, typeModifier }: Relation['columns'][number],
  table: TargetTable,
  before: readonly KnownColumn[] = [],
  drift: Drift = {},
): KnownColumn {
  const target = table.columns.get(name)?.declared;
  const number =
    drift.columns?.find((column) => column.name === name)?.number ??
    before.find((column) => column.name === name)?.number;
  return {
    name,
    typeOid,
    typeModifier,
    ...(number !== undefined && { number }),
    ...(target !== undefined && { target }),
  };
}

/** In words; undefined where they are the same, whatever their order. */
function changedColumns(known: readonly KnownColumn[], relation: Relation): string | undefined {
  const now = new Map(relation.columns.map((column) => [column.name, column]));
  const before = new Map(known.map((column) => [column.name, column]));
  const added = [...now.keys()].filter((name) => !before.has(name));
  const dropped = [...before.keys()].filter((name) => !now.has(name));
  const altered = known.filter(({ name, typeOid, typeModifier }) => {
    const column = now.get(name);
    return column && (column.typeOid !== typeOid || column.typeModifier !== typeModifier);
  });
  const parts = [
    ...added.map((name) => `${name} is new`),
    ...dropped.map((name) => `${name} is gone`),
    ...altered.map(({ name }) => `${name} has another type`),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

/**
 * A relation of the source as the target's table can take it, once that went the same way: what is new is there, what
 * is gone is gone, other types are other. The target may be ahead, when the source changed again since: then a column
 * is known by its number, is left out where it is gone by now, and has its new name. Undefined: not yet.
 */
function seenByTarget(
  known: readonly KnownColumn[],
  relation: Relation,
  table: TargetTable,
  drift: Drift,
): { readonly relation: Relation; readonly places?: readonly number[] } | undefined {
  const before = new Map(known.map((column) => [column.name, column]));
  const sent = new Set(relation.columns.map((column) => column.name));
  if (known.some(({ name }) => !sent.has(name) && table.columns.has(name))) return undefined;
  const now = drift.columns ?? [];
  const columns: Relation['columns'][number][] = [];
  const places: number[] = [];
  for (const [place, column] of relation.columns.entries()) {
    const { name, typeOid, typeModifier } = column;
    const old = before.get(name);
    const there = table.columns.get(name);
    if (there === undefined) {
      const later = laterName(name, old, now, relation);
      if (later === undefined) return undefined;
      if (later === '') continue;
      if (!table.columns.has(later)) return undefined;
      columns.push({ ...column, name: later });
    } else {
      const isAltered = old && (old.typeOid !== typeOid || old.typeModifier !== typeModifier);
      const asNow = now.find((one) => one.name === name)?.declared === there.declared;
      if (isAltered && !asNow && (old.target === undefined || old.target === there.declared))
        return undefined;
      columns.push(column);
    }
    places.push(place);
  }
  const same =
    columns.length === relation.columns.length && columns.every((c, i) => c === relation.columns[i]);
  return same ? { relation } : { relation: { ...relation, columns }, places };
}

/** What became of a column that the target does not have: '' if it was dropped, undefined if that cannot be told. */
function laterName(
  name: string,
  old: KnownColumn | undefined,
  now: NonNullable<Drift['columns']>,
  relation: Relation,
): string | undefined {
  if (now.length === 0 || now.some((column) => column.name === name)) return undefined;
  if (old?.number !== undefined) return now.find((column) => column.number === old.number)?.name ?? '';
  const sent = new Set(relation.columns.map((column) => column.name));
  return now.every((column) => sent.has(column.name)) ? '' : undefined;
}

/** The types that the columns have on the target when it begins: a change of one is seen by that. */
async function noteTypes(target: Session, tables: readonly FollowedTable[]): Promise<void> {
  const found = await readTargetTables(
    target,
    tables.map((table) => table.target),
  );
  for (const [i, table] of tables.entries()) {
    const columns = found[i]?.columns;
    if (!columns || !table.columns) continue;
    table.columns = table.columns.map((column) => {
      const declared = columns.get(column.name)?.declared;
      return declared === undefined ? column : { ...column, target: declared };
    });
  }
}

async function writeFollowed(
  target: Session,
  source: string,
  tables: readonly FollowedTable[],
): Promise<void> {
  await target.query(
    `INSERT INTO flexferry.followed (source, oid, schema, name, since, columns)
     SELECT $1, * FROM unnest($2::oid[], $3::text[], $4::text[], $5::pg_lsn[], $6::json[])
     ON CONFLICT (source, oid) DO UPDATE SET schema = excluded.schema, name = excluded.name, since = excluded.since,
       columns = excluded.columns, fault = NULL, stopped_at = NULL, ddl = NULL`,
    [
      source,
      tables.map((t) => String(t.oid)),
      tables.map((t) => t.schema),
      tables.map((t) => t.name),
      tables.map((t) => formatLsn(t.since)),
      tables.map((t) => (t.columns ? JSON.stringify(t.columns) : null)),
    ],
  );
  // What waited for the former rows of a table that was copied again.
  await target.query('DELETE FROM flexferry.parked WHERE source = $1 AND oid = ANY ($2::oid[])', [
    source,
    tables.map((t) => String(t.oid)),
  ]);
}

/** Notes that a table is stopped; in the transaction that parks its changes. */
export function stopStep(source: string, followed: FollowedTable, fault: Fault, ddl?: string): PipelineStep {
  const { oid, schema, name, since, columns } = followed;
  const known = columns ? literal(JSON.stringify(columns)) : 'NULL';
  return {
    sql: `INSERT INTO flexferry.followed (source, oid, schema, name, since, columns, fault, stopped_at, ddl)
      VALUES ($1, ${oid}, $2, $3, ${literal(formatLsn(since))}, ${known}, $4::json, now(), $5)
      ON CONFLICT (source, oid) DO UPDATE SET fault = excluded.fault, ddl = excluded.ddl,
        stopped_at = coalesce(flexferry.followed.stopped_at, now())`,
    values: [source, schema, name, JSON.stringify(fault.toData()), ddl ?? null],
  };
}

/** Notes that a table goes on, with the columns that it has now. */
export function goOnStep(source: string, { oid, columns }: FollowedTable): PipelineStep {
  return {
    sql: `UPDATE flexferry.followed SET fault = NULL, stopped_at = NULL, ddl = NULL, columns = coalesce($2::json, columns)
      WHERE source = $1 AND oid = ${oid}`,
    values: [source, columns ? JSON.stringify(columns) : null],
  };
}
