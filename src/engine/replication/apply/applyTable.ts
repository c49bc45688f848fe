import type { RelationName } from '../../../protocol/model.js';
import type { TargetColumn, TargetTable } from '../../catalog/applyTargets.js';
import { ident, qualified } from '../../postgres/quote.js';
import { type Change, type Relation, type Row, unchangedToast, type Value } from '../pgoutputMessages.js';

/** A change of rows of one table. */
export type RowChange = Extract<Change, { kind: 'insert' | 'update' | 'delete' }>;

export interface ApplyColumn {
  readonly target: TargetColumn;
  /** Quoted. */
  readonly name: string;
}

export interface ApplyKey {
  /** Places in the columns of the relation. */
  readonly columns: readonly number[];
  readonly equals: readonly string[];
}

/** How rows of the source, as it announced them, get into a table of the target. */
export interface ApplyTable {
  readonly relation: Relation;
  readonly target: TargetTable;
  /** Quoted; with ONLY where children of it have rows of their own. */
  readonly name: string;
  readonly only: string;
  /** In the order of the relation. */
  readonly columns: readonly ApplyColumn[];
  /** Tells the rows of the target apart. Undefined: only by all of their columns (`whole`), or not at all. */
  readonly key: ApplyKey | undefined;
  /** REPLICA IDENTITY FULL without a usable key on the target: one change at a time, compared as text. */
  readonly whole: boolean;
  /** Rows that do not fulfil it are not taken; over the columns of the target. Undefined where the source filters. */
  readonly filter: string | undefined;
  /** Updates become delete and insert: a filter decides anew, an identity column cannot be set. */
  readonly replaces: boolean;
  /** Columns that UPDATE may set. */
  readonly settable: readonly number[];
  /** Places of its columns in the rows as they come, where some of them are left out: see {@link projectChange}. */
  readonly places?: readonly number[];
}

/** Why the table of the target does not fit, in words; see {@link fitTable}. */
export interface Misfit {
  readonly message: string;
}

/** Matches a relation of the source with its table on the target, by names of columns. */
export function fitTable(
  relation: Relation,
  target: TargetTable,
  filter: string | undefined,
): ApplyTable | Misfit {
  const columns: ApplyColumn[] = [];
  for (const { name } of relation.columns) {
    const column = target.columns.get(name);
    if (column === undefined)
      return { message: `${describe(target)} of the target has no column ${ident(name)}` };
    if (column.generated) return { message: `the column ${ident(name)} of the target is generated` };
    columns.push({ target: column, name: ident(name) });
  }
  const sent = new Set(relation.columns.map((column) => column.name));
  for (const column of target.columns.values())
    if (!column.optional && !sent.has(column.name))
      return { message: `the column ${ident(column.name)} of the target has no value on the source` };
  const key = keyOf(relation, target);
  const isKey = new Set(key?.columns);
  const identity = columns.some(({ target: c }, i) => c.identityAlways && !isKey.has(i));
  const settable = columns.flatMap(({ target: c }, i) => (isKey.has(i) || c.identityAlways ? [] : [i]));
  return {
    relation,
    target,
    name: qualified(target),
    only: target.relkind === 'p' ? qualified(target) : `ONLY ${qualified(target)}`,
    columns,
    key,
    whole: key === undefined && relation.replicaIdentity === 'f',
    filter,
    replaces: filter !== undefined || identity,
    settable,
  };
}

export const isMisfit = (table: ApplyTable | Misfit): table is Misfit => 'message' in table;

const describe = (table: RelationName): string => `table ${table.schema}.${table.name}`;

/**
 * The replica identity, with the operators of an index of the target over the same columns. With REPLICA IDENTITY FULL
 * whatever key the target has: the whole old row comes, so its columns are among it.
 */
function keyOf(relation: Relation, target: TargetTable): ApplyKey | undefined {
  const places = new Map(relation.columns.map((column, i) => [column.name, i]));
  const flagged = relation.columns.flatMap((column, i) => (column.key ? [i] : []));
  if (relation.replicaIdentity === 'f') {
    const usable = target.keys.find((key) => key.notNull && key.columns.every((name) => places.has(name)));
    if (!usable) return undefined;
    return { columns: usable.columns.map((name) => places.get(name) ?? 0), equals: usable.equals };
  }
  if (relation.replicaIdentity === 'n' || flagged.length === 0) return undefined;
  const names = new Set(flagged.map((i) => relation.columns[i]?.name));
  const same = target.keys.find(
    (key) => key.columns.length === names.size && key.columns.every((name) => names.has(name)),
  );
  if (same) return { columns: same.columns.map((name) => places.get(name) ?? 0), equals: same.equals };
  return { columns: flagged, equals: flagged.map(() => '=') };
}

/** Text that is equal for equal keys; NUL stands in no value. */
export function keyText({ columns }: ApplyKey, row: Row): string {
  const [only, ...more] = columns;
  if (more.length === 0) return String(row[only ?? 0]);
  return columns.map((i) => row[i]).join('\u0000');
}

/** The row with what it does not repeat taken from an older one. */
export function overlay(row: Row, older: Row | undefined): Row {
  if (older === undefined || !row.includes(unchangedToast)) return row;
  return row.map((value: Value, i) => (value === unchangedToast ? (older[i] ?? null) : value));
}

/** The change with the columns of the table alone. */
export function projectChange(change: RowChange, { relation, places }: ApplyTable): RowChange {
  if (places === undefined) return change;
  const pick = (row: Row): Row => places.map((place) => row[place] ?? null);
  if (change.kind === 'insert') return { ...change, relation, row: pick(change.row) };
  const before = { key: change.key && pick(change.key), old: change.old && pick(change.old) };
  if (change.kind === 'delete') return { ...change, ...before, relation };
  return { ...change, ...before, relation, row: pick(change.row) };
}

export const isWhole = (row: Row): boolean => !row.includes(unchangedToast);

/** The row as it is before the change where it is sent, else its key. */
export function identityOf(change: RowChange): Row {
  if (change.kind === 'insert') return change.row;
  if (change.kind === 'delete') return change.old ?? change.key ?? [];
  return change.old ?? change.key ?? change.row;
}
