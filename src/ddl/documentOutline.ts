/** The outline of a SQL file by object: schemas, what is in them, and what belongs to a table. */
import type { DdlDocument, Entry } from './document.js';
import { definedBy, kindOf } from './documentIndex.js';
import { nameChains } from './documentNames.js';
import { displayRelation } from './identifier.js';
import type { Statement, StatementKind } from './statement.js';

export type OutlineKind =
  | 'schema'
  | 'table'
  | 'view'
  | 'sequence'
  | 'routine'
  | 'type'
  | 'column'
  | 'index'
  | 'constraint'
  | 'trigger'
  | 'other';

export interface OutlineEntry {
  readonly name: string;
  readonly detail: string;
  readonly kind: OutlineKind;
  /** UTF-16 offsets. What belongs to a table and stands elsewhere in the file is not within the table's range. */
  start: number;
  end: number;
  /** Where the name stands in the text, for going there. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly children: OutlineEntry[];
}

const outlineKinds: Partial<Record<StatementKind, OutlineKind>> = {
  createSchema: 'schema',
  createTable: 'table',
  createForeignTable: 'table',
  createView: 'view',
  createMaterializedView: 'view',
  createSequence: 'sequence',
  identity: 'sequence',
  createFunction: 'routine',
  createAggregate: 'routine',
  createOperator: 'routine',
  createType: 'type',
  createIndex: 'index',
  primaryKey: 'constraint',
  unique: 'constraint',
  exclusion: 'constraint',
  check: 'constraint',
  notNull: 'constraint',
  foreignKey: 'constraint',
  createTrigger: 'trigger',
  createRule: 'trigger',
  createPolicy: 'trigger',
};

/** Statements about an object that are no objects themselves. */
const notes: ReadonlySet<StatementKind> = new Set<StatementKind>([
  ...(['setting', 'sessionAuthorization', 'grant', 'revoke', 'ownerChange', 'commentOn'] as const),
  ...(['securityLabel', 'attachIndexPartition', 'clusterOn', 'replicaIdentity', 'enableTrigger'] as const),
  ...(['sequenceOwnedBy', 'alterSequence', 'refreshMaterializedView', 'enableRowSecurity'] as const),
  ...(['attachPartition', 'alterTable'] as const),
]);

/** An outline of hundreds of thousands of lines helps nobody. */
const mostTablesWithColumns = 3000;

export function outlineOf(document: DdlDocument): OutlineEntry[] {
  const roots: OutlineEntry[] = [];
  const schemas = new Map<string, OutlineEntry>();
  const relations = new Map<string, OutlineEntry>();
  const withColumns = document.entries.length <= mostTablesWithColumns * 6;
  let before: OutlineEntry | undefined;
  for (const entry of document.entries) {
    const statement = document.statementOf(entry);
    if (statement === undefined) continue;
    const about = statement.relation && relations.get(displayRelation(statement.relation));
    if (notes.has(statement.kind)) {
      if (about !== undefined && about === before) about.end = entry.end;
      continue;
    }
    const node = nodeOf(entry, statement);
    if (about !== undefined && node.kind !== 'table' && node.kind !== 'view') {
      about.children.push(node);
      if (about === before) about.end = entry.end;
      continue;
    }
    if (withColumns) node.children.push(...columnNodes(statement));
    before = node;
    const own = statement.relation;
    if (own && (node.kind === 'table' || node.kind === 'view')) relations.set(displayRelation(own), node);
    if (node.kind === 'schema') {
      const known = schemas.get(node.name);
      if (known === undefined) {
        schemas.set(node.name, node);
        roots.push(node);
      }
      continue;
    }
    // In post-data the table itself is in the other file: what belongs to it stands under its name.
    const parent = own && node.kind !== 'table' && node.kind !== 'view' && isPart(node.kind);
    const holder = parent ? placeholder(displayRelation(own), own.name, node, relations) : undefined;
    if (holder !== undefined) {
      holder.children.push(node);
      before = holder;
    }
    const schema = schemaOf(statement);
    if (schema === '') roots.push(holder ?? node);
    else inSchema(schema, holder ?? node, schemas, roots);
  }
  widen(schemas);
  return roots;
}

function isPart(kind: OutlineKind): boolean {
  return kind === 'index' || kind === 'constraint' || kind === 'trigger';
}

function placeholder(
  key: string,
  name: string,
  { start, end, nameStart, nameEnd }: OutlineEntry,
  relations: Map<string, OutlineEntry>,
): OutlineEntry {
  const node: OutlineEntry = {
    ...{ name, detail: 'table', kind: 'table', start, end, nameStart, nameEnd },
    children: [],
  };
  relations.set(key, node);
  return node;
}

function inSchema(
  name: string,
  node: OutlineEntry,
  schemas: Map<string, OutlineEntry>,
  roots: OutlineEntry[],
): void {
  let schema = schemas.get(name);
  if (schema === undefined) {
    const { start, end, nameStart, nameEnd } = node;
    schema = {
      ...{ name, detail: 'schema', kind: 'schema', start, end, nameStart, nameEnd },
      children: [],
    };
    schemas.set(name, schema);
    roots.push(schema);
  }
  schema.children.push(node);
}

/** A schema reaches over all that is in it, unless schemas would overlap: then the cursor would be in the wrong one. */
function widen(schemas: ReadonlyMap<string, OutlineEntry>): void {
  const hulls = [...schemas.values()].map((schema) => ({
    schema,
    start: schema.children.reduce((least, { start }) => Math.min(least, start), schema.start),
    end: schema.children.reduce((most, { end }) => Math.max(most, end), schema.end),
  }));
  hulls.sort((a, b) => a.start - b.start);
  for (const [index, { schema, start, end }] of hulls.entries()) {
    const previous = hulls[index - 1];
    const next = hulls[index + 1];
    if ((previous && previous.end > start) || (next && next.start < end)) continue;
    schema.start = start;
    schema.end = end;
  }
}

function schemaOf(statement: Statement): string {
  const id = definedBy(statement);
  if (id !== undefined) return id.schema;
  if (statement.relation) return statement.relation.schema;
  const named = statement.creates?.identity ?? statement.text.slice(0, 300).replace(brokenHead, '');
  const parts = statement.creates || statement.parseError ? (nameChains(named)[0]?.parts ?? []) : [];
  return parts.length > 1 ? (parts[0]?.name ?? '') : '';
}

/** What a broken statement was to make, by its first words. */
const brokenHead =
  /^CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:UNLOGGED|FOREIGN|MATERIALIZED|UNIQUE|TEMP|TEMPORARY|GLOBAL|LOCAL)\s+)*(TABLE|VIEW|FUNCTION|PROCEDURE|TYPE|DOMAIN|SEQUENCE|INDEX|TRIGGER|SCHEMA)\b/i;
