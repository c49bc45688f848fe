import { createHash } from 'node:crypto';
import { Fault } from '../../errors/fault.js';
import { formatLsn, type Lsn } from '../../postgres/lsn.js';
import { type ApplyTable, identityOf, type RowChange } from './applyTable.js';
import type { TableChange } from './parkedChanges.js';

/**
 * What an error of the target means for the changes that it met.
 *
 * | SQLSTATE                                                            |             |
 * |---------------------------------------------------------------------|-------------|
 * | 40 (deadlock, serialization), 55P03 (lock), 57014 (cancelled)        | `again`     |
 * | 08, 25, 53, 57, 58, F0, XX and what has none                         | `server`    |
 * | everything else: the change itself does not fit                      | `change`    |
 *
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function blameOf(fault: Fault): 'again' | 'server' | 'change' {
  const state = fault.sqlstate;
  if (state === undefined) return 'server';
  if (state.startsWith('40') || state === '55P03' || state === '57014') return 'again';
  return /^(08|25|53|57|58|F0|XX)/.test(state) ? 'server' : 'change';
}

/** Names a row without showing it: the same row gives the same name. */
export function rowName(table: ApplyTable, change: RowChange): string {
  const row = identityOf(change);
  const values = (table.key?.columns ?? row.map((_, i) => i)).map((i) => String(row[i] ?? 'NULL'));
  return createHash('sha256').update(values.join('\u0000')).digest('hex').slice(0, 12);
}

/** A change that stops its table. */
export function changeFault(
  table: ApplyTable,
  change: TableChange,
  commitLsn: Lsn,
  why: Fault | 'missing' | 'several',
): Fault {
  const { schema, name } = table.relation;
  const object = `table ${schema}.${name}`;
  const row = change.kind === 'truncate' ? '' : ` of the row with the key hash ${rowName(table, change)}`;
  const lead = `${object}: the ${change.kind}${row} (committed at ${formatLsn(commitLsn)})`;
  if (why === 'missing') return new Fault('FF814', `${lead} finds no such row on the target`, { object });
  if (why === 'several') return new Fault('FF814', `${lead} meets several rows of the target`, { object });
  return new Fault('FF815', `${lead} cannot be applied: ${why.message}`, {
    object,
    sqlstate: why.sqlstate,
    cause: why,
  });
}
