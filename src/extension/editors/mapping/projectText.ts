/**
 * The text of a project file and its data. An edit is the smallest replacement that turns the text into one that says
 * the new data: indent, order of keys and everything it is not about stay as they are. No import of `vscode`.
 */
import {
  applyEdits,
  findNodeAtLocation,
  getNodePath,
  getNodeValue,
  type JSONPath,
  type ModificationOptions,
  modify,
  type Node,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { defaultOptions, type ProjectPath } from '../../../protocol/project.js';

export type Json = unknown;
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export type ProjectText =
  | { readonly state: 'readable'; readonly data: JsonObject }
  /** `offset` and `length` in UTF-16 code units. */
  | { readonly state: 'broken'; readonly message: string; readonly offset: number; readonly length: number };

/** JSON as JSON.parse reads it: without comments and trailing commas, which a run would refuse. */
export function readText(text: string): ProjectText {
  const errors: ParseError[] = [];
  const data: Json = parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [error] = errors;
  if (error)
    return {
      state: 'broken',
      message: spelled(printParseErrorCode(error.error)),
      offset: error.offset,
      length: error.length,
    };
  if (isObject(data)) return { state: 'readable', data };
  return { state: 'broken', message: 'no object', offset: 0, length: text.length };
}

/** "PropertyNameExpected" as words. */
const spelled = (code: string) => code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The order of keys in a new file, by where they stand; names of objects are sorted instead. */
const orders: readonly (readonly [where: RegExp, keys: readonly string[]])[] = [
  [/^$/, ['$schema', 'version', 'name', 'source', 'target', 'databases', 'options']],
  [/^(source|target)$/, ['connection', 'server']],
  [
    /^databases\/\d+$/,
    ['source', 'target', 'mode', 'include', 'exclude', 'schemas', 'tables', 'renameOwned'],
  ],
  [/^databases\/\d+\/include$/, ['schemas', 'tables']],
  [/^databases\/\d+\/exclude$/, ['schemas', 'tables', 'tableData', 'indexes', 'extensions']],
  [/^options$/, Object.keys(defaultOptions)],
];
const mappingOrder: readonly string[] = ['schema', 'name', 'where'];

function keyOrder(path: JSONPath): readonly string[] | undefined {
  if (path.length === 4 && path[0] === 'databases' && path[2] === 'tables') return mappingOrder;
  const where = path.length > 3 ? undefined : path.join('/');
  return where === undefined ? undefined : orders.find(([pattern]) => pattern.test(where))?.[1];
}

/** Where a new key goes among the ones that are there. */
export function insertionIndex(path: JSONPath, key: string, present: readonly string[]): number {
  const order = keyOrder(path);
  const rank = (name: string) => {
    const found = order?.indexOf(name) ?? -1;
    return found < 0 ? Number.POSITIVE_INFINITY : found;
  };
  const after = present.findIndex((name) => (order ? rank(name) > rank(key) : name > key));
  return after < 0 ? present.length : after;
}

interface Change {
  readonly path: JSONPath;
  /** Undefined removes. */
  readonly value: Json;
  readonly insert?: boolean;
}

const same = (a: Json, b: Json): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** More single changes of one list than this, and it is written anew. */
const singleChanges = 20;

function changesOfArray(from: readonly Json[], to: readonly Json[], path: JSONPath): Change[] {
  if (from.length === to.length)
    return from.flatMap((value, index) => changesBetween(value, to[index], [...path, index]));
  if (Math.abs(from.length - to.length) > singleChanges) return [{ path, value: to }];
  const changes: Change[] = [];
  const rest: Json[] = [...from];
  for (let index = 0; index < Math.max(rest.length, to.length); ) {
    if (index < rest.length && index < to.length && same(rest[index], to[index])) index += 1;
    else if (rest.length > to.length) {
      changes.push({ path: [...path, index], value: undefined });
      rest.splice(index, 1);
    } else {
      if (rest.length === to.length || index >= to.length) return [{ path, value: to }];
      changes.push({ path: [...path, index], value: to[index], insert: true });
      rest.splice(index, 0, to[index]);
    }
  }
  return changes;
}

function changesBetween(from: Json, to: Json, path: JSONPath): Change[] {
  if (same(from, to)) return [];
  if (Array.isArray(from) && Array.isArray(to)) return changesOfArray(from, to, path);
  if (!isObject(from) || !isObject(to)) return [{ path, value: to }];
  const removed = Object.keys(from).filter((key) => to[key] === undefined);
  return [
    ...removed.map((key): Change => ({ path: [...path, key], value: undefined })),
    ...Object.keys(to)
      .filter((key) => to[key] !== undefined)
      .flatMap((key) => changesBetween(from[key], to[key], [...path, key])),
  ];
}

export interface TextStyle {
  readonly eol: '\n' | '\r\n';
  readonly insertSpaces: boolean;
  readonly tabSize: number;
}

/** The indent of a text by its first indented line. */
export function styleOf(text: string): TextStyle {
  const indent = /^[^\S\r\n]+(?=\S)/m.exec(text)?.[0] ?? '  ';
  const insertSpaces = !indent.startsWith('\t');
  return {
    eol: text.includes('\r\n') ? '\r\n' : '\n',
    insertSpaces,
    tabSize: insertSpaces ? indent.length : 4,
  };
}

/** The innermost value on the way to a place that is there. */
function nearest(root: Node | undefined, path: JSONPath): Node | undefined {
  for (let length = path.length; root && length >= 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node) return node;
  }
  return root;
}

