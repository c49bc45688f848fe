import type { PipelineStep } from '../../postgres/pipeline.js';
import type { ValueEncoding } from '../pgoutput.js';
import { type Row, unchangedToast } from '../pgoutputMessages.js';
import { type ApplyTable, keyCondition } from './applyTable.js';
import { arrayLiteral, copyLines } from './encodeRows.js';
import { type MergedTable, maskOf } from './mergeChanges.js';

/** A statement with the rows that it has to touch; undefined where any number will do. */
export interface ApplyStep extends PipelineStep {
  readonly expected?: number;
  /** Another number means that a row came under the filter whose large values were not sent. */
  readonly tellsUnsent?: boolean;
}

/** One statement per table and kind of change, with one array a column. */
export function batchStatements(merged: MergedTable, encoding: ValueEncoding): ApplyStep[] {
  const { table, deletes, updates, inserts } = merged;
  const steps: ApplyStep[] = [];
  if (deletes.length > 0) steps.push(deleteStep(table, deletes));
  for (const rows of byMask(updates)) {
    const step = updateStep(table, rows);
    if (step) steps.push(step);
  }
  if (inserts.length > 0)
    steps.push(
      table.filter === undefined ? copyStep(table, inserts, encoding) : filteredInsert(table, inserts),
    );
  return steps;
}

function byMask(rows: readonly Row[]): Iterable<Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const mask = maskOf(row);
    const group = groups.get(mask);
    if (group) group.push(row);
    else groups.set(mask, [row]);
  }
  return groups.values();
}

/** `unnest($1::int4[], $2::text[]) AS u (c0, c1)` with what turns c1 into its type where that has no array. */
function rowsFrom(
  table: ApplyTable,
  places: readonly number[],
): { from: string; value(place: number): string } {
  const columns = places.map((place) => table.columns[place]);
  const arrays = columns.map((column, i) => `$${i + 1}::${column?.target.arrayType ?? 'text[]'}`);
  const names = new Map(places.map((place, i) => [place, `u.c${i}`]));
  return {
    from: `unnest(${arrays.join(', ')}) AS u (${places.map((_, i) => `c${i}`).join(', ')})`,
    value: (place) => {
      const { arrayType, type } = table.columns[place]?.target ?? { type: 'text' };
      const name = names.get(place) ?? 'NULL';
      return arrayType === undefined ? `${name}::${type}` : name;
    },
  };
}

const arraysOf = (table: ApplyTable, rows: readonly Row[], places: readonly number[]): string[] =>
  places.map((place) => {
    const { arrayType, delimiter } = table.columns[place]?.target ?? {};
    return arrayLiteral(rows, place, arrayType === undefined ? ',' : delimiter);
  });

const nameOf = (table: ApplyTable, place: number): string => table.columns[place]?.name ?? '';

function deleteStep(table: ApplyTable, rows: readonly Row[]): ApplyStep {
  const places = table.key?.columns ?? [];
  const { from, value } = rowsFrom(table, places);
  return {
    sql: `DELETE FROM ${table.only} AS t USING ${from} WHERE ${keyCondition(table, value)}`,
    values: arraysOf(table, rows, places),
    prepared: true,
    // A filter leaves rows out that the source has.
    ...(table.filter === undefined && { expected: rows.length }),
  };
}

/** The rows have the same columns that are not sent; undefined where there is nothing to set. */
function updateStep(table: ApplyTable, rows: readonly Row[]): ApplyStep | undefined {
  const keys = table.key?.columns ?? [];
  const set = table.settable.filter((place) => rows[0]?.[place] !== unchangedToast);
  if (set.length === 0) return undefined;
  const places = [...keys, ...set];
  const { from, value } = rowsFrom(table, places);
  const assignments = set.map((place) => `${nameOf(table, place)} = ${value(place)}`).join(', ');
  return {
    sql: `UPDATE ${table.only} AS t SET ${assignments} FROM ${from} WHERE ${keyCondition(table, value)}`,
    values: arraysOf(table, rows, places),
    prepared: true,
    expected: rows.length,
  };
}

export const columnList = (table: ApplyTable, places: readonly number[]): string =>
  places.map((place) => nameOf(table, place)).join(', ');

/** COPY cannot name "no column". */
function copyStep(table: ApplyTable, rows: readonly Row[], encoding: ValueEncoding): ApplyStep {
  const { name, written, columns } = table;
  if (written.length === 0)
    return {
      sql: `INSERT INTO ${name} SELECT FROM generate_series(1, ${rows.length})`,
      expected: rows.length,
    };
  return {
    sql: `COPY ${name} (${columnList(table, written)}) FROM STDIN`,
    copy: copyLines(rows, encoding, written.length === columns.length ? undefined : written),
    expected: rows.length,
  };
}

function filteredInsert(table: ApplyTable, rows: readonly Row[]): ApplyStep {
  const { name, written, filter } = table;
  const { from, value } = rowsFrom(table, written);
  const named = written.map((place) => `${value(place)} AS ${nameOf(table, place)}`).join(', ');
  const list = columnList(table, written);
  return {
    sql: `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM (SELECT ${named} FROM ${from}) AS flexferry_rows WHERE (${filter?.condition ?? 'true'}\n)`,
    values: arraysOf(table, rows, written),
    prepared: true,
  };
}
