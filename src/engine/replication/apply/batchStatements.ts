import type { PipelineStep } from '../../postgres/pipeline.js';
import type { ValueEncoding } from '../pgoutput.js';
import { type Row, unchangedToast } from '../pgoutputMessages.js';
import type { ApplyColumn, ApplyTable } from './applyTable.js';
import { arrayLiteral, copyLines } from './encodeRows.js';
import { type MergedTable, maskOf } from './mergeChanges.js';

/** A statement with the rows that it has to touch; undefined where any number will do. */
export interface ApplyStep extends PipelineStep {
  readonly expected?: number;
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

const arraysOf = (rows: readonly Row[], places: readonly number[]): string[] =>
  places.map((place) => arrayLiteral(rows, place));

const nameOf = (table: ApplyTable, place: number): string => table.columns[place]?.name ?? '';

function keyCondition(table: ApplyTable, value: (place: number) => string): string {
  const { columns, equals } = table.key ?? { columns: [], equals: [] };
  return columns.map((place, i) => `t.${nameOf(table, place)} ${equals[i]} ${value(place)}`).join(' AND ');
}

function deleteStep(table: ApplyTable, rows: readonly Row[]): ApplyStep {
  const places = table.key?.columns ?? [];
  const { from, value } = rowsFrom(table, places);
  return {
    sql: `DELETE FROM ${table.only} AS t USING ${from} WHERE ${keyCondition(table, value)}`,
    values: arraysOf(rows, places),
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
    values: arraysOf(rows, places),
    prepared: true,
    expected: rows.length,
  };
}

export const columnList = (columns: readonly ApplyColumn[]): string =>
  columns.map((column) => column.name).join(', ');

function copyStep(table: ApplyTable, rows: readonly Row[], encoding: ValueEncoding): ApplyStep {
  if (table.columns.length === 0) return defaultsStep(table, rows.length);
  return {
    sql: `COPY ${table.name} (${columnList(table.columns)}) FROM STDIN`,
    copy: copyLines(rows, encoding),
    expected: rows.length,
  };
}

/** COPY cannot name "no column". */
function defaultsStep(table: ApplyTable, rows: number): ApplyStep {
  const sql = `DO $flexferry$ BEGIN FOR i IN 1..${rows} LOOP INSERT INTO ${table.name} DEFAULT VALUES; END LOOP; END $flexferry$`;
  return { sql };
}

function filteredInsert(table: ApplyTable, rows: readonly Row[]): ApplyStep {
  const places = table.columns.map((_, i) => i);
  const { from, value } = rowsFrom(table, places);
  const named = places.map((place) => `${value(place)} AS ${nameOf(table, place)}`).join(', ');
  const list = columnList(table.columns);
  return {
    sql: `INSERT INTO ${table.name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM (SELECT ${named} FROM ${from}) AS flexferry_rows WHERE (${table.filter}\n)`,
    values: arraysOf(rows, places),
    prepared: true,
  };
}
