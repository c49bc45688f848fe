import type { RelationName } from '../../protocol/model.js';
import { ident, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/** A column of the target as the apply of changes has to know it. */
export interface TargetColumn {
  readonly name: string;
  /** Without its modifier, so that a cast to it never cuts a value: the column itself complains. */
  readonly type: string;
  /** With its modifier, as DDL writes it. */
  readonly declared: string;
  /** pg_attribute.attnum: stays when the column gets another name. */
  readonly number: number;
  /**
   * Array of `type` whose elements unnest() gives back as they are; undefined where there is none (arrays, domains
   * before 11) and for composite types, which unnest() takes apart.
   */
  readonly arrayType?: string;
  /** Between the elements of `arrayType`: `,` but for box and geometries. */
  readonly delimiter: string;
  /** Its equality, as of the default operator class. */
  readonly equals: string;
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
  /** Quoted collation of each column in the index where that is not the column's own; '' where it is. */
  readonly collations: readonly string[];
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
  /** Has a trigger or rule that acts on changes where session_replication_role is replica, or origin. */
  readonly acts: { readonly replica: boolean; readonly origin: boolean };
  /** All of the above as a text: another one means that the table was changed. */
  readonly definition: string;
}

interface Row {
  i: number;
  oid: string;
  relkind: string;
  columns: string;
  keys: string;
  indexed: string;
  acts: string;
}

interface RawKey {
  isPrimary: boolean;
  columns: string[];
  operators: Operator[];
  collations: ([schema: string, name: string] | null)[];
  notNull: boolean;
}
type Operator = [schema: string, name: string];

/** Equality of an operator class of btree, as [schema, name]. */
const equality = `
      JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
        AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
      JOIN pg_operator o ON o.oid = ao.amopopr JOIN pg_namespace onsp ON onsp.oid = o.oprnamespace`;
const btree = `(SELECT am.oid FROM pg_am am WHERE am.amname = 'btree')`;

/** attgenerated exists from 12 on. */
function columnsQuery(versionNum: number): string {
  const generated = versionNum >= 120000 ? `a.attgenerated <> ''` : 'false';
  return `
    SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, -1),
      'declared', format_type(a.atttypid, a.atttypmod), 'number', a.attnum,
      'arrayType', CASE WHEN t.typarray <> 0 AND b.typtype <> 'c' THEN format_type(t.typarray, -1) END,
      'delimiter', t.typdelim,
      'equals', (SELECT json_build_array(onsp.nspname, o.oprname) FROM pg_opclass oc ${equality}
        WHERE oc.opcmethod = ${btree} AND oc.opcdefault AND oc.opcintype = b.oid),
      'generated', ${generated}, 'identityAlways', a.attidentity = 'a',
      'optional', ${generated} OR a.atthasdef OR a.attidentity <> '' OR NOT a.attnotnull) ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;
}

function query(versionNum: number): string {
  const acts = (roles: string): string =>
    `EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled IN (${roles}))
     OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1' AND w.ev_enabled IN (${roles}))`;
  return `
SELECT v.i::int AS i, c.oid::text AS oid, c.relkind, (${columnsQuery(versionNum)})::text AS columns,
  (SELECT coalesce(json_agg(json_build_object('isPrimary', i.indisprimary, 'columns', k.names, 'operators', k.operators,
      'collations', k.collations, 'notNull', k.not_null) ORDER BY i.indisprimary DESC, i.width, i.indexrelid), '[]')
    FROM (SELECT x.*, ${versionNum >= 110000 ? 'x.indnkeyatts' : 'x.indnatts'} AS width FROM pg_index x) i
    JOIN pg_class ic ON ic.oid = i.indexrelid AND ic.relam = ${btree}
    CROSS JOIN LATERAL (
      SELECT json_agg(a.attname ORDER BY n) AS names, bool_and(a.attnotnull) AS not_null,
        json_agg(json_build_array(onsp.nspname, o.oprname) ORDER BY n) AS operators,
        json_agg(CASE WHEN i.indcollation[n] NOT IN (0, a.attcollation) THEN json_build_array(lnsp.nspname, l.collname)
          END ORDER BY n) AS collations
      FROM generate_series(0, i.width - 1) n
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n]
      JOIN pg_opclass oc ON oc.oid = i.indclass[n] ${equality}
      LEFT JOIN pg_collation l ON l.oid = i.indcollation[n]
      LEFT JOIN pg_namespace lnsp ON lnsp.oid = l.collnamespace) k
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
      AND i.indexprs IS NULL AND json_array_length(k.names) = i.width)::text AS keys,
  (SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL)::text AS indexed,
  json_build_object('replica', ${acts(`'A', 'R'`)}, 'origin', ${acts(`'A', 'O'`)})::text AS acts
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
  type RawColumn = Omit<TargetColumn, 'arrayType' | 'equals'> & {
    arrayType: string | null;
    equals: Operator | null;
  };
  const columns = (JSON.parse(row.columns) as RawColumn[]).map(
    ({ arrayType, equals, ...column }): TargetColumn => ({
      ...column,
      equals: operator(equals ?? ['pg_catalog', '=']),
      ...(arrayType !== null && { arrayType }),
    }),
  );
  const keys = (JSON.parse(row.keys) as RawKey[]).map(
    ({ operators, collations, ...key }): TargetKey => ({
      ...key,
      equals: operators.map(operator),
      collations: collations.map((found) =>
        found === null ? '' : qualified({ schema: found[0], name: found[1] }),
      ),
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
    acts: JSON.parse(row.acts) as TargetTable['acts'],
    definition: [row.oid, row.relkind, row.columns, row.keys].join(' '),
  };
}

const operator = ([schema, name]: Operator): string => `OPERATOR(${ident(schema)}.${name})`;
