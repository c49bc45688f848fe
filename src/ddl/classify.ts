/** From the text of a dump to statements whose kind, object and section are known. */
import type { Node } from 'libpg-query';
import { alterTable } from './classifiers/alterTable.js';
import type { Classifiers, NodeName } from './classifiers/classifier.js';
import { definitionClassifiers } from './classifiers/definitions.js';
import { privilegeClassifiers } from './classifiers/privileges.js';
import { relationClassifiers } from './classifiers/relations.js';
import { type Parsed, parseStatement, parseStatements } from './parser.js';
import { type RawStatement, splitStatements } from './split.js';
import type { AnyShape, Section, Statement, StatementKind } from './statement.js';
import { shapeOfTocComment } from './tocShape.js';

const classifiers: Classifiers = {
  ...relationClassifiers,
  ...definitionClassifiers,
  ...privilegeClassifiers,
  AlterTableStmt: alterTable,
};

/** Needs {@link loadParser} before. Never throws: what cannot be parsed carries `parseError`. */
export function classify(raw: RawStatement): Statement {
  return assemble(raw, parseStatement(raw.text));
}

/** As {@link classify} each, but faster: several are parsed at once. */
export function classifyAll(raws: readonly RawStatement[]): Statement[] {
  const trees = parseStatements(raws.map((raw) => raw.text));
  return raws.map((raw) => {
    const { done, value } = trees.next();
    return assemble(raw, done ? parseStatement(raw.text) : value);
  });
}

/**
 * Splits and classifies a whole dump. pg_dump prints all of pre-data before all of post-data, so the first entry that
 * can only be post-data is the boundary: by its kind, or by its header where the kind does not tell. Settings belong to
 * neither.
 */
export function classifyDump(sql: string): Statement[] {
  let beyond = false;
  let entry: string | undefined;
  const statements: (Statement & { section: Section })[] = classifyAll(splitStatements(sql));
  for (const statement of statements) {
    if (statement.section === 'session') continue;
    entry = statement.tocComment?.type ?? entry;
    beyond ||= statement.section === 'postData' || (entry !== undefined && postDataEntries.has(entry));
    statement.section = beyond ? 'postData' : 'preData';
  }
  return statements;
}

function assemble(raw: RawStatement, parsed: Parsed): Statement {
  const shape = parsed.node === undefined ? shapeOfTocComment(raw) : shapeOf(parsed.node, raw.text);
  const statement = {
    ...raw,
    ...shape,
    section: sectionOf(shape),
    ...(parsed.error !== undefined && { parseError: parsed.error }),
  };
  // The spread of a union is the union of the spreads, which TypeScript does not see.
  return statement as Statement;
}

function shapeOf(node: Node, text: string): AnyShape {
  const [name, body] = Object.entries(node)[0] ?? [];
  const classifier = classifiers[name as NodeName] as ((body: unknown, text: string) => AnyShape) | undefined;
  return classifier?.(body, text) ?? { kind: 'other', object: words(text), details: {} };
}

/** The beginning of a statement nobody knows, up to its first name. */
function words(text: string): string {
  return (/^(?:[A-Za-z]+\s+){0,4}[A-Za-z]+/.exec(text)?.[0] ?? 'statement')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
}

const postDataKinds: ReadonlySet<StatementKind> = new Set<StatementKind>([
  'createIndex',
  'primaryKey',
  'unique',
  'exclusion',
  'check',
  'foreignKey',
  'domainConstraint',
  'attachIndexPartition',
  'clusterOn',
  'createTrigger',
  'enableTrigger',
  'createRule',
  'createPolicy',
  'eventTrigger',
  'statistics',
  'refreshMaterializedView',
  'publication',
  'subscription',
]);

/** Types of pg_dump's entries: SECTION_POST_DATA in pg_dump.c. */
const postDataEntries: ReadonlySet<string> = new Set([
  'INDEX',
  'INDEX ATTACH',
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'STATISTICS',
  'RULE',
  'TRIGGER',
  'EVENT TRIGGER',
  'POLICY',
  'ROW SECURITY',
  'PUBLICATION',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'SUBSCRIPTION',
  'SUBSCRIPTION TABLE',
  'MATERIALIZED VIEW DATA',
]);

function sectionOf(shape: AnyShape): Section {
  if (shape.kind === 'setting' || shape.kind === 'sessionAuthorization') return 'session';
  if (shape.kind === 'createView' && shape.details.replace) return 'postData';
  // FORCE and NOT NULL come with the table, ENABLE and what is not valid yet after the data.
  if (shape.kind === 'enableRowSecurity') return shape.details.forced ? 'preData' : 'postData';
  if (shape.kind === 'notNull') return shape.details.notValid ? 'postData' : 'preData';
  if (shape.kind === 'replicaIdentity' && shape.details.index !== undefined) return 'postData';
  return postDataKinds.has(shape.kind) ? 'postData' : 'preData';
}
