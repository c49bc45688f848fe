/** What ticking and unticking a row means for the filters of a project. No import of `vscode`. */
import type { MappingCatalog } from '../../../protocol/engine.js';
import { compileMapping, formatRelation, type Mapping, parseRelation } from '../../../protocol/mapping.js';
import type { FilterList } from '../../../protocol/mappingPanel.js';
import type { RelationName } from '../../../protocol/model.js';
import { withEntries, withoutEntries } from './dataEdits.js';
import { type DatabaseView, readData } from './projectData.js';
import type { JsonObject } from './projectText.js';
import type { RowPlace } from './rowKey.js';

/** What leaves something out: an entry of an exclude list, or that an include list does not name it. */
export interface Cause {
  readonly list: FilterList;
  /** The entry to remove from an exclude list, or to add to an include list. */
  readonly entry: string;
}

export type Outcome =
  | { readonly state: 'changed'; readonly data: JsonObject }
  /** More than the row's own entry has to change: the user decides. */
  | {
      readonly state: 'asks';
      readonly causes: readonly Cause[];
      /** With everything that leaves the row out taken back. */
      readonly data: JsonObject;
      /** With the rest of the schema left out instead of the schema. */
      readonly onlyThis?: JsonObject;
    };

/** A thing that filters decide about. */
type Subject =
  | { readonly of: 'schema'; readonly name: string }
  | { readonly of: 'table' | 'data' | 'index'; readonly name: RelationName }
  | { readonly of: 'extension'; readonly name: string };

const ownList: Record<Subject['of'], FilterList> = {
  schema: 'exclude.schemas',
  table: 'exclude.tables',
  data: 'exclude.tableData',
  index: 'exclude.indexes',
  extension: 'exclude.extensions',
};

const entryOf = (subject: Subject): string =>
  typeof subject.name === 'string' ? subject.name : formatRelation(subject.name);

/** A mapping that one exclude list alone makes. */
const mappingOf = (database: DatabaseView, list: 'tableData' | 'indexes' | 'extensions' | 'tables') =>
  compileMapping({ source: '', target: '', exclude: { [list]: database.exclude?.[list] ?? [] } });

function schemaCause(database: DatabaseView, mapping: Mapping, name: string): Cause | undefined {
  const { leftOutBy } = mapping.schema(name);
  if (leftOutBy === undefined) return undefined;
  const excluded = database.exclude?.schemas?.includes(leftOutBy) ?? false;
  return excluded ? { list: 'exclude.schemas', entry: leftOutBy } : { list: 'include.schemas', entry: name };
}

function tableCause(database: DatabaseView, mapping: Mapping, relation: RelationName): Cause | undefined {
  const schema = schemaCause(database, mapping, relation.schema);
  if (schema) return schema;
  const { leftOutBy } = mapping.table(relation);
  if (leftOutBy === undefined) return undefined;
  const excluded = database.exclude?.tables?.includes(leftOutBy) ?? false;
  return excluded
    ? { list: 'exclude.tables', entry: leftOutBy }
    : { list: 'include.tables', entry: formatRelation(relation) };
}

/** The first entry of a list that leaves a subject out, found by trying them: only a yes or no is known of the whole. */
function entryCause(database: DatabaseView, subject: Subject): Cause | undefined {
  const list = ownList[subject.of];
  const key = list.split('.')[1] as 'tableData' | 'indexes' | 'extensions';
  const out = (candidate: DatabaseView) => {
    if (subject.of === 'extension') return !mappingOf(candidate, key).extension(subject.name);
    if (subject.of === 'index') return !mappingOf(candidate, key).index(subject.name);
    return subject.of === 'data' && !mappingOf(candidate, key).table(subject.name).data;
  };
  if (!out(database)) return undefined;
  const entry = database.exclude?.[key]?.find((one) =>
    out({ ...database, exclude: { ...database.exclude, [key]: [one] } }),
  );
  return entry === undefined ? undefined : { list, entry };
}

function causeOf(database: DatabaseView, subject: Subject): Cause | undefined {
  if (subject.of === 'schema') return schemaCause(database, compileMapping(database), subject.name);
  if (subject.of === 'table') return tableCause(database, compileMapping(database), subject.name);
  return entryCause(database, subject);
}

/** More filters than this never stand between a row and its being taken. */
const mostCauses = 1000;

