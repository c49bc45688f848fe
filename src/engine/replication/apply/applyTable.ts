import type { BareRowFilter } from '../../../ddl/rowFilterColumns.js';
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
  /** Quoted collations; '' where it is that of the column. */
  readonly collations: readonly string[];
}

/** How rows of the source, as it announced them, get into a table of the target. */
export interface ApplyTable {
  /** With the columns that are of use alone, under the names that they have on the target. */
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
  /** Rows that do not fulfil it are not taken. Undefined where the source filters. */
  readonly filter: BareRowFilter | undefined;
  /** Updates become delete and insert: a filter decides anew, an identity column cannot be set. */
  readonly replaces: boolean;
  /** Columns that INSERT gives: not those that the target computes. */
  readonly written: readonly number[];
  /** Columns that UPDATE may set. */
  readonly settable: readonly number[];
  /** Quoted columns that the target has by itself: a row keeps them, so it is never written anew instead of changed. */
  readonly extra: readonly string[];
  /** Places of its columns in the rows as they come, where some of them are left out: see {@link projectChange}. */
  readonly places?: readonly number[];
}

/** Why the table of the target does not fit, in words; see {@link fitTable}. */
export interface Misfit {
  readonly message: string;
}

/** What of a relation goes to the target: columns under their names there, and their places in the rows. */
export interface SentColumns {
  readonly relation: Relation;
  readonly columns: Relation['columns'];
  readonly places: readonly number[];
}

export const allColumns = (relation: Relation): SentColumns => ({
  relation,
  columns: relation.columns,
  places: relation.columns.map((_, i) => i),
});

/** Matches a relation of the source with its table on the target, by names of columns. */
export function fitTable(
  sent: SentColumns,
  target: TargetTable,
  filter: BareRowFilter | undefined,
): ApplyTable | Misfit {
  const all = sent.relation;
  const taken: { column: Relation['columns'][number]; apply: ApplyColumn; place: number }[] = [];
  for (const [i, column] of sent.columns.entries()) {
    const there = target.columns.get(column.name);
    if (there === undefined)
      return { message: `${describe(target)} of the target has no column ${ident(column.name)}` };
    // What the target computes itself is of use as a part of the key alone.
    if (there.generated && !isKeyColumn(all, column)) continue;
    taken.push({
      column,
      apply: { target: there, name: ident(column.name) },
      place: sent.places[i] ?? 0,
    });
  }
  const lost = lostColumn(sent, target);
  if (lost !== undefined) return { message: lost };
  const relation = { ...all, columns: taken.map(({ column }) => column) };
  const columns = taken.map(({ apply }) => apply);
  const sentNames = new Set(sent.columns.map((column) => column.name));
  const key = keyOf(relation, target);
  const isKey = new Set(key?.columns);
  const written = columns.flatMap(({ target: c }, i) => (c.generated ? [] : [i]));
  const same =
    taken.length === all.columns.length && taken.every(({ column }, i) => column === all.columns[i]);
  return {
    relation: same ? all : relation,
    target,
    name: qualified(target),
    only: target.relkind === 'p' ? qualified(target) : `ONLY ${qualified(target)}`,
    columns,
    key,
    whole: key === undefined && relation.replicaIdentity === 'f',
    filter,
    replaces: filter !== undefined || columns.some(({ target: c }, i) => c.identityAlways && !isKey.has(i)),
    written,
    settable: written.filter((i) => !isKey.has(i) && columns[i]?.target.identityAlways !== true),
    extra: [...target.columns.values()].flatMap(({ name, generated }) =>
      generated || sentNames.has(name) ? [] : [ident(name)],
    ),
    ...(!same && { places: taken.map(({ place }) => place) }),
  };
}

/** With REPLICA IDENTITY FULL every column counts, and none is needed. */
const isKeyColumn = ({ replicaIdentity }: Relation, column: Relation['columns'][number]): boolean =>
  column.key && replicaIdentity !== 'f';

/** What one side needs and the other does not have, in words. */
function lostColumn({ relation, columns, places }: SentColumns, target: TargetTable): string | undefined {
  const names = new Set(columns.map((column) => column.name));
  for (const column of target.columns.values())
    if (!column.optional && !names.has(column.name))
      return `the column ${ident(column.name)} of the target has no value on the source`;
  const kept = new Set(places);
  const key = relation.columns.find((column, i) => isKeyColumn(relation, column) && !kept.has(i));
  return key && `the key of its rows has the column ${ident(key.name)}, which the target has not any more`;
}

