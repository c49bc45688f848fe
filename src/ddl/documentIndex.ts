/** Which names of a database's DDL mean which objects: definitions, references, dependants. */

import type { DdlDocument, Entry } from './document.js';
import { type NameChain, nameChains } from './documentNames.js';
import { skippedEntries } from './documentSkipped.js';
import { displayName } from './identifier.js';
import type { Statement } from './statement.js';

/** Objects of one class share their names: tables, views and sequences are relations. */
export type ObjectClass = 'schema' | 'relation' | 'routine' | 'type' | 'index';

export interface ObjectId {
  readonly class: ObjectClass;
  /** '' for a schema, and where the statement names none. */
  readonly schema: string;
  readonly name: string;
}

export interface Definition {
  readonly id: ObjectId;
  readonly document: DdlDocument;
  readonly entry: Entry;
  /** In PostgreSQL's words: `table`, `materialized view`, `function` … */
  readonly kind: string;
  readonly columns: readonly string[];
  /** It stands as a comment and is not made: the reason, '' where the user skipped it. */
  readonly skipped?: string;
}

export interface Place {
  readonly entry: Entry;
  /** UTF-16 offsets in the document. */
  readonly start: number;
  readonly end: number;
}

type Known = NonNullable<Entry['known']>;

const keyOf = (id: ObjectId): string => `${id.class}\0${id.schema}\0${id.name}`;
export const sameObject = (a: ObjectId, b: ObjectId): boolean => keyOf(a) === keyOf(b);

/** The object that a statement makes, if it makes one that others name. */
export function definedBy(known: Known): ObjectId | undefined {
  const statement = known as Statement;
  switch (statement.kind) {
    case 'createSchema':
      return { class: 'schema', schema: '', name: statement.details.name };
    case 'createTable':
    case 'createForeignTable':
    case 'createView':
    case 'createMaterializedView':
      return statement.relation && { class: 'relation', ...statement.relation };
    case 'createSequence':
      return { class: 'relation', ...statement.details.sequence };
    case 'identity':
      return statement.details.sequence && { class: 'relation', ...statement.details.sequence };
    case 'createIndex':
      return statement.details.index.name === '' ? undefined : { class: 'index', ...statement.details.index };
    case 'primaryKey':
    case 'unique':
    case 'exclusion': {
      const { name } = statement.details;
      return name === undefined
        ? undefined
        : { class: 'index', schema: statement.relation?.schema ?? '', name };
    }
    case 'createFunction':
    case 'createAggregate':
      return identified('routine', statement);
    case 'createType':
      return identified('type', statement);
    default:
      return statement.creates?.type === 'TABLE' && statement.relation
        ? { class: 'relation', ...statement.relation }
        : undefined;
  }
}

function identified(of: ObjectClass, { creates }: Statement): ObjectId | undefined {
  const parts = nameChains(creates?.identity ?? '')[0]?.parts;
  const name = parts?.at(-1)?.name;
  return name === undefined ? undefined : { class: of, schema: parts?.at(-2)?.name ?? '', name };
}

/** Statements that only say something about an object do not depend on it in a way worth a word. */
const says: ReadonlySet<string> = new Set(['grant', 'revoke', 'ownerChange', 'commentOn', 'securityLabel']);

const relationWords: ReadonlySet<string> = new Set([
  ...['TABLE', 'ONLY', 'INTO', 'FROM', 'JOIN', 'UPDATE', 'REFERENCES', 'ON', 'VIEW', 'SEQUENCE'],
  ...['EXISTS', 'OF', 'TRUNCATE', 'BY', 'USING', 'LIKE', 'PARTITION'],
]);
const routineWords: ReadonlySet<string> = new Set(['FUNCTION', 'PROCEDURE', 'ROUTINE', 'AGGREGATE', 'CALL']);
/** Constraints that are indexes go by one name with them. */
const indexWords: ReadonlySet<string> = new Set(['INDEX', 'CONSTRAINT']);
const typeWords: ReadonlySet<string> = new Set(['TYPE', 'DOMAIN', ':', 'AS', 'RETURNS', 'SETOF']);

