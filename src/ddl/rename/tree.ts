/** Walks a parse tree of any statement; what a node means is said by its handler. */
import type { Place } from './place.js';
import type { Scope } from './scope.js';

/** The fields of a node. The parser leaves out what is empty, false or 0. */
export type Body = { readonly [field: string]: unknown };

/** Does what a node asks for, its children included. */
export type Handler = (body: Body, scope: Scope, tree: Tree) => void;
export type Handlers = Readonly<Record<string, Handler>>;

export interface Tree extends Place {
  readonly handlers: Handlers;
}

export function walk(value: unknown, scope: Scope, tree: Tree): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, scope, tree);
    return;
  }
  const body = bodyOf(value);
  if (body === undefined) return;
  const [only] = Object.keys(body);
  // A node whose type is not known from its place is wrapped into the name of its type, the only upper-case keys.
  if (only !== undefined && /^[A-Z]/.test(only)) visit(only, bodyOf(body[only]) ?? {}, scope, tree);
  else visit(typeOfBare(body), body, scope, tree);
}

function visit(type: string | undefined, body: Body, scope: Scope, tree: Tree): void {
  const handler = type === undefined ? undefined : tree.handlers[type];
  if (handler === undefined) walkFields(body, scope, tree);
  else handler(body, scope, tree);
}

export function walkFields(body: Body, scope: Scope, tree: Tree, except: readonly string[] = []): void {
  for (const [field, value] of Object.entries(body)) {
    if (typeof value === 'object' && !except.includes(field)) walk(value, scope, tree);
  }
}

/** Of a node whose place allows one type alone, told by a field that only this type has. */
function typeOfBare(body: Body): string | undefined {
  if ('relname' in body) return 'RangeVar';
  if ('names' in body && 'typemod' in body) return 'TypeName';
  if ('roletype' in body) return 'RoleSpec';
  if ('objname' in body) return 'ObjectWithArgs';
  if ('ctes' in body) return 'WithClause';
  if (text(body['kind'])?.startsWith('VAR_') === true) return 'VariableSetStmt';
  if ('funcname' in body) return 'FuncCall';
  if ('targtype' in body) return 'GrantStmt';
  if ('relation' in body && !('op' in body) && isPublicationTable(body)) return 'PublicationTable';
  if ('limitOption' in body) return 'SelectStmt';
  return undefined;
}

const isPublicationTable = (body: Body): boolean =>
  Object.keys(body).every((key) => key === 'relation' || key === 'whereClause' || key === 'columns');

export function bodyOf(value: unknown): Body | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
}

export function nodes(value: unknown): Body[] {
  return Array.isArray(value) ? value.map(bodyOf).filter((body) => body !== undefined) : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The text of String nodes, of a list of them or one. */
export function stringsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(stringsOf);
  const body = bodyOf(value);
  if (!body) return [];
  if ('List' in body) return stringsOf(bodyOf(body['List'])?.['items']);
  const string = bodyOf(body['String']);
  return string ? [text(string['sval']) ?? ''] : [];
}

/** The parser leaves a location out where it is 0. */
export function locationOf(body: Body | undefined): number {
  return typeof body?.['location'] === 'number' ? body['location'] : 0;
}
