/** Which statements cannot work because of what was skipped before them. Best effort, by the names they mention. */
import { parseIdentifiers } from '../protocol/mapping.js';
import { displayName, displayRelation } from './identifier.js';
import { parseStatement } from './parser.js';
import type { Statement } from './statement.js';

const relationTypes = ['table', 'view', 'materialized view', 'foreign table', 'sequence', 'index', 'type'];

/** The `object` texts of skipped or failed statements, found again by the words of a text. */
export class SkippedObjects extends Set<string> {
  /** By the last part of the name. */
  readonly #byWord = new Map<string, SkippedName[]>();
  /** Operators and what else is no identifier. */
  readonly #symbols: SkippedName[] = [];

  static of(objects: Iterable<string>): SkippedObjects {
    const all = new SkippedObjects();
    for (const object of objects) all.add(object);
    return all;
  }

  override add(object: string): this {
    if (this.has(object)) return this;
    super.add(object);
    const parsed = parseObject(object);
    if (parsed === undefined) return this;
    const entry = { object, ...parsed };
    const known = this.#byWord.get(parsed.bare);
    if (!/[\p{L}\p{N}_]/u.test(parsed.bare)) this.#symbols.push(entry);
    else if (known) known.push(entry);
    else this.#byWord.set(parsed.bare, [entry]);
    return this;
  }

  /** Those whose name stands somewhere in the text, whatever it means there. */
  mentionedIn(text: string): SkippedName[] {
    const found = new Set(this.#symbols.filter(({ bare }) => text.includes(bare)));
    if (this.#byWord.size > 0)
      // In two passes, since a double quote in a string would pair with that of a name.
      for (const [word] of text.matchAll(/[\p{L}_][\p{L}\p{N}_$]*/gu)) this.#look(word, found);
    if (this.#byWord.size > 0 && text.includes('"'))
      for (const [word] of text.matchAll(/"(?:[^"]|"")+"/g))
        this.#look(word.slice(1, -1).replaceAll('""', '"'), found);
    return [...found];
  }

  #look(word: string, found: Set<SkippedName>): void {
    for (const entry of this.#byWord.get(word) ?? []) found.add(entry);
  }
}

/**
 * The skipped object that this statement is about or needs, or undefined. The engine marks such a statement FF417.
 */
export function dependsOnSkipped(statement: Statement, skipped: ReadonlySet<string>): string | undefined {
  if (skipped.size === 0) return undefined;
  if (statement.about !== undefined && skipped.has(statement.about)) return statement.about;
  for (const relation of [statement.relation, ...(statement.references ?? [])]) {
    if (relation === undefined) continue;
    const name = displayRelation(relation);
    const found = relationTypes.map((type) => `${type} ${name}`).find((object) => skipped.has(object));
    if (found !== undefined && found !== statement.object) return found;
  }
  return mentionedSkipped(
    statement,
    skipped instanceof SkippedObjects ? skipped : SkippedObjects.of(skipped),
  );
}

/** Statements that only say something about an object; whom else they mention does not matter. */
const says: ReadonlySet<string> = new Set([
  'setting',
  'sessionAuthorization',
  'grant',
  'revoke',
  'ownerChange',
  'commentOn',
  'securityLabel',
]);

function mentionedSkipped(statement: Statement, skipped: SkippedObjects): string | undefined {
  if (says.has(statement.kind) || statement.parseError !== undefined) return undefined;
  // Parsing again is paid only by statements that hold the letters of a skipped name.
  const candidates = skipped.mentionedIn(statement.text).filter(({ object }) => object !== statement.object);
  if (candidates.length === 0) return undefined;
  const node = parseStatement(statement.text).node;
  if (node === undefined) return undefined;
  const mentioned = new Map<string, Set<Role>>();
  collect(node, 'any', mentioned);
  return candidates.find(({ name, role }) => {
    const roles = mentioned.get(name);
    return roles?.has(role) === true || roles?.has('any') === true;
  })?.object;
}

interface SkippedName {
  readonly object: string;
  readonly name: string;
  readonly bare: string;
  readonly role: Role;
}

/** What a name stands for where it is mentioned: functions and relations may share a name. */
type Role = 'relation' | 'routine' | 'any';

const objectPattern =
  /^(materialized view|foreign table|foreign-data wrapper|operator class|operator family|access method|text search \w+|\w+) (.+)$/s;
const belongings =
  /^(comment|privileges|constraint|trigger|rule|policy|index|statement|query|setting|user|default|identity|owner|partition|statistics)$/;
const routineTypes: ReadonlySet<string> = new Set(['function', 'procedure', 'aggregate', 'operator']);
const relationWords: ReadonlySet<string> = new Set([
  'table',
  'view',
  'materialized view',
  'foreign table',
  'sequence',
  'type',
  'domain',
]);

function parseObject(object: string): { name: string; bare: string; role: Role } | undefined {
  const [, type = '', rest = ''] = objectPattern.exec(object) ?? [];
  // Triggers, constraints, comments and the like are needed by nothing.
  if (belongings.test(type) || / (of column|owned by|attached to) /.test(rest)) return undefined;
  const name = routineTypes.has(type)
    ? rest.slice(0, rest.lastIndexOf('('))
    : rest.replace(/ using \S+$/, '');
  if (name === '') return undefined;
  const bare = (/("(?:[^"]|"")*"|[^."]+)$/.exec(name)?.[1] ?? name)
    .replace(/^"|"$/g, '')
    .replaceAll('""', '"');
  const role = routineTypes.has(type) ? 'routine' : relationWords.has(type) ? 'relation' : 'any';
  return { name, bare, role };
}

