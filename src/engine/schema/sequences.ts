import { chunks } from '../../base/pool.js';
import { displayRelation } from '../../ddl/identifier.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { formatRelation } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { notOfExtension, type SchemaFilter, schemaCondition } from '../catalog/filter.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { literal, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';

/** Sequences a query reads at a time. */
const batchSize = 500;

export interface SequenceScope {
  readonly filter: SchemaFilter;
  /** Those that the project takes: a sequence goes with the table that owns it. */
  readonly tables: readonly SourceTable[];
  /** Names on the target of those that have another one there, by `schema.name`: see PlannedDdl. */
  readonly targets: ReadonlyMap<string, RelationName>;
}

interface Sequence extends RelationName {
  readonly target: RelationName;
}
interface SequenceValue extends Sequence {
  readonly last: string;
  readonly called: boolean;
}

/**
 * Gives every sequence of the target the value it has on the source, read now and not as of the snapshot, and reads
 * it back. Identity columns and serials have theirs among them.
 */
export async function setSequences(
  context: DatabaseContext,
  source: Session,
  target: Session,
  scope: SequenceScope,
): Promise<void> {
  const { tracker, signal } = context;
  const names = await listSequences(context, source, scope);
  tracker.begin('sequences', names.length);
  tracker.sequences.total = names.length;
  for (const batch of chunks(names, batchSize)) {
    signal.throwIfAborted();
    const values = await readValues(source, batch, (s) => s);
    const set = values.map(
      (v) => `SELECT setval(${literal(qualified(v.target))}::regclass, ${v.last}, ${v.called})`,
    );
    const failed = await setAll(context, target, values, set);
    const there = values.filter((v) => !failed.has(v));
    const now = await readValues(target, there, (s) => s.target);
    for (const [i, value] of there.entries()) {
      const equal = now[i]?.last === value.last && now[i]?.called === value.called;
      if (equal) tracker.sequences.equal += 1;
      else report(context, value, 'has another value than on the source');
      tracker.advance('sequences', equal ? 'done' : 'failed');
    }
  }
  tracker.end('sequences');
}

async function listSequences(
  context: DatabaseContext,
  source: Session,
  { filter, tables, targets }: SequenceScope,
): Promise<Sequence[]> {
  const { rows } = await source.query<RelationName & { owner: string | null }>(`
    SELECT n.nspname AS schema, c.relname AS name,
           (SELECT d.refobjid::text FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1) AS owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${schemaCondition(filter)} AND ${notOfExtension('pg_class', 'c.oid')}
    ORDER BY 1, 2`);
  const taken = new Set(tables.map((t) => t.oid));
  return rows
    .filter(({ owner }) => owner === null || taken.has(owner))
    .map(({ schema, name }) => ({
      schema,
      name,
      target: targets.get(formatRelation({ schema, name })) ?? { schema, name },
    }))
    .filter(({ target }) => !context.leftOut.has(`sequence ${displayRelation(target)}`));
}

async function readValues(
  session: Session,
  sequences: readonly Sequence[],
  nameOf: (sequence: Sequence) => RelationName,
): Promise<SequenceValue[]> {
  if (sequences.length === 0) return [];
  const { rows } = await session.query<{ i: number; last: string; called: boolean }>(
    sequences
      .map((s, i) => `SELECT ${i} AS i, last_value AS last, is_called AS called FROM ${qualified(nameOf(s))}`)
      .join(' UNION ALL '),
  );
  const byIndex = new Map(rows.map((r) => [r.i, r]));
  return sequences.flatMap((s, i) => {
    const row = byIndex.get(i);
    return row ? [{ ...s, last: row.last, called: row.called }] : [];
  });
}

/** All in one message; where that fails one by one, so that one missing sequence costs only itself. */
async function setAll(
  context: DatabaseContext,
  target: Session,
  values: readonly SequenceValue[],
  sql: readonly string[],
): Promise<Set<SequenceValue>> {
  const failed = new Set<SequenceValue>();
  try {
    await target.script(sql.join('; '));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    for (const [i, value] of values.entries()) {
      try {
        await target.script(sql[i] ?? '');
      } catch (single) {
        if (!(single instanceof Fault) || endsRun(single)) throw single;
        failed.add(value);
        report(context, value, single.message);
        context.tracker.advance('sequences', 'failed');
      }
    }
  }
  return failed;
}

function report(context: DatabaseContext, sequence: RelationName, why: string): void {
  const name = `${sequence.schema}.${sequence.name}`;
  context.tracker.finding({
    code: 'FF505',
    severity: 'error',
    object: `sequence ${name}`,
    message: `Sequence ${name}: ${why}`,
    fix: errorCodes.FF505.help,
  });
}
