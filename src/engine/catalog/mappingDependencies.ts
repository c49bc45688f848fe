/**
 * What cannot be without a relation, from PostgreSQL's own records (pg_depend, pg_constraint, pg_inherits). Ways that
 * lead over functions, types and sequences are followed to the relations behind them.
 */
import type { MappingDependency } from '../../protocol/engine.js';
import { formatIdentifier, formatRelation } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import {
  dependencySources,
  foreignKeySql,
  type InheritanceRow,
  inheritanceSql,
  type ReferenceRow,
  type SourceRow,
} from './mappingDependencySql.js';
import { type Nodes, readNodes } from './mappingNodes.js';

export async function readMappingDependencies(session: Session): Promise<MappingDependency[]> {
  const dependencies = [...(await foreignKeys(session)), ...(await inheritance(session))];
  const { rows } = await session.query<SourceRow>(dependencySources);
  const nodes = await readNodes(session, rows);
  const objects = new Map<string, SourceRow[]>();
  for (const row of rows) {
    const key = objectKey(row.kind, row.oid);
    const known = objects.get(key);
    if (known) known.push(row);
    else objects.set(key, [row]);
  }
  for (const sources of objects.values()) {
    const object = describe(sources, nodes);
    if (object) dependencies.push(...needsOf(object, sources, objects, nodes));
  }
  return dependencies;
}

const objectKey = (kind: SourceRow['kind'], oid: string): string => `${kind} ${oid}`;

async function foreignKeys(session: Session): Promise<MappingDependency[]> {
  const { rows } = await session.query<ReferenceRow>(foreignKeySql(session.versionNum));
  return rows.flatMap((row) => {
    const on = { schema: row.schema, name: row.relation };
    const object = `foreign key ${formatIdentifier(row.name)} on ${formatRelation(on)}`;
    const needs = { schema: row.needs_schema, name: row.needs };
    const found: MappingDependency[] = same(on, needs) ? [] : [{ object, on, needs, needsRows: true }];
    if (row.index !== null)
      found.push({
        object,
        on,
        needs: { schema: row.index_schema ?? '', name: row.index },
        needsKind: 'index',
      });
    return found;
  });
}

/** Neither a partition nor a child table comes without its parent. */
async function inheritance(session: Session): Promise<MappingDependency[]> {
  const { rows } = await session.query<InheritanceRow>(inheritanceSql);
  return rows.map((row) => {
    const on = { schema: row.schema, name: row.name };
    const needs = { schema: row.needs_schema, name: row.needs };
    return row.is_partition
      ? { object: `partition ${formatRelation(on)}`, on, needs, whole: true }
      : { object: `child table ${formatRelation(on)}`, on, needs, whole: true };
  });
}

type Described = Pick<MappingDependency, 'object' | 'on' | 'whole' | 'schema' | 'index'>;

const relationWords: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'table',
  f: 'foreign table',
  v: 'view',
  m: 'materialized view',
};

/** Undefined for what comes with an extension or belongs to PostgreSQL or us. */
function describe([row]: readonly SourceRow[], nodes: Nodes): Described | undefined {
  if (!row) return undefined;
  const { kind, name } = row;
  if (kind === 'function') {
    const proc = nodes.proc.get(row.oid);
    if (!proc || proc.system || proc.extension !== null) return undefined;
    return { object: `${proc.word} ${formatRelation(proc)}(${proc.arguments})`, schema: proc.schema };
  }
  const node = nodes.class.get(kind === 'composite' ? row.oid : (row.on_oid ?? ''));
  if (!node || node.system || node.extension !== null) return undefined;
  if (kind === 'composite') return { object: `type ${formatRelation(node)}`, schema: node.schema };
  const on: RelationName = { schema: node.schema, name: node.name };
  const onText = formatRelation(on);
  if (kind === 'relation') {
    const word = relationWords[node.relkind];
    return word === undefined ? undefined : { object: `${word} ${onText}`, on, whole: true };
  }
  if (kind === 'default') return { object: `default of ${onText}.${formatIdentifier(name)}`, on };
  const object = `${kind} ${formatIdentifier(name)} on ${onText}`;
  return kind === 'index' ? { object, on, index: name } : { object, on };
}

