import type { ConnectionSpec } from '../../protocol/connection.js';
import { literal } from './quote.js';
import type { Session } from './session.js';

/** What a reading session of a run sets beyond the pins of `connect`: money is text in the locale of the session. */
const pins = "SET lc_monetary = 'C'";

/**
 * Opens a read-only transaction and exports its snapshot: whoever imports it sees the database as of this moment.
 * Valid while this session stays in its transaction. https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
 */
export async function exportSnapshot(session: Session): Promise<string> {
  await session.script(`${pins}; BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`);
  const { rows } = await session.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
  return rows[0]?.id ?? '';
}

/** Puts a fresh session of the same database into an exported snapshot. */
export async function importSnapshot(session: Session, snapshot: string): Promise<void> {
  await session.script(
    `${pins}; BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${literal(snapshot)}`,
  );
}

/** The same server and user, another database. */
export function withDatabase(spec: ConnectionSpec, database: string): ConnectionSpec {
  return { ...spec, database };
}