/** Of the files of one database at one moment. */
export class DdlIndex {
  readonly #definitions = new Map<string, Definition[]>();
  /** Schemas that hold something or are made here. */
  readonly #schemas = new Set<string>(['public']);
  readonly #bare = new Map<string, ObjectId[]>();

  constructor(readonly documents: readonly DdlDocument[]) {
    for (const document of documents) {
      for (const entry of document.entries) if (entry.known) this.#add(document, entry, entry.known);
    }
    // What is skipped counts where nothing else makes the object.
    for (const document of documents) {
      for (const { block, entry } of skippedEntries(document)) {
        const id = entry.known && definedBy(entry.known);
        if (!entry.known || !id || this.definitions(id).some(({ skipped }) => skipped === undefined))
          continue;
        this.#add(document, entry, entry.known, block.reason ?? '');
      }
    }
  }

  get schemas(): ReadonlySet<string> {
    return this.#schemas;
  }

  definitions(id: ObjectId): readonly Definition[] {
    return this.#definitions.get(keyOf(id)) ?? [];
  }

  all(): IterableIterator<Definition[]> {
    return this.#definitions.values();
  }

  /** What a part of a name means, as far as the DDL tells. */
  resolve(chain: NameChain, part: number, inStatement?: readonly NameChain[]): ObjectId | undefined {
    const [first, second] = chain.parts;
    if (first === undefined) return undefined;
    if (second !== undefined && this.#schemas.has(first.name)) {
      if (part === 0) return { class: 'schema', schema: '', name: first.name };
      return this.#choose(this.#named(first.name, second.name), chain, chain.parts.length > 2);
    }
    if (second !== undefined) return part === 0 ? this.#alias(first.name, inStatement) : undefined;
    if (chain.before[0] === 'SCHEMA' || (chain.before[0] === 'TO' && chain.before[1] === 'RENAME')) {
      return this.#schemas.has(first.name) ? { class: 'schema', schema: '', name: first.name } : undefined;
    }
    const found = this.#bare.get(first.name) ?? [];
    const chosen = this.#choose(found, chain, false);
    if (chosen === undefined || found.filter((id) => id.class === chosen.class).length > 1) return undefined;
    return isExpected(chosen, chain) ? chosen : undefined;
  }

  #add(document: DdlDocument, entry: Entry, known: Known, skipped?: string): void {
    const id = definedBy(known);
    const schema = id?.schema ?? known.relation?.schema ?? '';
    if (schema !== '') this.#schemas.add(schema);
    if (id === undefined) return;
    if (id.class === 'schema') this.#schemas.add(id.name);
    const key = keyOf(id);
    const others = this.#definitions.get(key);
    const definition = {
      ...{ id, document, entry, kind: kindOf(known), columns: columnsOf(known) },
      ...(skipped !== undefined && { skipped }),
    };
    if (others !== undefined) {
      others.push(definition);
      return;
    }
    this.#definitions.set(key, [definition]);
    const bare = this.#bare.get(id.name);
    if (bare === undefined) this.#bare.set(id.name, [id]);
    else bare.push(id);
  }

  #named(schema: string, name: string): ObjectId[] {
    return (['relation', 'type', 'routine', 'index'] as const)
      .map((of) => ({ class: of, schema, name }))
      .filter((id) => this.#definitions.has(keyOf(id)));
  }

  /** Objects of several classes may share a name: what stands around it decides. */
  #choose(found: readonly ObjectId[], chain: NameChain, hasColumn: boolean): ObjectId | undefined {
    const [word = '', second = ''] = chain.before;
    const of = (wanted: ObjectClass) => found.find((id) => id.class === wanted);
    if (hasColumn || chain.inString) return of('relation') ?? of('index') ?? of('type') ?? of('routine');
    if (routineWords.has(word)) return of('routine') ?? found[0];
    if (indexWords.has(word) || (word === 'ON' && second === 'CLUSTER')) return of('index') ?? found[0];
    if (typeWords.has(word)) return of('type') ?? found[0];
    if (chain.after === '(' && !relationWords.has(word)) return of('routine') ?? found[0];
    return found[0];
  }

  /** `orders.id` beside `FROM app.orders`: a table without an alias goes by its own name. */
  #alias(name: string, inStatement: readonly NameChain[] | undefined): ObjectId | undefined {
    const qualified = inStatement?.find(
      ({ parts }) => parts.length === 2 && parts[1]?.name === name && this.#schemas.has(parts[0]?.name ?? ''),
    );
    return (
      qualified && this.#named(qualified.parts[0]?.name ?? '', name).find((id) => id.class === 'relation')
    );
  }

  /** Every place of a document that names the object, its definition included. Pauses often. */
  *references(document: DdlDocument, id: ObjectId): Generator<Place | undefined> {
    for (const entry of entriesWith(document, id.name)) {
      const chains = nameChains(document.textOf(entry), entry.start);
      for (const chain of chains) {
        for (const [index, part] of chain.parts.entries()) {
          if (part.name !== id.name) continue;
          const found = this.resolve(chain, index, chains);
          if (found && sameObject(found, id)) yield { entry, start: part.start, end: part.end };
        }
      }
      yield undefined;
    }
  }

  /** Statements that need an object, once each: not its own parts, nor what is only said about it. Pauses often. */
  *dependants(document: DdlDocument, id: ObjectId): Generator<Entry | undefined> {
    let last: Entry | undefined;
    for (const place of this.references(document, id)) {
      yield undefined;
      const known = place?.entry.known;
      if (place === undefined || known === undefined || place.entry === last || says.has(known.kind))
        continue;
      last = place.entry;
      const own = definedBy(known);
      if (own && sameObject(own, id)) continue;
      const { relation } = known;
      const isPart = id.class === 'relation' && relation?.schema === id.schema && relation.name === id.name;
      if (!isPart) yield place.entry;
    }
  }
}

