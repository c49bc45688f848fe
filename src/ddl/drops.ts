import type { Statement } from './statement.js';

/**
 * The statement that undoes what this one created, or undefined where it created nothing of its own. Without CASCADE:
 * run in reverse order nothing depends on it any more, and what the user added since must not disappear with it.
 */
export function dropStatement(statement: Statement): string | undefined {
  const { creates } = statement;
  if (creates === undefined) return undefined;
  if (creates.table !== undefined) {
    return `ALTER TABLE IF EXISTS ${creates.table} DROP CONSTRAINT IF EXISTS ${creates.identity};`;
  }
  return `DROP ${creates.type} IF EXISTS ${creates.identity};`;
}
