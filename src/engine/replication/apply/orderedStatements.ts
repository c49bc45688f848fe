import { type Row, unchangedToast } from '../pgoutputMessages.js';
import {
  type ApplyColumn,
  type ApplyTable,
  identityOf,
  isWhole,
  keyCondition,
  type RowChange,
} from './applyTable.js';
import { type ApplyStep, columnList } from './batchStatements.js';
import { parameter } from './encodeRows.js';

type UpdateChange = Extract<RowChange, { kind: 'update' }>;

/**
 * Parameters of one statement, each with the type of its column: it stands in the text, so that a statement that was
 * prepared is not used for a column that got another type since.
 */
class Parameters {
  readonly values: (string | null)[] = [];

  constructor(private readonly table: ApplyTable) {}

  add(row: Row, place: number): string {
    this.values.push(parameter(row[place]));
    return `$${this.values.length}::${this.table.columns[place]?.target.type ?? 'text'}`;
  }
}

/**
 * One change as it was made on the source, as one statement or several.
 *
 * | update                                | is                                                                  |
 * |---------------------------------------|---------------------------------------------------------------------|
 * | as a rule                             | UPDATE                                                              |
 * | sets GENERATED ALWAYS AS IDENTITY     | INSERT of what DELETE returns, with what is new: see {@link moveOne} |
 * | of a table with a filter of ours      | DELETE, INSERT of what fulfils it                                   |
 * | … not all of whose values come        | UPDATE, DELETE of what does not fulfil it: see {@link refiltered}   |
 */
export function orderedStatements(table: ApplyTable, change: RowChange): ApplyStep[] {
  if (change.kind === 'insert') return [insertOne(table, change.row)];
  if (change.kind === 'delete') return [deleteOne(table, change)];
  const changing = movesIdentity(table, change) ? [moveOne(table, change)] : updateOne(table, change);
  if (table.filter === undefined) return changing;
  if (isWhole(change.row) && table.extra.length === 0)
    return [deleteOne(table, change), insertOne(table, change.row)];
  return refiltered(table, change, changing);
}

/** Of identities beside the key the value before may not be known: they count as set. */
function movesIdentity(table: ApplyTable, { row, old, key }: UpdateChange): boolean {
  const before = old ?? key;
  const keys = new Set(table.key?.columns);
  return table.columns.some(({ target }, i) => {
    if (!target.identityAlways) return false;
    if (old === undefined && !keys.has(i)) return true;
    return before !== undefined && row[i] !== before[i];
  });
}

/** `also`: a further condition, with its parameters. */
function insertOne(
  table: ApplyTable,
  row: Row,
  also: (parameters: Parameters) => string = () => 'true',
): ApplyStep {
  const { name, written, filter } = table;
  if (written.length === 0) return { sql: `INSERT INTO ${name} DEFAULT VALUES`, expected: 1 };
  const parameters = new Parameters(table);
  const list = columnList(table, written);
  const values = written.map((place) => parameters.add(row, place));
  const into = `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE`;
  if (filter === undefined)
    return {
      sql: `${into} VALUES (${values.join(', ')})`,
      values: parameters.values,
      prepared: true,
      expected: 1,
    };
  const named = values.map((value, i) => `${value} AS ${nameAt(table, written[i])}`).join(', ');
  return {
    sql: `${into} SELECT ${list} FROM (SELECT ${named}) AS flexferry_rows WHERE (${filter.condition}\n) AND ${also(parameters)}`,
    values: parameters.values,
    prepared: true,
  };
}

const nameAt = (table: ApplyTable, place: number | undefined): string =>
  table.columns[place ?? 0]?.name ?? '';

function deleteOne(table: ApplyTable, change: RowChange): ApplyStep {
  const parameters = new Parameters(table);
  return {
    sql: `DELETE FROM ${table.only} AS t WHERE ${rowCondition(table, identityOf(change), parameters)}`,
    values: parameters.values,
    prepared: true,
    ...(table.filter === undefined && { expected: 1 }),
  };
}

function updateOne(table: ApplyTable, change: UpdateChange): ApplyStep[] {
  const { row } = change;
  const before = identityOf(change);
  const keys = new Set(table.key?.columns);
  const set = table.written.filter((place) => {
    if (row[place] === unchangedToast || table.columns[place]?.target.identityAlways === true) return false;
    return !(keys.has(place) && row[place] === before[place]);
  });
  if (set.length === 0) return [];
  const parameters = new Parameters(table);
  const assignments = set.map((place) => `${nameAt(table, place)} = ${parameters.add(row, place)}`);
  return [
    {
      sql: `UPDATE ${table.only} AS t SET ${assignments.join(', ')} WHERE ${rowCondition(table, before, parameters)}`,
      values: parameters.values,
      prepared: true,
      expected: 1,
    },
  ];
}