const routineKeys: ReadonlySet<string> = new Set([
  'funcname',
  'objname',
  'name',
  'func_name',
  'handler_name',
]);

/** Every dotted name of a parse tree, and the few plain ones that name a server, wrapper, language or method. */
function collect(value: unknown, key: string, into: Map<string, Set<Role>>, depth = 0): void {
  // A chain of thousands of operators is a tree as deep, which must not end the stack.
  if (depth > 1000) return;
  if (Array.isArray(value)) {
    const names = value.map(stringOf);
    if (names.length > 0 && names.every((name) => name !== undefined)) {
      note(
        into,
        displayName(...names),
        routineKeys.has(key) ? 'routine' : key === 'type' ? 'relation' : 'any',
      );
    }
    for (const each of value) collect(each, key, into, depth + 1);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  noteNameString(value, into);
  const entries = Object.entries(value);
  const { relname, schemaname } = value as { relname?: unknown; schemaname?: unknown };
  if (typeof relname === 'string') {
    const names = typeof schemaname === 'string' ? [schemaname, relname] : [relname];
    note(into, displayName(...names), 'relation');
  }
  for (const [name, inner] of entries) {
    if (typeof inner === 'string' && /^(servername|fdwname|lang|amname|accessMethod|plname)$/.test(name)) {
      note(into, displayName(inner), 'any');
    }
    // The tree does not tell whether a TypeName in a definition (sfunc = f) is a function: only elsewhere it is a type.
    const isType = name === 'names' && key !== 'TypeName';
    collect(inner, isType ? 'type' : name, into, depth + 1);
  }
}

/** `'shop.ticket'::regclass`, which nextval is given. */
function noteNameString(value: object, into: Map<string, Set<Role>>): void {
  const { typeName, arg } = value as {
    typeName?: { names?: readonly unknown[] };
    arg?: { A_Const?: { sval?: { sval?: unknown } } };
  };
  const text = arg?.A_Const?.sval?.sval;
  if (typeof text !== 'string' || stringOf(typeName?.names?.at(-1)) !== 'regclass') return;
  const names = parseIdentifiers(text);
  if (names) note(into, displayName(...names), 'relation');
}

function stringOf(node: unknown): string | undefined {
  const sval = (node as { String?: { sval?: unknown } } | null)?.String?.sval;
  return typeof sval === 'string' ? sval : undefined;
}

function note(into: Map<string, Set<Role>>, name: string, role: Role): void {
  const roles = into.get(name) ?? new Set<Role>();
  roles.add(role);
  into.set(name, roles);
}
