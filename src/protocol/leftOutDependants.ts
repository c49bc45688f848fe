/** What a mapping takes although something that it needs does not come. Needs no server, so that a panel can ask at once. */
import type { MappingCatalog, MappingDependency, MappingTable } from './engine.js';
import { formatIdentifier, formatRelation, type Mapping } from './mapping.js';
import { type Decide, keyOf, memoized, type RelationKey } from './mappingDecisions.js';
import type { RelationName } from './model.js';

/** Something that is taken although what it needs does not come. */
export interface LeftOutDependant {
  /** For human readers, e.g. `view public.v`. */
  readonly object: string;
  /** The relation it is or belongs to: the row to show it at. */
  readonly on?: RelationName;
  /** Of an object that belongs to no relation. */
  readonly schema?: string;
  readonly needs: RelationName;
  readonly needsKind?: MappingDependency['needsKind'];
  /** `table public.t`, `extension citext` … */
  readonly needsObject: string;
  /**
   * `leftOut`: not taken. `unusable`: taken, but it needs something left out itself. `noRows`: created without the rows
   * that a foreign key refers to. `fewerRows`: its row filter may leave such rows behind.
   */
  readonly because: 'leftOut' | 'unusable' | 'noRows' | 'fewerRows';
}

export interface LeftOutOptions {
  /** False: no extension is taken, whatever the filters say. */
  readonly extensions?: boolean;
}

/** Direct ones first, then those that need these. */
export function leftOutDependants(
  mapping: Mapping,
  catalog: Pick<MappingCatalog, 'tables' | 'dependencies'>,
  options: LeftOutOptions = {},
): LeftOutDependant[] {
  const decisions = memoized(mapping);
  const taken = catalog.dependencies.filter((dependency) => isTaken(dependency, mapping, decisions));
  const found: LeftOutDependant[] = [];
  const unusable: RelationName[] = [];
  const known = new Set<RelationKey>();
  const spoil = ({ whole, on }: MappingDependency) => {
    if (!whole || !on || known.has(keyOf(on))) return;
    known.add(keyOf(on));
    unusable.push(on);
  };
  const kinds = kindsOf(catalog.tables, taken);
  for (const dependency of taken) {
    const because = reason(dependency, mapping, decisions, options);
    if (!because) continue;
    found.push(dependant(dependency, because, kinds));
    if (because === 'leftOut') spoil(dependency);
  }
  if (unusable.length === 0) return found;
  const byNeed = groupByNeed(taken);
  for (const relation of unusable) {
    for (const dependency of byNeed.get(keyOf(relation)) ?? []) {
      found.push(dependant(dependency, 'unusable', kinds));
      spoil(dependency);
    }
  }
  return found;
}

function isTaken({ on, index, schema }: MappingDependency, mapping: Mapping, decide: Decide): boolean {
  if (on) {
    if (!decide(on).included) return false;
    return index === undefined || mapping.index({ schema: on.schema, name: index });
  }
  return schema === undefined || mapping.schema(schema).included;
}

function reason(
  { needs, needsKind, needsRows, on }: MappingDependency,
  mapping: Mapping,
  decide: Decide,
  { extensions = true }: LeftOutOptions,
): LeftOutDependant['because'] | undefined {
  switch (needsKind) {
    case 'extension':
      return extensions && mapping.extension(needs.name) ? undefined : 'leftOut';
    case 'index':
      // That of a left-out table is told as the table.
      return mapping.index(needs) ? undefined : 'leftOut';
    case 'type':
    case 'function':
    case 'sequence':
      return mapping.schema(needs.schema).included ? undefined : 'leftOut';
    default: {
      const { included, data, where } = decide(needs);
      if (!included) return 'leftOut';
      if (!needsRows || !on || !decide(on).data) return undefined;
      if (!data) return 'noRows';
      return where === undefined ? undefined : 'fewerRows';
    }
  }
}

function dependant(
  { object, on, schema, needs, needsKind }: MappingDependency,
  because: LeftOutDependant['because'],
  kinds: ReadonlyMap<RelationKey, string>,
): LeftOutDependant {
  const name =
    needsKind === 'extension'
      ? formatIdentifier(needs.name)
      : needsKind === 'function'
        ? needs.name.replace(/^[^(]*/, (own) => formatRelation({ schema: needs.schema, name: own }))
        : formatRelation(needs);
  const kind = needsKind ?? kinds.get(keyOf(needs)) ?? 'table';
  return {
    object,
    ...(on && { on }),
    ...(schema !== undefined && { schema }),
    needs,
    ...(needsKind && { needsKind }),
    needsObject: `${kind} ${name}`,
    because,
  };
}

/** Words for those relations alone that something needs. */
function kindsOf(
  tables: readonly MappingTable[],
  dependencies: readonly MappingDependency[],
): ReadonlyMap<RelationKey, string> {
  const needed = new Set(dependencies.map(({ needs }) => keyOf(needs)));
  const kinds = new Map<RelationKey, string>();
  for (const table of tables) {
    const key = keyOf(table);
    if (needed.has(key)) kinds.set(key, table.kind === 'partitioned table' ? 'table' : table.kind);
  }
  return kinds;
}

function groupByNeed(dependencies: readonly MappingDependency[]): Map<RelationKey, MappingDependency[]> {
  const groups = new Map<RelationKey, MappingDependency[]>();
  for (const dependency of dependencies) {
    if (dependency.needsKind !== undefined) continue;
    const key = keyOf(dependency.needs);
    const group = groups.get(key);
    if (group) group.push(dependency);
    else groups.set(key, [dependency]);
  }
  return groups;
}

/** `view public.v needs table public.t, which is left out` */
export function dependantMessage({ object, needsObject, because }: LeftOutDependant): string {
  switch (because) {
    case 'leftOut':
      return `${object} needs ${needsObject}, which is left out`;
    case 'unusable':
      return `${object} needs ${needsObject}, which needs something that is left out`;
    case 'noRows':
      return `${object} needs rows of ${needsObject}, which is created without rows`;
    case 'fewerRows':
      return `${object} needs rows of ${needsObject}, whose row filter may leave some out`;
  }
}
