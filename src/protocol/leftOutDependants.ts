/** What a mapping takes although something that it needs does not come. Needs no server, so that a panel can ask at once. */
import type { MappingCatalog, MappingDependency, MappingTable } from './engine.js';
import { formatIdentifier, formatRelation, type Mapping } from './mapping.js';
import { type Decide, memoized } from './mappingDecisions.js';
import type { RelationName } from './model.js';
import { RelationMap } from './relationMap.js';

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
  const found: Found[] = [];
  const unusable: RelationName[] = [];
  const known = new RelationMap<true>();
  const spoil = ({ whole, on }: MappingDependency) => {
    if (!whole || !on || known.get(on)) return;
    known.set(on, true);
    unusable.push(on);
  };
  for (const dependency of taken) {
    const because = reason(dependency, mapping, decisions, options);
    if (!because) continue;
    found.push({ dependency, because });
    if (because === 'leftOut') spoil(dependency);
  }
  const byNeed = unusable.length === 0 ? new RelationMap<MappingDependency[]>() : groupByNeed(taken);
  for (const relation of unusable) {
    for (const dependency of byNeed.get(relation) ?? []) {
      found.push({ dependency, because: 'unusable' });
      spoil(dependency);
    }
  }
  return found.length === 0 ? [] : inWords(found, catalog.tables);
}

interface Found {
  readonly dependency: MappingDependency;
  readonly because: LeftOutDependant['because'];
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

function inWords(found: readonly Found[], tables: readonly MappingTable[]): LeftOutDependant[] {
  const kinds = new RelationMap<string>();
  for (const table of tables) kinds.set(table, table.kind === 'partitioned table' ? 'table' : table.kind);
  return found.map(({ dependency: { object, on, schema, needs, needsKind }, because }) => ({
    object,
    ...(on && { on }),
    ...(schema !== undefined && { schema }),
    needs,
    ...(needsKind && { needsKind }),
    needsObject: `${needsKind ?? kinds.get(needs) ?? 'table'} ${nameOf(needs, needsKind)}`,
    because,
  }));
}

function nameOf(needs: RelationName, kind: MappingDependency['needsKind']): string {
  if (kind === 'extension') return formatIdentifier(needs.name);
  if (kind !== 'function') return formatRelation(needs);
  // With its argument types, which are no part of the name.
  const open = needs.name.lastIndexOf('(');
  return `${formatRelation({ ...needs, name: needs.name.slice(0, open) })}${needs.name.slice(open)}`;
}

function groupByNeed(dependencies: readonly MappingDependency[]): RelationMap<MappingDependency[]> {
  const groups = new RelationMap<MappingDependency[]>();
  for (const dependency of dependencies) {
    if (dependency.needsKind !== undefined) continue;
    const group = groups.get(dependency.needs);
    if (group) group.push(dependency);
    else groups.set(dependency.needs, [dependency]);
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
