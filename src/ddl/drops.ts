import { displayRelation, ident, relationIdent } from './identifier.js';
import type { Statement } from './statement.js';

/**
 * The statement that undoes what this one created, or undefined where it created nothing of its own. Without CASCADE:
 * run in reverse order nothing depends on it any more, and what the user added since must not disappear with it.
 * For a whole dump use {@link dropStatements}, which knows what goes with its table.
 */
export function dropStatement(statement: Statement): string | undefined {
  const { creates, relation } = statement;
  if (statement.kind === 'setDefault' && relation !== undefined) {
    // Else the sequence of a serial column could not be dropped before its table.
    return `ALTER TABLE IF EXISTS ${relationIdent(relation)} ALTER COLUMN ${ident(statement.details.column)} DROP DEFAULT;`;
  }
  if (creates === undefined) return undefined;
  if (creates.table !== undefined) {
    return `ALTER TABLE IF EXISTS ${creates.table} DROP CONSTRAINT IF EXISTS ${creates.identity};`;
  }
  return `DROP ${creates.type} IF EXISTS ${creates.identity};`;
}

/** The tables and materialized views that these statements create, as {@link isDroppedWithTable} takes them. */
export function createdTables(statements: readonly Statement[]): Set<string> {
  const made = new Set<string>();
  for (const { kind, relation } of statements) {
    if (relation !== undefined && makers.has(kind)) made.add(displayRelation(relation));
  }
  return made;
}
const makers: ReadonlySet<string> = new Set([
  'createTable',
  'createMaterializedView',
  'createView',
  'createForeignTable',
]);

/**
 * Indexes, keys, triggers … need no DROP where their table is dropped; the index of a partition even refuses it while
 * the index that it is attached to exists. Foreign keys, rules and policies do: they keep other tables from being
 * dropped.
 */
export function isDroppedWithTable(statement: Statement, tables: ReadonlySet<string>): boolean {
  return (
    statement.relation !== undefined &&
    withTable.has(statement.kind) &&
    tables.has(displayRelation(statement.relation))
  );
}
const withTable: ReadonlySet<string> = new Set([
  'createIndex',
  'primaryKey',
  'unique',
  'exclusion',
  'check',
  'notNull',
  'createTrigger',
  'statistics',
]);

/** Undoes all of them, last first. */
export function dropStatements(statements: readonly Statement[]): string[] {
  const tables = createdTables(statements);
  return statements
    .filter((statement) => !isDroppedWithTable(statement, tables))
    .flatMap((statement) => dropStatement(statement) ?? [])
    .reverse();
}