/** The row is taken out and put in again, with what is not sent of it from itself. UPDATE may not set all columns. */
function moveOne(table: ApplyTable, change: UpdateChange): ApplyStep {
  const { row } = change;
  const parameters = new Parameters(table);
  const gone = `DELETE FROM ${table.only} AS t WHERE ${rowCondition(table, identityOf(change), parameters)} RETURNING *`;
  const values = table.written.map((place) =>
    row[place] === unchangedToast ? `flexferry_gone.${nameAt(table, place)}` : parameters.add(row, place),
  );
  const list = [columnList(table, table.written), ...table.extra].join(', ');
  const all = [...values, ...table.extra.map((column) => `flexferry_gone.${column}`)].join(', ');
  return {
    sql: `WITH flexferry_gone AS (${gone}) INSERT INTO ${table.name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${all} FROM flexferry_gone`,
    values: parameters.values,
    prepared: true,
    expected: 1,
  };
}

/**
 * With a filter of ours, where the target has what is not sent, if the row fulfilled the filter before. Whether it still
 * does, the row itself tells. One that comes under the filter with this change is not there, and neither are its large
 * values, which has to be noticed.
 */
function refiltered(table: ApplyTable, change: UpdateChange, changing: readonly ApplyStep[]): ApplyStep[] {
  const { filter } = table;
  const { row } = change;
  const isKnown = table.columns.every(
    ({ target }, i) => row[i] !== unchangedToast || filter?.columns.has(target.name) !== true,
  );
  const steps = changing.map(
    ({ expected: _, ...step }): ApplyStep => (isKnown ? step : { ...step, expected: 1, tellsUnsent: true }),
  );
  steps.push(deleteUnfiltered(table, row));
  if (isWhole(row)) steps.push(insertOne(table, row, missingRow(table, row)));
  else if (isKnown) steps.push(missingFiltered(table, row));
  return steps;
}

function deleteUnfiltered(table: ApplyTable, row: Row): ApplyStep {
  const parameters = new Parameters(table);
  const same = rowCondition(table, row, parameters);
  return {
    sql: `DELETE FROM ${table.only} AS t WHERE ${same} AND (${table.filter?.condition ?? 'true'}\n) IS NOT TRUE`,
    values: parameters.values,
    prepared: true,
  };
}

/** Finds a row where it fulfils the filter and is not on the target. */
function missingFiltered(table: ApplyTable, row: Row): ApplyStep {
  const parameters = new Parameters(table);
  const sent = table.written.filter((place) => row[place] !== unchangedToast);
  const named = sent.map((place) => `${parameters.add(row, place)} AS ${nameAt(table, place)}`);
  const missing = missingRow(table, row)(parameters);
  return {
    sql: `SELECT FROM (SELECT ${named.join(', ')}) AS flexferry_rows WHERE (${table.filter?.condition ?? 'true'}\n) AND ${missing}`,
    values: parameters.values,
    prepared: true,
    expected: 0,
    tellsUnsent: true,
  };
}

const missingRow =
  (table: ApplyTable, row: Row) =>
  (parameters: Parameters): string =>
    `NOT EXISTS (SELECT FROM ${table.only} AS t WHERE ${rowCondition(table, row, parameters)})`;

/** The one row that is meant. Of several that are equal in all columns any will do. */
function rowCondition(table: ApplyTable, row: Row, parameters: Parameters): string {
  if (table.key !== undefined) return keyCondition(table, (place) => parameters.add(row, place));
  const conditions = table.written.map((place) => sameValue(table, row, place, parameters));
  const found = `FROM ${table.only} AS t WHERE ${conditions.join(' AND ') || 'true'} LIMIT 1`;
  return table.target.relkind === 'p'
    ? `(t.tableoid, t.ctid) = (SELECT t.tableoid, t.ctid ${found})`
    : `t.ctid = (SELECT t.ctid ${found})`;
}

/**
 * Both values as their types print them: what is equal by an operator or under a collation may differ all the same
 * (1.0 and 1.00, citext, -0), and some types have no equality (json, xml, point). An index is of use all the same.
 */
function sameValue(table: ApplyTable, row: Row, place: number, parameters: Parameters): string {
  const column = table.columns[place];
  if (column === undefined) return 'true';
  const { name, target } = column;
  // A row of nothing but NULL is NULL for IS NULL, and another value.
  if (row[place] === null) return `t.${name} IS NOT DISTINCT FROM NULL`;
  const value = parameters.add(row, place);
  // What is printed of NULL is the empty text, which is another value.
  const exact = `t.${name} IS DISTINCT FROM NULL AND ${printed(`t.${name}`)} = ${printed(value)}`;
  return isFoundByIndex(table, column) ? `t.${name} ${target.equals} ${value} AND ${exact}` : exact;
}

/** A cast to text is not always what the type prints: that of char(n) cuts blanks. */
const printed = (value: string): string => `format('%s', ${value}) COLLATE pg_catalog."C"`;

function isFoundByIndex({ target }: ApplyTable, column: ApplyColumn): boolean {
  return target.indexed.has(column.target.name) && plainTypes.has(column.target.type);
}

/** Types under whose equality equal texts are equal values. */
const plainTypes: ReadonlySet<string> = new Set([
  'smallint',
  'integer',
  'bigint',
  'text',
  'character varying',
  'uuid',
  'date',
  'numeric',
  'boolean',
  'timestamp without time zone',
  'timestamp with time zone',
]);