export const isMisfit = (table: ApplyTable | Misfit): table is Misfit => 'message' in table;

const describe = (table: RelationName): string => `table ${table.schema}.${table.name}`;

/**
 * The replica identity, with the operators of an index of the target over the same columns. With REPLICA IDENTITY FULL
 * whatever key the target has: the whole old row comes, so its columns are among it.
 */
function keyOf(relation: Relation, target: TargetTable): ApplyKey | undefined {
  const places = new Map(relation.columns.map((column, i) => [column.name, i]));
  const flagged = relation.columns.filter((column) => column.key).map((column) => column.name);
  const asKey = ({ columns, equals, collations }: TargetTable['keys'][number]): ApplyKey => ({
    columns: columns.map((name) => places.get(name) ?? 0),
    equals,
    collations,
  });
  if (relation.replicaIdentity === 'f') {
    const usable = target.keys.find((key) => key.notNull && key.columns.every((name) => places.has(name)));
    return usable && asKey(usable);
  }
  if (relation.replicaIdentity === 'n' || flagged.length === 0) return undefined;
  const names = new Set(flagged);
  const same = target.keys.find(
    (key) => key.columns.length === names.size && key.columns.every((name) => names.has(name)),
  );
  if (same) return asKey(same);
  return {
    columns: flagged.map((name) => places.get(name) ?? 0),
    equals: flagged.map((name) => target.columns.get(name)?.equals ?? '='),
    collations: flagged.map(() => ''),
  };
}

/** `t."id" OPERATOR(pg_catalog.=) value AND …` */
export function keyCondition(table: ApplyTable, value: (place: number) => string): string {
  const { columns, equals, collations } = table.key ?? { columns: [], equals: [], collations: [] };
  return columns
    .map((place, i) => {
      const collation = collations[i];
      const equal = `t.${table.columns[place]?.name} ${equals[i]} ${value(place)}`;
      return collation ? `${equal} COLLATE ${collation}` : equal;
    })
    .join(' AND ');
}

/** Half of a surrogate pair: stands in no value, as NUL does not. */
const nullText = '\ud800';

/** Text that is equal for equal keys. */
export function keyText({ columns }: ApplyKey, row: Row): string {
  const [only, ...more] = columns;
  if (more.length === 0) return partText(row[only ?? 0]);
  return columns.map((i) => partText(row[i])).join('\u0000');
}
const partText = (value: Value | undefined): string => (typeof value === 'string' ? value : nullText);

/** The row with what it does not repeat taken from an older one. */
export function overlay(row: Row, older: Row | undefined): Row {
  if (older === undefined || !row.includes(unchangedToast)) return row;
  return row.map((value: Value, i) => (value === unchangedToast ? (older[i] ?? null) : value));
}

/**
 * The change with the columns of the table alone. A new row has its key even where that is large and was not sent again,
 * and with REPLICA IDENTITY FULL all of its values.
 */
export function projectChange(change: RowChange, table: ApplyTable): RowChange {
  const { relation, places } = table;
  const pick = (row: Row): Row => (places === undefined ? row : places.map((place) => row[place] ?? null));
  if (change.kind === 'insert')
    return places === undefined ? change : { ...change, relation, row: pick(change.row) };
  if (places === undefined && (change.kind === 'delete' || isWhole(change.row))) return change;
  const before = { key: change.key && pick(change.key), old: change.old && pick(change.old) };
  if (change.kind === 'delete') return { ...change, ...before, relation };
  const row = overlay(withKey(pick(change.row), before.key, table.key), before.old);
  return { ...change, ...before, relation, row };
}

function withKey(row: Row, before: Row | undefined, key: ApplyKey | undefined): Row {
  if (before === undefined || key === undefined || isWhole(row)) return row;
  const isKey = new Set(key.columns);
  return row.map((value, i) => (value === unchangedToast && isKey.has(i) ? (before[i] ?? null) : value));
}

export const isWhole = (row: Row): boolean => !row.includes(unchangedToast);

/** The row as it is before the change where it is sent, else its key. */
export function identityOf(change: RowChange): Row {
  if (change.kind === 'insert') return change.row;
  if (change.kind === 'delete') return change.old ?? change.key ?? [];
  return change.old ?? change.key ?? change.row;
}
