/** What a mapping should come to, made by PostgreSQL's own ALTER on a copy of the source: nothing of the engine is in it. */
import pg from 'pg';
import type { ProjectDatabase } from '../../src/protocol/project.js';
import type { Place } from './compare.js';
import type { TestServer } from './postgres/embedded.js';

const ident = pg.escapeIdentifier;

let copies = 0;

/**
 * A copy of `source` on its own server, renamed as the project says. Keys of `tables` are SQL, as in a project. What
 * stands in strings (bodies of functions) keeps the old names: `more` is SQL that repairs it.
 */
export async function renamedCopy(
  server: TestServer,
  database: Pick<ProjectDatabase, 'source' | 'schemas' | 'tables'>,
  more = '',
): Promise<Place> {
  const copy = `copy ${++copies} of ${database.source}`;
  await server.query('postgres', `CREATE DATABASE ${ident(copy)} TEMPLATE ${ident(database.source)}`);
  const { schemas = {}, tables = {} } = database;
  const moved = Object.entries(tables).filter(([, t]) => t.schema !== undefined || t.name !== undefined);
  const oids = await Promise.all(
    moved.map(async ([key]) => {
      const [row] = await server.query<{ oid: string; schema: string; name: string }>(
        copy,
        `SELECT c.oid::text, n.nspname AS schema, c.relname AS name FROM pg_class c
         JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::regclass`,
        [key],
      );
      if (!row) throw new Error(`no table ${key}`);
      return row;
    }),
  );
  const sql: string[] = [];
  // By names of passage, since names may be exchanged.
  const from = Object.keys(schemas);
  for (const [i, name] of from.entries()) sql.push(`ALTER SCHEMA ${ident(name)} RENAME TO passage_${i}`);
  for (const [i, name] of from.entries()) {
    const to = schemas[name] ?? name;
    sql.push(`DROP SCHEMA IF EXISTS ${ident(to)}`, `ALTER SCHEMA passage_${i} RENAME TO ${ident(to)}`);
  }
  const targetOf = (schema: string): string => schemas[schema] ?? schema;
  for (const [i, { schema, name }] of oids.entries())
    sql.push(`ALTER TABLE ${ident(targetOf(schema))}.${ident(name)} RENAME TO passage_${i}`);
  for (const [i, [, to]] of moved.entries()) {
    const own = targetOf(oids[i]?.schema ?? '');
    const schema = to.schema ?? own;
    if (schema !== own)
      sql.push(
        `CREATE SCHEMA IF NOT EXISTS ${ident(schema)}`,
        `ALTER TABLE ${ident(own)}.passage_${i} SET SCHEMA ${ident(schema)}`,
      );
    sql.push(`ALTER TABLE ${ident(schema)}.passage_${i} RENAME TO ${ident(to.name ?? oids[i]?.name ?? '')}`);
  }
  await server.query(copy, [...sql, more].filter((s) => s !== '').join(';\n') || 'SELECT');
  return { server, database: copy };
}
