/** Where a mapping contradicts itself, PostgreSQL or the target. Needs no server, so that a panel can ask while names are typed. */
import type { MappingCatalog, MappingTable, MappingTarget } from './engine.js';
import { compileMapping, formatIdentifier, formatRelation, type Mapping, nameProblem } from './mapping.js';
import { type Decide, memoized } from './mappingDecisions.js';
import type { RelationName } from './model.js';
import type { ProjectDatabase } from './project.js';
import { RelationMap } from './relationMap.js';

/** Something that cannot become what the mapping says. */
export interface MappingConflict {
  readonly kind: 'sameTarget' | 'name' | 'exists' | 'newSchema';
  readonly severity: 'error' | 'note';
  /** Index in the databases of the project. */
  readonly database: number;
  /** The row it belongs to: a relation of the source, or a schema of it. */
  readonly relation?: RelationName;
  readonly schema?: string;
  /** What stands in the way, e.g. `public.orders` or `public.orders of shop`. */
  readonly with?: string;
  readonly target: RelationName;
  readonly message: string;
}

type Catalog = Pick<MappingCatalog, 'schemas' | 'tables' | 'indexes'>;

interface Claim {
  readonly database: number;
  readonly relation: RelationName;
  readonly index?: string;
  told: boolean;
}

/**
 * @param catalogs of the source databases, by the index of the database in the project; undefined where not yet read.
 * @param targets what stands in target databases already, by their names.
 */
export function mappingConflicts(
  databases: readonly ProjectDatabase[],
  catalogs: readonly (Catalog | undefined)[],
  targets: ReadonlyMap<string, MappingTarget>,
): MappingConflict[] {
  const found: MappingConflict[] = [];
  const places = new Map<string, Place>();
  const walks = databases.flatMap((database, index): Walk[] => {
    const catalog = catalogs[index];
    const mapping = mappingOf(database);
    if (!catalog || !mapping) return [];
    const target = targets.get(database.target);
    const place = places.get(database.target) ?? newPlace(target);
    places.set(database.target, place);
    const known = knownSchemas(catalog, mapping, target);
    return [{ databases, catalog, index, database, mapping, decide: memoized(mapping), place, known, found }];
  });
  for (const walk of walks) {
    for (const schema of walk.catalog.schemas) schemaConflicts(walk, schema);
    for (const table of walk.catalog.tables) tableConflicts(walk, table);
  }
  for (const walk of walks) for (const index of walk.catalog.indexes) indexConflicts(walk, index);
  return found;
}

/** A target database. */
interface Place {
  readonly claims: RelationMap<Claim>;
  readonly standing: RelationMap<true>;
  /** The one source schema of a target schema, or `mixed`: only there can names of indexes meet others. */
  readonly sources: Map<string, string>;
}
const mixed = '';

function newPlace(target: MappingTarget | undefined): Place {
  const standing = new RelationMap<true>();
  for (const relation of target?.relations ?? []) standing.set(relation, true);
  return { claims: new RelationMap(), standing, sources: new Map() };
}

interface Walk {
  readonly databases: readonly ProjectDatabase[];
  readonly catalog: Catalog;
  readonly index: number;
  readonly database: ProjectDatabase;
  readonly mapping: Mapping;
  readonly decide: Decide;
  readonly place: Place;
  /** Schemas that the target has or gets anyway. */
  readonly known: ReadonlySet<string>;
  readonly found: MappingConflict[];
}

function mappingOf(database: ProjectDatabase): Mapping | undefined {
  try {
    return compileMapping(database);
  } catch {
    // A filter that cannot be read is told where the project is checked.
    return undefined;
  }
}

function knownSchemas(catalog: Catalog, mapping: Mapping, target: MappingTarget | undefined): Set<string> {
  const taken = catalog.schemas.map((name) => mapping.schema(name)).filter(({ included }) => included);
  return new Set([...taken.map((schema) => schema.target), ...(target?.schemas ?? []), 'public']);
}

function schemaConflicts({ mapping, index, found }: Walk, schema: string): void {
  const { included, target } = mapping.schema(schema);
  const message = included && target !== schema ? nameProblem(target, 'schema') : undefined;
  if (message === undefined) return;
  found.push({
    kind: 'name',
    severity: 'error',
    database: index,
    schema,
    target: { schema: target, name: '' },
    message,
  });
}

function tableConflicts(walk: Walk, table: MappingTable): void {
  const { decide, mapping, known, place, found, index, database } = walk;
  const { included, target } = decide(table);
  if (!included) return;
  const relation = { schema: table.schema, name: table.name };
  const at = (kind: MappingConflict['kind'], message: string, severity: 'error' | 'note' = 'error') =>
    found.push({ kind, severity, database: index, relation, target, message });
  const moved = target.schema !== mapping.schema(table.schema).target;
  const badName =
    (target.name === table.name ? undefined : nameProblem(target.name, 'table')) ??
    (moved ? nameProblem(target.schema, 'schema') : undefined);
  if (badName !== undefined) at('name', badName);
  else if (moved && !known.has(target.schema))
    at('newSchema', `The schema ${formatIdentifier(target.schema)} is created on the target.`, 'note');
  if (place.standing.get(target))
    at('exists', `${formatRelation(target)} exists in ${database.target} already.`);
  claim(walk, target, { database: index, relation, told: false });
  const source = target.name === table.name ? `${index} ${table.schema}` : mixed;
  if ((place.sources.get(target.schema) ?? source) !== source) place.sources.set(target.schema, mixed);
  else place.sources.set(target.schema, source);
}

function indexConflicts(walk: Walk, index: Catalog['indexes'][number]): void {
  const { decide, mapping, database, place } = walk;
  const relation = { schema: index.schema, name: index.table };
  const { included, target } = decide(relation);
  if (!included || place.sources.get(target.schema) !== mixed || !mapping.index(index)) return;
  // It may be renamed with its table: which of them are, the DDL tells.
  if (database.renameOwned && target.name !== index.table) return;
  const name = { schema: target.schema, name: index.name };
  claim(walk, name, { database: walk.index, relation, index: index.name, told: false });
}

/** The first one that wants a name is told, too, once a second one does. */
function claim(walk: Walk, target: RelationName, mine: Claim): void {
  const first = walk.place.claims.get(target);
  if (!first) {
    walk.place.claims.set(target, mine);
    return;
  }
  walk.found.push(sameTarget(walk.databases, mine, first, target));
  if (first.told) return;
  first.told = true;
  walk.found.push(sameTarget(walk.databases, first, mine, target));
}

function sameTarget(
  databases: readonly ProjectDatabase[],
  mine: Claim,
  other: Claim,
  target: RelationName,
): MappingConflict {
  const what = ({ relation, index }: Claim) =>
    index === undefined
      ? formatRelation(relation)
      : `the index ${formatIdentifier(index)} of ${formatRelation(relation)}`;
  const source = databases[other.database]?.source ?? '';
  const others = mine.database === other.database ? what(other) : `${what(other)} of database ${source}`;
  return {
    kind: 'sameTarget',
    severity: 'error',
    database: mine.database,
    relation: mine.relation,
    with: others,
    target,
    message:
      mine.index === undefined
        ? `${formatRelation(target)} is the target of ${others}, too.`
        : `The name ${formatRelation(target)} of ${what(mine)} is that of ${others}, too.`,
  };
}