function take(data: JsonObject, index: number, subject: Subject): Outcome {
  let taken = data;
  const causes: Cause[] = [];
  while (causes.length < mostCauses) {
    const database = readData(taken).databases.find((other) => other.index === index);
    const cause = database && causeOf(database, subject);
    if (!cause) break;
    causes.push(cause);
    taken = cause.list.startsWith('include.')
      ? withEntries(taken, index, cause.list, [cause.entry])
      : withoutEntries(taken, index, cause.list, (entry) => entry === cause.entry);
  }
  const own = ownList[subject.of];
  const simple = causes.every(({ list, entry }) => list === own && !entry.includes('~/'));
  return simple ? { state: 'changed', data: taken } : { state: 'asks', causes, data: taken };
}

const leave = (data: JsonObject, index: number, subject: Subject): Outcome => ({
  state: 'changed',
  data: withEntries(data, index, ownList[subject.of], [entryOf(subject)]),
});

/** For a table of a schema that is left out by its name: the schema is taken, its other tables are not. */
function onlyThis(
  data: JsonObject,
  index: number,
  catalog: MappingCatalog,
  relation: RelationName,
): JsonObject {
  const others = catalog.tables.filter((t) => t.schema === relation.schema && t.name !== relation.name);
  const left = withEntries(data, index, 'exclude.tables', others.map(formatRelation));
  return withoutEntries(left, index, 'exclude.schemas', (entry) => entry === relation.schema);
}

function checkTable(
  data: JsonObject,
  index: number,
  relation: RelationName,
  checked: boolean,
  catalog: MappingCatalog | undefined,
): Outcome {
  const subject = { of: 'table', name: relation } as const;
  if (!checked) return leave(data, index, subject);
  const outcome = take(data, index, subject);
  if (outcome.state === 'changed' || !catalog) return outcome;
  const named = outcome.causes.every(
    ({ list, entry }) =>
      (list === 'exclude.schemas' && entry === relation.schema) ||
      (list === 'exclude.tables' && !entry.includes('~/')),
  );
  return named ? { ...outcome, onlyThis: onlyThis(data, index, catalog, relation) } : outcome;
}

function checkSchema(data: JsonObject, database: DatabaseView, name: string, checked: boolean): Outcome {
  const { index } = database;
  const subject = { of: 'schema', name } as const;
  if (!checked) return leave(data, index, subject);
  const outcome = take(data, index, subject);
  // Taken already, so its tables are meant.
  if (outcome.state === 'changed' && outcome.data === data) {
    const tables = new Set(
      (database.exclude?.tables ?? []).filter((entry) => parseRelation(entry)?.schema === name),
    );
    return { state: 'changed', data: withoutEntries(data, index, 'exclude.tables', (e) => tables.has(e)) };
  }
  return outcome;
}

/** Everything of a database, or nothing of it. */
function checkDatabase(
  data: JsonObject,
  index: number,
  checked: boolean,
  catalog: MappingCatalog | undefined,
): Outcome {
  if (!checked) {
    const schemas = catalog?.schemas ?? [];
    return { state: 'changed', data: withEntries(data, index, 'exclude.schemas', schemas) };
  }
  const exact = (entry: string) => !entry.includes('~/');
  const taken = withoutEntries(data, index, 'exclude.schemas', exact);
  return { state: 'changed', data: withoutEntries(taken, index, 'exclude.tables', exact) };
}

/** Ticks or unticks a row. */
export function check(
  data: JsonObject,
  database: DatabaseView,
  place: RowPlace,
  checked: boolean,
  catalog: MappingCatalog | undefined,
): Outcome {
  const { index } = database;
  const one = (subject: Subject) => (checked ? take(data, index, subject) : leave(data, index, subject));
  if (place.at === 'table') return checkTable(data, index, place.relation, checked, catalog);
  if (place.at === 'schema') return checkSchema(data, database, place.schema, checked);
  if (place.at === 'index')
    return one({ of: 'index', name: { schema: place.relation.schema, name: place.index } });
  if (place.at === 'extension') return one({ of: 'extension', name: place.extension });
  if (place.at === 'database') return checkDatabase(data, index, checked, catalog);
  const changed = checked
    ? withoutEntries(data, index, 'exclude.extensions', (entry) => !entry.startsWith('~/'))
    : withEntries(data, index, 'exclude.extensions', catalog?.extensions ?? []);
  return { state: 'changed', data: changed };
}

/** Whether the rows of a table are copied. */
export function checkData(data: JsonObject, index: number, relation: RelationName, copied: boolean): Outcome {
  const subject = { of: 'data', name: relation } as const;
  return copied ? take(data, index, subject) : leave(data, index, subject);
}
