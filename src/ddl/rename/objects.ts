/** Names that have no location in the tree: they are found by what they spell. */
import type { RelationName } from '../../protocol/model.js';
import { editPart, type Place, renameInSchema, renameRelation, renameRole, renameSchema } from './place.js';
import type { Scope } from './scope.js';
import { bodyOf, type Handler, stringsOf, type Tree, text, walk, walkFields } from './tree.js';

/** Claims a list of names by what it spells. */
export function claimInSchema(tree: Place, value: unknown, behind?: RegExp): void {
  const names = stringsOf(value);
  if (names.length > 1) renameInSchema(tree, tree.sql.find(names, behind));
}

export function claimRelation(tree: Place, names: readonly string[]): void {
  if (names.length > 1) renameRelation(tree, tree.sql.find(names));
}

export function claimSchema(tree: Place, name: string | undefined): void {
  if (name !== undefined) renameSchema(tree, tree.sql.find([name], /^(SCHEMA|EXISTS|,|TO)$/));
}

export function claimConstraint(
  tree: Place,
  on: RelationName | undefined,
  name: string | undefined,
  from = 0,
): void {
  const found = name === undefined ? undefined : tree.sql.find([name], /^(CONSTRAINT|EXISTS)$/, from);
  const [part] = found?.parts ?? [];
  if (!found || !part || on === undefined || name === undefined) return;
  found.claimed = true;
  editPart(tree.sql, part, tree.renames.constraint(on, name));
}

/** An index named without its schema, which is that of its table. */
export function claimIndex(tree: Place, on: RelationName | undefined, name: string | undefined): void {
  const found = name === undefined ? undefined : tree.sql.find([name], /^(INDEX|CONCURRENTLY|EXISTS|ON)$/);
  const [part] = found?.parts ?? [];
  if (!found || !part || on === undefined || name === undefined) return;
  found.claimed = true;
  editPart(tree.sql, part, tree.renames.index({ schema: on.schema, name }).name);
}

const relationTypes = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
]);
const belowTable = new Set(['OBJECT_TABCONSTRAINT', 'OBJECT_RULE', 'OBJECT_TRIGGER', 'OBJECT_POLICY']);

/** What COMMENT, GRANT, DROP, ALTER … OWNER name, by the type of object. */
export function claimObject(objectType: string, object: unknown, scope: Scope, tree: Tree): void {
  const names = stringsOf(object);
  if (relationTypes.has(objectType)) {
    if ('RangeVar' in (bodyOf(object) ?? {})) walk(object, scope, tree);
    else claimRelation(tree, names);
  } else if (objectType === 'OBJECT_COLUMN') {
    if (names.length > 2) claimRelation(tree, names);
  } else if (belowTable.has(objectType)) {
    const [schema, name, own] = names;
    if (schema === undefined || name === undefined || own === undefined) return;
    if (objectType === 'OBJECT_TABCONSTRAINT') claimConstraint(tree, { schema, name }, own);
    claimRelation(tree, [schema, name]);
  } else if (objectType === 'OBJECT_SCHEMA') {
    claimSchema(tree, names[0]);
  } else if (objectType === 'OBJECT_ROLE') {
    if (names[0] !== undefined) renameRole(tree, tree.sql.find([names[0]], /^(ROLE|USER|GROUP)$/));
  } else if (objectType === 'OBJECT_OPCLASS' || objectType === 'OBJECT_OPFAMILY') {
    if (names.length > 2) renameInSchema(tree, tree.sql.find(names.slice(1)));
  } else if (names.length > 1) {
    claimInSchema(tree, object);
  } else {
    walk(object, scope, tree);
  }
}

export const aboutObject =
  (typeField: string, ...objectFields: readonly string[]): Handler =>
  (body, scope, tree) => {
    for (const field of objectFields) {
      const value = body[field];
      const objects = Array.isArray(value) ? value : value === undefined ? [] : [value];
      for (const object of objects) claimObject(text(body[typeField]) ?? '', object, scope, tree);
    }
    claimSchema(tree, text(body['newschema']));
    walkFields(body, scope, tree, objectFields);
  };
