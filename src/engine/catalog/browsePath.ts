import type { ObjectKind } from '../../protocol/engine.js';

/** Where a node of the server tree lies. Segments of the wire path are "kind:name", so that no name is ambiguous. */
export interface BrowsePath {
  readonly database?: string;
  readonly schema?: string;
  /** A table or view, whose columns and indexes are asked for. */
  readonly relation?: string;
  /** The folder that is asked for; the last segment. */
  readonly folder?: string;
}

const relationKinds: readonly string[] = ['table', 'view', 'materializedView', 'foreignTable'];

export function segment(kind: ObjectKind, name: string): string {
  return `${kind}:${name}`;
}

export function parsePath(path: readonly string[]): BrowsePath {
  let at: BrowsePath = {};
  for (const part of path) {
    const colon = part.indexOf(':');
    const kind = part.slice(0, colon);
    const name = part.slice(colon + 1);
    const { folder: _, ...above } = at;
    if (kind === 'database' || kind === 'schema' || kind === 'folder') at = { ...above, [kind]: name };
    else if (relationKinds.includes(kind)) at = { ...above, relation: name };
  }
  return at;
}
