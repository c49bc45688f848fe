/** What stands in a target database already, for the mapping panel. */
import type { ConnectionSpec } from '../../protocol/connection.js';
import type { MappingTarget } from '../../protocol/engine.js';
import type { RelationName } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { BrowseSessions } from './browseSessions.js';
import { systemSchemas } from './filter.js';

/** `exists` is false where the server answers that there is no such database. Rejects with a Fault. */
export async function readMappingTarget(
  sessions: BrowseSessions,
  spec: ConnectionSpec,
  signal: AbortSignal,
): Promise<MappingTarget> {
  try {
    return await sessions.use(spec, signal, targetContents);
  } catch (error) {
    if (error instanceof Fault && error.code === 'FF103')
      return { exists: false, relations: [], schemas: [] };
    throw error;
  }
}

/** Indexes, sequences and composite types share their names with tables. */
async function targetContents(session: Session): Promise<MappingTarget> {
  const schemas = await session.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n WHERE ${systemSchemas} ORDER BY 1`,
  );
  const relations = await session.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${systemSchemas} AND c.relkind <> 't' ORDER BY 1, 2`,
  );
  return { exists: true, schemas: schemas.rows.map(({ name }) => name), relations: relations.rows };
}
