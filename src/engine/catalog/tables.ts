import type { Mapping } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension, type SchemaFilter, schemaCondition } from './filter.js';
import { isIdentityIndex } from './identityIndex.js';

export interface Column {
  readonly name: string;
  /** Computed by the server: never copied. */
  readonly generated: boolean;
  /** pg_type's oid of the type, or of the one below a domain. */
  readonly type: number;
  readonly notNull: boolean;
}

/** A relation that the project takes, as of the snapshot of the session that read it. */
export interface SourceTable extends RelationName {
  readonly oid: string;
  /** `r` table (also a leaf partition), `p` partitioned table, `m` materialized view. */
  readonly relkind: 'r' | 'p' | 'm';
  readonly isPartition: boolean;
  /** Of a partition: oid of the table it is a part of. */
  readonly partitionOf?: string;
  readonly unlogged: boolean;
  /** Heap with TOAST, without indexes. */
  readonly bytes: number;
  /** Planner's estimate; 0 where the table was never analyzed. */
  readonly rowsEstimated: number;
  readonly readable: boolean;
  /** Row-level security would filter what this user reads. */
  readonly hidesRows: boolean;
  /** Its log tells rows apart: by a primary key that is not deferrable, or by the replica identity that was set. */
  readonly hasIdentity: boolean;
  /** Configuration table of an extension: only rows under this condition ("" for all) are the user's. */
  readonly extensionCondition?: string;
  readonly columns: readonly Column[];
  /** Its name on the source now, where that changed since it was listed. */
  readonly readAs?: RelationName;
  /** Its name on the target. */
  readonly target: RelationName;
  /** Only rows under this condition are copied. */
  readonly where?: string;
  /** The target has others beside these: on the way back. */
  readonly onBothSides?: true;
  /** False: the table is made, its rows stay behind. */
  readonly withData: boolean;
}

/** A relation of the source with its name on the target. */
export interface TargetName extends RelationName {
  readonly target: RelationName;
}

/** Views and foreign tables, which share their names with tables. */
export async function listOtherRelations(
  session: Session,
  filter: SchemaFilter,
  mapping: Mapping,
): Promise<TargetName[]> {
  if (!mapping.renames) return [];
  const { rows } = await session.query<RelationName>(`
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'f') AND c.relpersistence <> 't' AND ${schemaCondition(filter)}
      AND ${notOfExtension('pg_class', 'c.oid')}`);
  return rows.flatMap((row) => {
    const { included, target } = mapping.table(row);
    return included ? [{ ...row, target }] : [];
  });
}

interface TableRow {
  oid: string;
  schema: string;
  name: string;
  relkind: 'r' | 'p' | 'm';
  is_partition: boolean;
  partition_of: string | null;
  unlogged: boolean;
  bytes: string;
  row_estimate: number;
  readable: boolean;
  hides_rows: boolean;
  has_identity: boolean;
  extension_condition: string | null;
}