const brokenKinds: Readonly<Record<string, OutlineKind>> = {
  procedure: 'routine',
  function: 'routine',
  domain: 'type',
};

function brokenNode({ start, end }: Entry, text: string): OutlineEntry | undefined {
  const [head, type] = brokenHead.exec(text) ?? [];
  if (head === undefined || type === undefined) return undefined;
  const part = nameChains(text.slice(head.length, head.length + 300), start + head.length)[0]?.parts.at(-1);
  if (part === undefined) return undefined;
  const kind = brokenKinds[type.toLowerCase()] ?? (type.toLowerCase() as OutlineKind);
  return {
    ...{ name: part.name, detail: `${type.toLowerCase()}, cannot be parsed`, kind, start, end },
    ...{ nameStart: part.start, nameEnd: part.end, children: [] },
  };
}

function nodeOf(entry: Entry, statement: Statement): OutlineEntry {
  const { start, end } = entry;
  const broken = statement.parseError && brokenNode(entry, statement.text);
  if (broken) return broken;
  const name = nameOf(statement);
  const place = namePlace(statement.text, name);
  const kind = outlineKinds[statement.kind] ?? 'other';
  const detail = kind === 'other' ? statement.kind : detailOf(statement, kind);
  return {
    name: name === '' ? statement.object : shownName(statement, name),
    detail,
    kind,
    start,
    end,
    nameStart: start + place.start,
    nameEnd: start + place.end,
    children: [],
  };
}

function detailOf(statement: Statement, kind: OutlineKind): string {
  if (kind === 'constraint') return statement.object.startsWith('constraint') ? statement.kind : 'constraint';
  if (kind === 'trigger') return statement.object.split(' ')[0] ?? 'trigger';
  return statement.parseError === undefined ? kindOf(statement) : statement.object;
}

/** Functions of one name differ by their arguments. */
function shownName(statement: Statement, name: string): string {
  if (statement.kind !== 'createFunction' && statement.kind !== 'createAggregate') return name;
  return `${name}${/\(.*\)$/s.exec(statement.object)?.[0] ?? ''}`;
}

function nameOf(statement: Statement): string {
  const id = definedBy(statement);
  if (id !== undefined) return id.name;
  return 'name' in statement.details ? (statement.details.name ?? '') : '';
}

/** Where a name stands first; the first word where it does not. */
function namePlace(text: string, name: string): { start: number; end: number } {
  const chains = name === '' ? [] : nameChains(text.slice(0, 2000));
  const part = chains.map(({ parts }) => parts.at(-1)).find((last) => last?.name === name);
  return part ?? { start: 0, end: /^\S+/.exec(text)?.[0].length ?? 0 };
}

function columnNodes(statement: Statement): OutlineEntry[] {
  if (statement.kind !== 'createTable' && statement.kind !== 'createForeignTable') return [];
  const nodes: OutlineEntry[] = [];
  const columns = statement.details.columns.values();
  let wanted = columns.next().value;
  for (const { parts, before } of nameChains(statement.text, statement.start)) {
    if (wanted === undefined) break;
    const [part] = parts;
    if (part?.name !== wanted || (before[0] !== '(' && before[0] !== ',')) continue;
    const { start, end } = part;
    nodes.push({
      ...{ name: wanted, detail: 'column', kind: 'column', start, end },
      ...{ nameStart: start, nameEnd: end, children: [] },
    });
    wanted = columns.next().value;
  }
  return nodes;
}
