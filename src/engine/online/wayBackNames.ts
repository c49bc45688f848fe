import { formatRelation, type Mapping } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { RelationMap } from '../../protocol/relationMap.js';
import { schemaCondition, systemSchemas } from '../catalog/filter.js';
import { namesOfOids, oidsOfNames } from '../catalog/relationNames.js';
import type { Session } from '../postgres/session.js';
import { type FollowRow, undoOf } from '../run/followState.js';
import { pairedSequences } from '../schema/sequences.js';
import type { CutoverParts } from './cutoverParts.js';
import { wayBackParts } from './wayBackRow.js';

/**
 * What of the target goes back to which object of the source: kept by the source (flexferry.follow.undo), since the
 * target may be changed meanwhile, and who continues the way back plans nothing. Objects of the target by oid, so that
 * one that gets another name is still the same.
 */
export interface WayBackNames {
  /** Target and source, of every schema that takes part. */
  readonly schemas: readonly (readonly [string, string])[];
  readonly tables: readonly TableBack[];
  readonly sequences: readonly ObjectBack[];
  /** Materialized views of the source. */
  readonly views: readonly RelationName[];
  /** Tables of the target beside these: no news. Oids. */
  readonly others: readonly string[];
}

/** Name on the source. */
interface ObjectBack extends RelationName {
  /** On the target. */
  readonly oid: string;
}
interface TableBack extends ObjectBack {
  /** Its rows are not migrated. */
  readonly withoutData?: true;
  /** Only rows of the source under this condition were. */
  readonly where?: string;
}

/** From what the run knows at the cutover. `source` and `target` are those of the migration. */
export async function namesBack(
  parts: CutoverParts,
  source: Session,
  target: Session,
): Promise<WayBackNames> {
  const { context, job, filter, sequenceTargets } = parts;
  const { rows: schemas } = await source.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n WHERE ${schemaCondition(filter)} ORDER BY 1`,
  );
  const scope = { filter, tables: parts.tables, targets: sequenceTargets };
  const sequences = await pairedSequences(context, source, target, scope);
  const tables = await withOids(
    target,
    parts.tables.filter(({ relkind }) => relkind !== 'm'),
    ({ schema, name, where, withData }): RelationName & Partial<TableBack> => ({
      schema,
      name,
      ...(!withData && { withoutData: true }),
      ...(where !== undefined && { where }),
    }),
  );
  const { rows: others } = await target.query<{ oid: string }>(
    `SELECT c.oid::text AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND ${systemSchemas} AND NOT (c.oid = ANY ($1::oid[]))`,
    [tables.map(({ oid }) => oid)],
  );
  return {
    schemas: schemas.map(({ name }) => [job.mapping.schema(name).target, name]),
    tables,
    others: others.map(({ oid }) => oid),
    sequences: await withOids(target, sequences, ({ schema, name }) => ({ schema, name })),
    views: parts.tables.flatMap(({ relkind, schema, name }) => (relkind === 'm' ? [{ schema, name }] : [])),
  };
}

/** Of those that are on the target. */
async function withOids<T extends { readonly target: RelationName }, U>(
  target: Session,
  objects: readonly T[],
  describe: (object: T) => U,
): Promise<(U & { oid: string })[]> {
  const oids = await oidsOfNames(
    target,
    objects.map((object) => object.target),
  );
  return objects.flatMap((object, i) => {
    const oid = oids[i];
    return oid === undefined ? [] : [{ ...describe(object), oid }];
  });
}

export function keptNames(row: FollowRow): WayBackNames {
  const none = { schemas: [], tables: [], sequences: [], views: [], others: [] };
  return (undoOf(row, wayBackParts.names) as WayBackNames | undefined) ?? none;
}

/** From names of the target, as they are now, to those of the source. */
export interface MappingBack {
  readonly mapping: Mapping;
  /** On the target. */
  readonly schemas: readonly string[];
  /** By formatted name on the target. */
  readonly sequences: ReadonlyMap<string, RelationName>;
}

export async function mappingBack(names: WayBackNames, target: Session): Promise<MappingBack> {
  const oids = [...names.tables, ...names.sequences].map(({ oid }) => oid);
  const now = await namesOfOids(target, [...oids, ...names.others]);
  const schemaBack = new Map(names.schemas);
  const tables = new RelationMap<TableBack>();
  const others = new RelationMap<true>();
  for (const oid of names.others) {
    const name = now.get(oid);
    if (name) others.set(name, true);
  }
  const used = new Set(schemaBack.keys());
  for (const table of names.tables) {
    const name = now.get(table.oid);
    if (name === undefined) continue;
    tables.set(name, table);
    used.add(name.schema);
  }
  const schema = (name: string) => ({ included: used.has(name), target: schemaBack.get(name) ?? name });
  return {
    mapping: {
      renames: true,
      schema,
      // What came to be on the target since is told as new; it is not followed.
      table: (relation) => {
        const known = tables.get(relation);
        return {
          included: known !== undefined || (used.has(relation.schema) && !others.get(relation)),
          data: known?.withoutData !== true,
          target: known
            ? { schema: known.schema, name: known.name }
            : { schema: schema(relation.schema).target, name: relation.name },
          ...(known?.where !== undefined && { where: known.where }),
        };
      },
      index: () => true,
      extension: () => true,
    },
    schemas: [...used],
    sequences: sequencesBack(names, now),
  };
}

function sequencesBack(names: WayBackNames, now: ReadonlyMap<string, RelationName>) {
  return new Map(
    names.sequences.flatMap(({ oid, schema, name }) => {
      const there = now.get(oid);
      return there ? [[formatRelation(there), { schema, name }] as const] : [];
    }),
  );
}
