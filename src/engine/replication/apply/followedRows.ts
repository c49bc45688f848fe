import { chunks } from '../../../base/pool.js';
import type { FaultData } from '../../../protocol/connection.js';
import { readTargetTables } from '../../catalog/applyTargets.js';
import type { Fault } from '../../errors/fault.js';
import { earlierLsn, formatLsn } from '../../postgres/lsn.js';
import type { PipelineStep } from '../../postgres/pipeline.js';
import { literal } from '../../postgres/quote.js';
import type { Session } from '../../postgres/session.js';
import type { Relation } from '../pgoutputMessages.js';
import { asciiJson } from './asciiJson.js';
import type { KnownColumn } from './columnChanges.js';
import type { FollowedTable } from './followedTables.js';

/** What the target knows of a table whose changes are followed (flexferry.followed). */
export interface StoredFollowed {
  readonly since: string;
  readonly columns?: readonly KnownColumn[];
  readonly relations: Relation[];
  readonly stopped: FollowedTable['stopped'];
}

interface StoredRow {
  oid: string;
  since: string;
  columns: string | null;
  relations: string | null;
  fault: string | null;
  stopped_ms: string | null;
  ddl: string | null;
  waiting: string;
}

/** By oid. */
export async function readFollowed(target: Session, source: string): Promise<Map<number, StoredFollowed>> {
  const { rows } = await target.query<StoredRow>(
    `SELECT oid::text, since::text, columns::text, relations::text, fault::text, ddl,
       (extract(epoch FROM stopped_at) * 1000)::bigint::text AS stopped_ms,
       (SELECT count(*) FROM flexferry.parked p WHERE p.source = f.source AND p.oid = f.oid)::text AS waiting
     FROM flexferry.followed f WHERE source = $1`,
    [source],
  );
  return new Map(rows.map((row) => [Number(row.oid), storedFollowed(row)]));
}

function storedFollowed(row: StoredRow): StoredFollowed {
  const oid = Number(row.oid);
  const relations = row.relations === null ? [] : (JSON.parse(row.relations) as Omit<Relation, 'oid'>[]);
  return {
    since: row.since,
    ...(row.columns !== null && { columns: JSON.parse(row.columns) as KnownColumn[] }),
    relations: relations.map((relation) => ({ ...relation, oid })),
    stopped:
      row.fault === null
        ? undefined
        : {
            fault: JSON.parse(row.fault) as FaultData,
            since: Number(row.stopped_ms ?? 0),
            waiting: Number(row.waiting),
            ...(row.ddl !== null && { ddl: row.ddl }),
          },
  };
}

/** The types and numbers that the columns have on the target when it begins: a change of one is seen by that. */
async function noteTargetColumns(target: Session, tables: readonly FollowedTable[]): Promise<void> {
  const found = await readTargetTables(
    target,
    tables.map((table) => table.target),
  );
  for (const [i, table] of tables.entries()) {
    const columns = found[i]?.columns;
    if (!columns || !table.columns) continue;
    table.columns = table.columns.map((column) => {
      const there = columns.get(column.name);
      return there ? { ...column, target: there.declared, targetNumber: there.number } : column;
    });
  }
}

/** Tables that are read and written in one query. */
const tablesAtOnce = 2000;

/**
 * Writes down tables that are followed from now on; what waited for their former rows is gone. Where it rejects, a
 * transaction is left open.
 */
export async function beginTables(
  target: Session,
  source: string,
  fresh: readonly FollowedTable[],
  lanes: number,
): Promise<void> {
  await target.query('BEGIN');
  await takeLanesBack(target, source, fresh, lanes);
  for (const some of chunks(fresh, tablesAtOnce)) {
    await noteTargetColumns(target, some);
    await writeFollowed(target, source, some);
  }
  await target.query('COMMIT');
}

/**
 * Makes the lanes begin where the oldest of these tables stands: they may have been copied while others were followed,
 * which have what their lane has applied.
 */
async function takeLanesBack(
  target: Session,
  source: string,
  fresh: readonly FollowedTable[],
  lanes: number,
): Promise<void> {
  const since = formatLsn(fresh.map((table) => table.since).reduce(earlierLsn));
  await target.query(
    `UPDATE flexferry.followed f SET since = greatest(f.since, l.applied) FROM flexferry.lane l
     WHERE f.source = $1 AND l.source = $1 AND l.lane = f.oid::bigint % $2::bigint AND l.applied > $3::pg_lsn
       AND f.oid <> ALL ($4::oid[])`,
    [source, lanes, since, fresh.map((table) => String(table.oid))],
  );
  await target.query(
    'UPDATE flexferry.lane SET applied = $2::pg_lsn WHERE source = $1 AND applied > $2::pg_lsn',
    [source, since],
  );
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
       columns = excluded.columns, relations = NULL, fault = NULL, stopped_at = NULL, ddl = NULL`,
    [
      source,
      tables.map((t) => String(t.oid)),
      tables.map((t) => t.schema),
      tables.map((t) => t.name),
      tables.map((t) => formatLsn(t.since)),
      tables.map((t) => (t.columns ? asciiJson(t.columns) : null)),
    ],
  );
  await target.query('DELETE FROM flexferry.parked WHERE source = $1 AND oid = ANY ($2::oid[])', [
    source,
    tables.map((t) => String(t.oid)),
  ]);
}

/** Whatever the encoding of the values of the source is: names are UTF-8. */
const utf8 = (text: string): Buffer => Buffer.from(text);

/** Notes that a table is stopped, and for what; in the transaction that parks its changes. */
export function stopStep(
  source: string,
  followed: FollowedTable,
  fault: Fault | FaultData,
  ddl?: string,
): PipelineStep {
  const { oid, schema, name, since, columns } = followed;
  const data = 'toData' in fault ? fault.toData() : fault;
  const known = columns ? literal(asciiJson(columns)) : 'NULL';
  return {
    sql: `INSERT INTO flexferry.followed (source, oid, schema, name, since, columns, fault, stopped_at, ddl)
      VALUES ($1, ${oid}, $2, $3, ${literal(formatLsn(since))}, ${known}, $4::json, now(), $5)
      ON CONFLICT (source, oid) DO UPDATE SET fault = excluded.fault, ddl = excluded.ddl,
        stopped_at = coalesce(flexferry.followed.stopped_at, now())`,
    values: [utf8(source), utf8(schema), utf8(name), asciiJson(data), ddl === undefined ? null : utf8(ddl)],
  };
}

/** The relations that changes which wait refer to; the row of the table is there. */
export function relationsStep(source: string, { oid, relations }: FollowedTable): PipelineStep {
  const stored = relations.map(({ oid: _, ...relation }) => relation);
  return {
    sql: `UPDATE flexferry.followed SET relations = $2::json WHERE source = $1 AND oid = ${oid}`,
    values: [utf8(source), asciiJson(stored)],
  };
}

/** Notes that a table goes on, with the columns that it has now. */
export function goOnStep(source: string, { oid, columns }: FollowedTable): PipelineStep {
  return {
    sql: `UPDATE flexferry.followed SET fault = NULL, stopped_at = NULL, ddl = NULL, relations = NULL,
        columns = coalesce($2::json, columns)
      WHERE source = $1 AND oid = ${oid}`,
    values: [utf8(source), columns ? asciiJson(columns) : null],
  };
}
