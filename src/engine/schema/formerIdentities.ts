/** A dump that is made while tables of the source are FULL for the time of the migration alone. */
import { classify } from '../../ddl/classify.js';
import { quoteIdentifier } from '../../ddl/rename/quoting.js';
import type { Statement } from '../../ddl/statement.js';
import type { RelationName } from '../../protocol/model.js';
import { RelationMap } from '../../protocol/relationMap.js';
import { indexOf } from './leftOut.js';

/** The replica identity that a table of the source has but for the migration. */
export interface NamedIdentity extends RelationName {
  readonly identity: 'default' | 'nothing' | 'index';
  /** With `index`: which. Absent where it was dropped, of which a dump says nothing either. */
  readonly index?: RelationName;
}

/** The statements of a dump as they would be had the tables never become FULL. */
export function withFormerIdentities(
  statements: readonly Statement[],
  identities: readonly NamedIdentity[],
): readonly Statement[] {
  if (identities.length === 0) return statements;
  const tables = new RelationMap<NamedIdentity>();
  for (const table of identities) tables.set(table, table);
  /** Of tables that the dump has as FULL, which it says before their indexes: others are as somebody wanted them since. */
  const indexes = new RelationMap<NamedIdentity>();
  return statements.flatMap((statement) => {
    if (statement.kind === 'replicaIdentity' && statement.details.identity === 'f') {
      const table = statement.relation && tables.get(statement.relation);
      if (table === undefined) return [statement];
      if (table.index) indexes.set(table.index, table);
      return table.identity === 'nothing' ? [identityStatement(table, 'NOTHING')] : [];
    }
    const index = indexOf(statement);
    const table = index && indexes.get(index);
    if (table === undefined || index === undefined) return [statement];
    return [statement, identityStatement(table, `USING INDEX ${quoteIdentifier(index.name)}`)];
  });
}

/** As pg_dump writes it. */
function identityStatement({ schema, name }: RelationName, identity: string): Statement {
  const text = `ALTER TABLE ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)} REPLICA IDENTITY ${identity};`;
  return classify({ text, start: 0, end: text.length });
}
