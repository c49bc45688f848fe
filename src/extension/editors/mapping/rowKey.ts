/** Keys of rows: JSON of where in the tree they are. */
import type { RelationName } from '../../../protocol/model.js';

export type RowPlace =
  | { readonly at: 'database' | 'extensions'; readonly database: string }
  | { readonly at: 'schema'; readonly database: string; readonly schema: string }
  | { readonly at: 'table'; readonly database: string; readonly relation: RelationName }
  | {
      readonly at: 'index';
      readonly database: string;
      readonly relation: RelationName;
      readonly index: string;
    }
  | { readonly at: 'extension'; readonly database: string; readonly extension: string };

/** Stands where a schema would. */
const extensions = null;

export const databaseKeyOf = (database: string) => JSON.stringify([database]);
export const schemaKeyOf = (database: string, schema: string) => JSON.stringify([database, schema]);
export const tableKeyOf = (database: string, { schema, name }: RelationName) =>
  JSON.stringify([database, schema, name]);
export const indexKeyOf = (database: string, { schema, name }: RelationName, index: string) =>
  JSON.stringify([database, schema, name, index]);
export const extensionsKeyOf = (database: string) => JSON.stringify([database, extensions]);
export const extensionKeyOf = (database: string, name: string) =>
  JSON.stringify([database, extensions, name]);

/** Undefined where it is no key, whoever sent it. */
export function readKey(key: string): RowPlace | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(key);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [database, schema, name, index] = parts as unknown[];
  if (typeof database !== 'string' || parts.length > 4) return undefined;
  if (parts.length === 1) return { at: 'database', database };
  if (schema === extensions && index === undefined)
    return typeof name === 'string'
      ? { at: 'extension', database, extension: name }
      : { at: 'extensions', database };
  if (typeof schema !== 'string') return undefined;
  if (name === undefined) return { at: 'schema', database, schema };
  if (typeof name !== 'string') return undefined;
  const relation = { schema, name };
  if (index === undefined) return { at: 'table', database, relation };
  return typeof index === 'string' ? { at: 'index', database, relation, index } : undefined;
}
