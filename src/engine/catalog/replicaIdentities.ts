import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import { notOfExtension } from './filter.js';
import { fitsIdentity, isIdentityIndex } from './identityIndex.js';
import type { SourceTable } from './tables.js';

/**
 * What of a table can be followed.
 *
 * | value           | updates and deletes                                                                 |
 * |-----------------|-------------------------------------------------------------------------------------|
 * | all             | yes                                                                                 |
 * | allWithGenerated| yes, but 18 refuses them on the source unless stored generated columns are published |
 * | insert          | not sent; published all the same, the source would refuse them                       |
 */
export type Publishing = 'all' | 'allWithGenerated' | 'insert';

/** How the rows of a table are told apart in its log. */
export type IdentityKind = 'default' | 'nothing' | 'full' | 'index';

export interface TableReplicationFacts extends RelationName {
  readonly oid: string;
  readonly identity: IdentityKind;
  /** The index that the identity means, if PostgreSQL can use it (valid, not deferrable, not partial). */
  readonly identityIndex?: { readonly oid: string; readonly name: string };
  /** Columns of it. All columns count with FULL. */
  readonly keyColumns: readonly string[];
  readonly publishing: Publishing;
  /** What would make `publishing` other than `insert` without FULL: a unique index that fits. */
  readonly fittingIndex?: { readonly name: string; readonly primary: boolean };
  /** REPLICA IDENTITY FULL would do. */
  readonly fullIsPossible: boolean;
  /** The user has the rights of the owner. */
  readonly owned: boolean;
  readonly unlogged: boolean;
  readonly rowSecurity: boolean;
  readonly generated: readonly ('stored' | 'virtual')[];
  readonly ofExtension: boolean;
  /** Since the statistics began. */
  readonly updates: number;
  readonly deletes: number;
}

interface FactsRow {
  oid: string;
  schema: string;
  name: string;
  identity: 'd' | 'n' | 'f' | 'i';
  owned: boolean;
  unlogged: boolean;
  row_security: boolean;
  stored: boolean;
  virtual: boolean;
  of_extension: boolean;
  updates: string;
  deletes: string;
  key_oid: string | null;
  key_name: string | null;
  key_columns: string | null;
  key_generated: boolean | null;
  fitting_name: string | null;
  fitting_primary: boolean | null;
}

const kinds = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

/** Tables whose rows are followed: not what has none, what is not in the log, and what an extension keeps. */
export function isFollowed(
  table: Pick<SourceTable, 'relkind' | 'withData' | 'unlogged' | 'extensionCondition'>,
): boolean {
  return table.relkind === 'r' && table.withData && !table.unlogged && table.extensionCondition === undefined;
}

/** By oid; without those that are gone. Rejects with a Fault. */
export async function tableReplicationFacts(
  session: Session,
  oids: readonly string[],
): Promise<Map<string, TableReplicationFacts>> {
  if (oids.length === 0) return new Map();
  const { rows } = await session.query<FactsRow>(factsQuery(session.versionNum), [oids]);
  return new Map(rows.map((row) => [row.oid, tableFacts(session.versionNum, row)]));
}

function tableFacts(versionNum: number, row: FactsRow): TableReplicationFacts {
  const since18 = versionNum >= 180000;
  return {
    oid: row.oid,
    schema: row.schema,
    name: row.name,
    identity: kinds[row.identity],
    ...(row.key_oid !== null && { identityIndex: { oid: row.key_oid, name: row.key_name ?? '' } }),
    keyColumns: row.key_columns === null ? [] : (JSON.parse(row.key_columns) as string[]),
    publishing: publishingOf(row, since18),
    ...(row.fitting_name !== null && {
      fittingIndex: { name: row.fitting_name, primary: row.fitting_primary === true },
    }),
    fullIsPossible: !(since18 && row.virtual),
    owned: row.owned,
    unlogged: row.unlogged,
    rowSecurity: row.row_security,
    generated: [...(row.stored ? (['stored'] as const) : []), ...(row.virtual ? (['virtual'] as const) : [])],
    ofExtension: row.of_extension,
    updates: Number(row.updates),
    deletes: Number(row.deletes),
  };
}

/**
 * Generated columns are not sent by default. Up to 17 a key with one arrives incomplete; 18 refuses updates and deletes
 * of a table whose identity has one that is not published, and never publishes virtual ones.
 * https://www.postgresql.org/docs/18/logical-replication-gencols.html
 */
function publishingOf(row: FactsRow, since18: boolean): Publishing {
  if (row.identity === 'f') {
    if (!since18) return 'all';
    if (row.virtual) return 'insert';
    return row.stored ? 'allWithGenerated' : 'all';
  }
  if (row.key_oid === null) return 'insert';
  if (row.key_generated !== true) return 'all';
  return since18 ? 'allWithGenerated' : 'insert';
}

function factsQuery(versionNum: number): string {
  const keys = versionNum >= 110000 ? 'i.indnkeyatts' : 'i.indnatts';
  const isGenerated = versionNum >= 120000 ? `a.attgenerated <> ''` : 'false';
  const hasGenerated = (kind: 's' | 'v'): string =>
    versionNum >= 120000
      ? `EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated = '${kind}' AND NOT a.attisdropped)`
      : 'false';
  const keyColumns = `unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, position)
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum > 0
      WHERE u.position <= ${keys}`;
  return `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, c.relreplident AS identity,
    pg_has_role(c.relowner, 'USAGE') AS owned, c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS row_security,
    ${hasGenerated('s')} AS stored, ${hasGenerated('v')} AS virtual,
    NOT ${notOfExtension('pg_class', 'c.oid')} AS of_extension,
    pg_stat_get_tuples_updated(c.oid)::text AS updates, pg_stat_get_tuples_deleted(c.oid)::text AS deletes,
    k.oid AS key_oid, k.name AS key_name, k.columns AS key_columns, k.generated AS key_generated,
    f.name AS fitting_name, f.indisprimary AS fitting_primary
  FROM unnest($1::oid[]) AS wanted(oid)
  JOIN pg_class c ON c.oid = wanted.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
    SELECT x.oid::text AS oid, x.relname AS name,
      (SELECT json_agg(a.attname ORDER BY u.position)::text FROM ${keyColumns}) AS columns,
      EXISTS (SELECT FROM ${keyColumns} AND ${isGenerated}) AS generated
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE ${isIdentityIndex}
    LIMIT 1) k ON true
  LEFT JOIN LATERAL (
    SELECT x.relname AS name, i.indisprimary
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND ${fitsIdentity}
      AND NOT EXISTS (SELECT FROM ${keyColumns} AND (a.attnum IS NULL OR NOT a.attnotnull OR ${isGenerated}))
    ORDER BY i.indisprimary DESC, ${keys}, x.relname LIMIT 1) f ON true`;
}