/** Tables, partitioned tables and materialized views that the project takes, largest first. */
export async function listSourceTables(
  session: Session,
  filter: SchemaFilter,
  mapping: Mapping,
): Promise<SourceTable[]> {
  const { rows } = await session.query<TableRow>(`
    WITH config AS (
      SELECT e.oid AS extension, c.oid AS relation, coalesce(c.condition, '') AS condition
      FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS c(oid, condition))
    SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind, c.relispartition AS is_partition,
           (SELECT i.inhparent::text FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS partition_of,
           c.relpersistence = 'u' AS unlogged,
           CASE WHEN c.relkind = 'p' THEN 0 ELSE pg_table_size(c.oid) END::text AS bytes,
           greatest(c.reltuples, 0)::float8 AS row_estimate,
           has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT')
             OR has_any_column_privilege(c.oid, 'SELECT') AND NOT EXISTS (
               SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))) AS readable,
           c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
             AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) AS hides_rows,
           c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE ${isIdentityIndex}) AS has_identity,
           config.condition AS extension_condition
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles r ON r.rolname = current_user
    LEFT JOIN config ON config.relation = c.oid
    WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND ${schemaCondition(filter)}
      AND (config.relation IS NOT NULL OR ${notOfExtension('pg_class', 'c.oid')})
    ORDER BY bytes DESC, 2, 3`);
  const columns = await listColumns(session, rows.length > 500 ? undefined : rows.map((r) => r.oid));
  const byOid = new Map(rows.map((r) => [r.oid, r]));
  const taken = takenTables(rows, byOid, mapping);
  return rows
    .filter((r) => taken.has(r.oid))
    .map((r) => ({
      oid: r.oid,
      schema: r.schema,
      name: r.name,
      relkind: r.relkind,
      isPartition: r.is_partition,
      ...(r.partition_of !== null && { partitionOf: r.partition_of }),
      unlogged: r.unlogged,
      bytes: Number(r.bytes),
      rowsEstimated: Math.round(r.row_estimate),
      readable: r.readable,
      hidesRows: r.hides_rows,
      hasIdentity: r.has_identity,
      ...(r.extension_condition !== null && { extensionCondition: r.extension_condition }),
      columns: columns.get(r.oid) ?? [],
      ...decisionOf(mapping, r, byOid),
    }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** Oids. A partition goes with the table that it is a part of. */
function takenTables(
  rows: readonly TableRow[],
  byOid: ReadonlyMap<string, TableRow>,
  mapping: Mapping,
): Set<string> {
  const taken = (row: TableRow | undefined): boolean =>
    row !== undefined &&
    mapping.table(row).included &&
    (row.partition_of === null || !byOid.has(row.partition_of) || taken(byOid.get(row.partition_of)));
  return new Set(rows.filter(taken).map((r) => r.oid));
}

/** What is said about the rows of a partitioned table holds for those of its partitions. */
function decisionOf(
  mapping: Mapping,
  row: TableRow,
  byOid: ReadonlyMap<string, TableRow>,
): Pick<SourceTable, 'target' | 'where' | 'withData'> {
  const { target, where, data } = mapping.table(row);
  const parent = byOid.get(row.partition_of ?? '');
  const above = parent && decisionOf(mapping, parent, byOid);
  const conditions = [above?.where, where].filter((c) => c !== undefined);
  const both = conditions.length > 1 ? conditions.map((c) => `(${c}\n)`).join(' AND ') : conditions[0];
  return { target, withData: data && above?.withData !== false, ...(both !== undefined && { where: both }) };
}

/** Columns by relation, in their order. attgenerated exists from PostgreSQL 12 on. */
export async function listColumns(
  session: Session,
  oids: readonly string[] | undefined,
): Promise<Map<string, Column[]>> {
  const generated = session.versionNum >= 120000 ? `a.attgenerated <> ''` : 'false';
  const scope = oids ? 'a.attrelid = ANY ($1::oid[])' : `a.attrelid >= 16384`;
  const { rows } = await session.query<{ oid: string } & Column>(
    `SELECT a.attrelid::text AS oid, a.attname AS name, ${generated} AS generated,
            (CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END)::int AS type, a.attnotnull AS "notNull"
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm')
     WHERE ${scope} AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attrelid, a.attnum`,
    oids ? [oids] : [],
  );
  const byTable = new Map<string, Column[]>();
  for (const row of rows) {
    const list = byTable.get(row.oid);
    const { name, generated, type, notNull } = row;
    const column = { name, generated, type, notNull };
    if (list) list.push(column);
    else byTable.set(row.oid, [column]);
  }
  return byTable;
}

/** Names of the ordinary tables on the target, with whether they hold a row already where that is asked. */
export async function existingTables(target: Session): Promise<Set<string>> {
  const { rows } = await target.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_(toast|temp)'`,
  );
  return new Set(rows.map((r) => `${r.schema}\u0000${r.name}`));
}

/** WHERE … of the rows on the source that are copied and compared; '' for all. The line break ends a comment in it. */
export function rowCondition(table: SourceTable): string {
  const { extensionCondition = '', where } = table;
  if (where === undefined) return extensionCondition;
  const own = `(${where}\n)`;
  return extensionCondition === '' ? `WHERE ${own}` : `${extensionCondition} AND ${own}`;
}
