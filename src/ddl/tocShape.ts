import { displayName } from './identifier.js';
import type { RawStatement } from './split.js';
import type { AnyShape } from './statement.js';

/** What a statement that cannot be parsed is about, by the header that pg_dump printed before it. */
export function shapeOfTocComment({ tocComment, text }: RawStatement): AnyShape {
  if (tocComment === undefined) {
    // No further than the first string: what cannot be parsed may hold a password.
    const [line = ''] = /^[^\n'$]*/.exec(text) ?? [];
    return { kind: 'other', object: `statement "${line.slice(0, 60)}"`, details: {} };
  }
  const { name, type, schema } = tocComment;
  // Headers of a table's parts name both ("orders orders_pkey"), those of functions the arguments: no quoting here.
  const full = schema === undefined ? name : `${displayName(schema)}.${name}`;
  const object = `${type.toLowerCase()} ${full}`;
  const relation = schema === undefined ? undefined : { schema, name };
  if (type === 'TABLE' && relation !== undefined) {
    const details = {
      columns: [],
      partitionOf: undefined,
      inherits: [],
      isPartitioned: false,
      unlogged: false,
      tablespace: undefined,
      accessMethod: undefined,
    };
    return { kind: 'createTable', object: `table ${displayName(relation.schema, name)}`, relation, details };
  }
  if (type === 'VIEW' && relation !== undefined) {
    return { kind: 'createView', object, relation, details: { replace: false } };
  }
  if (type === 'TRIGGER') return { kind: 'createTrigger', object, details: { name, isConstraint: false } };
  if (type === 'FUNCTION' || type === 'PROCEDURE') {
    const details = { language: '', isC: false, isProcedure: type === 'PROCEDURE', returnsTrigger: false };
    return { kind: 'createFunction', object, details };
  }
  return { kind: 'other', object, details: {} };
}
