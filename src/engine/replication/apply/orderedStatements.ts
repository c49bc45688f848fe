import { type Row, unchangedToast } from '../pgoutputMessages.js';
import { type ApplyTable, identityOf, isWhole, overlay, type RowChange } from './applyTable.js';
import { type ApplyStep, columnList } from './batchStatements.js';
import { parameter } from './encodeRows.js';

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
 * One change as it was made on the source. Several statements where a filter decides anew about a row.
 *
 * With a filter of our own: a row that is sent whole is taken out and put in again if it fulfils it. One whose large
 * values are not sent has to be there; whether it may stay, the row itself tells.
 */
export function orderedStatements(table: ApplyTable, change: RowChange): ApplyStep[] {
  if (change.kind === 'insert') return [insertOne(table, change.row)];
  if (change.kind === 'delete') return [deleteOne(table, change)];
  const row = overlay(change.row, change.old);
  if (isWhole(row) && (table.replaces || setsIdentity(table, change, row)))
    return [deleteOne(table, change), insertOne(table, row)];
  const update = updateOne(table, change, row);
  return table.filter === undefined ? update : [...update, deleteUnfiltered(table, row)];
}

/** UPDATE may not set GENERATED ALWAYS AS IDENTITY, on the source only to its DEFAULT. */
function setsIdentity(table: ApplyTable, change: RowChange, row: Row): boolean {
  const before = identityOf(change);
  return table.columns.some(
    ({ target }, i) =>
      target.identityAlways && row[i] !== before[i] && (table.key?.columns.includes(i) ?? true),
  );
}

function insertOne(table: ApplyTable, row: Row): ApplyStep {
  if (table.columns.length === 0) return { sql: `INSERT INTO ${table.name} DEFAULT VALUES`, expected: 1 };
  const parameters = new Parameters(table);
  const list = columnList(table.columns);
  const values = table.columns.map(({ name }, i) =>
    table.filter === undefined ? parameters.add(row, i) : `${parameters.add(row, i)} AS ${name}`,
  );
  const into = `INSERT INTO ${table.name} (${list}) OVERRIDING SYSTEM VALUE`;
  return table.filter === undefined
    ? { sql: `${into} VALUES (${values.join(', ')})`, values: parameters.values, prepared: true, expected: 1 }
    : {
        sql: `${into} SELECT ${list} FROM (SELECT ${values.join(', ')}) AS flexferry_rows WHERE (${table.filter}\n)`,
        values: parameters.values,
        prepared: true,
      };
}

function deleteOne(table: ApplyTable, change: RowChange): ApplyStep {
  const parameters = new Parameters(table);
  return {
    sql: `DELETE FROM ${table.only} AS t WHERE ${rowCondition(table, identityOf(change), parameters)}`,
    values: parameters.values,
    prepared: true,
    ...(table.filter === undefined && { expected: 1 }),
  };
}

function updateOne(table: ApplyTable, change: RowChange, row: Row): ApplyStep[] {
  const before = identityOf(change);
  const keys = new Set(table.key?.columns);
  const set = table.columns.flatMap(({ target }, i) => {
    if (row[i] === unchangedToast || target.identityAlways) return [];
    return keys.has(i) && row[i] === before[i] ? [] : [i];
  });
  if (set.length === 0) return [];
  const parameters = new Parameters(table);
  const assignments = set.map((i) => `${table.columns[i]?.name} = ${parameters.add(row, i)}`).join(', ');
  return [
    {
      sql: `UPDATE ${table.only} AS t SET ${assignments} WHERE ${rowCondition(table, before, parameters)}`,
      values: parameters.values,
      prepared: true,
      expected: 1,
    },
  ];
}

function deleteUnfiltered(table: ApplyTable, row: Row): ApplyStep {
  const parameters = new Parameters(table);
  return {
    sql: `DELETE FROM ${table.only} AS t WHERE ${rowCondition(table, row, parameters)} AND (${table.filter}\n) IS NOT TRUE`,
    values: parameters.values,
    prepared: true,
  };
}

/** The one row that is meant. Of several that are equal in all columns any will do. */
function rowCondition(table: ApplyTable, row: Row, parameters: Parameters): string {
  const { key } = table;
  if (key !== undefined)
    return key.columns
      .map((place, i) => `t.${table.columns[place]?.name} ${key.equals[i]} ${parameters.add(row, place)}`)
      .join(' AND ');
  const conditions = table.columns.map((_, place) => sameValue(table, row, place, parameters));
  const found = `FROM ${table.only} AS t WHERE ${conditions.join(' AND ') || 'true'} LIMIT 1`;
  return table.target.relkind === 'p'
    ? `(t.tableoid, t.ctid) = (SELECT t.tableoid, t.ctid ${found})`
    : `t.ctid = (SELECT t.ctid ${found})`;
}

/**
 * Both values as the target prints them: what is equal by an operator may differ all the same (1.0 and 1.00, citext),
 * and some types have none (json, xml, point). An index is of use all the same.
 */
function sameValue(table: ApplyTable, row: Row, place: number, parameters: Parameters): string {
  const column = table.columns[place];
  if (column === undefined) return 'true';
  const { name, target } = column;
  if (row[place] === null) return `t.${name} IS NULL`;
  const value = parameters.add(row, place);
  const exact = `t.${name}::text = (${value})::text`;
  const byIndex = table.target.indexed.has(target.name) && plainTypes.has(target.type);
  return byIndex ? `t.${name} = ${value} AND ${exact}` : exact;
}

/** Types with an operator = in pg_catalog under which equal texts are equal values. */
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
