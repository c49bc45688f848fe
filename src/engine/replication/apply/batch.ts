import type { Lsn } from '../../postgres/lsn.js';
import type { ValueEncoding } from '../pgoutput.js';
import type { Row } from '../pgoutputMessages.js';
import { LaneBatch } from './laneBatch.js';
import type { TableChange } from './parkedChanges.js';

/**
 * What a batch holds at most: changes, and bytes of memory of their rows. A larger transaction takes several. Small ones
 * are cheap to collect; but every table of one takes its statements, so of many tables it holds more.
 */
const fewestChanges = 6_000;
const changesPerTable = 40;
const mostChanges = 20_000;
const mostBytes = 4 << 20;
/** Of a string or a row beside its characters, and of each place in a row. */
const objectBytes = 24;
const placeBytes = 8;

/** Whole transactions, or a part of a large one, by lane. */
export class Batch {
  readonly lanes: LaneBatch[];
  changes = 0;
  bytes = 0;
  transactions = 0;
  /** End of the last whole transaction. */
  endLsn: Lsn = 0n;
  /** Of the first and the last transaction, by the clock of the source. */
  firstAt: number | undefined;
  lastAt: number | undefined;

  constructor(lanes: number) {
    this.lanes = Array.from({ length: lanes }, () => new LaneBatch());
  }

  get isFull(): boolean {
    return this.changes >= this.limit || this.bytes >= mostBytes;
  }

  /** Full enough to end with a transaction, rather than in the midst of the next. */
  get isNearlyFull(): boolean {
    return this.changes >= this.limit / 2 || this.bytes >= mostBytes / 2;
  }

  private get limit(): number {
    let tables = 0;
    for (const lane of this.lanes) tables += lane.tables;
    return Math.min(Math.max(fewestChanges, tables * changesPerTable), mostChanges);
  }

  get isEmpty(): boolean {
    return this.lanes.every((lane) => lane.isEmpty);
  }

  /** Makes its statements, while the batch before is still being applied. */
  plan({ source, encoding }: { source: string; encoding: ValueEncoding }, isLast: boolean): void {
    for (const lane of this.lanes) lane.steps(source, encoding, isLast);
  }

  count(change: TableChange): void {
    this.changes += 1;
    this.bytes += bytesOfChange(change);
  }
}

/** What a change takes of memory, nearly. */
export function bytesOfChange(change: TableChange): number {
  if (change.kind === 'truncate') return objectBytes;
  const before = change.kind === 'insert' ? 0 : bytesOfRow(change.old) + bytesOfRow(change.key);
  return objectBytes + before + (change.kind === 'delete' ? 0 : bytesOfRow(change.row));
}

function bytesOfRow(row: Row | undefined): number {
  if (row === undefined) return 0;
  let bytes = objectBytes + row.length * placeBytes;
  for (const value of row) if (typeof value === 'string') bytes += value.length + objectBytes;
  return bytes;
}