function changed(text: string, change: Change, style: TextStyle): string {
  const { path, value, insert = false } = change;
  const root = parseTree(text);
  const container = nearest(root, path.slice(0, -1));
  if (!container) return text;
  const slice = (node: Node) => text.slice(node.offset, node.offset + node.length);
  const outer = container.children?.length === 0 ? (container.parent?.parent ?? container.parent) : container;
  // The formatter of jsonc-parser rewrites whole lines, and it breaks arrays of one line: these are written here.
  if (outer && !/[\r\n]/.test(slice(outer))) {
    const relative = path.slice(getNodePath(container).length);
    const written = inline(placed(getNodeValue(container), path, relative, change), slice(outer));
    return text.slice(0, container.offset) + written + text.slice(container.offset + container.length);
  }
  const options: ModificationOptions = {
    isArrayInsertion: insert,
    getInsertionIndex: (present) => insertionIndex(path.slice(0, -1), String(path.at(-1)), present),
    formattingOptions: { insertSpaces: style.insertSpaces, tabSize: style.tabSize, eol: style.eol },
  };
  return applyEdits(text, modify(text, path, value, options));
}

/** A value after a change at `relative` below it; `path` is where that is from the root. */
function placed(container: Json, path: JSONPath, relative: JSONPath, change: Change): Json {
  const [key, ...deeper] = relative;
  if (key === undefined) return change.value;
  if (Array.isArray(container) && typeof key === 'number') {
    const replaced = deeper.length > 0 ? placed(container[key], path, deeper, change) : change.value;
    return container.toSpliced(key, change.insert ? 0 : 1, ...(replaced === undefined ? [] : [replaced]));
  }
  const entries = Object.entries(isObject(container) ? container : {});
  const at = entries.findIndex(([name]) => name === key);
  const value = placed(entries[at]?.[1], path, deeper, change);
  if (at >= 0)
    entries.splice(at, 1, ...(value === undefined ? [] : [[String(key), value] as [string, Json]]));
  else {
    const where = path.slice(0, path.length - deeper.length - 1);
    const names = entries.map(([name]) => name);
    entries.splice(insertionIndex(where, String(key), names), 0, [String(key), value]);
  }
  return Object.fromEntries(entries);
}

/** JSON on one line, spaced as the text around it. */
function inline(value: Json, like: string): string {
  const comma = /,\S/.test(like) ? ',' : ', ';
  const colon = /":\S/.test(like) ? ':' : ': ';
  const pad = /^[[{]\s+\S/.test(like) ? ' ' : '';
  const write = (part: Json): string => {
    const items = Array.isArray(part)
      ? part.map(write)
      : isObject(part)
        ? Object.entries(part).map(([key, item]) => JSON.stringify(key) + colon + write(item))
        : undefined;
    if (!items) return JSON.stringify(part);
    const [open, close] = Array.isArray(part) ? '[]' : '{}';
    return items.length === 0 ? `${open}${close}` : open + pad + items.join(comma) + pad + close;
  };
  return write(value);
}

/** The text after its data became `to`. */
export function editText(text: string, to: JsonObject): string {
  const read = readText(text);
  if (read.state === 'broken') throw new SyntaxError(read.message);
  const style = styleOf(text);
  let edited = text;
  for (const change of changesBetween(read.data, to, [])) edited = changed(edited, change, style);
  const result = readText(edited);
  if (result.state === 'readable' && equal(result.data, to)) return edited;
  // Some layouts are beyond the formatter of jsonc-parser; what the text says comes before how it looks.
  const indent = style.insertSpaces ? ' '.repeat(style.tabSize) : '\t';
  const last = /\r?\n$/.exec(text)?.[0] ?? '';
  return JSON.stringify(to, null, indent).replaceAll('\n', style.eol) + last;
}

/** Equal whatever the order of keys. */
function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, index) => equal(value, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(b).filter((key) => b[key] !== undefined);
  return keys.length === Object.keys(a).length && keys.every((key) => equal(a[key], b[key]));
}

/** The part of a text that differs: offsets in `before`, and what stands there afterwards. */
export function smallestReplacement(
  before: string,
  after: string,
): { readonly start: number; readonly end: number; readonly text: string } | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  // No cut between the halves of a character or of a line end.
  while (start > 0 && inseparable(before.charCodeAt(start - 1))) start -= 1;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  )
    tail += 1;
  while (tail > 0 && isSecondHalf(before.charCodeAt(before.length - tail))) tail -= 1;
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

const inseparable = (code: number) => code === 13 || (code >= 0xd800 && code <= 0xdbff);
const isSecondHalf = (code: number) => code === 10 || (code >= 0xdc00 && code <= 0xdfff);

/** Where a place of the project stands in the text; of one that is not there, where it would belong. */
export function locate(
  text: string,
  path: ProjectPath,
): { readonly offset: number; readonly length: number } {
  const root = parseTree(text);
  const node = nearest(root, [...path]);
  if (!node) return { offset: 0, length: 0 };
  const here = path.length > 0 && root && findNodeAtLocation(root, [...path]) !== undefined;
  // A whole object would be underlined over many lines: its key says where it is.
  const shown =
    node.parent?.type === 'property' && (!here || node.type === 'object' || node.type === 'array')
      ? (node.parent.children?.[0] ?? node)
      : node;
  return shown.type === 'object' || shown.type === 'array'
    ? { offset: shown.offset, length: 1 }
    : { offset: shown.offset, length: shown.length };
}
