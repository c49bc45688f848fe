import type { Node } from 'libpg-query';
import type { AnyShape } from '../statement.js';

type KeyOf<Union> = Union extends unknown ? keyof Union : never;
export type NodeName = KeyOf<Node>;
export type NodeBody<Name extends NodeName> = Node extends infer Each
  ? Each extends Record<Name, infer Body>
    ? Body
    : never
  : never;

/** By the name of the parse tree's top node. `text` is the statement, for what the tree does not say. */
export type Classifiers = {
  readonly [Name in NodeName]?: (body: NodeBody<Name>, text: string) => AnyShape;
};
