import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { commentOf, publicationNames } from './publicationCatalog.js';

/** So often a slot is made anew where it cannot be read. */
export const mostSlots = 10;

/** How long transactions are waited for that were open when the slot was made; as long as the making itself waits. */
const patienceMs = 30_000;
const pauseMs = 50;

/**
 * Whether a slot of ours that was just made can be read at all. While it makes a slot, PostgreSQL (10 to 18) at first
 * takes no notice of commits, later does, and last begins to read changes; a transaction whose changes it reads already,
 * and that writes into a table written anew at first (TRUNCATE, CLUSTER, CREATE TABLE), meets a catalog without that
 * commit: "could not map filenumber … to relation OID" (XX000), whenever it is tried. The snapshot of the slot is
 * right. Seen here it costs moments; after the base copy, all of it.
 *
 * With a commit that changes the catalog it is looked at anew: only transactions from before can be affected, and
 * once they have ended, reading as far as here tells. The slot stays where it is.
 */
export async function isDecodable(session: Session, slot: string, signal?: AbortSignal): Promise<boolean> {
  await session.query(`COMMENT ON PUBLICATION ${ident(slot)} IS ${literal(commentOf(slot))}`);
  await olderTransactionsEnded(session, signal);
  // The one with the fewest tables: what comes out does not matter.
  const publication = publicationNames(slot, session.versionNum)[1] ?? slot;
  try {
    await session.query(
      `SELECT pg_catalog.count(*) FROM pg_catalog.pg_logical_slot_peek_binary_changes($1, NULL, NULL,
         'proto_version', '1', 'publication_names', $2)`,
      [slot, ident(publication)],
    );
    return true;
  } catch (error) {
    if (!(error instanceof Fault) || error.sqlstate !== 'XX000') throw error;
    return false;
  }
}

/** Prepared ones, too. Those that go on for longer are not waited for. */
async function olderTransactionsEnded(session: Session, signal: AbortSignal | undefined): Promise<void> {
  const { rows } = await session.query<{ xid: string }>('SELECT pg_catalog.txid_current()::text AS xid');
  const next = rows[0]?.xid ?? '0';
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(pauseMs)) {
    signal?.throwIfAborted();
    const { rows: found } = await session.query<{ ended: boolean }>(
      `SELECT pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) > ${next} AS ended`,
    );
    if (found[0]?.ended) return;
  }
}
