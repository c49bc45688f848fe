import { formatBytes, formatSeconds, plural } from '../../base/format.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import type { OpenTransaction, ReplicationFacts } from '../catalog/replicationFacts.js';
import type { SourceTable } from '../catalog/tables.js';
import { enumerate, type Finding, finding, nameOf } from './finding.js';

/** What is not in the stream of changes, one note a kind: what happens to it instead. */
export function notFollowed(facts: ReplicationFacts, tables: readonly SourceTable[]): Finding[] {
  const found: Finding[] = [];
  const withRows = tables.filter((table) => table.relkind === 'r' && table.withData);
  const unlogged = withRows.filter((table) => table.unlogged);
  if (unlogged.length > 0)
    found.push(
      finding(
        'FF827',
        'note',
        `${plural(unlogged.length, 'unlogged table')}: ${enumerate(unlogged.map(nameOf))}.`,
        'unlogged tables',
      ),
    );
  if (facts.largeObjects > 0)
    found.push(finding('FF827', 'note', `${plural(facts.largeObjects, 'large object')}.`, 'large objects'));
  const configuration = withRows.filter((table) => !table.unlogged && !isFollowed(table));
  if (configuration.length > 0)
    found.push(
      finding(
        'FF827',
        'note',
        `Rows of ${plural(configuration.length, 'table')} of extensions: ${enumerate(configuration.map(nameOf))}.`,
        'tables of extensions',
      ),
    );
  if (facts.sequences > 0)
    found.push(
      finding(
        'FF828',
        'note',
        `${plural(facts.sequences, 'sequence')} of the source ${facts.sequences === 1 ? 'is' : 'are'} set at the cutover.`,
        'sequences',
      ),
    );
  const views = tables.filter((table) => table.relkind === 'm' && table.withData);
  if (views.length > 0)
    found.push(
      finding(
        'FF828',
        'note',
        `${plural(views.length, 'materialized view')} ${views.length === 1 ? 'is' : 'are'} refreshed at the cutover.`,
        'materialized views',
      ),
    );
  if (facts.versionNum < 110000)
    found.push(finding('FF834', 'note', 'TRUNCATE is not followed from PostgreSQL 10.', 'TRUNCATE'));
  found.push(finding('FF829', 'note', 'Changes of definitions (DDL) are not followed.', 'DDL'));
  return found;
}

/** What keeps the slot from being made, and what could take it away. */
export function slotFindings(facts: ReplicationFacts): Finding[] {
  const found: Finding[] = [];
  const open = facts.longTransactions.filter((transaction) => transaction.wrote);
  if (open.length > 0)
    found.push(
      finding(
        'FF835',
        'note',
        `${plural(open.length, 'transaction')} open for more than a minute: ${enumerate(open.map(describe), 5)}.`,
        'open transactions',
        `The replication slot is made only once they have ended. Wait, or run on the source: ${open
          .slice(0, 5)
          .map(({ pid }) => `SELECT pg_terminate_backend(${pid});`)
          .join(' ')}`,
      ),
    );
  const { here, elsewhere, oldestSeconds } = facts.prepared;
  if (here + elsewhere > 0)
    found.push(
      finding(
        'FF835',
        'note',
        `${plural(here + elsewhere, 'prepared transaction')} (${here} of them of this database), the oldest for ${formatSeconds(oldestSeconds)}.`,
        'prepared transactions',
        'The replication slot is made only once they have ended. SELECT gid, prepared, owner, database FROM pg_prepared_xacts shows them: wait, or COMMIT PREPARED or ROLLBACK PREPARED each.',
      ),
    );
  if (facts.slotKeepBytes !== undefined)
    found.push(
      finding(
        'FF836',
        'note',
        `The source gives up a slot that is more than ${formatBytes(facts.slotKeepBytes)} of log behind (max_slot_wal_keep_size).`,
        'max_slot_wal_keep_size',
      ),
    );
  if (facts.idleSlotTimeoutMs !== undefined)
    found.push(
      finding(
        'FF836',
        'note',
        `The source gives up a slot that was not used for ${formatSeconds(facts.idleSlotTimeoutMs / 1000)} (idle_replication_slot_timeout), as during the base copy or while the migration is stopped.`,
        'idle_replication_slot_timeout',
      ),
    );
  return found;
}

const describe = ({ pid, seconds, application, database }: OpenTransaction): string =>
  `process ${pid} in ${database}${application === '' ? '' : ` (${application})`} for ${formatSeconds(seconds)}`;
