/** What dependencies point to, looked up for those that occur. */
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { systemSchemas } from './filter.js';
import type { SourceRow } from './mappingDependencySql.js';

interface Named extends RelationName {
  readonly oid: string;
  readonly extension: string | null;
  /** In a schema of PostgreSQL or ours. */
  readonly system: boolean;
}
export interface ClassNode extends Named {
  readonly relkind: string;
  /** Of a sequence: the table whose column owns it. */
  readonly owner_schema: string | null;
  readonly owner: string | null;
}
export interface ProcNode extends Named {
  readonly word: string;
  /** `integer, text`. */
  readonly arguments: string;
}
export interface TypeNode extends Named {
  /** Element of an array, base of a domain, subtype of a range. */
  readonly of: string | null;
  readonly is_array: boolean;
  /** pg_class entry of a composite type or of the table whose rows it describes. */
  readonly relation: string | null;
}
export interface Nodes {
  readonly class: ReadonlyMap<string, ClassNode>;
  readonly proc: ReadonlyMap<string, ProcNode>;
  readonly type: ReadonlyMap<string, TypeNode>;
  /** Indexes of primary keys and unique constraints. */
  readonly constraint: ReadonlyMap<string, RelationName>;
}

export async function readNodes(session: Session, rows: readonly SourceRow[]): Promise<Nodes> {
  const oids = (refClass: SourceRow['ref_class']) =>
    new Set(rows.filter((row) => row.ref_class === refClass).map((row) => row.ref_oid));
  const types = byOid((await session.query<TypeNode>(typeSql, [[...oids('type')]])).rows);
  const classes = oids('class');
  const procs = oids('proc');
  for (const { kind, oid, on_oid } of rows) {
    if (kind === 'function') procs.add(oid);
    else if (kind === 'composite') classes.add(oid);
    else if (on_oid !== null) classes.add(on_oid);
  }
  for (const { relation } of types.values()) if (relation !== null) classes.add(relation);
  const constraints = await session.query<RelationName & { oid: string }>(constraintSql, [
    [...oids('constraint')],
  ]);
  return {
    type: types,
    class: byOid((await session.query<ClassNode>(classSql, [[...classes]])).rows),
    proc: byOid((await session.query<ProcNode>(procSql(session.versionNum), [[...procs]])).rows),
    constraint: byOid(constraints.rows),
  };
}

function byOid<T extends { readonly oid: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.oid, row]));
}

const named = (catalog: string, oid: string): string => `
  ${oid}::text AS oid, n.nspname AS schema, NOT (${systemSchemas}) AS system,
  (SELECT e.extname FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid
   WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e') AS extension`;

const classSql = `
  SELECT ${named('pg_class', 'c.oid')}, c.relname AS name, c.relkind AS relkind, tn.nspname AS owner_schema, t.relname AS owner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
  WHERE c.oid = ANY ($1::oid[])`;

const procSql = (versionNum: number): string => {
  const kind =
    versionNum >= 110000
      ? `CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END`
      : `CASE WHEN p.proisagg THEN 'aggregate' ELSE 'function' END`;
  return `SELECT ${named('pg_proc', 'p.oid')}, p.proname AS name, ${kind} AS word, oidvectortypes(p.proargtypes) AS arguments
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = ANY ($1::oid[])`;
};

/** With the types behind arrays, domains and ranges. */
const typeSql = `
  WITH RECURSIVE all_types(oid) AS (
    SELECT unnest($1::oid[])
    UNION SELECT CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem WHEN t.typtype = 'd' THEN t.typbasetype
        ELSE r.rngsubtype END
    FROM all_types a JOIN pg_type t ON t.oid = a.oid LEFT JOIN pg_range r ON r.rngtypid = t.oid
    WHERE t.typcategory = 'A' AND t.typelem <> 0 OR t.typtype = 'd' OR r.rngtypid IS NOT NULL)
  SELECT ${named('pg_type', 't.oid')}, t.typname AS name, t.typcategory = 'A' AND t.typelem <> 0 AS is_array,
    CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem WHEN t.typtype = 'd' THEN t.typbasetype
      ELSE r.rngsubtype END::text AS of,
    nullif(t.typrelid, 0)::text AS relation
  FROM all_types a JOIN pg_type t ON t.oid = a.oid JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_range r ON r.rngtypid = t.oid`;

const constraintSql = `
  SELECT k.oid::text AS oid, n.nspname AS schema, x.relname AS name
  FROM pg_constraint k JOIN pg_class x ON x.oid = k.conindid JOIN pg_namespace n ON n.oid = x.relnamespace
  WHERE k.oid = ANY ($1::oid[])`;
