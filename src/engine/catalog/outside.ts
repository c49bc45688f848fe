import { displayName } from '../../ddl/identifier.js';
import type { Mapping } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension, type SchemaFilter, schemaCondition, systemSchemas } from './filter.js';
import type { SourceTable } from './tables.js';

/** What a dump does not show because the project leaves it out: what needs it cannot be made. */
export interface Outside {
  /** As `table public.orders`. */
  readonly objects: readonly string[];
  /** Left out tables that this user may not read, which pg_dump must not even try to lock, with what belongs to them. */
  readonly relations: readonly RelationName[];
}

interface ObjectRow {
  readonly kind: string;
  readonly schema: string;
  readonly name: string;
}

export async function readOutside(
  source: Session,
  from: {
    readonly filter: SchemaFilter;
    readonly mapping: Mapping;
    readonly tables: readonly SourceTable[];
    /** False: all of them are left out. */
    readonly extensions: boolean;
  },
): Promise<Outside> {
  const relations = await unreadable(source, from.filter, from.tables);
  const rows = [
    ...(await inOtherSchemas(source, from.filter)),
    ...(await ofExtensions(source, (name) => !from.extensions || !from.mapping.extension(name))),
    ...relations,
  ];
  const objects = rows.map(
    ({ kind, schema, name }) =>
      `${kind} ${displayName(schema, name)}${kind === 'function' || kind === 'operator' ? '()' : ''}`,
  );
  return { objects, relations: relations.map(({ schema, name }) => ({ schema, name })) };
}

const relationKind = `CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
  WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END`;

/** Relations, types and functions in schemas that the filter leaves out. Extensions come whatever their schema. */
async function inOtherSchemas(source: Session, filter: SchemaFilter): Promise<ObjectRow[]> {
  if (filter.include.length === 0 && filter.exclude.length === 0) return [];
  const outside = `${systemSchemas} AND NOT (${schemaCondition(filter)})`;
  const { rows } = await source.query<ObjectRow>(`
    SELECT ${relationKind} AS kind, n.nspname AS schema, c.relname AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND ${outside} AND ${notOfExtension('pg_class', 'c.oid')}
    UNION ALL SELECT 'type', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE t.typtype IN ('b', 'e', 'd', 'r') AND t.typelem = 0 AND ${outside} AND ${notOfExtension('pg_type', 't.oid')}
    UNION ALL SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${outside} AND ${notOfExtension('pg_proc', 'p.oid')}
    UNION ALL SELECT 'operator', n.nspname, o.oprname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
      WHERE ${outside} AND ${notOfExtension('pg_operator', 'o.oid')}
    UNION ALL SELECT 'collation', n.nspname, o.collname FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
      WHERE ${outside} AND ${notOfExtension('pg_collation', 'o.oid')}
    UNION ALL SELECT 'text search configuration', n.nspname, o.cfgname FROM pg_ts_config o JOIN pg_namespace n ON n.oid = o.cfgnamespace
      WHERE ${outside} AND ${notOfExtension('pg_ts_config', 'o.oid')}`);
  return rows;
}

/** What extensions that are left out bring along, as far as other objects name it. */
async function ofExtensions(source: Session, leftOut: (name: string) => boolean): Promise<ObjectRow[]> {
  const extensions = await source.query<{ oid: string; name: string }>(
    `SELECT oid::text, extname AS name FROM pg_extension WHERE extname <> 'plpgsql'`,
  );
  return membersOf(
    source,
    extensions.rows.filter(({ name }) => leftOut(name)).map(({ oid }) => oid),
  );
}

/** Something of an extension, with the schema that it lies in on the target. */
export interface ExtensionMember extends RelationName {
  readonly target: string;
}

/** What lies in another schema of the target than the one of the source becomes. */
export async function membersElsewhere(
  source: Session,
  schemaOf: (extension: string, schema: string) => { readonly there: string; readonly mapped: string },
): Promise<ExtensionMember[]> {
  const { rows } = await source.query<{ oid: string; name: string; schema: string }>(
    `SELECT e.oid::text, e.extname AS name, n.nspname AS schema FROM pg_extension e
     JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY 2`,
  );
  const found: ExtensionMember[] = [];
  for (const { oid, name, schema } of rows) {
    const { there, mapped } = schemaOf(name, schema);
    if (there === mapped) continue;
    const members = (await membersOf(source, [oid])).filter((member) => member.schema === schema);
    found.push(...members.map((member) => ({ schema, name: member.name, target: there })));
  }
  return found;
}

async function membersOf(source: Session, oids: readonly string[]): Promise<ObjectRow[]> {
  if (oids.length === 0) return [];
  const member = (catalog: string, oid: string): string => `EXISTS (SELECT FROM pg_depend x
    WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e'
      AND x.refclassid = 'pg_extension'::regclass AND x.refobjid = ANY ($1::oid[]))`;
  const { rows } = await source.query<ObjectRow>(
    `SELECT ${relationKind} AS kind, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND ${member('pg_class', 'c.oid')}
     UNION ALL SELECT 'type', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       WHERE ${member('pg_type', 't.oid')}
     UNION ALL SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE ${member('pg_proc', 'p.oid')}
     UNION ALL SELECT 'operator', n.nspname, o.oprname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
       WHERE ${member('pg_operator', 'o.oid')}
     UNION ALL SELECT 'operator class', n.nspname, o.opcname FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace
       WHERE ${member('pg_opclass', 'o.oid')}
     UNION ALL SELECT 'text search dictionary', n.nspname, o.dictname FROM pg_ts_dict o JOIN pg_namespace n ON n.oid = o.dictnamespace
       WHERE ${member('pg_ts_dict', 'o.oid')}`,
    [oids],
  );
  return rows;
}

/** With their partitions and the sequences that they own, since pg_dump would show these by themselves. */
async function unreadable(
  source: Session,
  filter: SchemaFilter,
  taken: readonly SourceTable[],
): Promise<ObjectRow[]> {
  const { rows } = await source.query<{ oid: string }>(`
    SELECT c.oid::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${schemaCondition(filter)}
      AND ${notOfExtension('pg_class', 'c.oid')} AND NOT has_table_privilege(c.oid, 'SELECT')`);
  const known = new Set(taken.map((table) => table.oid));
  const oids = rows.map((row) => row.oid).filter((oid) => !known.has(oid));
  if (oids.length === 0) return [];
  const found = await source.query<ObjectRow>(
    `WITH RECURSIVE hidden AS (
       SELECT oid FROM pg_class WHERE oid = ANY ($1::oid[])
       UNION SELECT i.inhrelid FROM hidden h JOIN pg_inherits i ON i.inhparent = h.oid
         JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition)
     SELECT ${relationKind} AS kind, n.nspname AS schema, c.relname AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid IN (SELECT oid FROM hidden) OR c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d
       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
         AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 AND d.refobjid IN (SELECT oid FROM hidden))`,
    [oids],
  );
  return found.rows;
}
