import { createHash } from 'node:crypto';
import type { ProjectDatabase } from '../../protocol/project.js';
import { formatLsn, type Lsn, lsnFromServer } from '../postgres/lsn.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { followTables } from './followState.js';

/**
 * What is done is written into the target itself, in a schema of ours and in the same transaction as the work it
 * describes: a crash at any moment loses and repeats nothing, and any machine can resume.
 */
export const checkpointSchema = 'flexferry';

/** `role`: one that the user of the target became a member of, for the time of the run. */
export type WorkKind = 'statement' | 'table' | 'index' | 'largeObjects' | 'role';

export interface RunRow {
  readonly run: string;
  /** Identity of the source server and database: several may be brought into one target, each with its own row. */
  readonly source: string;
  /** What is renamed, see {@link renamesText}: names must not change between what is done and what is to do. */
  readonly renames: string;
  /** Objects that were there before the first run, as `kind name`; never touched by --restart. */
  readonly preexisting: readonly string[];
}

export interface DoneWork {
  readonly rows: number;
  readonly bytes: number;
  /** Of a table of an online migration: its rows are those of this position; changes after it are followed. */
  readonly lsn?: Lsn;
}

const ddl = `
CREATE SCHEMA flexferry;
COMMENT ON SCHEMA flexferry IS 'Checkpoints of a running Flexferry migration; dropped when it has succeeded';
CREATE TABLE flexferry.run (
  source text PRIMARY KEY, run uuid NOT NULL, renames text NOT NULL, preexisting text[] NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE flexferry.work (
  source text, kind text, item text, position bigint GENERATED ALWAYS AS IDENTITY, undo text,
  row_count bigint NOT NULL DEFAULT 0, byte_count bigint NOT NULL DEFAULT 0, lsn pg_lsn, done_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, kind, item))`;

/** All names that a project changes in a database, as one text that is equal for equal names. */
export function renamesText(database: ProjectDatabase): string {
  const tables = Object.entries(database.tables ?? {})
    .map(([table, { schema, name }]) => [table, schema ?? null, name ?? null])
    .filter(([, schema, name]) => schema !== null || name !== null);
  const schemas = Object.entries(database.schemas ?? {}).filter(([from, to]) => from !== to);
  return JSON.stringify([schemas.sort(), tables.sort(), database.renameOwned === true]);
}

/** A stable key for a statement: the same text in a later dump finds its checkpoint again. */
export function statementKey(text: string, occurrence: number): string {
  return `${createHash('sha256').update(text).digest('hex').slice(0, 32)}#${occurrence}`;
}

