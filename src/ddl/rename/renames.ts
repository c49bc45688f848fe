/** What is renamed, and what a rename came to. Names are plain, not quoted. */
import type { RelationName } from '../../protocol/model.js';

/** Answers for every name; what is not renamed comes back equal. */
export interface Renames {
  schema(name: string): string;
  /** A table, view, materialized view, foreign table, sequence, or the row type of one. */
  relation(relation: RelationName): RelationName;
  /** Schema of a type, routine, operator … that does not go where its schema goes; others as {@link schema}. */
  objectSchema?(object: RelationName): string | undefined;
  /** The relation of the source that gets this name. */
  sourceOf(target: RelationName): RelationName | undefined;
  /** Of an index; its schema is that of its table. */
  index(index: RelationName): RelationName;
  /** Of a constraint on a relation (all names of the source). */
  constraint(on: RelationName, name: string): string;
  role(name: string): string;
  /** Columns of a relation of the source, where the dump tells them: decides whether a bare name is a column. */
  columns(relation: RelationName): ReadonlySet<string> | undefined;
  /** Is this the name of a schema, relation, type or routine of the source? For names in strings. */
  known(schema: string, name: string): boolean;
  /** Schemas of the source that hold a relation, type or routine of this name: what it may mean without its schema. */
  schemasOf(name: string): readonly string[];
  /** False where a text holds no word of anything that is renamed: it needs no parsing. */
  mentions(text: string): boolean;
}

export interface Renamed {
  readonly text: string;
  /** Places of the renamed text that may name something renamed and were left as they are. */
  readonly undecided: readonly { readonly start: number; readonly end: number; readonly message: string }[];
}
