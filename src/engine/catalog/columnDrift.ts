import type { RelationName } from '../../protocol/model.js';
import { ident, literal, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/** A column of the source as its log shows it. */
export interface LoggedColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** pg_attribute.attnum. */
  readonly number: number;
}

/** The columns of tables that pgoutput sends, by oid: without those that are computed. */
export async function loggedColumns(
  source: Session,
  oids: readonly string[],
): Promise<Map<string, LoggedColumn[]>> {
  const generated = source.versionNum >= 120000 ? `AND attgenerated = ''` : '';
  const { rows } = await source.query<{ oid: string; columns: string }>(
    `SELECT attrelid::text AS oid, json_agg(json_build_object('name', attname, 'typeOid', atttypid::int8,
       'typeModifier', atttypmod, 'number', attnum) ORDER BY attnum)::text AS columns
     FROM pg_attribute WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped ${generated}
     GROUP BY attrelid`,
    [oids],
  );
  return new Map(rows.map((row) => [row.oid, JSON.parse(row.columns) as LoggedColumn[]]));
}

/** A column of the source now, in the words of DDL. */
export interface ColumnNow {
  readonly name: string;
  readonly number: number;
  readonly declared: string;
  readonly notNull: boolean;
  /** How it is computed. */
  readonly generated: 'stored' | 'virtual' | null;
  /** Its DEFAULT, or the expression that computes it. */
  readonly expression: string | null;
  /** What rows have in it that were there before it (11): its DEFAULT then. */
  readonly missing: string | null;
  readonly collation: string | null;
  readonly identity: string;
}

/** Undefined where the table is gone. */
export async function columnsNow(source: Session, oid: number): Promise<readonly ColumnNow[] | undefined> {
  const generated =
    source.versionNum >= 120000
      ? `CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END`
      : 'NULL';
  const missing =
    source.versionNum >= 110000
      ? `CASE WHEN a.atthasmissing THEN array_to_string(a.attmissingval, '') END`
      : 'NULL';
  const { rows } = await source.query<ColumnNow>(
    `SELECT a.attname AS name, a.attnum::int AS number, format_type(a.atttypid, a.atttypmod) AS declared,
       a.attnotnull AS "notNull", ${generated} AS generated, pg_get_expr(d.adbin, d.adrelid) AS expression,
       ${missing} AS missing,
       CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', n.nspname, co.collname) END AS collation,
       a.attidentity AS identity
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = co.collnamespace
     WHERE c.oid = $1::oid ORDER BY a.attnum`,
    [String(oid)],
  );
  return rows.length === 0 ? undefined : rows;
}

interface Known {
  /** On the target. */
  readonly name: string;
  readonly number?: number;
  /** Its type on the target. */
  readonly target?: string;
}

/**
 * SQL for the target that takes a table from the columns that it was copied with to those of the source now; to be
 * reviewed. Columns that got another name are known by their number. Undefined where there is nothing to do.
 */
export function driftDdl(
  table: RelationName,
  known: readonly Known[],
  now: readonly ColumnNow[],
): string | undefined {
  const lead = `ALTER TABLE ${qualified(table)}`;
  const byNumber = new Map(now.map((column) => [column.number, column]));
  const byName = new Map(now.map((column) => [column.name, column]));
  const pairs = known.map((column) => ({
    column,
    after: column.number === undefined ? byName.get(column.name) : byNumber.get(column.number),
  }));
  const kept = new Set(pairs.map(({ after }) => after));
  const newest = Math.max(0, ...known.map(({ number = 0 }) => number));
  const statements = [
    ...pairs.flatMap(({ column, after }) => (after ? [] : [`${lead} DROP COLUMN ${ident(column.name)};`])),
    ...renames(
      lead,
      pairs.flatMap(({ column, after }) => (after ? [{ from: column.name, to: after.name }] : [])),
    ),
    ...pairs.flatMap(({ column, after }) =>
      after === undefined || column.target === undefined || column.target === after.declared
        ? []
        : [
            `${lead} ALTER COLUMN ${ident(after.name)} TYPE ${after.declared}${collate(after)} USING ${ident(after.name)}::${after.declared};`,
          ],
    ),
    ...now.flatMap((column) => (kept.has(column) || column.generated ? [] : added(lead, column))),
    // Those are not among the columns that the log shows: it may have been there.
    ...now.flatMap((column) =>
      column.generated && column.number > newest
        ? [
            `-- if it is new: ${lead} ADD COLUMN ${ident(column.name)} ${column.declared}${collate(column)} GENERATED ALWAYS AS (${column.expression ?? ''}) ${column.generated.toUpperCase()};`,
          ]
        : [],
    ),
  ];
  return statements.length === 0 ? undefined : `${statements.join('\n')}\n`;
}

/** In an order in which no two columns have one name; through a third name where two change theirs. */
function renames(lead: string, all: readonly { readonly from: string; readonly to: string }[]): string[] {
  const names = new Set(all.map(({ from }) => from));
  let waiting = all.filter(({ from, to }) => from !== to);
  const statements: string[] = [];
  const rename = (from: string, to: string): void => {
    statements.push(`${lead} RENAME COLUMN ${ident(from)} TO ${ident(to)};`);
    names.delete(from);
    names.add(to);
  };
  while (waiting.length > 0) {
    const free = waiting.filter(({ to }) => !names.has(to));
    for (const { from, to } of free) rename(from, to);
    waiting = waiting.filter((one) => !free.includes(one));
    const [first, ...rest] = waiting;
    if (free.length > 0 || first === undefined) continue;
    const between = `${first.from}_flexferry`;
    rename(first.from, between);
    waiting = [...rest, { from: between, to: first.to }];
  }
  return statements;
}

const collate = ({ collation }: ColumnNow): string => (collation === null ? '' : ` COLLATE ${collation}`);

/** A constant: evaluated later it is the same. */
const constant = /^(-?\d[\d.]*|true|false|NULL|'(?:[^']|'')*')(?:::[\w\s".[\]]+(?:\([\d,]+\))?)?$/;

const unquoted = (value: string): string =>
  value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value;

/** With the values that the rows of the source got when it was added there. */
function added(lead: string, column: ColumnNow): string[] {
  const { name, declared, expression, missing, notNull, identity } = column;
  const start = `${lead} ADD COLUMN ${ident(name)} ${declared}${collate(column)}`;
  const end = notNull ? ' NOT NULL;' : ';';
  if (identity !== '')
    return [
      `${start} GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY${end}`,
      rewritten(name),
    ];
  if (expression === null) return [`${start}${end}`];
  const [, value] = constant.exec(expression) ?? [];
  if (value !== undefined && (missing ?? unquoted(value)) === unquoted(value))
    return [`${start} DEFAULT ${expression}${end}`];
  if (missing === null) return [`${start} DEFAULT ${expression}${end}`, rewritten(name)];
  return [
    `${start} DEFAULT ${literal(missing).trim()}::${declared}${end}`,
    `${lead} ALTER COLUMN ${ident(name)} SET DEFAULT ${expression};`,
  ];
}

const rewritten = (name: string): string =>
  `-- rows that were there before have values of their own in ${ident(name)} on the source: compare them`;
