import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';

/** Oids of relations by their names, in the same order; undefined where there is none of that name. */
export async function oidsOfNames(
  session: Session,
  names: readonly RelationName[],
): Promise<(string | undefined)[]> {
  if (names.length === 0) return [];
  const { rows } = await session.query<{ i: number; oid: string }>(
    `SELECT v.i::int - 1 AS i, c.oid::text AS oid
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) WITH ORDINALITY v (schema, name, i)
     JOIN pg_catalog.pg_namespace n ON n.nspname = v.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = v.name`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  const found = new Map(rows.map(({ i, oid }) => [i, oid]));
  return names.map((_, i) => found.get(i));
}

/** As they are called now, by oid; without those that are gone. */
export async function namesOfOids(
  session: Session,
  oids: readonly string[],
): Promise<Map<string, RelationName>> {
  if (oids.length === 0) return new Map();
  const { rows } = await session.query<RelationName & { oid: string }>(
    `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(rows.map(({ oid, schema, name }) => [oid, { schema, name }]));
}
