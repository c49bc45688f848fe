import { type Row, unchangedToast } from '../pgoutputMessages.js';
import {
  type ApplyKey,
  type ApplyTable,
  identityOf,
  isWhole,
  keyText,
  overlay,
  type RowChange,
} from './applyTable.js';

interface Entry {
  /** There was such a row before the first change of the batch. */
  readonly existed: boolean;
  /** What becomes of it; undefined when it is deleted. */
  row: Row | undefined;
  /** Was deleted and written anew in between: columns may have other values without being sent. */
  replaced: boolean;
  /** A row that has its key. */
  readonly key: Row;
}

/** What a batch comes to in one table. */
export interface MergedTable {
  readonly table: ApplyTable;
  /** Rows with the keys to delete. */
  readonly deletes: readonly Row[];
  readonly updates: readonly Row[];
  readonly inserts: readonly Row[];
}

/**
 * The last state of every row that a batch touches in one table. Merging is exact, or not done at all: what would need
 * the order of the changes (a key that changes while large values are not sent, a table that tells rows apart only by
 * all of their columns, changes that contradict each other) makes the table `ordered`, and its changes are applied one
 * after the other.
 *
 * | first change   | last state | what is done                    |
 * |----------------|------------|---------------------------------|
 * | insert         | row        | INSERT                          |
 * | insert         | deleted    | nothing                         |
 * | update         | row        | UPDATE                          |
 * | update, delete | deleted    | DELETE                          |
 * | delete         | row        | DELETE, INSERT                  |
 *
 * Keys are told apart as text. Where the server calls two texts equal (citext, numeric, char(n)) that is right, too:
 * deletes run before updates, and those before inserts.
 */
export class TableMerge {
  private readonly entries = new Map<string, Entry>();
  /** Of tables without a key. */
  private readonly appended: Row[] = [];
  private ordered = false;

  constructor(readonly table: ApplyTable) {}

  /** Its changes are to be applied one after the other. */
  get isOrdered(): boolean {
    return this.ordered;
  }

  add(change: RowChange): void {
    if (this.ordered) return;
    const { key } = this.table;
    if (key === undefined) {
      if (change.kind === 'insert') this.appended.push(change.row);
      else this.order();
    } else if (!this.merge(key, change)) this.order();
  }

  /** What is merged is of no use any more. */
  order(): void {
    this.ordered = true;
    this.entries.clear();
    this.appended.length = 0;
  }

  /** All rows go, before the changes that come. */
  truncate(): void {
    this.entries.clear();
    this.appended.length = 0;
  }

  merged(): MergedTable {
    const deletes: Row[] = [];
    const updates: Row[] = [];
    const inserts = [...this.appended];
    for (const { existed, row, replaced, key } of this.entries.values()) {
      const replaces = replaced || this.table.replaces;
      if (existed && (row === undefined || replaces)) deletes.push(key);
      if (row === undefined) continue;
      if (existed && !replaces) updates.push(row);
      else inserts.push(row);
    }
    return { table: this.table, deletes, updates, inserts };
  }

  /** False where it takes the order of the changes. */
  private merge(key: ApplyKey, change: RowChange): boolean {
    if (change.kind === 'insert') return this.insert(key, change.row);
    const before = identityOf(change);
    const known = keyText(key, before);
    const entry = this.entries.get(known);
    if (entry !== undefined && entry.row === undefined) return false;
    if (change.kind === 'delete') {
      this.remove(known, entry, before);
      return true;
    }
    const row = overlay(change.row, entry?.row);
    const now = keyText(key, row);
    const mayReplace = isWhole(row) && this.table.extra.length === 0;
    if (now !== known) {
      if (!mayReplace) return false;
      this.remove(known, entry, before);
      return this.insert(key, row);
    }
    // Without large values nothing can be deleted and written anew.
    if (this.table.replaces && !mayReplace) return false;
    if (entry) entry.row = row;
    else this.entries.set(known, { existed: true, row, replaced: false, key: row });
    return true;
  }

  private insert(key: ApplyKey, row: Row): boolean {
    const text = keyText(key, row);
    const entry = this.entries.get(text);
    if (entry === undefined) {
      this.entries.set(text, { existed: false, row, replaced: false, key: row });
      return true;
    }
    if (entry.row !== undefined) return false;
    entry.row = row;
    entry.replaced = true;
    return true;
  }

  private remove(text: string, entry: Entry | undefined, before: Row): void {
    if (entry === undefined)
      this.entries.set(text, { existed: true, row: undefined, replaced: false, key: before });
    else if (entry.existed) entry.row = undefined;
    else this.entries.delete(text);
  }
}

/** Places of the columns of a row that are not sent: rows with the same ones share an UPDATE. */
export function maskOf(row: Row): string {
  if (isWhole(row)) return '';
  return row.flatMap((value, i) => (value === unchangedToast ? [i] : [])).join();
}
