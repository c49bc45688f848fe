/** Immutable changes of a project file's data, which keep whatever they are not about. No import of `vscode`. */
import type { FilterList } from '../../../protocol/mappingPanel.js';
import type { ProjectPath } from '../../../protocol/project.js';
import { isObject, type Json, type JsonObject } from './projectText.js';

/**
 * The data with `value` at a place, with objects made on the way. Undefined removes; within databases it also removes
 * objects and lists that became empty by that, so that taking a change back leaves no trace.
 */
export function withValue(data: JsonObject, path: ProjectPath, value: Json): JsonObject {
  const changed = placed(data, path, value, path[0] === 'databases' ? 2 : path.length);
  return isObject(changed) ? changed : data;
}

function placed(container: Json, [key, ...rest]: ProjectPath, value: Json, keep: number): Json {
  if (key === undefined) return value;
  if (typeof key === 'number' && Array.isArray(container)) {
    if (key >= container.length && value === undefined) return container;
    const next = placed(container[key], rest, value, keep - 1);
    return next === undefined ? container.toSpliced(key, 1) : container.with(key, next);
  }
  const object = isObject(container) ? container : {};
  const next = placed(object[key], rest, value, keep - 1);
  if (next === object[key]) return container;
  const { [key]: _, ...others } = object;
  // A key that is there keeps its place.
  const result = next === undefined ? others : { ...object, [key]: next };
  return Object.keys(result).length === 0 && keep < 0 ? undefined : result;
}

export function valueAt(data: Json, path: ProjectPath): Json {
  return path.reduce<Json>(
    (value, key) =>
      Array.isArray(value)
        ? value[Number(key)]
        : isObject(value) && Object.hasOwn(value, key)
          ? value[key]
          : undefined,
    data,
  );
}

export const listPath = (database: number, list: FilterList): ProjectPath => [
  'databases',
  database,
  ...list.split('.'),
];

export function withList(
  data: JsonObject,
  database: number,
  list: FilterList,
  entries: readonly string[],
): JsonObject {
  return withValue(data, listPath(database, list), entries.length === 0 ? undefined : entries);
}

/** Adds entries where they belong in a sorted list, so that the order of gestures leaves no trace. */
export function withEntries(
  data: JsonObject,
  database: number,
  list: FilterList,
  added: readonly string[],
): JsonObject {
  const present = valueAt(data, listPath(database, list));
  const entries: Json[] = Array.isArray(present) ? [...present] : [];
  const known = new Set(entries);
  const fresh = added.filter((entry) => !known.has(entry));
  if (fresh.length > 100) {
    const all = [...entries.filter((entry) => typeof entry === 'string'), ...fresh];
    return withList(data, database, list, all.sort());
  }
  for (const entry of fresh) {
    const at = entries.findIndex((other) => typeof other === 'string' && other > entry);
    entries.splice(at < 0 ? entries.length : at, 0, entry);
  }
  return withValue(data, listPath(database, list), entries.length === 0 ? undefined : entries);
}

export function withoutEntries(
  data: JsonObject,
  database: number,
  list: FilterList,
  removed: (entry: string) => boolean,
): JsonObject {
  const present = valueAt(data, listPath(database, list));
  if (!Array.isArray(present)) return data;
  const kept = present.filter((entry) => typeof entry !== 'string' || !removed(entry));
  if (kept.length === present.length) return data;
  return withValue(data, listPath(database, list), kept.length === 0 ? undefined : kept);
}
