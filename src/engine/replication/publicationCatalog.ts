import type { RelationName } from '../../protocol/model.js';
import type { Publishing } from '../catalog/replicaIdentities.js';
import { publicationMark } from '../catalog/replicationFacts.js';
import type { Session } from '../postgres/session.js';

export interface Kind {
  readonly name: string;
  readonly publishing: Publishing;
}

/** A name has at most 63 bytes; slots have only ASCII. */
export const suffixed = (slot: string, suffix: string): string =>
  `${slot.slice(0, 63 - suffix.length)}${suffix}`;

/**
 * The publications that belong to a slot. All are made before the slot, empty or not: one that comes later does not
 * exist yet for the changes before, and decoding them would fail.
 */
export function publicationNames(slot: string, versionNum: number): string[] {
  return kindsOf(slot, versionNum).map(({ name }) => name);
}

export function kindsOf(slot: string, versionNum: number): Kind[] {
  return [
    { name: slot, publishing: 'all' },
    { name: suffixed(slot, '_insert'), publishing: 'insert' },
    ...(versionNum >= 180000
      ? [{ name: suffixed(slot, '_generated'), publishing: 'allWithGenerated' as const }]
      : []),
  ];
}

export const commentOf = (slot: string): string =>
  `${publicationMark}for the online migration of replication slot ${slot}. Its clean-up drops it.`;
export const isOurs = (comment: string, slot: string): boolean => comment === commentOf(slot);

export interface PublicationRow {
  name: string;
  comment: string;
  /** FOR ALL TABLES, or TABLES IN SCHEMA: not of our making. */
  wide: boolean;
  /** Options as {@link optionsOf} writes them. */
  options: string;
}

export async function readPublications(source: Session, names: readonly string[]): Promise<PublicationRow[]> {
  const { versionNum } = source;
  const since = (version: number, expression: string, otherwise: string): string =>
    versionNum >= version ? expression : otherwise;
  const { rows } = await source.query<PublicationRow>(
    `SELECT p.pubname AS name, coalesce(obj_description(p.oid, 'pg_publication'), '') AS comment,
       p.puballtables OR ${since(150000, 'EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid)', 'false')} AS wide,
       concat_ws(' ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
         CASE WHEN p.pubdelete THEN 'delete' END, ${since(110000, `CASE WHEN p.pubtruncate THEN 'truncate' END`, 'NULL')},
         ${since(130000, `CASE WHEN p.pubviaroot THEN 'root' END`, 'NULL')},
         ${since(180000, `CASE p.pubgencols WHEN 's' THEN 'generated' END`, 'NULL')}) AS options
     FROM pg_publication p WHERE p.pubname = ANY ($1::name[]) ORDER BY 1`,
    [names],
  );
  return rows;
}

/** WITH (…) of a kind; `shown` is how {@link readPublications} shows the same. */
export function optionsOf({ publishing }: Kind, versionNum: number): { clause: string; shown: string } {
  const operations = [
    'insert',
    ...(publishing === 'insert' ? [] : ['update', 'delete']),
    ...(versionNum >= 110000 ? ['truncate'] : []),
  ];
  const generated = publishing === 'allWithGenerated';
  const options = [
    `publish = '${operations.join(', ')}'`,
    ...(versionNum >= 130000 ? ['publish_via_partition_root = false'] : []),
    ...(versionNum >= 180000 ? [`publish_generated_columns = ${generated ? 'stored' : 'none'}`] : []),
  ];
  return {
    clause: `(${options.join(', ')})`,
    shown: [...operations, ...(generated ? ['generated'] : [])].join(' '),
  };
}

/** A table in one of the publications. */
export interface Member extends RelationName {
  readonly oid: string;
  readonly publication: string;
  /** Its row filter as PostgreSQL writes it. */
  readonly filter: string | null;
  readonly columnList: boolean;
}

/**
 * Oids of the tables that stand in one of them by name; undefined where one of them takes whatever there is, or none is
 * there, which ends the stream by itself.
 */
export async function publishedOids(
  source: Session,
  publications: readonly string[],
): Promise<ReadonlySet<string> | undefined> {
  const found = await readPublications(source, publications);
  if (found.length === 0 || found.some(({ wide }) => wide)) return undefined;
  const { rows } = await source.query<{ oid: string }>(
    `SELECT DISTINCT r.prrelid::text AS oid FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
     WHERE p.pubname = ANY ($1::name[])`,
    [[...publications]],
  );
  return new Set(rows.map(({ oid }) => oid));
}

export async function readMembers(source: Session, kinds: readonly Kind[]): Promise<Map<string, Member[]>> {
  const since15 = source.versionNum >= 150000;
  const { rows } = await source.query<Member>(
    `SELECT r.prrelid::text AS oid, p.pubname AS publication, n.nspname AS schema, c.relname AS name,
       ${since15 ? 'pg_get_expr(r.prqual, r.prrelid)' : 'NULL'} AS filter,
       ${since15 ? 'r.prattrs IS NOT NULL' : 'false'} AS "columnList"
     FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
     JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE p.pubname = ANY ($1::name[])`,
    [kinds.map(({ name }) => name)],
  );
  const byOid = new Map<string, Member[]>();
  for (const row of rows) byOid.set(row.oid, [...(byOid.get(row.oid) ?? []), row]);
  return byOid;
}
