import { formatBytes } from '../../base/format.js';
import { browseRelations } from './browseObjects.js';
import { type ChildrenPage, node, type PageQuery } from './browsePage.js';

interface ColumnRow {
  name: string;
  type: string;
  required: boolean;
  primary: boolean;
  generated: boolean;
  identity: boolean;
  comment: string | null;
}

const relationIn = (schema: string, relation: string) =>
  `(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${relation} AND c.relkind IN ('r', 'p', 'f', 'v', 'm'))`;

/** Columns, then indexes, then a folder of partitions. Not paged: a table has at most 1,600 columns. */
export async function browseRelation(query: PageQuery): Promise<ChildrenPage> {
  const { schema, relation } = query.at;
  const columns = await query.session.query<ColumnRow>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS primary,
       ${query.session.versionNum >= 120000 ? `a.attgenerated <> ''` : 'false'} AS generated, a.attidentity <> '' AS identity,
       col_description(a.attrelid, a.attnum) AS comment
     FROM pg_attribute a WHERE a.attrelid = ${relationIn('$1', '$2')} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [schema, relation],
  );
  const indexes = await query.session.query<{
    name: string;
    unique: boolean;
    primary: boolean;
    valid: boolean;
    bytes: string;
    definition: string;
  }>(
    `SELECT c.relname AS name, i.indisunique AS unique, i.indisprimary AS primary, i.indisvalid AS valid,
       c.relpages::int8 * current_setting('block_size')::int8 AS bytes, pg_get_indexdef(i.indexrelid) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ${relationIn('$1', '$2')} ORDER BY c.relname`,
    [schema, relation],
  );
  const partitions = await query.session.query<{ count: string }>(
    `SELECT count(*) AS count FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ${relationIn('$1', '$2')} AND c.relispartition`,
    [schema, relation],
  );
  const nodes = columns.rows.map((row) =>
    node(query, 'column', row.name, { description: columnText(row), tooltip: row.comment }),
  );
  for (const row of indexes.rows) {
    const what = row.primary ? 'primary key' : row.unique ? 'unique index' : 'index';
    const parts = [
      what,
      ...(row.valid ? [] : ['invalid']),
      ...(row.bytes === '0' ? [] : [formatBytes(Number(row.bytes))]),
    ];
    nodes.push(node(query, 'index', row.name, { description: parts.join(', '), tooltip: row.definition }));
  }
  const count = Number(partitions.rows[0]?.count ?? 0);
  if (count > 0)
    nodes.push(
      node(query, 'folder', 'partitions', { description: count.toLocaleString('en-US'), expandable: true }),
    );
  return { nodes };
}

function columnText(row: ColumnRow): string {
  const parts = [row.type];
  if (row.primary) parts.push('primary key');
  else if (row.required) parts.push('not null');
  if (row.identity) parts.push('identity');
  if (row.generated) parts.push('generated');
  return parts.join(', ');
}

export async function browsePartitions(query: PageQuery): Promise<ChildrenPage> {
  const parent = relationIn('$3', '$4');
  const condition = `c.relispartition AND c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ${parent})`;
  return browseRelations(query, condition, [query.at.schema, query.at.relation]);
}
