import type { RelationName } from '../../protocol/model.js';
import type { TableReplicationFacts } from '../catalog/replicaIdentities.js';
import { Fault } from '../errors/fault.js';
import { ident, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { type LockPatience, withPatience } from './tableLocks.js';

/** A table with the condition that rows have to fulfil, as in a project. */
export interface FilteredTable {
  readonly facts: TableReplicationFacts;
  readonly where: string;
}

/** `ONLY "s"."t" WHERE (…)`; the line break ends a comment in the condition. */
export function publicationTable(table: RelationName, where?: string): string {
  return `ONLY ${qualified(table)}${where === undefined ? '' : ` WHERE (${where}\n)`}`;
}

/** How many are tried at once: each is locked. */
const batch = 200;

/**
 * The row filters that a publication may apply, by oid, as PostgreSQL writes them back. Two things rule one out: what
 * CREATE PUBLICATION refuses (functions of users, subqueries …), so it is tried and rolled back; and a column outside of
 * the replica identity, for which PostgreSQL would refuse the updates and deletes of the applications. From 15 on.
 * https://www.postgresql.org/docs/current/logical-replication-row-filter.html
 */
export async function publishableFilters(
  source: Session,
  probe: string,
  tables: readonly FilteredTable[],
  patience: LockPatience,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (source.versionNum < 150000) return found;
  for (let from = 0; from < tables.length; from += batch)
    for (const [oid, text] of await tryFilters(source, probe, tables.slice(from, from + batch), patience))
      found.set(oid, text);
  return found;
}

/** Halves what is refused until the culprits stand alone. */
async function tryFilters(
  source: Session,
  probe: string,
  tables: readonly FilteredTable[],
  patience: LockPatience,
): Promise<[oid: string, text: string][]> {
  const oids = tables.map(({ facts }) => facts.oid);
  try {
    return await withPatience(source, oids, patience, (setTimeout) =>
      tryBatch(source, probe, tables, setTimeout),
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (tables.length === 1) return [];
    const half = Math.ceil(tables.length / 2);
    return [
      ...(await tryFilters(source, probe, tables.slice(0, half), patience)),
      ...(await tryFilters(source, probe, tables.slice(half), patience)),
    ];
  }
}

interface FilterRow {
  oid: string;
  text: string;
  /** Of the columns: name, or null for a whole row or a generated column. */
  columns: string;
}

async function tryBatch(
  source: Session,
  probe: string,
  tables: readonly FilteredTable[],
  setTimeout: string,
): Promise<[oid: string, text: string][]> {
  const list = tables.map(({ facts, where }) => publicationTable(facts, where)).join(', ');
  await source.query('BEGIN');
  try {
    await source.query(setTimeout);
    await source.query(`CREATE PUBLICATION ${ident(probe)} FOR TABLE ${list}`);
    const { rows } = await source.query<FilterRow>(
      `SELECT r.prrelid::text AS oid, pg_get_expr(r.prqual, r.prrelid) AS text,
         (SELECT coalesce(json_agg(a.attname), '[]')::text
          FROM regexp_matches(r.prqual::text, ':varattno (-?[0-9]+)', 'g') AS v(attnum)
          LEFT JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = v.attnum[1]::int AND a.attnum > 0
            AND a.attgenerated = '') AS columns
       FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE p.pubname = $1`,
      [probe],
    );
    const byOid = new Map(tables.map(({ facts }) => [facts.oid, facts]));
    return rows
      .filter((row) => mayPublish(byOid.get(row.oid), JSON.parse(row.columns) as (string | null)[]))
      .map(({ oid, text }) => [oid, text]);
  } finally {
    if (!source.closed) await source.query('ROLLBACK');
  }
}

/** Inserts alone may be filtered by any column; with updates and deletes only what the log has of the old row. */
function mayPublish(table: TableReplicationFacts | undefined, columns: readonly (string | null)[]): boolean {
  if (table === undefined || columns.includes(null)) return false;
  if (table.publishing === 'insert' || table.identity === 'full') return true;
  const key = new Set(table.keyColumns);
  return columns.every((column) => column !== null && key.has(column));
}

/** An error in the condition (0A000, syntax, a function that is not there), not trouble of the server or the user's rights. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Fault) || error.sqlstate === undefined) return false;
  return /^(0A|22|42)/.test(error.sqlstate) && error.sqlstate !== '42501' && error.sqlstate !== '42710';
}
