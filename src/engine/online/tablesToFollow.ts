import type { BaseCopy } from '../baseCopy.js';
import { columnsNow, driftDdl, type LoggedColumn, loggedColumns } from '../catalog/columnDrift.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import { tableItem } from '../copy/copyTable.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { Drift, FollowedTable, TableToFollow } from '../replication/apply/followedTables.js';

export interface CopiedTables {
  readonly base: BaseCopy;
  /** Oids of tables whose row filter the source applies itself. */
  readonly filtered: ReadonlySet<string>;
  /** Columns of the tables when they were copied, by oid; those of now where that is not known. */
  readonly columns?: ReadonlyMap<string, readonly LoggedColumn[]>;
}

/** Those that were copied, each with its position and its columns then. */
export async function tablesToFollow(source: Session, parts: CopiedTables): Promise<TableToFollow[]> {
  const { filtered } = parts;
  const { context, work } = parts.base;
  const followed = work.tables.flatMap((table) => {
    const since = context.checkpoint.find('table', tableItem(table))?.lsn;
    return isFollowed(table) && since !== undefined ? [{ table, since }] : [];
  });
  const oids = followed.map(({ table }) => table.oid);
  const columns = parts.columns ?? (await loggedColumns(source, oids));
  return followed.map(({ table, since }) => {
    const { oid, schema, name, target, where } = table;
    const known = columns.get(oid);
    return {
      oid: Number(oid),
      schema,
      name,
      target,
      since,
      ...(known && { columns: known }),
      ...(where !== undefined && !filtered.has(oid) && { filter: where }),
    };
  });
}

/**
 * What the source says of a table whose columns changed. Nothing while its definition is locked, as in a long ALTER
 * TABLE: it is asked again later, and the other tables do not wait.
 */
export async function driftOf({ sessions }: DatabaseJob, table: FollowedTable): Promise<Drift> {
  const source = await sessions.open('source', 'columns');
  try {
    await source.query(`SET lock_timeout = '3s'`);
    const columns = await columnsNow(source, table.oid).catch((error: unknown) => {
      if (error instanceof Fault && error.sqlstate === '55P03') return undefined;
      throw error;
    });
    if (columns === undefined) return {};
    const ddl = driftDdl(table.target, table.columns ?? [], columns);
    return { columns, ...(ddl !== undefined && { ddl }) };
  } finally {
    await sessions.close(source);
  }
}
