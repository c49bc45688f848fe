/** A statement as the rules look at it: tree and tokens are made only when a rule asks for them. */
import type { Node } from 'libpg-query';
import type { NodeBody, NodeName } from '../classifiers/classifier.js';
import { fromBytes, parseStatement } from '../parser.js';
import type { Statement } from '../statement.js';
import { type Token, tokensOf } from '../tokens.js';
import type { TargetFacts, TextRange } from './verdict.js';

export interface Subject {
  readonly statement: Statement;
  readonly target: TargetFacts;
  /** The body of the tree's top node if it is of this name. */
  tree<Name extends NodeName>(name: Name): NodeBody<Name> | undefined;
  /** The whole tree; undefined where the statement cannot be parsed. */
  node(): Node | undefined;
  /** Empty where PostgreSQL's scanner refuses the text. */
  tokens(): readonly Token[];
}

export function subjectOf(statement: Statement, target: TargetFacts): Subject {
  let parsed: { node: Node | undefined } | undefined;
  let tokens: readonly Token[] | undefined;
  const node = (): Node | undefined => {
    parsed ??= {
      node: statement.parseError === undefined ? parseStatement(statement.text).node : undefined,
    };
    return parsed.node;
  };
  return {
    statement,
    target,
    node,
    tree: <Name extends NodeName>(name: Name) =>
      (node() as Readonly<Record<string, unknown>> | undefined)?.[name] as NodeBody<Name> | undefined,
    tokens: () => {
      if (tokens === undefined) {
        try {
          tokens = tokensOf(statement.text);
        } catch {
          tokens = [];
        }
      }
      return tokens;
    },
  };
}

/** The first run of tokens that are these keywords or symbols. */
export function wordsAt(tokens: readonly Token[], words: readonly string[], from = 0): number | undefined {
  for (let at = from; at + words.length <= tokens.length; at++) {
    if (words.every((word, index) => tokens[at + index]?.word === word)) return at;
  }
  return undefined;
}

export function rangeOfWords(subject: Subject, ...words: string[]): TextRange | undefined {
  const tokens = subject.tokens();
  const at = wordsAt(tokens, words);
  return at === undefined ? undefined : span(tokens, at, at + words.length - 1);
}

export function span(tokens: readonly Token[], first: number, last: number): TextRange | undefined {
  const [from, to] = [tokens[first], tokens[last]];
  return from === undefined || to === undefined ? undefined : { start: from.start, end: to.end };
}

/** The index of the token at a node's location (UTF-8 bytes), which the parser counts in the statement alone. */
export function tokenAt(subject: Subject, location: number | undefined): number | undefined {
  if (location === undefined || location < 0) return undefined;
  const start = fromBytes(subject.statement.text, location);
  const at = subject.tokens().findIndex((token) => token.end > start);
  return at < 0 ? undefined : at;
}

/** The range of a name that begins at a node's location: with its dots. */
export function nameAt(subject: Subject, location: number | undefined): TextRange | undefined {
  const tokens = subject.tokens();
  const first = tokenAt(subject, location);
  if (first === undefined) return undefined;
  let last = first;
  while (tokens[last + 1]?.word === '.') last += 2;
  return span(tokens, first, Math.min(last, tokens.length - 1));
}

/** Where a name stands as an identifier, the first time from a token on. */
export function rangeOfName(subject: Subject, name: string, from = 0): TextRange | undefined {
  const tokens = subject.tokens();
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at];
    if (token !== undefined && unquoted(token) === name) return { start: token.start, end: token.end };
  }
  return undefined;
}

/** The name that a token stands for; undefined for strings and symbols. */
export function unquoted(token: Token): string | undefined {
  if (token.text.startsWith('"')) return token.text.slice(1, -1).replaceAll('""', '"');
  return /^[\p{L}_]/u.test(token.text) && !token.text.includes("'") ? token.text.toLowerCase() : undefined;
}

export interface Visited {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Every node below, by its name in the tree. Without recursion: a chain of operators is as deep as it is long. */
export function* nodesOf(root: unknown): Generator<Visited> {
  const pending: unknown[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) pending.push(...value.filter((each) => each !== null).reverse());
    else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value).reverse()) {
        if (typeof inner !== 'object' || inner === null) continue;
        pending.push(inner);
        if (/^[A-Z]/.test(name) && !Array.isArray(inner))
          yield { name, body: inner as Readonly<Record<string, unknown>> };
      }
    }
  }
}
