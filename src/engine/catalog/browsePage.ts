import type { ObjectKind, ObjectNode } from '../../protocol/engine.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { type BrowsePath, segment } from './browsePath.js';

export interface ChildrenPage {
  readonly nodes: ObjectNode[];
  /** Cursor of the next page; absent at the end. */
  readonly next?: string;
}

/** What a level of the tree is asked for: one page, after a name or from the beginning. */
export interface PageQuery {
  readonly session: Session;
  readonly path: readonly string[];
  readonly at: BrowsePath;
  readonly after: string | undefined;
  readonly limit: number;
}

export function node(
  query: PageQuery,
  kind: ObjectKind,
  name: string,
  shown: { description?: string | null; tooltip?: string | null; expandable?: boolean; key?: string } = {},
): ObjectNode {
  return {
    kind,
    name,
    path: [...query.path, segment(kind, shown.key ?? name)],
    expandable: shown.expandable ?? false,
    ...(shown.description && { description: shown.description }),
    ...(shown.tooltip && { tooltip: shown.tooltip }),
  };
}

/** Cuts the row that was asked for beyond the limit and turns its predecessor into the cursor. */
export function page<Row>(
  query: PageQuery,
  rows: readonly Row[],
  make: (row: Row) => ObjectNode,
  cursor: (row: Row) => string,
): ChildrenPage {
  const nodes = rows.slice(0, query.limit).map(make);
  const last = rows[query.limit - 1];
  return rows.length > query.limit && last !== undefined ? { nodes, next: cursor(last) } : { nodes };
}

/** Sizes are worth showing, not worth failing for: a locked table or a slow disk gives the list without them. */
export async function withSizes<T>(ask: (size: string) => Promise<T>, size: string): Promise<T> {
  try {
    return await ask(size);
  } catch (error) {
    const dispensable = ['55P03', '57014', '42501', '42P01', '3D000'];
    if (error instanceof Fault && dispensable.includes(error.sqlstate ?? '')) return ask('NULL::int8');
    throw error;
  }
}

/** Types made by hand: not the row types of tables, arrays, or multiranges that come with a range. */
export const ownTypes = `t.typtype IN ('b', 'c', 'd', 'e', 'r') AND t.typcategory <> 'A' AND (t.typrelid = 0 OR c.relkind = 'c')`;