/** Entries whose text holds a name, in order: found in the text as a whole, which is fast. */
function* entriesWith(document: DdlDocument, name: string): Generator<Entry> {
  const written = name.replaceAll('"', '""').replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const pattern = new RegExp(written, 'gi');
  for (let found = pattern.exec(document.text); found !== null; found = pattern.exec(document.text)) {
    const entry = document.entryAt(found.index);
    if (entry === undefined || entry.end <= found.index) continue;
    yield entry;
    pattern.lastIndex = Math.max(entry.end, found.index + 1);
  }
}

/** A bare name is often a column: it is taken for an object only where one has to stand. */
function isExpected(id: ObjectId, { before, after, inString }: NameChain): boolean {
  const [word = ''] = before;
  if (inString) return id.class === 'relation';
  if (id.class === 'routine') return after === '(' || routineWords.has(word);
  if (id.class === 'type') return typeWords.has(word);
  if (id.class === 'index') return indexWords.has(word) || (word === 'ON' && before[1] === 'CLUSTER');
  return relationWords.has(word);
}

const kinds: Readonly<Record<string, string>> = {
  createSchema: 'schema',
  createForeignTable: 'foreign table',
  createView: 'view',
  createMaterializedView: 'materialized view',
  createSequence: 'sequence',
  identity: 'sequence',
  createIndex: 'index',
  primaryKey: 'primary key',
  unique: 'unique constraint',
  exclusion: 'exclusion constraint',
  createAggregate: 'aggregate',
};

export function kindOf(known: Known): string {
  const statement = known as Statement;
  if (statement.kind === 'createTable') {
    return statement.details.isPartitioned
      ? 'partitioned table'
      : statement.details.partitionOf
        ? 'partition'
        : 'table';
  }
  if (statement.kind === 'createFunction') return statement.details.isProcedure ? 'procedure' : 'function';
  if (statement.kind === 'createType') {
    const { variant } = statement.details;
    return variant === 'domain' ? 'domain' : `${variant} type`;
  }
  return kinds[statement.kind] ?? 'table';
}

function columnsOf(known: Known): readonly string[] {
  const statement = known as Statement;
  return statement.kind === 'createTable' || statement.kind === 'createForeignTable'
    ? statement.details.columns
    : [];
}

export function displayObject({ class: of, schema, name }: ObjectId): string {
  return of === 'schema' || schema === '' ? displayName(name) : displayName(schema, name);
}
