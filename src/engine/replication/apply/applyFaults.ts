import { createHash } from 'node:crypto';
import { Fault } from '../../errors/fault.js';
import { isUndefinedName } from '../../errors/undefinedName.js';
import { formatLsn, type Lsn } from '../../postgres/lsn.js';
import { unchangedToast } from '../pgoutputMessages.js';
import { type ApplyTable, identityOf, isWhole, type RowChange } from './applyTable.js';
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

/** Why a change cannot be applied: an error of the target, or the number of rows that it touched. */
export type Reason = Fault | 'missing' | 'several' | 'keptAway' | 'unsent';

/** What a number of rows other than the expected one means. `acts`: a trigger or rule may have had a hand in it. */
export function reasonOfCount(change: TableChange, rows: number, acts: boolean): Reason {
  if (rows > 1) return 'several';
  return acts || change.kind === 'insert' ? 'keptAway' : 'missing';
}

/**
 * Values that the target would need and that were not sent, because they are large and were not changed: those of a row
 * that is new here, though on the source it came under a row filter, and those of a key (old minors do not log it).
 */
export function lacksValues(table: ApplyTable, change: TableChange): boolean {
  if (change.kind === 'truncate') return false;
  if (change.kind === 'insert') return !isWhole(change.row);
  const row = identityOf(change);
  return table.key?.columns.some((place) => row[place] === unchangedToast) ?? false;
}

/** Names a row without showing it: the same row gives the same name. */
export function rowName(table: ApplyTable, change: RowChange): string {
  const row = identityOf(change);
  const values = (table.key?.columns ?? row.map((_, i) => i)).map((i) => String(row[i] ?? 'NULL'));
  return createHash('sha256').update(values.join('\u0000')).digest('hex').slice(0, 12);
}

/** The table of the target is not what it was: to be looked at again, and mended there. */
const misfits: ReadonlySet<string> = new Set(['42804', '42846', '42809', '428C9']);

/** A change that stops its table. */
export function changeFault(table: ApplyTable, change: TableChange, commitLsn: Lsn, why: Reason): Fault {
  const { schema, name } = table.relation;
  const object = `table ${schema}.${name}`;
  const row = change.kind === 'truncate' ? '' : ` of the row with the key hash ${rowName(table, change)}`;
  const lead = `${object}: the ${change.kind}${row} (committed at ${formatLsn(commitLsn)})`;
  if (typeof why !== 'string') {
    const fits = !isUndefinedName(why) && !misfits.has(why.sqlstate ?? '');
    return new Fault(fits ? 'FF815' : 'FF817', `${lead} cannot be applied: ${why.message}`, {
      object,
      sqlstate: why.sqlstate,
      cause: why,
    });
  }
  const { code, words } = ofRows[why];
  return new Fault(code, `${lead} ${words}`, { object });
}

/** The same where it stops the whole run: nothing waits in the target, and whoever goes on meets it again. */
export function stoppingRun(fault: Fault, ddl?: string): Fault {
  const { code, message, sqlstate, object } = fault;
  const first =
    ddl === undefined
      ? 'Correct on the target what the message names'
      : `Review this DDL and run it on the target: ${ddl.trim()}`;
  return new Fault(code, message, {
    fix: `Nothing of it was applied. ${first}. Then call the same command again; with --on-failure table the change waits, and can be skipped.`,
    sqlstate,
    ...(object !== undefined && { object }),
    cause: fault,
  });
}

const ofRows = {
  missing: { code: 'FF814', words: 'finds no such row on the target' },
  several: { code: 'FF814', words: 'meets several rows of the target' },
  keptAway: {
    code: 'FF871',
    words: 'was kept away from the table: by a trigger or a rule of the target, or there is no such row',
  },
  unsent: {
    code: 'FF870',
    words: 'brings a row that is not on the target yet, without its large values that were not changed',
  },
} as const;
