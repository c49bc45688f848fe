import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';

/** From here on what pg_logical_emit_message() writes comes with the changes. */
export const firstWithMessages = 140000;

/**
 * Whether the user may make event triggers, from 11 on. Asked for one whose function does not exist, which makes
 * nothing: the right is looked at first, and clouds give it to users who are no superusers.
 */
export async function mayMakeEventTriggers(session: Session): Promise<boolean> {
  try {
    await session.query(
      'CREATE EVENT TRIGGER flexferry_probe ON ddl_command_end EXECUTE FUNCTION pg_catalog.flexferry_probe()',
    );
  } catch (error) {
    if (session.closed || !(error instanceof Fault)) throw error;
    return error.sqlstate === '42883';
  }
  return false;
}
