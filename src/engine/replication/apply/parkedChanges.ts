import { formatLsn, type Lsn } from '../../postgres/lsn.js';
import type { PipelineStep } from '../../postgres/pipeline.js';
import { literal } from '../../postgres/quote.js';
import { type Relation, type Row, sameRelation, unchangedToast, type Value } from '../pgoutputMessages.js';
import type { RowChange } from './applyTable.js';
import { asciiJson } from './asciiJson.js';
import { copyLines } from './encodeRows.js';
import type { FollowedTable } from './followedTables.js';

/**
 * Changes of a stopped table wait in the target (flexferry.parked), in the transaction that says that all before was
 * applied: nothing is lost, and the other tables go on. As JSON, because the columns may be others than the table's:
 * those of a change are a place in the list `relations` of its table (flexferry.followed).
 */
interface StoredChange {
  readonly k: RowChange['kind'] | 'truncate';
  readonly r: number;
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

export function storedText(change: TableChange, relations: Relation[]): string {
  const stored: StoredChange = { k: change.kind, r: placeOf(change.relation, relations) };
  if (change.kind === 'truncate') return asciiJson(stored);
  if (change.kind === 'insert') return asciiJson({ ...stored, n: store(change.row) });
  return asciiJson({
    ...stored,
    ...(change.old && { o: store(change.old) }),
    ...(change.key && { i: store(change.key) }),
    ...(change.kind === 'update' && { n: store(change.row) }),
  });
}

/** Puts it into the list where it is not there yet. */
function placeOf(relation: Relation, relations: Relation[]): number {
  const at = relations.findIndex((one) => one === relation || sameRelation(one, relation));
  return at < 0 ? relations.push(relation) - 1 : at;
}

/** Undefined where it names columns that are not known. */
export function changeOf(text: string, relations: readonly Relation[]): TableChange | undefined {
  const stored = JSON.parse(text) as StoredChange;
  const relation = relations[stored.r];
  if (relation === undefined) return undefined;
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
  readonly followed: FollowedTable;
  /** As it came. */
  readonly change: TableChange;
  readonly commitLsn: Lsn;
}

/** Puts changes behind those that wait already. Their relations are to be written down behind that: relationsStep. */
export function parkStep(source: string, changes: readonly ParkedChange[]): PipelineStep {
  const rows = changes.map(({ followed, change, commitLsn }) => [
    source,
    String(followed.oid),
    formatLsn(commitLsn),
    storedText(change, followed.relations),
  ]);
  return {
    sql: 'COPY flexferry.parked (source, oid, commit_lsn, change) FROM STDIN',
    copy: copyLines(rows, 'utf8'),
  };
}

export interface StoredParked {
  readonly position: string;
  readonly commit_lsn: string;
  readonly change: string;
  /** Of the change behind it; null where there is none. */
  readonly next_lsn: string | null;
}

/** What is read of the changes that wait at a time: so many, and so many characters but for a larger one. */
const mostWaiting = 10_000;
const mostCharacters = 8 << 20;

/** The next changes that wait for a table, in their order. */
export function waitingQuery(source: string, oid: number, after = '0', most = mostWaiting): string {
  return `SELECT position::text, commit_lsn::text, change, next_lsn::text
    FROM (SELECT *, row_number() OVER w AS place, lead(commit_lsn) OVER w AS next_lsn,
        sum(octet_length(change)) OVER w - octet_length(change) AS before
      FROM (SELECT position, commit_lsn, change FROM flexferry.parked
        WHERE source = ${literal(source)} AND oid = ${oid} AND position > ${after}
        ORDER BY position LIMIT ${most + 1}) p
      WINDOW w AS (ORDER BY position)) q
    WHERE place <= ${most} AND before < ${mostCharacters} ORDER BY place`;
}

/** To be run in the transaction that applies them. `after`: what is taken already is not looked at again. */
export function takenStep(source: string, oid: number, after: string, through: string): PipelineStep {
  return {
    sql: `DELETE FROM flexferry.parked WHERE source = ${literal(source)} AND oid = ${oid}
      AND position > ${after} AND position <= ${through}`,
  };
}
