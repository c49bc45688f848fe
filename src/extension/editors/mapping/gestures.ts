/** What a gesture of the panel makes of a project file's data. No import of `vscode`. */
import type { MappingCatalog } from '../../../protocol/engine.js';
import { formatRelation } from '../../../protocol/mapping.js';
import type { MappingGesture } from '../../../protocol/mappingPanel.js';
import { defaultOptions, type ProjectPath, upgradeProject } from '../../../protocol/project.js';
import { check, checkData, type Outcome } from './checking.js';
import { valueAt, withList, withValue } from './dataEdits.js';
import { type DatabaseView, readData } from './projectData.js';
import { isObject, type JsonObject } from './projectText.js';
import { type RowPlace, readKey } from './rowKey.js';

/** `unknown`: what the gesture is about is not there any more. */
export type GestureOutcome = Outcome | { readonly state: 'unknown' };

/** Gestures that the host answers by asking first, not by an edit. */
export type DataGesture = Exclude<MappingGesture, { kind: 'addDatabase' }>;

const changed = (data: JsonObject): Outcome => ({ state: 'changed', data });

function renamed(data: JsonObject, database: DatabaseView, place: RowPlace, to: RenameGesture): JsonObject {
  const at: ProjectPath = ['databases', database.index];
  const name = to.name.trim() === '' ? undefined : to.name;
  if (place.at === 'database') return withValue(data, [...at, 'target'], name ?? database.source);
  if (place.at === 'schema') {
    const target = name === place.schema ? undefined : name;
    return withValue(data, [...at, 'schemas', place.schema], target);
  }
  if (place.at !== 'table') return data;
  const { relation } = place;
  const own: ProjectPath = [...at, 'tables', formatRelation(relation)];
  const inherited = database.schemas?.[relation.schema] ?? relation.schema;
  const schema = to.schema?.trim() === '' || to.schema === inherited ? undefined : to.schema;
  const target = name === relation.name ? undefined : name;
  const moved = to.schema === undefined ? data : withMember(data, own, 'schema', schema);
  return withMember(moved, own, 'name', target);
}
type RenameGesture = Extract<MappingGesture, { kind: 'rename' }>;

/** A member of a table's mapping; keys stand in the order of the schema. */
const withMember = (data: JsonObject, own: ProjectPath, member: string, value: string | undefined) =>
  withValue(data, [...own, member], value);

function withOption(data: JsonObject, name: string, value: boolean | number | string): Outcome | undefined {
  const standard = Object.entries(defaultOptions).find(([known]) => known === name)?.[1];
  const choices: Readonly<Record<string, readonly string[]>> = {
    dumpTool: ['auto', 'native', 'builtin'],
    owners: ['target', 'keep'],
  };
  const fits =
    typeof value === typeof standard &&
    (typeof value !== 'string' || (choices[name]?.includes(value) ?? false)) &&
    (typeof value !== 'number' || (Number.isInteger(value) && value >= 1 && value <= 64));
  return fits ? changed(withValue(data, ['options', name], value)) : undefined;
}

/** Entries as the user typed them: without empty ones, each once. */
const cleaned = (entries: readonly string[]) => [
  ...new Set(entries.map((entry) => entry.trim()).filter((entry) => entry !== '')),
];

function ofRow(
  data: JsonObject,
  gesture: Extract<DataGesture, { key: string }>,
  place: RowPlace,
  database: DatabaseView,
  catalog: MappingCatalog | undefined,
): GestureOutcome {
  const at: ProjectPath = ['databases', database.index];
  switch (gesture.kind) {
    case 'check':
      return check(data, database, place, gesture.checked, catalog);
    case 'rename':
      return changed(renamed(data, database, place, gesture));
    case 'where': {
      if (place.at !== 'table') return { state: 'unknown' };
      const where = gesture.where.trim() === '' ? undefined : gesture.where.trim();
      return changed(withValue(data, [...at, 'tables', formatRelation(place.relation), 'where'], where));
    }
    case 'data':
      if (place.at !== 'table') return { state: 'unknown' };
      return checkData(data, database.index, place.relation, gesture.data);
    case 'mode': {
      // Offline is what an absent mode means.
      const said = valueAt(data, [...at, 'mode']) !== undefined;
      return changed(
        withValue(data, [...at, 'mode'], gesture.mode === 'online' || said ? gesture.mode : undefined),
      );
    }
    case 'renameOwned':
      return changed(withValue(data, [...at, 'renameOwned'], gesture.on ? true : undefined));
    case 'filter':
      return changed(withList(data, database.index, gesture.list, cleaned(gesture.entries)));
    case 'removeDatabase':
      return changed(withValue(data, at, undefined));
  }
}

/** The data after a gesture; `catalogOf` gives what is known of a database by its id. */
export function applyGesture(
  data: JsonObject,
  gesture: DataGesture,
  catalogOf: (database: string) => MappingCatalog | undefined,
): GestureOutcome {
  if (gesture.kind === 'upgrade') {
    const upgraded = upgradeProject(data);
    return isObject(upgraded) ? changed(upgraded) : { state: 'unknown' };
  }
  if (gesture.kind === 'option') return withOption(data, gesture.name, gesture.value) ?? { state: 'unknown' };
  if (gesture.kind === 'role') {
    const target = gesture.target?.trim() === '' ? undefined : gesture.target?.trim();
    if (gesture.role.trim() === '') return { state: 'unknown' };
    return changed(withValue(data, ['options', 'roles', gesture.role], target));
  }
  const place = readKey(gesture.key);
  const database = readData(data).databases.find(({ id }) => id === place?.database);
  if (!place || !database) return { state: 'unknown' };
  return ofRow(data, gesture, place, database, catalogOf(database.id));
}

/** The data with further databases, each to the name it has. */
export function withDatabases(data: JsonObject, sources: readonly string[]): JsonObject {
  const present = Array.isArray(data['databases']) ? data['databases'] : [];
  const added = sources.map((source) => ({ source, target: source }));
  return { ...data, databases: [...present, ...added] };
}
