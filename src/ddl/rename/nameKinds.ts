/** Which types and functions of the server read strings as names, and how. */

/**
 * How a string is read: `schemaName` and `roleName` as they are, all others by the rules of SQL. `inSchema` is
 * whatever a schema holds beside relations and types; the last three may have types in them.
 */
export type NameKind =
  | 'relation'
  | 'inSchema'
  | 'schema'
  | 'schemaName'
  | 'role'
  | 'roleName'
  | 'searchPath'
  | 'type'
  | 'routineSignature'
  | 'operatorSignature';

export const regTypes: ReadonlyMap<string, NameKind> = new Map<string, NameKind>([
  ['regclass', 'relation'],
  ['regtype', 'type'],
  ['regproc', 'inSchema'],
  ['regprocedure', 'routineSignature'],
  ['regoper', 'inSchema'],
  ['regoperator', 'operatorSignature'],
  ['regnamespace', 'schema'],
  ['regrole', 'role'],
  ['regconfig', 'inSchema'],
  ['regdictionary', 'inSchema'],
  ['regcollation', 'inSchema'],
]);

const privileges = (kind: NameKind): (NameKind | undefined)[][] => [
  [kind, undefined],
  ['roleName', kind, undefined],
];
const configured = (rest: number): (NameKind | undefined)[][] => [
  ['inSchema', ...Array<undefined>(rest).fill(undefined)],
];
const first = (kind: NameKind): (NameKind | undefined)[][] => [[kind]];

/** Kinds of the arguments, by their number. */
const functions: Readonly<Record<string, readonly (readonly (NameKind | undefined)[])[]>> = {
  nextval: first('relation'),
  currval: first('relation'),
  setval: [
    ['relation', undefined],
    ['relation', undefined, undefined],
  ],
  pg_sequence_last_value: first('relation'),
  pg_sequence_parameters: first('relation'),
  pg_get_sequence_data: first('relation'),
  pg_get_serial_sequence: [['relation', undefined]],
  to_regclass: first('relation'),
  to_regtype: first('type'),
  to_regproc: first('inSchema'),
  to_regprocedure: first('routineSignature'),
  to_regoper: first('inSchema'),
  to_regoperator: first('operatorSignature'),
  to_regnamespace: first('schema'),
  to_regrole: first('role'),
  to_regcollation: first('inSchema'),
  ...Object.fromEntries([...regTypes].map(([type, kind]) => [type, first(kind)])),
  pg_relation_size: [['relation'], ['relation', undefined]],
  pg_total_relation_size: first('relation'),
  pg_table_size: first('relation'),
  pg_indexes_size: first('relation'),
  pg_relation_filepath: first('relation'),
  pg_relation_filenode: first('relation'),
  pg_relation_is_updatable: [['relation', undefined]],
  pg_get_viewdef: [['relation'], ['relation', undefined]],
  pg_get_indexdef: [['relation'], ['relation', undefined, undefined]],
  pg_get_functiondef: first('routineSignature'),
  pg_partition_tree: first('relation'),
  pg_partition_root: first('relation'),
  pg_partition_ancestors: first('relation'),
  has_table_privilege: privileges('relation'),
  has_sequence_privilege: privileges('relation'),
  has_any_column_privilege: privileges('relation'),
  has_column_privilege: [
    ['relation', undefined, undefined],
    ['roleName', 'relation', undefined, undefined],
  ],
  has_schema_privilege: privileges('schemaName'),
  has_function_privilege: privileges('routineSignature'),
  has_type_privilege: privileges('type'),
  pg_has_role: [
    ['roleName', undefined],
    ['roleName', 'roleName', undefined],
  ],
  row_security_active: first('relation'),
  brin_summarize_new_values: first('relation'),
  to_tsvector: configured(1),
  to_tsquery: configured(1),
  plainto_tsquery: configured(1),
  phraseto_tsquery: configured(1),
  websearch_to_tsquery: configured(1),
  ts_headline: [...configured(2), ...configured(3)],
  ts_debug: configured(1),
  ts_lexize: configured(1),
};

/** Undefined for a function that reads no names. */
export function argumentKinds(name: string, count: number): readonly (NameKind | undefined)[] | undefined {
  // ts_headline with three arguments may begin with a document.
  return functions[name]?.find((kinds) => kinds.length === count);
}