/** The runs recorded in this target, one for each source that is being brought into it. */
export async function readRuns(target: Session): Promise<RunRow[]> {
  const { rows } = await target.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('flexferry.run') IS NOT NULL AS there`,
  );
  if (!rows[0]?.there) return [];
  const found = await target.query<{ run: string; source: string; renames: string; preexisting: string }>(
    'SELECT run, source, renames, pg_catalog.to_json(preexisting)::text AS preexisting FROM flexferry.run',
  );
  return found.rows.map((row) => ({ ...row, preexisting: JSON.parse(row.preexisting) as string[] }));
}

/** Creates the run's row, and the checkpoint schema if it is the first, in one transaction. */
export async function createRun(target: Session, run: RunRow): Promise<void> {
  const isFirst = (await readRuns(target)).length === 0;
  const preexisting = run.preexisting.map((o) => literal(o)).join(', ');
  await target.script(
    `${isFirst ? `${ddl};\n` : ''}INSERT INTO flexferry.run (source, run, renames, preexisting) VALUES (${literal(run.source)}, ${literal(run.run)}, ${literal(run.renames)}, ARRAY[${preexisting}]::text[])`,
  );
}

/** Removes every checkpoint. The last step of a run that succeeded, and the first of --restart. */
export async function dropRun(target: Session): Promise<void> {
  const tables = [...followTables, 'work', 'run'].map((name) => `flexferry.${name}`).join(', ');
  await target.script(`DROP TABLE IF EXISTS ${tables}; DROP SCHEMA IF EXISTS flexferry`);
}

/**
 * Forgets all about one source; the schema goes with the last of them. Works whatever of it is there.
 * @returns what went: nothing, the rows of this source, or all.
 */
export async function forgetSource(target: Session, source: string): Promise<'nothing' | 'rows' | 'schema'> {
  const { rows } = await target.query<{ schema: boolean; tables: string }>(
    `SELECT pg_catalog.to_regnamespace('flexferry') IS NOT NULL AS schema,
       (SELECT coalesce(json_agg(relname), '[]')::text FROM pg_catalog.pg_class
        WHERE relnamespace = pg_catalog.to_regnamespace('flexferry') AND relkind = 'r') AS tables`,
  );
  if (!rows[0]?.schema) return 'nothing';
  const there = JSON.parse(rows[0].tables) as string[];
  const ours = [...followTables, 'work', 'run'].filter((name) => there.includes(name));
  const sources = await Promise.all(
    ours.map((name) => target.query<{ source: string }>(`SELECT DISTINCT source FROM flexferry.${name}`)),
  );
  const known = new Set(sources.flatMap((found) => found.rows.map((row) => row.source)));
  if ([...known].every((one) => one === source)) {
    await dropRun(target);
    return 'schema';
  }
  if (!known.has(source)) return 'nothing';
  await target.script(
    ours.map((name) => `DELETE FROM flexferry.${name} WHERE source = ${literal(source)}`).join('; '),
  );
  return 'rows';
}

/** What is done, by kind and item. */
export class Checkpoint {
  private constructor(
    readonly run: RunRow,
    private readonly done: Map<string, DoneWork>,
    /** Position of the source that the snapshot of this run stands for, where changes are followed from there. */
    private readonly snapshotLsn: Lsn | undefined,
  ) {}

  static async load(target: Session, run: RunRow, snapshotLsn?: Lsn): Promise<Checkpoint> {
    const { rows } = await target.query<{
      kind: string;
      item: string;
      row_count: string;
      byte_count: string;
      lsn: string | null;
    }>('SELECT kind, item, row_count, byte_count, lsn::text FROM flexferry.work WHERE source = $1', [
      run.source,
    ]);
    return new Checkpoint(
      run,
      new Map(
        rows.map((r) => [
          `${r.kind}:${r.item}`,
          {
            rows: Number(r.row_count),
            bytes: Number(r.byte_count),
            ...(r.lsn !== null && { lsn: lsnFromServer(r.lsn) }),
          },
        ]),
      ),
      snapshotLsn,
    );
  }

  find(kind: WorkKind, item: string): DoneWork | undefined {
    return this.done.get(`${kind}:${item}`);
  }

  /** Everything of a kind that is done. */
  items(kind: WorkKind): [item: string, work: DoneWork][] {
    const prefix = `${kind}:`;
    return [...this.done].flatMap(([key, work]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), work]] : [],
    );
  }

  has(kind: WorkKind, item: string): boolean {
    return this.done.has(`${kind}:${item}`);
  }

  /**
   * The statement that records the work. Goes into the transaction of the work itself; call {@link remember} once
   * that has committed. `undo` is SQL that takes the work back.
   */
  record(kind: WorkKind, item: string, work: DoneWork = { rows: 0, bytes: 0 }, undo?: string): string {
    const undoText = undo === undefined ? 'NULL' : literal(undo);
    const at = this.positionOf(kind, work);
    const lsn = at === undefined ? 'NULL' : literal(formatLsn(at));
    return `INSERT INTO flexferry.work (source, kind, item, undo, row_count, byte_count, lsn) VALUES (${literal(this.run.source)}, ${literal(kind)}, ${literal(item)}, ${undoText}, ${work.rows}, ${work.bytes}, ${lsn})`;
  }

  remember(kind: WorkKind, item: string, work: DoneWork = { rows: 0, bytes: 0 }): void {
    const lsn = this.positionOf(kind, work);
    this.done.set(`${kind}:${item}`, lsn === undefined ? work : { ...work, lsn });
  }

  private positionOf(kind: WorkKind, work: DoneWork): Lsn | undefined {
    return kind === 'table' ? (work.lsn ?? this.snapshotLsn) : undefined;
  }

  /** The statement that takes the record back: in the transaction that takes the work back; then {@link forget}. */
  unrecord(kind: WorkKind, item: string): string {
    return `DELETE FROM flexferry.work WHERE source = ${literal(this.run.source)} AND kind = ${literal(kind)} AND item = ${literal(item)}`;
  }

  forget(kind: WorkKind, item: string): void {
    this.done.delete(`${kind}:${item}`);
  }
}
