import { formatBytes } from '../../base/format.js';
import type { ObjectKind } from '../../protocol/engine.js';
import { type ChildrenPage, node, ownTypes, type PageQuery, page, withSizes } from './browsePage.js';
import { notOfExtension } from './filter.js';

interface RelationRow {
  name: string;
  kind: string;
  rows: string;
  pages: number;
  bytes: string | null;
  children: string;
  comment: string | null;
}

const kindOf: Readonly<Record<string, ObjectKind>> = {
  r: 'table',
  p: 'table',
  f: 'foreignTable',
  v: 'view',
  m: 'materializedView',
};

/** "~12,345 rows, 1.2 MB". An estimate is only shown where there is one: 0 pages or -1 rows mean "never analyzed". */
function sizeText(row: RelationRow): string {
  if (row.kind === 'p') return `partitioned, ${Number(row.children).toLocaleString('en-US')} partitions`;
  if (row.kind === 'f') return 'foreign';
  const rows = Number(row.rows);
  const parts = rows > 0 ? [`~${rows.toLocaleString('en-US')} rows`] : [];
  if (row.bytes !== null) parts.push(formatBytes(Number(row.bytes)));
  return parts.join(', ');
}

/** Relations of these kinds in a schema, or partitions of one parent. */
export async function browseRelations(
  query: PageQuery,
  condition: string,
  values: readonly unknown[],
): Promise<ChildrenPage> {
  const ask = (size: string) =>
    query.session.query<RelationRow>(
      `SELECT c.*, ${size} AS bytes, obj_description(oid, 'pg_class') AS comment,
         CASE WHEN kind = 'p' THEN (SELECT count(*) FROM pg_inherits WHERE inhparent = c.oid) ELSE 0 END AS children
       FROM (SELECT c.oid, c.relname AS name, c.relkind AS kind, c.reltuples::int8 AS rows, c.relpages AS pages
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE ${condition} AND ${notOfExtension('pg_class', 'c.oid')} AND ($1::text IS NULL OR c.relname > $1::name)
         ORDER BY c.relname LIMIT $2) AS c ORDER BY name`,
      [query.after ?? null, query.limit + 1, ...values],
    );
  const { rows } = await withSizes(ask, `CASE WHEN kind IN ('r', 'm') THEN pg_table_size(oid) END`);
  return page(
    query,
    rows,
    (row) =>
      node(query, kindOf[row.kind] ?? 'table', row.name, {
        description: row.kind === 'v' ? null : sizeText(row),
        tooltip: row.comment,
        expandable: true,
      }),
    (row) => row.name,
  );
}

export function browseTables(query: PageQuery): Promise<ChildrenPage> {
  const condition = `n.nspname = $3 AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition`;
  return browseRelations(query, condition, [query.at.schema]);
}

export function browseViews(query: PageQuery): Promise<ChildrenPage> {
  return browseRelations(query, `n.nspname = $3 AND c.relkind IN ('v', 'm')`, [query.at.schema]);
}

export async function browseSequences(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{ name: string; type: string; owner: string | null }>(
    `SELECT c.relname AS name, format_type(s.seqtypid, NULL) AS type,
       (SELECT t.relname || '.' || a.attname FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
          AND d.deptype IN ('a', 'i') LIMIT 1) AS owner
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
     WHERE n.nspname = $3 AND ${notOfExtension('pg_class', 'c.oid')} AND ($1::text IS NULL OR c.relname > $1::name)
     ORDER BY c.relname LIMIT $2`,
    [query.after ?? null, query.limit + 1, query.at.schema],
  );
  const description = (row: { type: string; owner: string | null }) =>
    row.owner === null ? row.type : `${row.type}, of ${row.owner}`;
  return page(
    query,
    rows,
    (row) => node(query, 'sequence', row.name, { description: description(row) }),
    (row) => row.name,
  );
}

interface FunctionRow {
  oid: string;
  name: string;
  arguments: string;
  result: string | null;
  kind: string;
  language: string;
  comment: string | null;
}

const functionKinds: Readonly<Record<string, string>> = { a: 'aggregate', w: 'window', p: 'procedure' };

/** Functions share names, so the cursor is name and oid. */
export async function browseFunctions(query: PageQuery): Promise<ChildrenPage> {
  const kind =
    query.session.versionNum >= 110000
      ? 'p.prokind'
      : `CASE WHEN p.proisagg THEN 'a' WHEN p.proiswindow THEN 'w' ELSE 'f' END`;
  const [afterName, afterOid]: (string | null)[] =
    query.after === undefined ? [null, null] : JSON.parse(query.after);
  const { rows } = await query.session.query<FunctionRow>(
    `SELECT p.oid::text, p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS result, ${kind} AS kind, l.lanname AS language, obj_description(p.oid, 'pg_proc') AS comment
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
     WHERE n.nspname = $4 AND ${notOfExtension('pg_proc', 'p.oid')}
       AND ($1::text IS NULL OR (p.proname, p.oid) > ($1::name, $2::oid))
     ORDER BY p.proname, p.oid LIMIT $3`,
    [afterName ?? null, afterOid ?? null, query.limit + 1, query.at.schema],
  );
  return page(
    query,
    rows,
    (row) =>
      node(query, 'function', `${row.name}(${row.arguments})`, {
        key: row.oid,
        description: functionKinds[row.kind] ?? row.result,
        tooltip: [`language ${row.language}`, row.comment].filter(Boolean).join('\n'),
      }),
    (row) => JSON.stringify([row.name, row.oid]),
  );
}

const typeKinds: Readonly<Record<string, string>> = {
  b: 'base',
  c: 'composite',
  d: 'domain',
  e: 'enum',
  r: 'range',
};

export async function browseTypes(query: PageQuery): Promise<ChildrenPage> {
  const { rows } = await query.session.query<{
    name: string;
    kind: string;
    base: string | null;
    labels: string | null;
  }>(
    `SELECT t.typname AS name, t.typtype AS kind, CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
       (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) AS labels
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE n.nspname = $3 AND ${ownTypes} AND ${notOfExtension('pg_type', 't.oid')}
       AND ($1::text IS NULL OR t.typname > $1::name) ORDER BY t.typname LIMIT $2`,
    [query.after ?? null, query.limit + 1, query.at.schema],
  );
  return page(
    query,
    rows,
    (row) =>
      node(query, 'type', row.name, {
        description: [typeKinds[row.kind], row.base].filter(Boolean).join(', '),
        tooltip: row.labels,
      }),
    (row) => row.name,
  );
}
