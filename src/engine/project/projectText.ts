/** The text of a project file: JSON with places. */
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { ProjectPath } from '../../protocol/project.js';

export interface Duplicate {
  readonly path: ProjectPath;
  readonly key: string;
}

export interface ProjectText {
  readonly data: unknown;
  /** Keys that stand twice in one object: JSON takes the last, which nobody sees. */
  readonly duplicates: readonly Duplicate[];
}

export interface TextProblem {
  readonly message: string;
  readonly offset: number;
}

const words: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is no JSON value',
  InvalidNumberFormat: 'this is no number',
  PropertyNameExpected: 'a key in double quotes is expected',
  ValueExpected: 'a value is expected',
  ColonExpected: 'a colon is expected',
  CommaExpected: 'a comma is expected',
  CloseBraceExpected: 'a closing brace is expected',
  CloseBracketExpected: 'a closing bracket is expected',
  EndOfFileExpected: 'nothing may follow the project',
  InvalidCommentToken: 'JSON has no comments',
  UnexpectedEndOfComment: 'a comment does not end, and JSON has none',
  UnexpectedEndOfString: 'a text does not end',
  UnexpectedEndOfNumber: 'this is no number',
  InvalidUnicode: 'this is no escape of a character',
  InvalidEscapeCharacter: 'a backslash is written twice in JSON',
  InvalidCharacter: 'a control character is written as an escape',
};

/** A project is seven levels deep. */
const deepest = 64;

/** Offsets count in the text as given, a byte order mark included. */
export function readProjectText(given: string): ProjectText | TextProblem {
  const mark = given.startsWith('\uFEFF') ? 1 : 0;
  const text = given.slice(mark);
  const nested = tooDeep(text);
  if (nested !== undefined) return { message: 'this is nested too deeply', offset: nested + mark };
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first || !tree) {
    const name = first ? printParseErrorCode(first.error) : 'ValueExpected';
    return { message: words[name] ?? name, offset: (first?.offset ?? 0) + mark };
  }
  try {
    return { data: JSON.parse(text), duplicates: duplicatesIn(tree) };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error), offset: mark };
  }
}

/** Where brackets outside of texts go deeper than any project: the parser below is recursive. */
function tooDeep(text: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\\n]|\\.)*"?|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > deepest) return index;
  }
  return undefined;
}

function duplicatesIn(root: Node): Duplicate[] {
  const found: Duplicate[] = [];
  const queue: { readonly node: Node; readonly path: ProjectPath }[] = [{ node: root, path: [] }];
  for (const { node, path } of queue) {
    const seen = new Set<string>();
    for (const [index, child] of (node.children ?? []).entries()) {
      if (node.type === 'array') queue.push({ node: child, path: [...path, index] });
      if (node.type !== 'object') continue;
      const [keyNode, value] = child.children ?? [];
      const key = String(keyNode?.value);
      if (seen.has(key)) found.push({ path: [...path, key], key });
      seen.add(key);
      if (value) queue.push({ node: value, path: [...path, key] });
    }
  }
  return found;
}

/** Line and column, both from 1, of the value at a path or of the nearest one around it. */
export function placeInText(given: string, path: ProjectPath, offset = 0): { line: number; column: number } {
  const mark = given.startsWith('\uFEFF') ? 1 : 0;
  if (path.length === 0) return lineAndColumn(given, offset);
  const tree = parseTree(given.slice(mark), [], { disallowComments: true });
  for (let length = path.length; tree && length > 0; length--) {
    const node = findNodeAtLocation(tree, [...path.slice(0, length)]);
    if (node)
      return lineAndColumn(given, (node.parent?.type === 'property' ? node.parent : node).offset + mark);
  }
  return lineAndColumn(given, 0);
}

export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** `databases[0].tables."public.orders".where` */
export function placeInWords(path: ProjectPath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[A-Za-z_$][\w$]*$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