/** What one step of a way comes to: something that is needed, and more steps. */
interface Step {
  readonly need?: Pick<MappingDependency, 'needs' | 'needsKind'>;
  readonly next?: readonly Pick<SourceRow, 'ref_class' | 'ref_oid' | 'extension'>[];
}

/** The needs of one object, each once. */
function needsOf(
  object: Described,
  sources: readonly SourceRow[],
  objects: ReadonlyMap<string, readonly SourceRow[]>,
  nodes: Nodes,
): MappingDependency[] {
  const found = new Map<string, MappingDependency>();
  const seen = new Set<string>();
  const ownSchema = object.on?.schema ?? object.schema;
  const queue: Pick<SourceRow, 'ref_class' | 'ref_oid' | 'extension'>[] = [...sources];
  for (const reference of queue) {
    const key = `${reference.ref_class} ${reference.ref_oid}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const { need, next } = step(reference, objects, nodes);
    if (next) queue.push(...next);
    if (!need || isOwn(need, object, ownSchema)) continue;
    found.set(`${need.needsKind ?? ''} ${formatRelation(need.needs)}`, { ...object, ...need });
  }
  return [...found.values()];
}

/** Itself, and what goes where its own schema goes. */
function isOwn(need: NonNullable<Step['need']>, object: Described, schema: string | undefined): boolean {
  if (need.needsKind === undefined) return object.on !== undefined && same(need.needs, object.on);
  return ['type', 'function', 'sequence'].includes(need.needsKind) && need.needs.schema === schema;
}

function step(
  { ref_class: refClass, ref_oid: oid, extension }: Pick<SourceRow, 'ref_class' | 'ref_oid' | 'extension'>,
  objects: ReadonlyMap<string, readonly SourceRow[]>,
  nodes: Nodes,
): Step {
  if (refClass === 'other') return extension === null ? {} : ofExtension(extension);
  const index = nodes.constraint.get(oid);
  if (refClass === 'constraint')
    return index ? { need: { needs: { schema: index.schema, name: index.name }, needsKind: 'index' } } : {};
  const node = nodes[refClass].get(oid);
  if (!node) return {};
  if (node.extension !== null) return ofExtension(node.extension);
  const { schema, name } = node;
  if (refClass === 'proc') {
    const next = objects.get(objectKey('function', oid)) ?? [];
    const signature = nodes.proc.get(oid)?.arguments ?? '';
    return node.system ? { next } : outside({ schema, name: `${name}(${signature})` }, 'function', next);
  }
  return refClass === 'type' ? typeStep(oid, nodes) : classStep(oid, objects, nodes);
}

function typeStep(oid: string, nodes: Nodes): Step {
  const type = nodes.type.get(oid);
  if (!type) return {};
  if (type.relation !== null)
    return { next: [{ ref_class: 'class', ref_oid: type.relation, extension: null }] };
  const next = type.of === null ? [] : [{ ref_class: 'type' as const, ref_oid: type.of, extension: null }];
  if (type.is_array || type.system) return { next };
  return outside({ schema: type.schema, name: type.name }, 'type', next);
}

function classStep(oid: string, objects: ReadonlyMap<string, readonly SourceRow[]>, nodes: Nodes): Step {
  const node = nodes.class.get(oid);
  if (!node || node.system) return {};
  const needs: RelationName = { schema: node.schema, name: node.name };
  if (node.relkind === 'c') return outside(needs, 'type', objects.get(objectKey('composite', oid)) ?? []);
  if (node.relkind !== 'S') return relationWords[node.relkind] === undefined ? {} : { need: { needs } };
  // A sequence that a column owns comes and goes with its table.
  if (node.owner === null) return outside(needs, 'sequence', []);
  return { need: { needs: { schema: node.owner_schema ?? '', name: node.owner } } };
}

const ofExtension = (name: string): Step => ({
  need: { needs: { schema: '', name }, needsKind: 'extension' },
});
const outside = (
  needs: RelationName,
  needsKind: 'type' | 'function' | 'sequence',
  next: NonNullable<Step['next']>,
): Step => ({ need: { needs, needsKind }, next });

const same = (a: RelationName, b: RelationName): boolean => a.schema === b.schema && a.name === b.name;
