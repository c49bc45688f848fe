import { chunks } from '../../base/pool.js';
import { displayRelation } from '../../ddl/identifier.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { formatRelation } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { notOfExtension, type SchemaFilter, schemaCondition } from '../catalog/filter.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { isUndefinedName } from '../errors/undefinedName.js';
import { literal, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import { type SequenceRule, withMargin } from './sequenceMargin.js';

/** Sequences a query reads at a time. */
const batchSize = 500;

export interface SequenceScope {
  readonly filter: SchemaFilter;
  /** Those that the project takes: a sequence goes with the table that owns it. */
  readonly tables: readonly SourceTable[];
  /** Names on the target of those that have another one there, by `schema.name`: see PlannedDdl. */
  readonly targets: ReadonlyMap<string, RelationName>;
  /**
   * So many increments are left out, in case values were handed out after they were read; 0 if absent. Sequences that
   * never gave a value have none to leave out. With a margin (in a cutover) one that cannot be read does not stop the
   * others.
   */
  readonly margin?: number;
  /** Only those in `targets`: others of these schemas are somebody else's. */
  readonly namedOnly?: true;
}

export interface PairedSequence extends RelationName {
  readonly target: RelationName;
  /** On the target. */
  readonly column?: { readonly table: RelationName; readonly name: string };
}
interface RuleRow {
  readonly i: number;
  readonly cycles: boolean;
}
interface SequenceValue extends PairedSequence {
  readonly last: string;
  readonly called: boolean;
}

/**
 * Gives every sequence of the target the value it has on the source, read now and not as of the snapshot, and reads
 * it back. Identity columns and serials have theirs among them.
 * @returns how many there are, how many have the value that they should have, and how many could not be, since they
 * cannot be read on the source or are not on the target.
 */
export async function setSequences(
  context: DatabaseContext,
  source: Session,
  target: Session,
  scope: SequenceScope,
): Promise<{ readonly total: number; readonly equal: number; readonly away: number }> {
  const { tracker, signal } = context;
  const names = await pairedSequences(context, source, target, scope);
  tracker.begin('sequences', names.length);
  tracker.sequences = { total: names.length, equal: 0 };
  let away = 0;
  for (const batch of chunks(names, batchSize)) {
    signal.throwIfAborted();
    const values = scope.margin
      ? await leaveMargin(target, await readEach(context, source, batch), scope.margin)
      : await readValues(source, batch, (s) => s);
    away += batch.length - values.length;
    const set = values.map(
      (v) => `SELECT setval(${literal(qualified(v.target))}::regclass, ${v.last}, ${v.called})`,
    );
    const failed = await setAll(context, target, values, set);
    away += [...failed.values()].filter(isUndefinedName).length;
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
  return { ...tracker.sequences, away };
}

/** The sequences of the source, each with the one of the target that is to have its value. */
export async function pairedSequences(
  { leftOut }: Pick<DatabaseContext, 'leftOut'>,
  source: Session,
  target: Session,
  scope: SequenceScope,
): Promise<PairedSequence[]> {
  const listed = await listSequences(source, scope);
  const isLeftOut = (s: PairedSequence): boolean => leftOut.has(`sequence ${displayRelation(s.target)}`);
  return [...listed.filter((s) => !isLeftOut(s)), ...(await successors(target, listed.filter(isLeftOut)))];
}

/** Those that are on the source alone, by their names on the target. */
export async function missingSequences(
  context: Pick<DatabaseContext, 'leftOut'>,
  source: Session,
  target: Session,
  scope: SequenceScope,
): Promise<string[]> {
  const wanted = await pairedSequences(context, source, target, scope);
  const { rows } = await target.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S'`,
  );
  const there = new Set(rows.map(displayRelation));
  return wanted.map((sequence) => displayRelation(sequence.target)).filter((name) => !there.has(name));
}

async function listSequences(
  source: Session,
  { filter, tables, targets, namedOnly }: SequenceScope,
): Promise<PairedSequence[]> {
  const { rows } = await source.query<RelationName & { owner: string | null; column: string | null }>(`
    SELECT n.nspname AS schema, c.relname AS name, o.refobjid::text AS owner, o.attname AS column
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (SELECT d.refobjid, a.attname FROM pg_depend d
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1) o ON true
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${schemaCondition(filter)} AND ${notOfExtension('pg_class', 'c.oid')}
    ORDER BY 1, 2`);
  const taken = new Map(tables.map((t) => [t.oid, t.target]));
  return rows
    .filter(({ owner }) => owner === null || taken.has(owner))
    .filter((sequence) => !namedOnly || targets.has(formatRelation(sequence)))
    .map(({ schema, name, owner, column }) => {
      const table = taken.get(owner ?? '');
      return {
        schema,
        name,
        target: targets.get(formatRelation({ schema, name })) ?? { schema, name },
        ...(table && column !== null && { column: { table, name: column } }),
      };
    });
}

/** A serial column that became an identity column in the saved DDL has a sequence all the same, whatever its name. */
async function successors(target: Session, leftOut: readonly PairedSequence[]): Promise<PairedSequence[]> {
  const found: PairedSequence[] = [];
  for (const batch of chunks(
    leftOut.filter((s) => s.column !== undefined),
    batchSize,
  )) {
    const columns = batch.map(({ column }) => [column?.table.schema, column?.table.name, column?.name]);
    const { rows } = await target.query<RelationName & { i: number }>(
      `SELECT i::int - 1 AS i, n.nspname AS schema, c.relname AS name
       FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[])) WITH ORDINALITY v (s, t, a, i)
       JOIN pg_namespace tn ON tn.nspname = v.s JOIN pg_class t ON t.relnamespace = tn.oid AND t.relname = v.t
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = v.a
       JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.refobjsubid = a.attnum
         AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
       JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace`,
      [0, 1, 2].map((part) => columns.map((column) => column[part])),
    );
    for (const { i, schema, name } of rows) {
      const sequence = batch[i];
      if (sequence) found.push({ ...sequence, target: { schema, name } });
    }
  }
  return found;
}

async function readValues(
  session: Session,
  sequences: readonly PairedSequence[],
  nameOf: (sequence: PairedSequence) => RelationName,
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

/** Those that this user may read; the others become findings. */
async function readEach(
  context: DatabaseContext,
  source: Session,
  sequences: readonly PairedSequence[],
): Promise<SequenceValue[]> {
  try {
    return await readValues(source, sequences, (s) => s);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    const [only] = sequences;
    if (sequences.length > 1) {
      const values: SequenceValue[] = [];
      for (const sequence of sequences) values.push(...(await readEach(context, source, [sequence])));
      return values;
    }
    if (only) report(context, only, error.message);
    context.tracker.advance('sequences', 'failed');
    return [];
  }
}

/** By the bounds that the sequences have on the target. */
async function leaveMargin(
  target: Session,
  values: readonly SequenceValue[],
  margin: number,
): Promise<SequenceValue[]> {
  const { rows } = await target.query<Record<'increment' | 'least' | 'greatest', string> & RuleRow>(
    `SELECT v.i::int - 1 AS i, s.seqincrement::text AS increment, s.seqmin::text AS least, s.seqmax::text AS greatest,
       s.seqcycle AS cycles
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) WITH ORDINALITY v (schema, name, i)
     JOIN pg_namespace n ON n.nspname = v.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = v.name
     JOIN pg_sequence s ON s.seqrelid = c.oid`,
    [values.map((v) => v.target.schema), values.map((v) => v.target.name)],
  );
  const rules = new Map(
    rows.map(({ i, cycles, ...bounds }): [number, SequenceRule] => [
      i,
      {
        increment: BigInt(bounds.increment),
        least: BigInt(bounds.least),
        greatest: BigInt(bounds.greatest),
        cycles,
      },
    ]),
  );
  return values.map((value, i) => {
    const rule = rules.get(i);
    if (!rule || !value.called) return value;
    return { ...value, last: String(withMargin(BigInt(value.last), rule, margin)) };
  });
}

/** All in one message; where that fails one by one, so that one missing sequence costs only itself. */
async function setAll(
  context: DatabaseContext,
  target: Session,
  values: readonly SequenceValue[],
  sql: readonly string[],
): Promise<Map<SequenceValue, Fault>> {
  const failed = new Map<SequenceValue, Fault>();
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
        failed.set(value, single);
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
