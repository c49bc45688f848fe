import type { TargetColumn, TargetTable } from '../../../../src/engine/catalog/applyTargets.js';
import {
  type ApplyTable,
  allColumns,
  fitTable,
  isMisfit,
} from '../../../../src/engine/replication/apply/applyTable.js';
import type { Relation } from '../../../../src/engine/replication/pgoutputMessages.js';

export interface TableShape {
  readonly name?: string;
  readonly oid?: number;
  /** `a` or `a*` for a part of the key. */
  readonly columns: readonly string[];
  readonly replicaIdentity?: string;
  /** Of the target, by column. */
  readonly target?: Readonly<Record<string, Partial<TargetColumn>>>;
  /** Columns that the target has besides. */
  readonly extra?: readonly string[];
  readonly acts?: boolean;
}

/** A table of the source, and the same on the target. */
export function applyTable(shape: TableShape): ApplyTable {
  const {
    name = 't',
    oid = 1,
    columns,
    replicaIdentity = 'd',
    target = {},
    extra = [],
    acts = false,
  } = shape;
  const names = columns.map((column) => column.replace('*', ''));
  const key = columns.flatMap((column, i) => (column.endsWith('*') ? [names[i] ?? ''] : []));
  const relation: Relation = {
    oid,
    schema: 's',
    name,
    replicaIdentity,
    columns: names.map((column) => ({
      name: column,
      key: replicaIdentity === 'f' || key.includes(column),
      typeOid: 25,
      typeModifier: -1,
    })),
  };
  const there = [...names, ...extra].map(
    (column, i): TargetColumn => ({
      name: column,
      number: i + 1,
      type: 'text',
      declared: 'text',
      arrayType: 'text[]',
      delimiter: ',',
      equals: 'OPERATOR(pg_catalog.=)',
      generated: false,
      identityAlways: false,
      optional: true,
      ...target[column],
    }),
  );
  const table: TargetTable = {
    schema: 's',
    name,
    oid: '2',
    relkind: 'r',
    columns: new Map(there.map((column) => [column.name, column])),
    keys:
      key.length === 0
        ? []
        : [
            {
              isPrimary: true,
              columns: key,
              equals: key.map(() => 'OPERATOR(pg_catalog.=)'),
              collations: key.map(() => ''),
              notNull: true,
            },
          ],
    indexed: new Set(),
    acts: { replica: acts, origin: acts },
    definition: '',
  };
  const fit = fitTable(allColumns(relation), table, undefined);
  if (isMisfit(fit)) throw new Error(fit.message);
  return fit;
}
