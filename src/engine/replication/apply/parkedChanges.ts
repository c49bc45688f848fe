import { formatLsn, type Lsn } from '../../postgres/lsn.js';
import type { PipelineStep } from '../../postgres/pipeline.js';
import { literal } from '../../postgres/quote.js';
import type { ValueEncoding } from '../pgoutput.js';
import { type Relation, type Row, unchangedToast, type Value } from '../pgoutputMessages.js';
import type { RowChange } from './applyTable.js';
import { copyLines } from './encodeRows.js';

/**
 * Changes of a stopped table wait in the target (flexferry.parked), in the transaction that says that all before was
 * applied: nothing is lost, and the other tables go on. As JSON, because the columns may be others than the table's.
 */
interface StoredChange {
  readonly k: RowChange['kind'] | 'truncate';
  readonly r: Omit<Relation, 'oid'>;
  readonly o?: readonly StoredValue[];
  readonly i?: readonly StoredValue[];
  readonly n?: readonly StoredValue[];
}
/** 0: not sent, because it is large and was not changed. */
type StoredValue = string | null | 0;

/** All rows of the table go. */
export interface TableTruncate {
  readonly kind: 'truncate';
  readonly relation: Relation;
}
export type TableChange = RowChange | TableTruncate;

const store = (row: Row): StoredValue[] => row.map((value) => (value === unchangedToast ? 0 : value));
const restore = (row: readonly StoredValue[]): Row =>
  row.map((value): Value => (value === 0 ? unchangedToast : value));

export function storedText(change: TableChange): string {
  const { oid: _, ...relation } = change.relation;
  const stored: StoredChange = { k: change.kind, r: relation };
  if (change.kind === 'truncate') return JSON.stringify(stored);
  if (change.kind === 'insert') return JSON.stringify({ ...stored, n: store(change.row) });
  return JSON.stringify({
    ...stored,
    ...(change.old && { o: store(change.old) }),
    ...(change.key && { i: store(change.key) }),
    ...(change.kind === 'update' && { n: store(change.row) }),
  });
}

/** `relation`: the one that was read before, which is kept as an object where it is the same. */
export function changeOf(oid: number, text: string, known: (relation: Relation) => Relation): TableChange {
  const stored = JSON.parse(text) as StoredChange;
  const relation = known({ oid, ...stored.r });
  const old = stored.o && restore(stored.o);
  const key = stored.i && restore(stored.i);
  const row = restore(stored.n ?? []);
  switch (stored.k) {
    case 'insert':
      return { kind: 'insert', relation, row };
    case 'update':
      return { kind: 'update', relation, key, old, row };
    case 'delete':
      return { kind: 'delete', relation, key, old };
    default:
      return { kind: 'truncate', relation };
  }
}

export interface ParkedChange {
  readonly change: TableChange;
  readonly commitLsn: Lsn;
}

/** Puts changes behind those that wait already. */
export function parkStep(
  source: string,
  changes: readonly ParkedChange[],
  encoding: ValueEncoding,
): PipelineStep {
  const rows = changes.map(({ change, commitLsn }) => [
    source,
    String(change.relation.oid),
    formatLsn(commitLsn),
    storedText(change),
  ]);
  return {
    sql: 'COPY flexferry.parked (source, oid, commit_lsn, change) FROM STDIN',
    copy: copyLines(rows, encoding),
  };
}

export interface StoredParked {
  readonly position: string;
  readonly commit_lsn: string;
  readonly change: string;
}

/** The first changes that wait for a table, in their order. */
export function waitingQuery(source: string, oid: number, most: number): string {
  return `SELECT position::text, commit_lsn::text, change FROM flexferry.parked
    WHERE source = ${literal(source)} AND oid = ${oid} ORDER BY position LIMIT ${most}`;
}

/** To be run in the transaction that applies them. */
export function takenStep(source: string, oid: number, through: string): PipelineStep {
  return {
    sql: `DELETE FROM flexferry.parked WHERE source = ${literal(source)} AND oid = ${oid} AND position <= ${through}`,
  };
}
