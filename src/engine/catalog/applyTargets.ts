import type { RelationName } from '../../protocol/model.js';
import { ident } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/** A column of the target as the apply of changes has to know it. */
export interface TargetColumn {
  readonly name: string;
  /** Without its modifier, so that a cast to it never cuts a value: the column itself complains. */
  readonly type: string;
  /** With its modifier, as DDL writes it. */
  readonly declared: string;
  /** Array of `type`; undefined where there is none (arrays, domains before 11). */
  readonly arrayType?: string;
  /** Computed by the server. */
  readonly generated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: an UPDATE may not set it. */
  readonly identityAlways: boolean;
  /** A row can be inserted without it. */
  readonly optional: boolean;
}

/** A valid unique btree index over plain columns, without a condition, that is checked at once. */
export interface TargetKey {
  readonly isPrimary: boolean;
  readonly columns: readonly string[];
  /** The equality of its operator class for each column: "OPERATOR(pg_catalog.=)". */
  readonly equals: readonly string[];
  readonly notNull: boolean;
}

export interface TargetTable extends RelationName {
  readonly oid: string;
  /** `r` table, `p` partitioned table. */
  readonly relkind: string;
  readonly columns: ReadonlyMap<string, TargetColumn>;
  /** Primary key first. */
  readonly keys: readonly TargetKey[];
  /** Columns that an index begins with. */
  readonly indexed: ReadonlySet<string>;
}

interface Row {
  i: number;
  oid: string;
  relkind: string;
  columns: string;
  keys: string;
  indexed: string;
}

interface RawKey {
  isPrimary: boolean;
  columns: string[];
  operators: [schema: string, name: string][];
  notNull: boolean;
}

/** attgenerated exists from 12 on. */
function query(versionNum: number): string {
  const generated = versionNum >= 120000 ? `a.attgenerated <> ''` : 'false';
  return `
SELECT v.i::int AS i, c.oid::text AS oid, c.relkind,
  (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, -1),
      'declared', format_type(a.atttypid, a.atttypmod),
      'arrayType', CASE WHEN t.typarray <> 0 THEN format_type(t.typarray, -1) END,
      'generated', ${generated}, 'identityAlways', a.attidentity = 'a',
      'optional', ${generated} OR a.atthasdef OR a.attidentity <> '' OR NOT a.attnotnull) ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns,
  (SELECT coalesce(json_agg(json_build_object('isPrimary', i.indisprimary, 'columns', k.names, 'operators', k.operators,
      'notNull', k.not_null) ORDER BY i.indisprimary DESC, i.width, i.indexrelid), '[]')
    FROM (SELECT x.*, ${versionNum >= 110000 ? 'x.indnkeyatts' : 'x.indnatts'} AS width FROM pg_index x) i
    JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
    CROSS JOIN LATERAL (
      SELECT json_agg(a.attname ORDER BY n) AS names, bool_and(a.attnotnull) AS not_null,
        json_agg(json_build_array(onsp.nspname, o.oprname) ORDER BY n) AS operators
      FROM generate_series(0, i.width - 1) n
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n]
      JOIN pg_opclass oc ON oc.oid = i.indclass[n]
      JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
        AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
      JOIN pg_operator o ON o.oid = ao.amopopr JOIN pg_namespace onsp ON onsp.oid = o.oprnamespace) k
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
      AND i.indexprs IS NULL AND json_array_length(k.names) = i.width)::text AS keys,
  (SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL)::text AS indexed
FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) WITH ORDINALITY AS v(schema, name, i)
JOIN pg_namespace n ON n.nspname = v.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = v.name
WHERE c.relkind IN ('r', 'p')`;
}

/** The tables of the target by these names, in their order; undefined for one that is not there. */
export async function readTargetTables(
  target: Session,
  names: readonly RelationName[],
): Promise<(TargetTable | undefined)[]> {
  if (names.length === 0) return [];
  const { rows } = await target.query<Row>(query(target.versionNum), [
    names.map((n) => n.schema),
    names.map((n) => n.name),
  ]);
  const found: (TargetTable | undefined)[] = names.map(() => undefined);
  for (const row of rows) {
    const name = names[row.i - 1];
    if (name) found[row.i - 1] = tableOf(name, row);
  }
  return found;
}

function tableOf({ schema, name }: RelationName, row: Row): TargetTable {
  type RawColumn = Omit<TargetColumn, 'arrayType'> & { arrayType: string | null };
  const columns = (JSON.parse(row.columns) as RawColumn[]).map(
    ({ arrayType, ...column }): TargetColumn => ({ ...column, ...(arrayType !== null && { arrayType }) }),
  );
  const keys = (JSON.parse(row.keys) as RawKey[]).map(
    ({ operators, ...key }): TargetKey => ({
      ...key,
      equals: operators.map(([space, operator]) => `OPERATOR(${ident(space)}.${operator})`),
    }),
  );
  return {
    schema,
    name,
    oid: row.oid,
    relkind: row.relkind,
    columns: new Map(columns.map((column) => [column.name, column])),
    keys,
    indexed: new Set(JSON.parse(row.indexed) as string[]),
  };
}
